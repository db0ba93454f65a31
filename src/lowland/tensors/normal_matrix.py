"""The Jacobian of cells of a Tucker tensor as a dense matrix, for small problems."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.tensors.tucker_tensor import TuckerTensor

# entries of the Jacobian held at a time
CHUNK_NUMBERS = 4_000_000


def normal_matrix(parts: TuckerTensor, positions: Matrix, weights: Vector | None) -> Matrix:
    """Return J^T W J of listed cells, shape (size, size), computed in chunks of cells.

    Parameters
    ----------
    parts : TuckerTensor
    positions : ndarray of int64, shape (p, N)
    weights : ndarray, shape (p,), or None

    Returns
    -------
    ndarray
    """
    size = parts.stored_numbers
    total, step = np.zeros((size, size)), max(1, CHUNK_NUMBERS // size)
    for low in range(0, len(positions), step):
        rows = jacobian_rows(parts, positions[low : low + step])
        scaled = rows if weights is None else rows * weights[low : low + step, None]
        total += rows.T @ scaled
    return total


def jacobian_rows(parts: TuckerTensor, positions: Matrix) -> Matrix:
    """Return the derivatives of cells in core and factors, shape (p, size)."""
    p, blocks = len(positions), []
    rows = [factor[positions[:, n]] for n, factor in enumerate(parts.factors)]
    kron = np.ones((p, 1))
    for row in rows:
        kron = (kron[:, :, None] * row[:, None, :]).reshape(p, -1)
    blocks.append(kron)
    for n, factor in enumerate(parts.factors):
        others = np.ones((p, 1))
        for k, row in enumerate(rows):
            if k != n:
                others = (others[:, :, None] * row[:, None, :]).reshape(p, -1)
        slopes = others @ np.moveaxis(parts.core, n, 0).reshape(factor.shape[1], -1).T
        block = np.zeros((p, *factor.shape))
        block[np.arange(p), positions[:, n]] = slopes
        blocks.append(block.reshape(p, -1))
    return np.concatenate(blocks, axis=1)
