"""Estimate the unit and the noise of a column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lowland.completion.columns.kinds import NUMBERS, Kind
from lowland.core.arrays import Vector, places_of_each
from lowland.core.cells.observations import Observations

# the square of a billionth of a column's spread: less noise is none, and the inverse has a square in floats
NOISELESS = 1e-18
# median absolute deviation of the standard normal distribution
NORMAL_MEDIAN_DEVIATION = 0.6745
SMALLEST_SPREAD = 1e-150


def unit_of(kind: Kind, values: Vector, weights: Vector, overall: float) -> tuple[float, float, float]:
    """Return centre, spread and shift of a column.

    Parameters
    ----------
    kind : Kind
    values, weights : ndarray, shape (p,)
        Values and weights of its cells.
    overall : float
        Mean of the table, towards which sparse columns of counts are shrunk.
    """
    total = float(weights.sum())
    if kind.word == "poisson":
        one = total / max(values.size, 1) or 1.0
        return 0.0, 1.0, float(np.log((weights @ values + one * max(overall, 1e-8)) / (total + one)))
    if kind.word == "logistic":  # the threshold of a column is its shift, so that columns share a loss
        upper = float(weights @ (values == kind.levels[1])) / total if values.size else 0.5
        share = (values.size * upper + 0.5) / (values.size + 1)
        return 0.0, 1.0, float(np.log(share / (1 - share)))
    if kind.word == "ordinal" or not values.size:
        return 0.0, 1.0, 0.0
    mean = float(weights @ values) / total
    deviation = float(np.sqrt(weights @ (values - mean) ** 2 / total))
    if kind.word == "squared":
        return mean, deviation or 1.0, 0.0
    centre = weighted_quantile(values, weights, kind.number if kind.word == "quantile" else 0.5)
    middle = weighted_quantile(values, weights, 0.5)
    typical = weighted_quantile(np.abs(values - middle), weights, 0.5) / NORMAL_MEDIAN_DEVIATION
    return centre, typical or deviation or 1.0, 0.0


def units_of(kinds: Sequence[Kind], table: Observations) -> tuple[Vector, Vector, Vector]:
    """Return centre, spread and shift of every column; empty columns of numbers use all numbers."""
    values, by_column = table.values.astype(np.float64), places_of_each(table.columns, table.shape[1])
    weights = np.ones(table.size) if table.weights is None else table.weights.astype(np.float64)
    numbers = [at for kind, at in zip(kinds, by_column, strict=True) if kind.word in NUMBERS and at.size]
    everything = np.concatenate(numbers) if numbers else np.zeros(0, np.intp)
    overall = float(np.average(values, weights=weights)) if values.size else 0.0
    units = [
        unit_of(kind, values[use], weights[use], overall)
        for kind, at in zip(kinds, by_column, strict=True)
        for use in [at if at.size or kind.word not in NUMBERS else everything]
    ]
    centres, spreads, shifts = np.array(units).T.copy()
    return centres, spreads, shifts


def in_common(
    centres: Vector, spreads: Vector, numbers: NDArray[np.bool_], table: Observations
) -> tuple[Vector, Vector]:
    """Return centres and spreads of which those of numbers are common: their median, and one."""
    middle = float(np.median(table.values[numbers[table.columns]]))
    return np.where(numbers, middle, centres), np.where(numbers, 1.0, spreads)


def noise_of(kind: Kind, y: Vector, z: Vector, variances: Vector, weights: Vector) -> tuple[float, float]:
    """Return the noise of a column's cells, and the total weight that it is estimated from.

    The noise is an expected square. For absolute and quantile losses it is the mean absolute error of the
    Laplace distribution with the same median; a plain mean would be dominated by outliers, and columns
    without outliers would dominate the fit.
    """
    total = float(weights.sum())
    if kind.word in ("absolute", "quantile"):
        return weighted_quantile(np.sqrt((y - z) ** 2 + variances), weights, 0.5) / np.log(2), total
    errors = (y - z) ** 2
    if kind.word == "huber":  # errors beyond the threshold are clipped
        typical = weighted_quantile(np.abs(y - z), weights, 0.5) / NORMAL_MEDIAN_DEVIATION
        errors = np.minimum(errors, (kind.number * typical) ** 2)
    return float(weights @ (errors + variances)) / max(total, SMALLEST_SPREAD), total


def precision_of(noise: float) -> float:
    """Return the weight of a column's loss: the inverse of the noise, if that is at least `NOISELESS`."""
    return float(1 / max(noise, NOISELESS))


def weighted_quantile(values: Vector, weights: Vector, level: float) -> float:
    """Return a quantile of weighted values, interpolated linearly."""
    if not values.size:
        return 0.0
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[order])
    places = (ends - weights[order] / 2) / ends[-1]
    return float(np.interp(level, places, values[order]))
