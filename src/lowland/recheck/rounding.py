"""How far rounding may move an objective."""

from __future__ import annotations

import numpy as np

from lowland.recheck.plain_fit import PlainFit


def value_error(problem: PlainFit) -> float:
    """Return how far rounding of the predictions may move the objective, with bounds on it included."""
    error = problem.coarse_error()
    bend = np.maximum(problem.losses.each("curvature", problem.predictions(), problem.y), 0.0)
    return 4 * float(np.sum(np.abs(problem.slopes) * error + problem.weights * bend * error**2))
