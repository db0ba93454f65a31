"""Products at sampled positions and with row-compressed matrices.

Few numbers are left to NumPy, which takes less time than the compiler takes to load. Both forms add in the
same order, and neither joins a product and a sum into one rounding: a number has the same bits in a call of
any size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.compiled import compiled
from lowland.kernels.sparse_tables import sparse_numpy
from lowland.kernels.threads import balanced_bounds, even_bounds, run_chunks

# products below this number of multiplications gain less than their vector form takes to load
WORTH_LANES = 1_000_000
# and below this one, less than compilation takes
WORTH_COMPILING = 1 << 15


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
    if _is_little(out.dtype, out.size * left.shape[1]):
        sparse_numpy.sample(left, right, rows, columns, out)
        return out
    bounds = even_bounds(out.size, out.size * left.shape[1])
    run_chunks(lambda lo, hi: _sample(left, right, rows[lo:hi], columns[lo:hi], out[lo:hi]), bounds)
    return out


def multiply_rows(
    starts: NDArray[np.int64], indices: NDArray[np.integer[Any]], values: Vector | None, block: Matrix
) -> Matrix:
    """Return the product of a row-compressed matrix with a dense block.

    Parameters
    ----------
    starts : ndarray of int, shape (rows + 1,)
    indices : ndarray of int, shape (p,)
        Column of each stored value; may repeat within a row.
    values : ndarray, shape (p,), or None
        None: all are one.
    block : ndarray, shape (columns, w)

    Returns
    -------
    ndarray, shape (rows, w)

    Notes
    -----
    Each row is summed alone, in the order of its indices: its bits do not depend on threads or other rows.
    """
    kind, bounds = (
        block.dtype if values is None else np.result_type(values, block),
        balanced_bounds(starts, 4),
    )
    values = None if values is None else np.ascontiguousarray(values, kind)
    block = np.ascontiguousarray(block, kind)
    plain = kind in (np.float32, np.float64) and indices.dtype == np.int32
    if plain and indices.size * block.shape[1] >= WORTH_LANES:
        from lowland.kernels.sparse_tables.gathered_sums import multiply_in_lanes

        product: Matrix = multiply_in_lanes(starts, np.ascontiguousarray(indices), values, block, bounds)
        return product
    out = np.zeros((starts.size - 1, block.shape[1]), kind)
    if _is_little(out.dtype, indices.size * block.shape[1]):
        sparse_numpy.multiply(starts, indices, values, block, out)
        return out
    value, weighted = (out[:0, 0], False) if values is None else (values, True)
    run_chunks(lambda lo, hi: _multiply(starts, indices, value, weighted, block, out, lo, hi), bounds)
    return out


def squared_error(
    left: Matrix,
    right: Matrix,
    starts: NDArray[np.int64],
    indices: NDArray[np.integer[Any]],
    targets: Vector,
    weights: Vector | None,
) -> float:
    """Return sum of weights (left_i . right_j - target)^2 over a row-compressed pattern.

    Differences are taken in the working precision, squares are summed row by row in float64, and
    row sums in the order of the rows: the bits do not depend on the number of threads.

    Parameters
    ----------
    left : ndarray, shape (rows, w)
    right : ndarray, shape (columns, w)
    starts : ndarray of int, shape (rows + 1,)
    indices : ndarray of int, shape (p,)
    targets : ndarray, shape (p,)
        In the order of `indices`.
    weights : ndarray, shape (p,), or None

    Returns
    -------
    float
    """
    return float(squared_errors(left, right, starts, indices, targets, weights).sum())


def squared_errors(
    left: Matrix,
    right: Matrix,
    starts: NDArray[np.int64],
    indices: NDArray[np.integer[Any]],
    targets: Vector,
    weights: Vector | None,
) -> Vector:
    """Return the sums of `squared_error` row by row, float64, shape (rows,)."""
    sums = np.zeros(starts.size - 1)
    kind = np.result_type(left, right)
    left, right = np.ascontiguousarray(left, kind), np.ascontiguousarray(right, kind)
    if left.shape[1] and _is_little(left.dtype, indices.size * left.shape[1]):
        sparse_numpy.squares(left, right, starts, indices, targets, weights, sums)
        return sums
    weight, weighted = (targets, False) if weights is None else (weights, True)
    run_chunks(
        lambda lo, hi: _squares(left, right, starts, indices, targets, weight, weighted, sums, lo, hi),
        balanced_bounds(starts, 4),
    )
    return sums


def subtract_gathered(values: Vector, bias: Vector, indices: NDArray[np.integer[Any]]) -> Vector:
    """Return values - bias[indices], shape (p,)."""
    out = np.empty_like(values)
    bias = np.ascontiguousarray(bias, values.dtype)
    if values.size < WORTH_COMPILING:
        sparse_numpy.subtract(values, bias, indices, out)
        return out
    bounds = even_bounds(out.size, 2 * out.size)
    run_chunks(lambda lo, hi: _subtract(values[lo:hi], bias, indices[lo:hi], out[lo:hi]), bounds)
    return out


def _is_little(kind: np.dtype[Any], products: int) -> bool:
    # NumPy's products of complex numbers are rounded otherwise
    return products < WORTH_COMPILING and kind in (np.float32, np.float64)


# plain indices instead of row views: a view costs more than a short row's arithmetic


@compiled()
def _sample(left, right, rows, columns, out):
    # four sums side by side, as the terms of one must be added in turn
    width, k = left.shape[1], 0
    while k + 4 <= out.size:
        i0, i1, i2, i3 = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
        j0, j1, j2, j3 = columns[k], columns[k + 1], columns[k + 2], columns[k + 3]
        z0, z1 = left[i0, 0] * right[j0, 0], left[i1, 0] * right[j1, 0]
        z2, z3 = left[i2, 0] * right[j2, 0], left[i3, 0] * right[j3, 0]
        for c in range(1, width):
            z0 += left[i0, c] * right[j0, c]
            z1 += left[i1, c] * right[j1, c]
            z2 += left[i2, c] * right[j2, c]
            z3 += left[i3, c] * right[j3, c]
        out[k], out[k + 1], out[k + 2], out[k + 3] = z0, z1, z2, z3
        k += 4
    while k < out.size:
        i, j = rows[k], columns[k]
        total = left[i, 0] * right[j, 0]
        for c in range(1, width):
            total += left[i, c] * right[j, c]
        out[k] = total
        k += 1


@compiled()
def _multiply(starts, indices, values, weighted, block, out, low, high):
    width = block.shape[1]
    sums, value = np.empty(width, out.dtype), out.dtype.type(1)
    for i in range(low, high):
        for c in range(width):
            sums[c] = 0
        for k in range(starts[i], starts[i + 1]):
            j = indices[k]
            if weighted:
                value = values[k]
            for c in range(width):
                sums[c] += value * block[j, c]
        for c in range(width):
            out[i, c] = sums[c]


@compiled()
def _row_squares(left, i, right, indices, targets, weights, weighted, low, high):
    # four entries side by side: one load of the row serves all, and four chains run at once
    width, total, k = right.shape[1], 0.0, low
    zero = left.dtype.type(0)
    while k + 4 <= high:
        j0, j1, j2, j3 = indices[k], indices[k + 1], indices[k + 2], indices[k + 3]
        z0, z1, z2, z3 = zero, zero, zero, zero
        for c in range(width):
            x = left[i, c]
            z0 += x * right[j0, c]
            z1 += x * right[j1, c]
            z2 += x * right[j2, c]
            z3 += x * right[j3, c]
        for q, z in ((0, z0), (1, z1), (2, z2), (3, z3)):
            difference = np.float64(z - targets[k + q])
            square = difference * difference
            total += square * np.float64(weights[k + q]) if weighted else square
        k += 4
    while k < high:
        z, j = zero, indices[k]
        for c in range(width):
            z += left[i, c] * right[j, c]
        difference = np.float64(z - targets[k])
        square = difference * difference
        total += square * np.float64(weights[k]) if weighted else square
        k += 1
    return total


@compiled()
def _squares(left, right, starts, indices, targets, weights, weighted, sums, low, high):
    for i in range(low, high):
        sums[i] = _row_squares(left, i, right, indices, targets, weights, weighted, starts[i], starts[i + 1])


@compiled()
def _subtract(values, bias, indices, out):
    for k in range(out.size):
        out[k] = values[k] - bias[indices[k]]
