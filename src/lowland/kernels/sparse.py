"""Products at sampled positions and with row-compressed matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.threads import balanced_bounds, even_bounds, run_chunks


def sample_product(
    left: Matrix, right: Matrix, rows: NDArray[np.integer[Any]], columns: NDArray[np.integer[Any]]
) -> Vector:
    """Return sum_l left[rows_k, l] right[columns_k, l] for each k.

    Parameters
    ----------
    left : ndarray, shape (m, w)
    right : ndarray, shape (n, w)
    rows, columns : ndarray of int, shape (p,)

    Returns
    -------
    ndarray, shape (p,)
    """
    out = np.empty(rows.size, np.result_type(left, right))
    if left.shape[1] == 0:
        out[:] = 0
        return out
    left, right = np.ascontiguousarray(left, out.dtype), np.ascontiguousarray(right, out.dtype)
    bounds = even_bounds(out.size, out.size * left.shape[1])
    run_chunks(lambda lo, hi: _sample(left, right, rows[lo:hi], columns[lo:hi], out[lo:hi]), bounds)
    return out


def multiply_rows(
    starts: NDArray[np.int64], indices: NDArray[np.integer[Any]], values: Vector, block: Matrix
) -> Matrix:
    """Return the product of a row-compressed matrix with a dense block.

    Parameters
    ----------
    starts : ndarray of int, shape (rows + 1,)
    indices : ndarray of int, shape (p,)
        Column of each stored value; may repeat within a row.
    values : ndarray, shape (p,)
    block : ndarray, shape (columns, w)

    Returns
    -------
    ndarray, shape (rows, w)
    """
    out = np.zeros((starts.size - 1, block.shape[1]), np.result_type(values, block))
    values, block = np.ascontiguousarray(values, out.dtype), np.ascontiguousarray(block, out.dtype)
    run_chunks(
        lambda lo, hi: _multiply(starts, indices, values, block, out, lo, hi), balanced_bounds(starts, 4)
    )
    return out


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _dot(a, b):
    total = a[0] * b[0]
    for i in range(1, a.size):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _sample(left, right, rows, columns, out):
    for k in range(out.size):
        out[k] = _dot(left[rows[k]], right[columns[k]])


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _add_scaled(out, scale, row):
    for i in range(out.size):
        out[i] += scale * row[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _multiply(starts, indices, values, block, out, lo, hi):
    for i in range(lo, hi):
        for k in range(starts[i], starts[i + 1]):
            _add_scaled(out[i], values[k], block[indices[k]])
