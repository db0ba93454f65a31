"""The minimum of an objective over the rows of a table, its columns fixed."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.objectives import RecoveryObjective

# maximum number of steps if losses are not squared
MOST_STEPS = 200


def settle_rows(objective: RecoveryObjective, theta: Vector) -> Vector:
    """Return the point with all rows at their minimiser for fixed columns."""
    solver = objective.block_solver
    if solver is None:
        raise InvalidInputError("the objective cannot be minimised over its rows", "no block solver")
    if objective.loss.is_quadratic:
        return solver.solve(theta, "rows")
    value, least = float("inf"), float(np.finfo(theta.dtype).eps)
    for _ in range(MOST_STEPS):
        theta = solver.solve(theta, "rows")
        before, value = value, objective.value(theta)
        if not before - value > 4 * least * abs(value):
            break
    return theta
