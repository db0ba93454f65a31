"""Bounds on norms and singular values, rounding included, by one Cholesky factorisation each.

If the floating-point Cholesky factorisation of S - c I completes, where c bounds its rounding and that of
forming S, then S is positive semidefinite.
"""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.complex_views import embed
from lowland.core.rounding import gamma, unit_roundoff

UNIT = unit_roundoff("float64")


def is_norm_at_most(matrix: Matrix, bound: float, error: float = 0.0) -> bool:
    """Whether |M|_2 <= bound is proved for every matrix within `error` (Frobenius) of the given one."""
    if not np.isfinite(matrix).all() or not bound > error:
        return False
    largest = float(np.abs(matrix).max(initial=0.0))
    if largest == 0:
        return True
    scale = 2.0 ** np.floor(np.log2(largest))  # exact; squares neither overflow nor underflow
    real = embed(matrix) / scale
    real = real if real.shape[0] >= real.shape[1] else real.T
    limit = (bound - error) / scale * (1 - 4 * UNIT)
    rounding = gamma(real.shape[0] + 2) * float(np.sum(real**2)) * (1 + 1e-12)
    return is_definite(limit**2 * np.eye(real.shape[1]) - real.T @ real, rounding + 4 * UNIT * limit**2)


def is_spread_at_least(jacobian: Matrix, bound: float, error: float = 0.0) -> bool:
    """Whether |J d| >= bound |d| for all d is proved for every J within `error` (Frobenius) of this one."""
    rows, columns = jacobian.shape
    largest = float(np.abs(jacobian).max(initial=0.0))
    if not np.isfinite(largest) or rows < columns or not bound >= 0 or not largest > 0:
        return False
    scale = 2.0 ** np.floor(np.log2(largest))  # exact; squares neither overflow nor underflow
    real = jacobian / scale
    total = float(np.sum(real**2)) * (1 + 1e-12)
    least = (bound + error) / scale * (1 + 4 * UNIT)
    charge = gamma(rows + 2) * total + 4 * UNIT * least**2
    return is_definite(real.T @ real - least**2 * np.eye(columns), charge)


def is_definite(matrix: Matrix, charge: float = 0.0) -> bool:
    """Whether a real symmetric matrix is proved to have no eigenvalue below `charge`."""
    side = len(matrix)
    if not np.isfinite(matrix).all():
        return False
    if side == 0:
        return True
    trace = float(np.abs(matrix.diagonal()).sum())
    shift = charge + gamma(side + 1) / (1 - gamma(side + 1)) * trace * (1 + 1e-12) + 4 * UNIT * trace
    try:
        np.linalg.cholesky((matrix + matrix.T) / 2 - shift * np.eye(side))
    except np.linalg.LinAlgError:
        return False
    return True
