"""The Jacobian of the predictions as a matrix, sparse where entries are observed."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.rounding import gamma

# columns that are computed at a time
BLOCK = 256


def jacobian_matrix(objective: Any, theta: Vector) -> Any:
    """Return the derivative of the predictions in all parameters, shape (p, size).

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (size,)

    Returns
    -------
    ndarray, or csc_array where entries are observed
        Costs `size` products; of stored matrices one product with the factors.
    """
    from scipy.sparse import csc_array, hstack

    rows = None if objective.has_unit_trace or objective.free_biases else objective.measuring_rows()
    if rows is not None:
        return _from_rows(objective, theta, rows)
    at = objective.linearise(theta)
    sparse = objective.observed_pattern is not None
    blocks: list[Any] = []
    for low in range(0, theta.size, BLOCK):
        units = np.zeros((min(BLOCK, theta.size - low), theta.size))
        units[np.arange(len(units)), low + np.arange(len(units))] = 1.0
        block = np.stack([at.jacobian_product(unit) for unit in units], axis=1)
        blocks.append(csc_array(block) if sparse else block)
    return hstack(blocks, format="csc") if sparse else np.hstack(blocks)


def _from_rows(objective: Any, theta: Vector, rows: Matrix) -> Matrix:
    """Return <A_k V, dU> + <A_k^T U, dV> by the numbers in U and V, for real matrices A_k."""
    factors, (m, n) = objective.matrix(theta), objective.shape
    cube = rows.reshape(-1, m, n)
    for_left = (cube @ factors.right).reshape(len(cube), -1)
    for_right = (cube.transpose(0, 2, 1) @ factors.left).reshape(len(cube), -1)
    if objective.structure == "psd":
        return np.asarray(for_left + for_right)
    return np.hstack([for_left, for_right])


def jacobian_error(objective: Any, theta: Vector) -> float:
    """Return a bound on the rounding of the Jacobian in Frobenius norm, if the measurement knows its own."""
    rows = objective.measuring_rows()
    if rows is not None:  # the same for all parameters at once
        m, n = objective.shape
        u, v = (np.abs(f) for f in (objective.matrix(theta).left, objective.matrix(theta).right))
        cube = np.abs(rows).reshape(-1, m, n)
        squares = np.sum((cube @ v) ** 2) + np.sum((u.T @ cube) ** 2)
        # for X = U U^T both sides move at once
        sides = 2.0 if objective.structure == "psd" else 1.0
        terms = 2 * u.shape[1] + m * n + 2
        return gamma(terms) * float(np.sqrt(sides * squares)) * (1 + 1e-9)
    total = 0.0
    for k in range(theta.size):
        unit = np.zeros(theta.size)
        unit[k] = 1.0
        off = objective.rounding.measure_error(objective.model.push(theta, unit))
        total += float(off @ off)
    return float(np.sqrt(total)) * (1 + 1e-9)


def gram_matrix(jacobian: Any, weights: Vector | None = None) -> Matrix:
    """Return J^T diag(weights) J as a dense array."""
    weighted = jacobian if weights is None else jacobian * weights[:, None]
    gram = jacobian.T @ weighted
    dense: Matrix = gram if isinstance(gram, np.ndarray) else gram.toarray()
    return dense
