"""From predictions in numbers to probabilities of levels: logistic maps, learnt from known levels.

Each known level is predicted without itself: from the other cells of its row, or by a fit that never saw it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.completion.encoded.levels import Levels
from lowland.core.arrays import Indices, Matrix, Vector, places_of_each
from lowland.core.cells.observations import Observations
from lowland.core.running.stages import stage
from lowland.trials.choices import LEVELS
from lowland.trials.masks import hide_in_columns, leave_enough

# variances: of the slope that all levels of a column share, of what each adds to it, and of the intercepts
# around the logarithms of the frequencies; predictions are between 0 and 1, or normal scores
SHARED_SLOPE, SLOPES, INTERCEPTS = 100.0, 4.0, 1.0


@final
@dataclass(frozen=True, eq=False)
class LevelMap:
    """The probabilities of a column's levels: softmax of a linear function of its columns of numbers.

    Parameters
    ----------
    slopes : ndarray, shape (levels, columns of numbers)
    intercepts : ndarray, shape (levels,)
    """

    slopes: Matrix
    intercepts: Vector

    @classmethod
    def of_frequencies(cls, shares: Vector, width: int) -> LevelMap:
        """Return the map that gives the same probabilities to all cells."""
        return cls(np.zeros((shares.size, width)), np.log(shares))

    def probabilities(self, numbers: Matrix) -> Matrix:
        """Return the probabilities of the levels, shape (k, levels), from predictions in numbers."""
        return np.exp(_log_softmax(numbers @ self.slopes.T + self.intercepts))


def maps_of_rows(known: Levels, table: Observations, told: Matrix) -> dict[int, LevelMap]:
    """Return a map for each column of levels, learnt from all known ones.

    Parameters
    ----------
    known : Levels
    table : Observations
        With levels.
    told : ndarray, shape (m, columns of numbers)
        Where a level is known, what the other cells of its row say of its columns of numbers.

    Returns
    -------
    dict of int to LevelMap
    """
    maps, places = usual_maps(known), places_of_each(table.columns, known.width)
    for j in known.kinds:
        if places[j].size:
            numbers = told[np.ix_(table.rows[places[j]], known.places(j))]
            maps[j] = _learn(known, j, numbers, table.values[places[j]].astype(np.intp))
    return maps


def maps_of_hidden(
    known: Levels,
    table: Observations,
    refit: Callable[[Observations], Callable[[Indices], Matrix]],
    rng: np.random.Generator,
) -> dict[int, LevelMap]:
    """Return a map for each column of levels, learnt from some that are hidden.

    Parameters
    ----------
    known : Levels
    table : Observations
        With levels.
    refit : callable
        Fits a table with levels and returns a function of rows: the predictions of all columns of numbers.
    rng : numpy.random.Generator

    Returns
    -------
    dict of int to LevelMap
    """
    seen: dict[int, list[tuple[Matrix, Indices]]] = {j: [] for j in known.kinds}
    with stage("cells held out, to learn the probabilities of levels"):
        for _ in range(LEVELS.hides.times):
            hidden = hide_in_columns(table, list(known.kinds), LEVELS.hides, rng)
            hidden[hidden] = leave_enough(table.column_counts(), table.columns[hidden], 2)
            kept, apart = table.hide(hidden)
            predict = refit(kept)
            for j, pairs in seen.items():
                at = apart.columns == j
                if at.any():
                    numbers = predict(apart.rows[at])[:, known.places(j)]
                    pairs.append((numbers, apart.values[at].astype(np.intp)))
    maps = usual_maps(known)
    for j, pairs in seen.items():
        if pairs:
            numbers, levels = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
            maps[j] = _learn(known, j, numbers, levels)
    return maps


def _learn(known: Levels, j: int, numbers: Matrix, levels: Indices) -> LevelMap:
    return fit_map(np.asarray(numbers, np.float64), levels, known.frequencies[j], known.usual(j))


def usual_maps(known: Levels) -> dict[int, LevelMap]:
    """Return the maps that give every cell of a column the frequencies of its levels."""
    return {
        j: LevelMap.of_frequencies(shares, known.places(j).size) for j, shares in known.frequencies.items()
    }


def fit_map(numbers: Matrix, levels: Indices, shares: Vector, usual: Matrix) -> LevelMap:
    """Return the most probable map: logistic regression with normal priors, which rare levels need.

    Parameters
    ----------
    numbers : ndarray, shape (k, columns of numbers)
    levels : ndarray of int, shape (k,)
    shares : ndarray, shape (levels,)
        Their frequencies.
    usual : ndarray, shape (levels, columns of numbers)
        A multiple of it, which is learnt too, is what slopes are drawn around: few cells tell the slope that
        all levels share, and hardly those of each.
    """
    from scipy.optimize import minimize

    width, k = numbers.shape[1], shares.size
    hit, logarithms = np.eye(k)[levels], np.log(shares)

    def parts(point: Vector) -> tuple[Vector, Matrix, Vector]:
        return point[:1], point[1 : 1 + k * width].reshape(k, width), point[1 + k * width :]

    def loss(point: Vector) -> tuple[float, Vector]:
        slope, more, intercepts = parts(point)
        logs = _log_softmax(numbers @ (slope * usual + more).T + intercepts)
        change, away = np.exp(logs) - hit, intercepts - logarithms
        value = -float(np.sum(logs * hit)) + 0.5 * float(
            slope @ slope / SHARED_SLOPE + np.sum(more**2) / SLOPES + away @ away / INTERCEPTS
        )
        by_slopes = change.T @ numbers
        shared = slope / SHARED_SLOPE + np.sum(by_slopes * usual)
        by_intercepts = change.sum(axis=0) + away / INTERCEPTS
        return value, np.concatenate([shared, (by_slopes + more / SLOPES).ravel(), by_intercepts])

    start = np.concatenate([np.zeros(1 + k * width), logarithms])
    slope, more, intercepts = parts(minimize(loss, start, jac=True, method="L-BFGS-B").x)
    return LevelMap(slope * usual + more, intercepts)


def _log_softmax(logits: Matrix) -> Matrix:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
