"""Products of independent Gaussian rows and columns: what a completion says of single cells."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.kernels.systems.moments import Moments
from lowland.kernels.systems.stacked_systems import lower_triangle


def product_means(left: Matrix, right: Matrix, at: tuple[Indices, Indices], rank: int) -> Vector:
    """Return p . q + b + c for pairs of rows and columns, whose entries beyond the rank are biases."""
    p, q = left[at[0]], right[at[1]]
    return np.asarray(
        np.einsum("kr,kr->k", p[:, :rank], q[:, :rank]) + (p[:, rank:] + q[:, rank:]).sum(axis=1)
    )


def all_product_means(left: Matrix, right: Matrix, rank: int) -> Matrix:
    """Return p . q + b + c for every row with every column, shape (m, n)."""
    means: Matrix = left[:, :rank] @ right[:, :rank].T
    means += left[:, rank:].sum(axis=1)[:, None] + right[:, rank:].sum(axis=1)
    return means


def singular_factors(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Return factors U, V with U V^T = matrix whose columns share the singular values, the leading first."""
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    root = np.sqrt(values)
    return left * root, right.T * root


def product_variances(rows: Moments, columns: Moments, at: tuple[Indices, Indices], rank: int) -> Vector:
    """Return the variances of p . q + b + c for pairs of independent Gaussian rows and columns."""
    d = rows.means.shape[1]
    row_covariances, column_covariances = (
        side.covariances[places].astype(np.float64) for side, places in zip((rows, columns), at, strict=True)
    )
    x, z = np.ones((2, at[0].size, d))
    x[:, :rank], z[:, :rank] = columns.means[at[1], :rank], rows.means[at[0], :rank]
    a, b = lower_triangle(d)
    twice = np.where(a == b, 1.0, 2.0)  # packed lower triangles stand for both
    factors = rank * (rank + 1) // 2  # that of the factors comes first
    row_covariances *= twice
    variances: Vector = np.einsum("kc,kc->k", row_covariances, x[:, a] * x[:, b])
    variances += np.einsum("kc,kc->k", row_covariances[:, :factors], column_covariances[:, :factors])
    column_covariances *= twice
    variances += np.einsum("kc,kc->k", column_covariances, z[:, a] * z[:, b])
    return variances
