"""The row kernel in plain loops, for tables of moderate size: compiled once for all widths."""

from __future__ import annotations

import numpy as np

from lowland.kernels.compiled import compiled, constant
from lowland.kernels.normals import row_normals
from lowland.kernels.threads import balanced_bounds, run_chunks

BATCH = 4


def solve_rows(
    partner, starts, indices, values, weights, precision, shift, count_ridge, noise, tolerance, out
):
    """Solve every row's normal equations; see `rows.solve_rows`."""
    (rows, k), dtype = out.shape, out.dtype
    random = np.zeros((rows, 0), dtype)
    if noise is not None:
        random = dtype.type(noise.scale) * row_normals(rows, k, noise.sweep, noise.key, noise.first)
    weight = np.ones(1, dtype) if weights is None else weights
    starts, indices, values, weight = map(constant, (starts, indices, values, weight))
    partner, precision, shift = map(constant, (partner, precision, np.broadcast_to(shift, out.shape)))
    ridge, floor = dtype.type(count_ridge), dtype.type(tolerance)

    def chunk(low, high):
        gram, gathered = np.empty((k, k), dtype), np.empty((2, BATCH, k), dtype)
        for_values = np.empty(BATCH, dtype)
        entries = (starts, indices, values, weight, weights is not None)
        scratch = (gram, gathered[0], gathered[1], for_values)
        _solve_range(partner, *entries, precision, shift, ridge, random, floor, out, *scratch, low, high)

    run_chunks(chunk, balanced_bounds(starts, 4 + k // 2))


@compiled(fastmath={"contract", "reassoc", "nsz"})
def add_ranks(gram, x, y, s, v):
    """Add `BATCH` rows y, with weights in s, to a lower triangle, and their products with v to x."""
    # a separate function, so that the inner loop is vectorised
    for a in range(x.size):
        s0, s1, s2, s3 = s[0, a], s[1, a], s[2, a], s[3, a]
        for b in range(a + 1):
            gram[a, b] += s0 * y[0, b] + s1 * y[1, b] + s2 * y[2, b] + s3 * y[3, b]
        x[a] += s0 * v[0] + s1 * v[1] + s2 * v[2] + s3 * v[3]


@compiled(fastmath={"contract", "reassoc", "nsz"})
def dot(a, b, count):
    """Return the product of the first numbers of two vectors."""
    total = a.dtype.type(0)
    for i in range(count):
        total += a[i] * b[i]
    return total


@compiled()
def _solve(gram, x, random, floor):
    # row-wise Cholesky of the lower triangle; the reciprocal diagonal is zero for dependent columns
    k = x.size
    for a in range(k):
        for b in range(a):
            gram[a, b] = (gram[a, b] - dot(gram[a], gram[b], b)) * gram[b, b]
        original = gram[a, a]
        pivot = original - dot(gram[a], gram[a], a)
        gram[a, a] = 1 / np.sqrt(pivot) if pivot > floor * original else x.dtype.type(0)
        x[a] = (x[a] - dot(gram[a], x, a)) * gram[a, a]
    for a in range(random.size):
        x[a] += random[a]
    for a in range(k - 1, -1, -1):
        x[a] *= gram[a, a]
        for b in range(a):
            x[b] -= gram[a, b] * x[a]


@compiled()
def _solve_range(
    partner,
    starts,
    indices,
    values,
    weights,
    weighted,
    precision,
    shift,
    ridge,
    random,
    floor,
    out,
    gram,
    y,
    s,
    v,
    low,
    high,
):
    k = shift.shape[1]
    for i in range(low, high):
        begin, end = starts[i], starts[i + 1]
        x = out[i]
        for a in range(k):
            x[a] = shift[i, a]
            for b in range(k):
                gram[a, b] = precision[a, b]
            gram[a, a] += ridge * (end - begin)
        for j in range(begin, end, BATCH):
            for t in range(BATCH):
                q = min(j + t, end - 1)
                w = x.dtype.type(j + t < end)
                if weighted:
                    w *= weights[q]
                v[t] = values[q]
                for a in range(k):
                    y[t, a] = partner[indices[q], a]
                    s[t, a] = w * y[t, a]
            add_ranks(gram, x, y, s, v)
        _solve(gram, x, random[i], floor)
