"""Rows of a Gaussian given some of their numbers: only the missing ones of each row are solved for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.compiled import compiled, constant, in_numpy
from lowland.kernels.normals import row_normals
from lowland.kernels.systems.rows import Noise, default_form
from lowland.kernels.systems.stacked_systems import stretches
from lowland.kernels.threads import balanced_bounds, run_chunks

# cells of a table times squared width up to which all sweeps by NumPy take less time than importing the
# compiler and its code
SMALL = 1 << 9
# what counts as a positive pivot
TINY = float(np.finfo(np.float64).tiny)


def conditional_rows(
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Vector,
    precision: Matrix,
    mean: Vector,
    *,
    noise: Noise | None = None,
    form: str | None = None,
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
    form : {"vector", "portable", "numpy"}, optional
        From `default_form`: NumPy or compiled loops.

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
        random = row_normals(rows, p, noise.sweep, noise.key, noise.first)
    starts, indices, values = constant(starts), constant(indices), constant(values)
    precision, mean, random = constant(precision), constant(mean), constant(random)
    if (form or default_form(p)) == "numpy":
        for first, last in stretches(starts, p * p):
            _complete_stacked(starts, indices, values, precision, mean, random, out, first, last)
        return out

    def chunk(low: int, high: int) -> None:
        scratch = np.empty(p), np.empty((p, p)), np.empty(p), np.empty(p, np.int64)
        _complete(starts, indices, values, precision, mean, random, out, *scratch, low, high)

    run_chunks(chunk, balanced_bounds(starts, p * p // 8 + p))
    return out


@in_numpy
def _complete_stacked(starts, indices, values, precision, mean, random, out, first, last):
    """Complete rows first .. last - 1 in NumPy, by systems of the same size whatever is missing in a row."""
    p, rows, cells = mean.size, last - first, slice(starts[first], starts[last])
    at = np.repeat(np.arange(rows), np.diff(starts[first : last + 1])), indices[cells]
    missing = np.ones((rows, p), bool)
    missing[at] = False
    apart = np.zeros((rows, p))
    apart[at] = values[cells] - mean[at[1]]
    # missing numbers first, in order, then an equation of the identity for each known one
    order = np.argsort(~missing, axis=1, kind="stable")
    used = np.arange(p) < np.count_nonzero(missing, axis=1)[:, None]
    systems = np.where(
        used[:, :, None] & used[:, None], precision[order[:, :, None], order[:, None]], np.eye(p)
    )
    # one product per row: that of all rows would depend on their number
    right = -np.matmul(precision[order], apart[:, :, None]) * used[:, :, None]
    factors = _factors(systems)
    solution = np.linalg.solve(factors, right)
    if random.size:
        solution += (random[first:last] * used)[:, :, None]
    solution = np.linalg.solve(factors.transpose(0, 2, 1), solution)[:, :, 0]
    completed = mean + apart
    np.put_along_axis(completed, order, np.take_along_axis(completed, order, axis=1) + solution, axis=1)
    out[first:last] = completed


def _factors(systems):
    """Return Cholesky factors, of rows one by one where one of them is not positive definite to rounding."""
    try:
        return np.linalg.cholesky(systems)
    except np.linalg.LinAlgError:
        return np.stack([_factor(system) for system in systems])


def _factor(system):
    try:
        return np.linalg.cholesky(system)
    except np.linalg.LinAlgError:
        # pivots that are not positive are the least that is, as in the compiled loops
        lower = np.tril(system)
        for a in range(len(lower)):
            pivot = lower[a, a] - lower[a, :a] @ lower[a, :a]
            lower[a, a] = np.sqrt(pivot if pivot > TINY else TINY)
            lower[a + 1 :, a] = (lower[a + 1 :, a] - lower[a + 1 :, :a] @ lower[a, :a]) / lower[a, a]
        return lower


@compiled(fastmath={"contract", "reassoc", "nsz"})
def _complete(
    starts, indices, values, precision, mean, random, out, apart, gram, solution, missing, low, high
):  # fmt: skip
    # plain indices instead of row views, which cost more than short rows' arithmetic
    p, drawn = mean.size, random.shape[1] > 0
    for i in range(low, high):
        k, j = 0, starts[i]
        for c in range(p):
            # distance from the mean, zero where nothing is known
            apart[c] = 0.0
            if j < starts[i + 1] and indices[j] == c:
                out[i, c] = values[j]
                apart[c] = out[i, c] - mean[c]
                j += 1
            else:
                missing[k] = c
                k += 1
        # row-wise Cholesky of the lower triangle, with reciprocals on its diagonal
        for a in range(k):
            r, total = missing[a], 0.0
            for c in range(p):
                total -= precision[r, c] * apart[c]
            for b in range(a + 1):
                left = precision[r, missing[b]]
                for c in range(b):
                    left -= gram[a, c] * gram[b, c]
                if b < a:
                    gram[a, b] = left * gram[b, b]
                else:
                    gram[a, a] = 1 / np.sqrt(left if left > TINY else TINY)
            for b in range(a):
                total -= gram[a, b] * solution[b]
            solution[a] = total * gram[a, a]
        if drawn:
            for a in range(k):
                solution[a] += random[i, a]
        for a in range(k - 1, -1, -1):
            solution[a] *= gram[a, a]
            for b in range(a):
                solution[b] -= gram[a, b] * solution[a]
            out[i, missing[a]] = mean[missing[a]] + solution[a]
