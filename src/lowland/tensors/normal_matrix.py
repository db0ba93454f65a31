"""The Jacobian of cells of a Tucker tensor as a dense matrix, for small problems."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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


def cp_normal_matrix(
    factors: Sequence[Matrix], positions: NDArray[np.int64], weights: Vector | None
) -> Matrix:
    """Return J^T W J of listed cells of a sum of products of columns, each of which depends on N rows.

    Parameters
    ----------
    factors : sequence of ndarray, shapes (I_n, R)
    positions : ndarray of int64, shape (p, N)
    weights : ndarray, shape (p,), or None
    """
    from scipy.sparse import csr_array

    rank, order = factors[0].shape[1], len(factors)
    size = sum(factor.size for factor in factors)
    starts = np.cumsum([0, *(factor.size for factor in factors)])[:-1]
    total, step = np.zeros((size, size)), max(1, CHUNK_NUMBERS // (rank * order))
    for low in range(0, len(positions), step):
        at = positions[low : low + step]
        rows = [factor[at[:, n]] for n, factor in enumerate(factors)]
        values, columns = [], []
        for n in range(order):
            others = np.ones_like(rows[0])
            for k, row in enumerate(rows):
                if k != n:
                    others *= row
            values.append(others)
            columns.append(starts[n] + at[:, n, None] * rank + np.arange(rank))
        numbers, ends = np.hstack(values), np.arange(len(at) + 1) * (rank * order)
        jacobian = csr_array((numbers.ravel(), np.hstack(columns).ravel(), ends), shape=(len(at), size))
        weighted = jacobian if weights is None else jacobian * weights[low : low + step, None]
        total += (jacobian.T @ weighted).toarray()
    return total
