"""The Gram matrix of a sparse matrix's columns, and the inverse of a dense matrix, both in place."""

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

Lines = tuple[NDArray[np.int64], NDArray[np.integer[Any]], Vector]


def gram_matrix(columns: Lines, rows: Lines) -> Matrix:
    """Return X^T X of a sparse matrix X, in double precision.

    Parameters
    ----------
    columns, rows : tuple of ndarray
        X by its columns and by its rows: starts, indices that ascend within a line, values.

    Returns
    -------
    ndarray, shape (n, n)

    Notes
    -----
    Each row of the result is summed in the order of X's rows by one thread. Beside the result nothing of its
    size is formed.
    """
    n = columns[0].size - 1
    counts = np.diff(rows[0])
    touch(CALL + float(counts @ counts) / 2)
    if n < LARGE and counts @ counts < WORTH_LOADING:
        return _small_gram(columns, rows)
    gram = np.zeros((n, n))
    run_chunks(lambda lo, hi: _accumulate(*columns, *rows, gram, lo, hi), balanced_bounds(columns[0], 4))
    _mirror_all(gram)
    return gram


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
    _mirror_all(inverse)
    return inverse


def _small_gram(columns: Lines, rows: Lines) -> Matrix:
    """Return the same numbers, without what must be loaded first."""
    from scipy.sparse import csr_array

    shape = (columns[0].size - 1, rows[0].size - 1)
    turned, plain = (
        csr_array((values, indices, starts), shape=own)
        for (starts, indices, values), own in ((columns, shape), (rows, shape[::-1]))
    )
    return np.asarray((turned @ plain).toarray())


def _mirror_all(matrix: Matrix) -> None:
    if len(matrix) < LARGE:
        above = np.triu_indices(len(matrix), 1)
        matrix[above] = matrix.T[above]
        return
    bands = -(-len(matrix) // TILE)
    run_chunks(lambda lo, hi: _mirror(matrix, lo, hi), balanced_bounds(np.arange(bands + 1) * bands, 1))


@compiled()
def _accumulate(starts, owners, values, row_starts, indices, row_values, gram, low, high):
    for a in range(low, high):
        for k in range(starts[a], starts[a + 1]):
            u, value = owners[k], values[k]
            for q in range(row_starts[u], row_starts[u + 1]):
                b = indices[q]
                if b > a:
                    break
                gram[a, b] += value * row_values[q]


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
