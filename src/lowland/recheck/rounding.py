"""How far rounding may move predictions and objectives."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.rounding import gamma
from lowland.recheck.bounds import UNIT
from lowland.recheck.matrix_problem import MatrixProblem


def coarse_error(problem: MatrixProblem) -> Vector:
    """Return bounds on the rounding of predictions in double precision."""
    sizes = np.abs(problem.scaled_factor if problem.is_psd else problem.u)
    other = sizes if problem.is_psd else np.abs(problem.v)
    matrix = sizes @ other.T
    for side, bias in (("row", problem.row_biases), ("column", problem.column_biases)):
        if side in problem.free:
            matrix = matrix + (np.abs(bias)[:, None] if side == "row" else np.abs(bias))
    matrix = matrix + abs(problem.offset)
    kind = "complex128" if problem.is_complex else "float64"
    if problem.cells is not None:
        terms, size = problem.rank + 6, matrix[problem.cells]
    else:
        assert problem.matrices is not None
        terms = problem.rank + matrix.size + 6
        size = np.abs(problem.matrices).reshape(problem.y.size, -1) @ matrix.ravel()
    return np.asarray(
        gamma(terms, kind) * size + 4 * UNIT * (np.abs(problem.predictions()) + np.abs(problem.y))
    )


def value_error(problem: MatrixProblem) -> float:
    """Return how far rounding of the predictions may move the objective, with bounds on it included."""
    error = coarse_error(problem)
    bend = problem.weights * np.maximum(
        problem.losses.each("curvature", problem.predictions(), problem.y), 0.0
    )
    return 4 * float(np.sum(np.abs(problem.slopes) * error + bend * error**2))
