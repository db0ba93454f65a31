"""Rows as smooth curves along their columns: Gaussian processes of their own, whose kernels rows share.

The curve of a row is a Gaussian process with a Matérn kernel of order 3/2, a level of its own with a flat
prior, and a variance that is the likeliest for each kernel. What is predicted is a mean over kernels, by
their likelihood of the row times how often each is that of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.order_basis import spacing
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.kernels.blas_threads import one_blas_thread

# lengths of the correlations of a row, in units of the columns' spacing, and variances of its noise relative
# to that of the curve: each pair is a kernel
LENGTHS = (1.0, 2.2, 4.6, 10.0, 22.0, 48.0)
NOISES = (1e-4, 1e-3, 1e-2, 1e-1, 0.5)
# rows with fewer cells have no curve
FEWEST_CELLS = 3
# share of the kernels' weights that stays even, and rounds in which the rest is learnt
EVEN, ROUNDS = 0.5, 30


@final
@dataclass(frozen=True, eq=False)
class RowCurves:
    """Curves of the rows of a table, by kernel.

    Parameters
    ----------
    shape : tuple of int
        (m, n), of the table.
    rows : sequence of int
        Those that have a curve.
    gaps : sequence of ndarray of int
        Their missing cells.
    means : sequence of ndarray, shape (kernels, gaps)
        Predictions of these under each kernel.
    likelihoods : ndarray, shape (rows with a curve, kernels)
        Logarithms, less the largest of the row.
    """

    shape: tuple[int, int]
    rows: Sequence[int]
    gaps: Sequence[Indices]
    means: Sequence[Matrix]
    likelihoods: Matrix

    def shares(self) -> Vector:
        """Return how often each kernel is that of a row, half of it even, by expectation-maximisation."""
        even = np.full(self.likelihoods.shape[1], 1 / self.likelihoods.shape[1])
        shares = even
        for _ in range(ROUNDS if self.rows else 0):
            weights = np.exp(self.likelihoods) * shares
            weights /= weights.sum(axis=1, keepdims=True)
            shares = EVEN * even + (1 - EVEN) * weights.mean(axis=0)
        return shares

    def values(self, shares: Vector) -> Matrix:
        """Return the curves at missing cells, shape (m, n); NaN at known cells and without a curve."""
        curves = np.full(self.shape, np.nan)
        for row, gaps, means, likelihoods in zip(
            self.rows, self.gaps, self.means, self.likelihoods, strict=True
        ):
            weights = np.exp(likelihoods) * shares
            curves[row, gaps] = (weights / weights.sum()) @ means
        return curves


def distances_along(places: Matrix) -> Matrix:
    """Return distances between places, shape (n, n), in units of their spacing."""
    unit = places / spacing(places)
    distances: Matrix = np.linalg.norm(unit[:, None] - unit, axis=2)
    return distances


def has_curve(rows: Matrix) -> NDArray[np.bool_]:
    """Return which rows have a curve: those of three cells or more that are not all equal."""
    known = ~np.isnan(rows)
    least = np.where(known, rows, np.inf).min(axis=1)
    most = np.where(known, rows, -np.inf).max(axis=1)
    curved: NDArray[np.bool_] = (known.sum(axis=1) >= FEWEST_CELLS) & (least < most)
    return curved


def kernels_along(places: Matrix) -> Matrix:
    """Return the correlations of noisy curves, shape (kernels, n, n), at places of shape (n, c)."""
    distances = distances_along(places)
    kernels = []
    for length in LENGTHS:
        scaled = np.sqrt(3) * distances / length
        curve = (1 + scaled) * np.exp(-scaled)
        kernels += [curve + noise * np.eye(len(places)) for noise in NOISES]
    return np.stack(kernels)


def curves_about(rows: Matrix, centres: Matrix, kernels: Matrix) -> list[RowCurves]:
    """Return the curves of rows, shape (m, n), NaN where missing, less each of some centres, shape (k, n).

    Some rows have none: `has_curve`. Costs O(kernels n^3) per set of known columns that rows have, whatever
    the number of centres.
    """
    tables = rows - centres[:, None]
    lies = np.stack([has_curve(table) for table in tables])
    curved = np.flatnonzero(lies.any(axis=0))
    curves_by_table: list[dict[int, tuple[Indices, Matrix, Vector]]] = [{} for _ in tables]  # by row
    with one_blas_thread():  # the same bits whatever its number of threads
        for seen, group in _by_pattern(~np.isnan(rows[curved])):
            gaps = np.flatnonzero(~seen)
            curves = _PatternCurves.of(kernels, np.flatnonzero(seen), gaps)
            for row in curved[group].tolist():
                for k in np.flatnonzero(lies[:, row]).tolist():
                    values = tables[k, row, seen]
                    level = values.mean()  # a large one would cost digits
                    means, likelihoods = curves.fit(values - level)
                    curves_by_table[k][row] = gaps, means + level, likelihoods
    return [_collected(rows.shape, curves, len(kernels)) for curves in curves_by_table]


def _by_pattern(known: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], Indices]]:
    """Yield each set of known columns, and the rows that have it."""
    patterns, members = np.unique(known, axis=0, return_inverse=True)
    order = np.argsort(members.ravel(), kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(members.ravel()[order])) + 1)
    yield from zip(patterns, groups, strict=False)  # without rows there is an empty group


def _collected(
    shape: tuple[int, ...], curves: dict[int, tuple[Indices, Matrix, Vector]], kernels: int
) -> RowCurves:
    rows = sorted(curves)
    gaps, means = [curves[row][0] for row in rows], [curves[row][1] for row in rows]
    likelihoods = np.reshape([curves[row][2] for row in rows], (len(rows), kernels))
    return RowCurves((shape[0], shape[1]), rows, gaps, means, likelihoods)


@final
@dataclass(frozen=True, eq=False)
class _PatternCurves:
    """Curves under every kernel through the same known columns.

    Parameters
    ----------
    factors : list of ndarray, shape (k, k)
        Cholesky factors of the kernels at known columns, below the diagonal.
    sizes : ndarray, shape (kernels,)
        Halves of their log determinants.
    ones : ndarray, shape (kernels, k)
        Solutions for a level of one.
    outwards : ndarray, shape (kernels, gaps, k)
        Correlations of missing columns with known ones.
    """

    factors: list[Matrix]
    sizes: Vector
    ones: Matrix
    outwards: Matrix

    @classmethod
    def of(cls, kernels: Matrix, known: Indices, gaps: Indices) -> Self:
        """Factor the kernels at known columns."""
        from scipy.linalg.lapack import dpotrf, dpotrs

        # each is symmetric: its transpose lies as LAPACK has it, and is factored in place
        inner = np.ascontiguousarray(kernels[:, known[:, None], known])
        factors = [dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)[0] for matrix in inner]
        sizes = np.log(np.stack([factor.diagonal() for factor in factors])).sum(axis=1)
        ones = np.stack([dpotrs(factor, np.ones(known.size), lower=1)[0] for factor in factors])
        return cls(factors, sizes, ones, kernels[:, gaps[:, None], known])

    def fit(self, values: Vector) -> tuple[Matrix, Vector]:
        """Return the means of missing cells under each kernel, and the log likelihoods less the largest."""
        from scipy.linalg.lapack import dpotrs

        solved = np.stack([dpotrs(factor, values, lower=1)[0] for factor in self.factors])
        precision = self.ones.sum(axis=1)
        level = solved.sum(axis=1) / precision
        rest = solved - level[:, None] * self.ones
        squares = np.maximum(rest @ values, np.finfo(float).tiny)
        likelihoods = -0.5 * (values.size - 1) * np.log(squares) - self.sizes - 0.5 * np.log(precision)
        means = level[:, None] + (self.outwards @ rest[:, :, None])[:, :, 0]
        return means, likelihoods - likelihoods.max()
