"""The unit of a column's numbers, and how large their noise is."""

from __future__ import annotations

import numpy as np

from lowland.completion.column_kinds import Kind
from lowland.core.arrays import Vector

# the part of a standard deviation below which half of a normal law's errors lie
HALF = 0.6745
SMALLEST = 1e-150


def unit_of(kind: Kind, values: Vector, weights: Vector, overall: float) -> tuple[float, float, float]:
    """Return centre, spread and shift of a column.

    Parameters
    ----------
    kind : Kind
    values, weights : ndarray, shape (p,)
        Of its cells.
    overall : float
        Mean of the table, for counts of which few were seen.
    """
    total = float(weights.sum())
    if kind.word == "poisson":
        one = total / max(values.size, 1) or 1.0
        return 0.0, 1.0, float(np.log((weights @ values + one * max(overall, 1e-8)) / (total + one)))
    if kind.word == "logistic":  # a threshold of each column as a shift, so that they share a loss
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
    typical = weighted_quantile(np.abs(values - middle), weights, 0.5) / HALF
    return centre, typical or deviation or 1.0, 0.0


def noise_of(kind: Kind, y: Vector, z: Vector, variances: Vector, weights: Vector) -> tuple[float, float]:
    """Return the noise of a column's cells, and how many cells' worth it rests on.

    It is an expected square; for absolute and quantile losses the mean error of a Laplace law of the same
    median, for a mean would count outliers and columns without any would be fitted alone.
    """
    total = float(weights.sum())
    if kind.word in ("absolute", "quantile"):
        return weighted_quantile(np.sqrt((y - z) ** 2 + variances), weights, 0.5) / np.log(2), total
    errors = (y - z) ** 2
    if kind.word == "huber":  # what is beyond the threshold counts as little here as in the loss
        typical = weighted_quantile(np.abs(y - z), weights, 0.5) / HALF
        errors = np.minimum(errors, (kind.number * typical) ** 2)
    return float(weights @ (errors + variances)) / max(total, SMALLEST), total


def precision_of(noise: float) -> float:
    """Return what a column's loss is multiplied by: one over the noise."""
    return float(1 / max(noise, SMALLEST))


def weighted_quantile(values: Vector, weights: Vector, level: float) -> float:
    """Return the quantile of weighted values, between neighbours by linear interpolation."""
    if not values.size:
        return 0.0
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[order])
    places = (ends - weights[order] / 2) / ends[-1]
    return float(np.interp(level, places, values[order]))
