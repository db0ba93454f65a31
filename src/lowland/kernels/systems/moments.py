"""The row kernel of variational completion: Gaussian rows, given Gaussian rows of the other side.

A row is u = (p, b), factors and, with biases, a bias as its last coordinate; the prediction of an
entry is p_u . q_i + b_u + b_i. Each row's posterior given the moments of the other side has the
precision P + sum w E[x x^T] and the shift t + sum w E[(v - b_i) x] with x = (q_i, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.systems.rows import default_form, pivot_floor


@final
@dataclass(frozen=True, eq=False)
class Moments:
    """Means and covariances of independent Gaussian rows.

    Parameters
    ----------
    means : ndarray, shape (n, d)
    covariances : ndarray, shape (n, d (d + 1) / 2)
        Lower triangles, row after row: entry (a, b) at a (a + 1) / 2 + b.
    derived : dict, optional
        Where kernels keep what they make of these moments; None: nowhere.
    """

    means: Matrix
    covariances: Matrix
    derived: dict[Any, Any] | None = None

    def for_many(self) -> Moments:
        """Return the same moments for several calls, which share what they make of them."""
        return Moments(self.means, self.covariances, {})

    def times(self, factors: Vector) -> Moments:
        """Return rows whose covariances are multiplied, each by a factor of its own, shape (n,)."""
        return Moments(self.means, (self.covariances * factors[:, None]).astype(self.covariances.dtype))


@final
@dataclass(frozen=True, eq=False)
class RowMoments:
    """Results of `row_moments` for each row.

    Parameters
    ----------
    moments : Moments
    log_determinants : ndarray of float64, shape (rows,)
        Log determinants of the posterior precisions A.
    explained : ndarray of float64, shape (rows,)
        Mean times A times mean.
    squares : ndarray of float64, shape (rows,)
        Sums of w E[(v - b_i)^2].
    """

    moments: Moments
    log_determinants: Vector
    explained: Vector
    squares: Vector


def row_moments(
    partner: Moments,
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Vector,
    *,
    biased: bool,
    weights: Vector | None,
    precision: Matrix,
    shift: Matrix,
    form: str | None = None,
) -> RowMoments:
    """Return the posterior moments of every row, given those of the other side.

    Parameters
    ----------
    partner : Moments
        Of the other side, n rows of d numbers, float32 or float64.
    starts : ndarray of int64, shape (rows + 1,)
        Entries of row i lie at starts[i] .. starts[i + 1].
    indices : ndarray of int32, shape (p,)
        Which partner row each entry belongs to.
    values : ndarray, shape (p,)
        Targets v, minus everything except the low-rank part and the biases.
    biased : bool
        Whether the last coordinate of rows, on both sides, is a bias.
    weights : ndarray, shape (p,), or None
        Positive weights w; None means 1.
    precision : ndarray, shape (d, d)
        Prior precision P, positive definite.
    shift : ndarray, shape (rows, d)
        Prior precision times prior mean of each row.
    form : {"vector", "portable", "numpy"}, optional
        From `default_form`; by default the faster one for large tables.

    Returns
    -------
    RowMoments

    Notes
    -----
    Costs O(p d^2 + rows d^3). Rows are computed separately: the bits do not depend on threads.
    """
    dtype, (rows, d) = values.dtype, shift.shape
    lower = d * (d + 1) // 2
    solved = RowMoments(
        Moments(np.empty((rows, d), dtype), np.empty((rows, lower), dtype)),
        *(np.empty(rows) for _ in range(3)),
    )
    out = (
        solved.moments.means,
        solved.moments.covariances,
        solved.log_determinants,
        solved.explained,
        solved.squares,
    )
    arguments = (
        (np.ascontiguousarray(partner.means, dtype), np.ascontiguousarray(partner.covariances, dtype)),
        int(biased),
        starts,
        indices,
        np.ascontiguousarray(values),
        None if weights is None else np.ascontiguousarray(weights, dtype),
        np.asarray(precision, dtype),
        np.ascontiguousarray(shift, dtype),
        pivot_floor(d, dtype),
        out,
    )
    kernel = import_module(f"lowland.kernels.systems.moments_{form or default_form(d)}")
    kernel.row_moments(*arguments, partner.derived)
    return solved
