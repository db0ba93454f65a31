"""Odds of being missing, estimated from the pattern and from what is always known, and hold-outs by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Vector
from lowland.trials.audits.patterns import Mask

# steps of Newton's method, and the ridge in units of a cell
STEPS, RIDGE = 25, 1.0
# largest probability with which known cells are held out whose odds are in proportion, and others
CAP, MOST_LIKELY = 0.8, 0.95
# how many times larger odds than those in proportion may be for a cell to be held out
BEYOND = 2.0
# shares of the missing cells, those of the smallest odds, that are tried; the share of the wanted cells and
# the number of cells with which the search ends
KEPT, MANY, ENOUGH = (0.95, 0.9, 0.8, 0.7, 0.6), 0.6, 250


@final
@dataclass(frozen=True, eq=False)
class Odds:
    """A logistic regression of being missing.

    Parameters
    ----------
    coefficients : ndarray
        Of the constant and of the features of a cell.
    """

    coefficients: Vector

    @classmethod
    def fit(cls, features: Vector, missing: Mask) -> Odds:
        """Return the regression by penalised maximum likelihood.

        Parameters
        ----------
        features : ndarray, shape (cells, features)
        missing : ndarray of bool, shape (cells,)
        """
        design = np.column_stack([np.ones(len(features)), features])
        coefficients = np.zeros(design.shape[1])
        ridge = RIDGE * np.eye(design.shape[1])
        ridge[0, 0] = 1e-6  # the constant is hardly held back
        for _ in range(STEPS):
            chance = _logistic(design @ coefficients)
            curvature = (design.T * (chance * (1 - chance))) @ design + ridge
            slope = design.T @ (missing - chance) - ridge @ coefficients
            coefficients = coefficients + np.linalg.solve(curvature, slope)
        return cls(coefficients)

    def logarithms(self, features: Vector) -> Vector:
        """Return the log-odds of cells with some features."""
        return np.asarray(self.coefficients[0] + features @ self.coefficients[1:])


def _logistic(numbers: Vector) -> Vector:
    return np.asarray(1 / (1 + np.exp(-np.clip(numbers, -30, 30))))


def hold_by_odds(
    log_odds: Vector, of_missing: Vector, count: int, rng: np.random.Generator
) -> tuple[Mask, float]:
    """Hide known cells independently, each with a probability proportional to its odds of being missing.

    Parameters
    ----------
    log_odds : ndarray
        Of each cell that may be held out.
    of_missing : ndarray
        Of the missing cells.
    count : int
        Number of cells that are held out on the average, or fewer.
    rng : numpy.random.Generator

    Returns
    -------
    Mask, float
        Which cells are hidden, and the largest log-odds up to which probabilities are proportional to odds.

    Notes
    -----
    The larger the odds that are in proportion, the fewer cells are held out: no probability exceeds 1. The
    largest share of missing cells is chosen with which as many are held out as wanted, or `ENOUGH`.
    """
    for share in KEPT:
        largest = float(np.quantile(of_missing, share))
        relative = np.exp(log_odds - largest)
        in_proportion = relative <= 1
        factor = min(CAP, count / max(relative[in_proportion].sum(), 1e-300))
        # somewhat larger odds too: the training cells alone decide later which cells are in the statement
        chances = np.where(relative <= BEYOND, np.minimum(factor * relative, MOST_LIKELY), 0.0)
        if chances[in_proportion].sum() >= min(MANY * count, ENOUGH):
            break
    return np.asarray(rng.random(chances.size) < chances), largest
