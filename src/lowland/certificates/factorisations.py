"""Factorisations for judges: the one place that checks that matrices are finite before factoring them.

What LAPACK does with a matrix that is not finite differs from version to version: NaN, an error, or an
infinite loop. A judge that meets such a matrix is inconclusive.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.reasons import because, sentence
from lowland.core.work import cholesky_work, eigenvalue_work, matrix_work, singular_value_work, touch


class BeyondFloatsError(ArithmeticError):
    """A matrix to be factored holds values that are not finite."""


def finite(matrix: Matrix) -> Matrix:
    """Return the matrix, or raise `BeyondFloatsError` if an entry is not finite."""
    if not np.isfinite(matrix).all():
        raise BeyondFloatsError(sentence(because("overflow")))
    return matrix


def svd(matrix: Matrix) -> tuple[Matrix, Vector, Matrix]:
    """Return left vectors, singular values and right vectors as rows, as few as there are values."""
    touch(2 * singular_value_work(*matrix.shape[-2:]))
    left, sizes, right = np.linalg.svd(finite(matrix), full_matrices=False)
    return left, sizes, right


def singular_values(matrix: Matrix) -> Vector:
    """Return the singular values, descending."""
    touch(singular_value_work(*matrix.shape[-2:]))
    values: Vector = np.linalg.svd(finite(matrix), compute_uv=False)
    return values


def eigh(matrix: Matrix) -> tuple[Vector, Matrix]:
    """Return the eigenvalues of a Hermitian matrix, ascending, and its eigenvectors."""
    touch(2 * eigenvalue_work(len(matrix)))
    values, vectors = np.linalg.eigh(finite(matrix))
    return values, vectors


def eigenvalues(matrix: Matrix) -> Vector:
    """Return the eigenvalues of a Hermitian matrix, ascending."""
    touch(eigenvalue_work(len(matrix)))
    values: Vector = np.linalg.eigvalsh(finite(matrix))
    return values


def lowest_pair(matrix: Matrix) -> tuple[float, Vector]:
    """Return the least eigenvalue of a symmetric matrix and its vector."""
    from scipy.linalg import eigh as some

    touch(2 * eigenvalue_work(len(matrix)))
    values, vectors = some(finite(matrix), subset_by_index=[0, 0])
    return float(values[0]), vectors[:, 0]


def largest_ratio(matrix: Matrix, metric: Matrix) -> float:
    """Return the largest of d^T matrix d / d^T metric d, for a positive definite metric."""
    from scipy.linalg import eigh as generalised

    last = [len(matrix) - 1] * 2
    finite(metric)
    touch(3 * eigenvalue_work(len(matrix)))
    values = generalised(finite(matrix), metric, eigvals_only=True, subset_by_index=last)
    return float(values[0])


def qr(matrix: Matrix, *, complete: bool = False) -> tuple[Matrix, Matrix]:
    """Return orthonormal columns, as many as rows if `complete`, and the triangle."""
    rows, columns = matrix.shape
    touch(singular_value_work(rows, rows if complete else columns) / 2)
    q, r = np.linalg.qr(finite(matrix), mode="complete" if complete else "reduced")
    return q, r


def orthonormal_basis(directions: Matrix) -> Matrix:
    """Return an orthonormal basis of the span of columns, dependent ones dropped."""
    if directions.shape[1] == 0:
        return directions
    from scipy.linalg import qr as pivoted

    # with pivoting, dependent columns come last; otherwise their noise would be removed from the others
    touch(singular_value_work(*directions.shape))
    basis, upper, _ = pivoted(finite(directions), mode="economic", pivoting=True, check_finite=False)
    sizes = np.abs(np.diag(upper))
    return np.asarray(basis[:, sizes > 1e-10 * max(float(sizes[0]), np.finfo(float).tiny)])


def eigh_off(matrix: Matrix, directions: Matrix, count: int) -> tuple[Vector, Matrix]:
    """Return the eigenvalues of a symmetric matrix on a complement, and the first few eigenvectors."""
    out = directions.shape[1]
    complement = qr(directions, complete=True)[0][:, out:] if out else np.eye(len(matrix))
    inner = complement.T @ matrix @ complement
    values, vectors = eigh((inner + inner.T) / 2)
    return values, complement @ vectors[:, :count]


def triangle(matrix: Matrix) -> Matrix:
    """Return only the triangle of an orthogonal factorisation."""
    touch(singular_value_work(*matrix.shape) / 4)
    return np.asarray(np.linalg.qr(finite(matrix), mode="r"))


def leading_columns(matrix: Matrix, count: int) -> Matrix:
    """Return the given number of columns that a pivoted factorisation ranks as most independent."""
    from scipy.linalg import qr as pivoted

    touch(singular_value_work(*matrix.shape))
    return matrix[:, pivoted(finite(matrix), mode="economic", pivoting=True)[2][:count]]


def cholesky(matrix: Matrix) -> Matrix:
    """Return the lower factor; raises LinAlgError if the matrix is not positive definite."""
    touch(cholesky_work(len(matrix)))
    factor: Matrix = np.linalg.cholesky(finite(matrix))
    return factor


def cholesky_completes(matrix: Matrix) -> bool:
    """Whether all numbers are finite and a Cholesky factorisation in floating point completes."""
    try:
        cholesky(matrix)
    except (BeyondFloatsError, np.linalg.LinAlgError):
        return False
    return True


def cholesky_solver(matrix: Matrix) -> Any:
    """Return a function that solves systems with a symmetric matrix.

    Raises
    ------
    LinAlgError
        If it is not positive definite.
    """
    from scipy.linalg import cho_factor, cho_solve

    touch(cholesky_work(len(matrix)))
    factor = cho_factor(finite(matrix), check_finite=False)

    def solve(block: Matrix) -> Matrix:
        touch(matrix_work(matrix.size, block.shape[1] if block.ndim > 1 else 1))
        return np.asarray(cho_solve(factor, block, check_finite=False))

    return solve
