"""Rows of a Gaussian given some of their numbers: only the missing ones of each row are solved for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.compiled import compiled
from lowland.kernels.rows import Noise
from lowland.kernels.threads import balanced_bounds, run_chunks


def conditional_rows(
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Vector,
    precision: Matrix,
    mean: Vector,
    *,
    noise: Noise | None = None,
) -> Matrix:
    """Return rows whose missing numbers have their conditional mean, or are drawn given the known ones.

    Parameters
    ----------
    starts : ndarray of int64, shape (rows + 1,)
        Known numbers of row i lie at starts[i] .. starts[i + 1].
    indices : ndarray of int32, shape (q,)
        Column of each known number, ascending within a row.
    values : ndarray, shape (q,)
    precision : ndarray of float64, shape (p, p)
        Inverse of the covariance.
    mean : ndarray of float64, shape (p,)
    noise : Noise, optional
        Makes missing numbers draws; its scale is not used.

    Returns
    -------
    ndarray of float64, shape (rows, p)

    Notes
    -----
    Costs O(k p + k^3) for a row of which k numbers are missing. Rows are computed separately: the bits do not
    depend on threads.
    """
    rows, p = starts.size - 1, mean.size
    out = np.empty((rows, p))
    random = np.zeros((rows, 0), np.float32)
    if noise is not None:
        from lowland.kernels.normals import row_normals  # which imports the compiler

        random = row_normals(rows, p, noise.sweep, noise.key, noise.first)
    precision, mean = np.ascontiguousarray(precision), np.ascontiguousarray(mean)

    def chunk(low: int, high: int) -> None:
        scratch = np.empty(p), np.empty((p, p)), np.empty(p, np.int64)
        _complete(starts, indices, values, precision, mean, random, out, *scratch, low, high)

    run_chunks(chunk, balanced_bounds(starts, p * p // 8 + p))
    return out


@compiled(fastmath={"contract", "reassoc", "nsz"})
def _dot(a, b, count):
    total = 0.0
    for i in range(count):
        total += a[i] * b[i]
    return total


@compiled()
def _complete(starts, indices, values, precision, mean, random, out, apart, gram, missing, low, high):
    p = mean.size
    for i in range(low, high):
        row = out[i]
        # distance from the mean, zero where nothing is known
        apart[:] = 0.0
        k, j = 0, starts[i]
        for c in range(p):
            if j < starts[i + 1] and indices[j] == c:
                row[c] = values[j]
                apart[c] = row[c] - mean[c]
                j += 1
            else:
                missing[k] = c
                k += 1
        for a in range(k):
            for b in range(a + 1):
                gram[a, b] = precision[missing[a], missing[b]]
        _solve_missing(gram, precision, apart, mean, missing, random[i], row, k, p)


@compiled()
def _solve_missing(gram, precision, apart, mean, missing, random, row, k, p):
    # row-wise Cholesky of the lower triangle, with reciprocals on its diagonal
    for a in range(k):
        for b in range(a):
            gram[a, b] = (gram[a, b] - _dot(gram[a], gram[b], b)) * gram[b, b]
        gram[a, a] = 1 / np.sqrt(max(gram[a, a] - _dot(gram[a], gram[a], a), np.finfo(np.float64).tiny))
    solution = np.empty(k)
    for a in range(k):
        solution[a] = (-_dot(precision[missing[a]], apart, p) - _dot(gram[a], solution, a)) * gram[a, a]
    if random.size:
        for a in range(k):
            solution[a] += random[a]
    for a in range(k - 1, -1, -1):
        solution[a] *= gram[a, a]
        for b in range(a):
            solution[b] -= gram[a, b] * solution[a]
        row[missing[a]] = mean[missing[a]] + solution[a]
