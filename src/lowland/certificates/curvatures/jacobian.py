"""The Jacobian of the predictions as a matrix, its rounding, and its Gram matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.fits import Fit, MatrixFit
from lowland.core.rounding import gamma
from lowland.core.work import CALL, touch

# number of columns computed at a time
BLOCK_COLUMNS = 256


def jacobian_matrix(objective: Fit, theta: Vector) -> Any:
    """Return the derivative of the predictions in all parameters, shape (p, size).

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (size,)

    Returns
    -------
    ndarray, or sparse array where entries are observed
        Costs `size` products, unless the measurement gives it directly.
    """
    at = objective.linearise(theta)
    known = at.jacobian()
    if known is not None:
        return known
    blocks: list[Matrix] = []
    for low in range(0, theta.size, BLOCK_COLUMNS):
        units = np.zeros((min(BLOCK_COLUMNS, theta.size - low), theta.size))
        units[np.arange(len(units)), low + np.arange(len(units))] = 1.0
        blocks.append(np.stack([at.jacobian_product(unit) for unit in units], axis=1))
    return np.hstack(blocks)


def jacobian_work(objective: Fit, pass_work: float) -> float:
    """Return the work of `jacobian_matrix`."""
    direct = objective.direct_jacobian_work
    return float(objective.size) * 0.7 * pass_work if direct is None else float(direct)


def gram_work(objective: Fit) -> float:
    """Return the work of `gram_matrix`: for entries a row of the Jacobian has few nonzeros."""
    size, rows = float(objective.size), float(max(objective.y.size, 1))
    if objective.has_sparse_jacobian:
        return float(CALL + rows * 16.0 * (objective.rank + 1) ** 2 + size**2)
    return CALL + rows * size**2 / 24


def jacobian_error(objective: MatrixFit, theta: Vector) -> float:
    """Return a bound on the rounding of the Jacobian in Frobenius norm, if the measurement bounds its own."""
    rows = objective.matrices.coordinates()
    if rows is not None:  # for all parameters at once, by Cauchy-Schwarz
        touch(CALL + rows.size)
        m, n = objective.shape
        factors = objective.matrix(theta)
        u, v = (float(np.linalg.norm(f)) for f in (factors.left, factors.right))
        # for X = U U^T both sides change together
        sides = 2.0 if objective.model.is_psd else 1.0
        terms, whole = 2 * objective.rank + m * n + 2, float(np.linalg.norm(rows))
        return gamma(terms) * float(np.sqrt(sides * (u**2 + v**2))) * whole * (1 + 1e-9)
    total = 0.0
    if objective.rounding is None:
        return float("inf")
    for k in range(theta.size):
        unit = np.zeros(theta.size)
        unit[k] = 1.0
        off = objective.rounding.measure_error(objective.model.push(theta, unit))
        total += float(off @ off)
    return float(np.sqrt(total)) * (1 + 1e-9)


def gram_matrix(jacobian: Any, weights: Vector | None = None) -> Matrix:
    """Return J^T diag(weights) J as a dense array."""
    rows, size = jacobian.shape
    dense_jacobian = isinstance(jacobian, np.ndarray)
    touch(CALL + (rows * float(size) ** 2 / 24 if dense_jacobian else 16.0 * jacobian.nnz**2 / max(rows, 1)))
    weighted = jacobian if weights is None else jacobian * weights[:, None]
    gram = jacobian.T @ weighted
    dense: Matrix = gram if isinstance(gram, np.ndarray) else gram.toarray()
    return dense
