"""How far rounding may move an objective."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Vector
from lowland.recheck.plain_fit import PlainFit


def at_ends(problem: PlainFit, what: str) -> tuple[Vector, Vector]:
    """Return slopes or curvatures of the losses where rounding may move predictions down and up."""
    z, error = problem.predictions(), problem.coarse_error()
    return problem.losses.each(what, z - error, problem.y), problem.losses.each(what, z + error, problem.y)


def value_error(problem: PlainFit) -> float:
    """Return how far rounding of the predictions may move the objective, with bounds on it included."""
    error = problem.coarse_error()
    bend = np.maximum(problem.losses.each("curvature", problem.predictions(), problem.y), 0.0)
    moved = 4 * float(np.sum(np.abs(problem.slopes) * error + problem.weights * bend * error**2))
    if problem.losses.is_squared:
        return moved
    # terms of the size of data and predictions cancel in deviances
    sizes = np.abs(problem.predictions()) + np.abs(problem.y)
    return moved + 8 * float(np.finfo(float).eps * np.sum(problem.weights * sizes))
