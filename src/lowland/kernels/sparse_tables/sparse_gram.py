"""The weighted Gram matrix of a pattern of cells, and the inverse of a dense matrix, both in place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.work import CALL, touch
from lowland.kernels.compiled import compiled
from lowland.kernels.threads import balanced_bounds, run_chunks

# side of the tiles in which a triangle is mirrored: two of them fit into the cache
TILE = 64
# with smaller results and fewer products, compiled code takes longer to load than it saves
LARGE, WORTH_LOADING = 1500, 50_000_000


def add_pairs(
    starts: NDArray[np.int64],
    partners: NDArray[np.integer[Any]],
    weights: Vector,
    gram: Matrix,
    *,
    at: int = 0,
    tile: tuple[int, int] | None = None,
) -> None:
    """Add P^T diag(weights) P to the lower triangle of a matrix, for the pattern P of some lines' cells.

    Parameters
    ----------
    starts : ndarray of int64, shape (lines + 1,)
    partners : ndarray of int, shape (p,)
        Columns of the ones of P, ascending within a line.
    weights : ndarray of float64, shape (lines,)
    gram : ndarray of float64, shape (at + n, at + n)
        Its rows and columns from `at` on are those of the result.
    tile : tuple of int, optional
        First row of the result, and the one after the last, that `gram`, shape (last - first, at + n), holds.
        Sums then go on from what is there, line by line.

    Notes
    -----
    An entry is summed in the order of the lines by one thread: its bits do not depend on threads, nor on
    tiles, nor on how many parts lines come in if each adds to tiles of the parts before.
    """
    n, counts = gram.shape[1] - at, np.diff(starts)
    pairs = float(counts @ counts)
    touch(CALL + pairs / 2)
    if n < LARGE and pairs < WORTH_LOADING and tile is None:
        gram[at:, at:] += _small_gram(starts, partners, weights, n)
        return
    turned, owners = _turned(starts, partners, n)
    weights = np.ascontiguousarray(weights, np.float64)
    first, last = (0, n) if tile is None else tile
    down = at if tile is None else -first
    run_chunks(
        lambda lo, hi: _accumulate(
            turned, owners, starts, partners, weights, gram, down, at, first + lo, first + hi
        ),
        balanced_bounds(turned[first : last + 1] - turned[first], 4),
    )


def invert_in_place(matrix: Matrix) -> Matrix:
    """Return the inverse of a symmetric positive definite matrix, in the memory of that matrix.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n, n)
        Contiguous; overwritten.

    Raises
    ------
    numpy.linalg.LinAlgError
        If it is not positive definite.
    """
    from scipy.linalg.lapack import dpotrf, dpotri

    n = len(matrix)
    touch(CALL + float(n) ** 3 / 24)
    if not n:
        return matrix
    # LAPACK counts columns first, so that its upper triangle is the lower one here
    factor, failed = dpotrf(matrix.T, lower=0, clean=0, overwrite_a=1)
    if not failed:
        factor, failed = dpotri(factor, lower=0, overwrite_c=1)
    if failed:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    inverse: Matrix = factor.T
    _mirror_lower(inverse)
    return inverse


def _small_gram(
    starts: NDArray[np.int64], partners: NDArray[np.integer[Any]], weights: Vector, n: int
) -> Matrix:
    """Return the same numbers, without what must be loaded first."""
    from scipy.sparse import csr_array

    parts = (np.repeat(weights, np.diff(starts)), partners, starts)
    weighted = csr_array(parts, shape=(starts.size - 1, n))
    plain = csr_array((np.ones(partners.size), partners, starts), shape=weighted.shape)
    return np.asarray((weighted.T.tocsr() @ plain).toarray())


def _mirror_lower(matrix: Matrix) -> None:
    """Write the lower triangle of a matrix over its upper one."""
    if len(matrix) < LARGE:
        above = np.triu_indices(len(matrix), 1)
        matrix[above] = matrix.T[above]
        return
    bands = -(-len(matrix) // TILE)
    run_chunks(lambda lo, hi: _mirror(matrix, lo, hi), balanced_bounds(np.arange(bands + 1) * bands, 1))


@compiled()
def _turned(starts, partners, n):
    turned = np.zeros(n + 1, np.int64)
    for j in partners:
        turned[j + 1] += 1
    for j in range(n):
        turned[j + 1] += turned[j]
    owners, at = np.empty(partners.size, np.int32), turned[:-1].copy()
    for u in range(starts.size - 1):
        for q in range(starts[u], starts[u + 1]):
            j = partners[q]
            owners[at[j]] = u
            at[j] += 1
    return turned, owners


@compiled()
def _accumulate(turned, owners, starts, partners, weights, gram, down, at, low, high):
    for a in range(low, high):
        for k in range(turned[a], turned[a + 1]):
            u = owners[k]
            weight = weights[u]
            for q in range(starts[u], starts[u + 1]):
                b = partners[q]
                if b > a:
                    break
                gram[down + a, at + b] += weight


@compiled()
def _mirror(matrix, low, high):
    n = matrix.shape[0]
    for band in range(low, high):
        first = band * TILE
        last = min(first + TILE, n)
        for left in range(0, last, TILE):
            for i in range(first, last):
                for j in range(left, min(left + TILE, i)):
                    matrix[j, i] = matrix[i, j]
