"""Thresholds between ordered levels, from their frequencies or from predictions of held-out cells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.columns.kinds import Kind
from lowland.core.arrays import Vector
from lowland.losses import Ordinal

# number of observations that the prior frequencies count for
PRIOR = 4.0
CLOSEST = 1e-3


def marginal_thresholds(counts: NDArray[Any]) -> tuple[float, ...]:
    """Return the log odds of lying below each level but the first, with one observation spread over all."""
    smooth = (counts + 1.0 / counts.size) / (counts.sum() + 1.0)
    below = np.cumsum(smooth)[:-1]
    return tuple(np.log(below / (1 - below)).tolist())


def refitted_thresholds(kind: Kind, y: Vector, z: Vector, weights: Vector) -> Kind:
    """Return a kind with the maximum-likelihood thresholds, given natural parameters.

    Parameters
    ----------
    kind : Kind
        Its own thresholds act as a prior worth a few observations.
    y : ndarray, shape (p,)
        Codes of the levels.
    z : ndarray, shape (p,)
        Natural parameters, fitted without these observations.
    weights : ndarray, shape (p,)
    """
    from scipy.optimize import minimize

    start = np.asarray(kind.thresholds)
    levels = np.arange(start.size + 1.0)
    frequencies = Ordinal(kind.thresholds).probabilities(np.zeros(1))[0]
    every, at = np.concatenate([y, levels]), np.concatenate([z, np.zeros(levels.size)])
    counted = np.concatenate([weights, PRIOR * frequencies])

    def thresholds(free: Vector) -> Vector:
        gaps = CLOSEST + np.exp(np.clip(free[1:], -30, 30))
        return np.cumsum(np.concatenate([free[:1], gaps]))

    def cost(free: Vector) -> Any:
        return float(counted @ Ordinal(tuple(thresholds(free).tolist())).value(at, every))

    first = np.concatenate([start[:1], np.log(np.maximum(np.diff(start) - CLOSEST, CLOSEST))])
    minimum = minimize(cost, first, method="BFGS", options={"gtol": 1e-4})
    return replace(kind, thresholds=tuple(thresholds(minimum.x).tolist()))
