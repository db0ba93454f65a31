"""A product with the rows of a large dense table and its adjoint in one pass: each row is read once.

Four rows at a time are multiplied with a vector and, still in the cache, added to a sum. Sums of rows are
formed chunk by chunk, and chunks depend on the number of rows alone, so the bits do not depend on threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.kernels.compiled import compiled
from lowland.kernels.threads import run_chunks

# numbers of a row summed at a time: sums of sums have fewer roundings per term
BLOCK = 1024
# rows per chunk, a multiple of four
CHUNK = 256
# at least this many numbers take longer than loading compiled code
LARGE = 200_000
# numbers from which the rows are shared among threads, as in `blas_threads`: with fewer, two programs at once
# would wait for each other
THREADED = 20_000_000

Rows = NDArray[np.intp]


def is_large(table: NDArray[Any], *vectors: NDArray[Any]) -> bool:
    """Return whether a table and vectors are real, and the table large enough for compiled code."""
    known = all(part.dtype in (np.float32, np.float64) and part.dtype.isnative for part in (table, *vectors))
    return known and table.size >= LARGE and bool(table.flags.c_contiguous)


def normal_pass(
    table: NDArray[Any], rows: Rows, numbers: Vector, shift: Vector, weights: Vector
) -> tuple[Vector, Vector]:
    """Return z = table[rows] @ numbers, and (weights * (z - shift)) @ table[rows].

    Parameters
    ----------
    table : ndarray, shape (p, n)
    rows : ndarray of int, shape (q,)
    numbers : ndarray, shape (n,)
    shift, weights : ndarray, shape (q,)

    Returns
    -------
    z : ndarray, shape (q,)
    total : ndarray, shape (n,)
        Both in the widest of the precisions, in which sums are formed too.

    Raises
    ------
    IndexError
        If a row is not one of the table's.
    """
    if rows.size and not (rows.min() >= 0 and rows.max() < len(table)):
        raise IndexError(f"rows {rows.min()} to {rows.max()} of a table of {len(table)} rows")
    kind = np.result_type(table, numbers, shift, weights)
    x, shift, weights = (np.ascontiguousarray(part, kind) for part in (numbers, shift, weights))
    count = -(-rows.size // CHUNK)
    z, sums = np.empty(rows.size, kind), np.zeros((max(count, 1), table.shape[1]), kind)

    def chunks(first: int, last: int) -> None:
        for k in range(first, last):
            chunk = slice(k * CHUNK, (k + 1) * CHUNK)
            _pass_rows(table, rows[chunk], x, shift[chunk], weights[chunk], z[chunk], sums[k])

    alone = rows.size * table.shape[1] < THREADED
    run_chunks(chunks, np.array((0, count)) if alone else np.arange(count + 1))
    total: Vector = sums[0]
    for part in sums[1:]:
        total += part
    return z, total


# rows are passed as views that start at zero: an index that may be negative keeps a loop from using vectors


@compiled(fastmath={"contract", "reassoc"})
def _four(a, b, c, d, x):
    zero = x.dtype.type(0)
    p, q, r, s = zero, zero, zero, zero
    for i in range(x.size):
        v = x[i]
        p += a[i] * v
        q += b[i] * v
        r += c[i] * v
        s += d[i] * v
    return p, q, r, s


@compiled(fastmath={"contract", "reassoc"})
def _one(a, x):
    total = x.dtype.type(0)
    for i in range(x.size):
        total += a[i] * x[i]
    return total


@compiled(fastmath={"contract"})
def _add_four(a, b, c, d, p, q, r, s, total):
    for i in range(total.size):
        total[i] += (p * a[i] + q * b[i]) + (r * c[i] + s * d[i])


@compiled(fastmath={"contract"})
def _add_one(a, p, total):
    for i in range(total.size):
        total[i] += p * a[i]


@compiled()
def _products(table, rows, x, out):
    zero, n = x.dtype.type(0), x.size
    whole = rows.size // 4 * 4
    for k in range(0, whole, 4):
        a, b, c, d = table[rows[k]], table[rows[k + 1]], table[rows[k + 2]], table[rows[k + 3]]
        p, q, r, s = zero, zero, zero, zero
        for low in range(0, n, BLOCK):
            high = min(low + BLOCK, n)
            e, f, g, h = _four(a[low:high], b[low:high], c[low:high], d[low:high], x[low:high])
            p, q, r, s = p + e, q + f, r + g, s + h
        out[k], out[k + 1], out[k + 2], out[k + 3] = p, q, r, s
    for k in range(whole, rows.size):
        a, p = table[rows[k]], zero
        for low in range(0, n, BLOCK):
            high = min(low + BLOCK, n)
            p += _one(a[low:high], x[low:high])
        out[k] = p


@compiled()
def _add_rows(table, rows, weights, total):
    whole = rows.size // 4 * 4
    for k in range(0, whole, 4):
        a, b, c, d = table[rows[k]], table[rows[k + 1]], table[rows[k + 2]], table[rows[k + 3]]
        _add_four(a, b, c, d, weights[k], weights[k + 1], weights[k + 2], weights[k + 3], total)
    for k in range(whole, rows.size):
        _add_one(table[rows[k]], weights[k], total)


@compiled()
def _pass_rows(table, rows, x, shift, weights, z, total):
    w = np.empty(4, z.dtype)
    for k in range(0, rows.size, 4):
        high = min(k + 4, rows.size)
        some = rows[k:high]
        _products(table, some, x, z[k:high])
        for j in range(k, high):
            w[j - k] = weights[j] * (z[j] - shift[j])
        _add_rows(table, some, w, total)
