"""`GradeLaw`: from predictions with standard errors to probabilities of grades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector

# least probability of a grade, and by what share of a step expected values stay inside of the grades' range
LEAST, INSIDE = 1e-9, 0.02
# Newton's steps towards a mean, none longer than one over a step of grades
STEPS, SETTLED = 50, 1e-10


@final
@dataclass(frozen=True, eq=False)
class GradeLaw:
    """An ordered probit: a grade is where a normal number about the prediction lies among cut points.

    Parameters
    ----------
    grades : ndarray, shape (g,)
        Ascending.
    cuts : ndarray, shape (g - 1,)
        Cut points between them, ascending.
    spread : float
        By what standard errors are multiplied.
    strength : float
        As so many grades of a row the law counts beside the row's own habits; infinite: rows have none.
    """

    grades: Vector
    cuts: Vector
    spread: float
    strength: float

    @classmethod
    def normal(cls, grades: Vector) -> GradeLaw:
        """Return the law of normal numbers that are rounded to grades."""
        return cls(grades, (grades[1:] + grades[:-1]) / 2, 1.0, np.inf)

    def plain(self, means: Vector, errors: Vector) -> Matrix:
        """Return probabilities of grades whatever the habits of rows, shape (k, g)."""
        from scipy.special import ndtr

        below = ndtr((self.cuts - means[:, None]) / (self.spread * errors[:, None]))
        ends = np.zeros((means.size, 1))
        return np.maximum(np.diff(np.hstack([ends, below, ends + 1]), axis=1), LEAST)

    def probabilities(self, means: Vector, errors: Vector, habits: Matrix) -> Matrix:
        """Return probabilities of grades whose expected values are the predictions, shape (k, g).

        Parameters
        ----------
        means, errors : ndarray, shape (k,)
            Predictions and their standard errors.
        habits : ndarray, shape (k, g)
            How much oftener the row of each cell gives each grade than expected, from `Habits`.
        """
        return with_means(self.plain(means, errors) * habits, means, self.grades)


@final
@dataclass(frozen=True, eq=False)
class Habits:
    """How often rows give each grade, and how often they would by the law alone.

    Parameters
    ----------
    counts, expected : ndarray, shape (m, g)
        Of the known cells of each row.
    """

    counts: Matrix
    expected: Matrix

    @classmethod
    def of(cls, rows: Indices, places: Indices, probabilities: Matrix, count: int) -> Habits:
        """Return the habits of rows from their cells.

        Parameters
        ----------
        rows, places : ndarray of int, shape (p,)
            Rows of the cells, and the places of their grades.
        probabilities : ndarray, shape (p, g)
            What the law says of them.
        count : int
            Number of rows.
        """
        g = probabilities.shape[1]
        counts = np.bincount(rows * g + places, minlength=count * g).reshape(count, g)
        expected = np.stack([np.bincount(rows, part, minlength=count) for part in probabilities.T], axis=1)
        return cls(counts.astype(np.float64), expected)

    def added(self, other: Habits) -> Habits:
        """Return the habits of both lists of cells."""
        return Habits(self.counts + other.counts, self.expected + other.expected)

    def of_rows(self, rows: Indices, strength: float) -> Matrix:
        """Return how much oftener rows give each grade than expected, shape (k, g).

        That is one for a row without cells, and its own ratio for one of many more cells than `strength`.
        """
        counts, expected = self.counts[rows], self.expected[rows]
        if np.isinf(strength):
            return np.ones_like(counts)
        total = expected.sum(axis=1, keepdims=True)
        shares = expected / np.maximum(total, LEAST)
        ratios: Matrix = (counts / np.maximum(shares, LEAST) + strength) / (total + strength)
        return ratios


def with_means(weights: Matrix, means: Vector, grades: Vector) -> Matrix:
    """Return probabilities proportional to weights times exp(t grade), with t such that means are given.

    That is the law with these means that is nearest to the weights, in relative entropy. Means outside of the
    grades' range, or at its ends, become ones just inside.

    Parameters
    ----------
    weights : ndarray, shape (k, g)
        Positive.
    means : ndarray, shape (k,)
    grades : ndarray, shape (g,)
        Ascending.
    """
    scale = float(grades[-1] - grades[0]) / (grades.size - 1)
    steps = (grades - grades[0]) / scale  # about whole numbers
    wanted = np.clip((means - grades[0]) / scale, INSIDE, steps[-1] - INSIDE)
    logarithms, tilts = np.log(weights), np.zeros(means.size)
    for _ in range(STEPS):
        found = _normalised(logarithms + tilts[:, None] * steps)
        now = found @ steps
        off = wanted - now
        if np.abs(off).max(initial=0.0) <= SETTLED:
            break
        variances = found @ steps**2 - now**2
        tilts += np.clip(off / np.maximum(variances, LEAST), -1.0, 1.0)
    return _normalised(logarithms + tilts[:, None] * steps)


def _normalised(logarithms: Matrix) -> Matrix:
    weights = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
