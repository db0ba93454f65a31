"""Rows as smooth curves along the columns, blended with the fit's predictions of missing cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.row_curves import curves_about, distances_along, has_curve, kernels_along
from lowland.bayes.score_quantile import MANY, score_quantile
from lowland.core.arrays import Indices, Matrix, Vector

# kinds of missing cells, by the known cells of their row: `kinds_of`
KINDS = 5
# columns this far from each other, in units of the median distance from the nearest, are neighbours
NEXT = 1.5


@final
@dataclass(frozen=True, eq=False)
class RowSmoothing:
    """How predictions of missing cells are blended with smooth curves through the known cells of their row.

    Parameters
    ----------
    weights : ndarray, shape (5,)
        Share of the curves in a prediction, by kind of missing cell, between 0 and 1.
    centred : ndarray of bool, shape (5,)
        Whether curves are of a row's distances from the means of columns, or of the row itself, by kind.
    ratios : ndarray, shape (5,)
        Errors on held-out cells over the standard errors of the fit, by kind.
    widest : ndarray, shape (5,)
        Nearly the largest of these standard errors: larger ones are not widened further than these.
    places : ndarray, shape (n, c)
        Coordinates of the columns.
    centres : ndarray, shape (n,)
        Means of the columns.
    shares : ndarray, shape (2, kernels)
        How often each kernel is that of a row, and of its distances from the means.
    gain : float
        Relative decrease of the squared error on held-out cells, in units of their kind.
    scores : ndarray
        Errors on these cells over the standard errors that are stated for them.
    score_kinds : ndarray of int
        The kinds of these cells.
    learnt_from : int
        Number of observed cells of the table from which all this was learnt.
    """

    weights: Vector
    centred: NDArray[np.bool_]
    ratios: Vector
    widest: Vector
    places: Matrix
    centres: Vector
    shares: Matrix
    gain: float
    scores: Vector
    score_kinds: NDArray[np.intp]
    learnt_from: int

    # a table that has grown is looked at for curves again, as if nobody had asked
    asked_again = None

    @property
    def groups(self) -> Indices:
        """Each column is its own group."""
        return np.arange(self.centres.size)

    @property
    def held_out(self) -> int:
        """Number of cells held out."""
        return int(self.scores.size)

    @property
    def words(self) -> str:
        """What is done, in words."""
        return (
            "missing cells blended with smooth curves of their rows along the columns, "
            f"{self.weights.min():.0%} to {self.weights.max():.0%} of a prediction by where the known cells"
            f" are, which lowers the squared error of {self.held_out} held-out cells by {self.gain:.0%}"
        )

    def kinds(self, holes: Matrix) -> NDArray[np.intp]:
        """Return the kinds of cells, 0 where the fit stays as it is, shape (k, n): `kinds_of`."""
        return kinds_of(holes, self.places)

    def reach_at(self, level: float, kinds: NDArray[np.intp]) -> Vector:
        """Return half-widths of intervals of cells, in standard errors: quantiles of their kind's scores.

        They are those of all kinds where a kind has few, and of a normal law where the fit stays as it is.
        """
        from scipy.special import ndtri

        reaches = np.full(1 + KINDS, score_quantile(np.sort(self.scores), level))
        reaches[0] = ndtri((1 + level) / 2)
        for kind in range(1, 1 + KINDS):
            of_kind = np.sort(self.scores[self.score_kinds == kind])
            if of_kind.size >= MANY:
                reaches[kind] = score_quantile(of_kind, level)
        return reaches[kinds]

    def ratios_at(self, kinds: NDArray[np.intp], columns: Indices, stated: Callable[[], Vector]) -> Vector:
        """Return what standard errors of cells, as the fit states them, are multiplied with.

        Errors beyond those of the cells held out are larger than these alone tell: they are not widened, or
        as far as the widest would be.
        """
        errors = stated()
        ratios, widest = (np.array([1.0, *by_kind])[kinds] for by_kind in (self.ratios, self.widest))
        return np.where(
            errors > widest, np.maximum(ratios * widest / errors, np.minimum(ratios, 1.0)), ratios
        )

    def shifts(self, holes: Matrix, low: Matrix) -> Matrix:
        """Return what is added to predictions: zero at observed cells, and in rows without a curve.

        Parameters
        ----------
        holes : ndarray, shape (k, n)
            Rows of a table, NaN where missing.
        low : ndarray, shape (k, n)
            Their predictions without curves.

        Returns
        -------
        ndarray, shape (k, n)
        """
        kinds, kernels = self.kinds(holes), kernels_along(self.places)
        shifts = np.zeros(holes.shape)
        weights = np.where(np.stack([~self.centred, self.centred]), self.weights, 0.0)
        used = weights.any(axis=1)
        centres = np.stack([0 * self.centres, self.centres])[used]
        for curves, centre, shares, by_kind in zip(
            curves_about(holes, centres, kernels), centres, self.shares[used], weights[used], strict=True
        ):
            values = curves.values(shares) + centre
            shifts += np.append(0.0, by_kind)[kinds] * np.where(np.isnan(values), 0.0, values - low)
        return shifts

    def for_table(self, holes: Matrix) -> Self:
        """Return the smoothing of another table, with the same weights."""
        centres, kernels = column_means(holes), kernels_along(self.places)
        return replace(self, centres=centres, shares=learnt_shares(holes, centres, kernels))


def column_means(holes: Matrix) -> Vector:
    """Return the means of the known cells of each column, 0 where there is none."""
    known = ~np.isnan(holes)
    means: Vector = np.where(known, holes, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return means


def learnt_shares(holes: Matrix, centres: Vector, kernels: Matrix) -> Matrix:
    """Return how often each kernel is that of a row, and of its distances from the means of columns."""
    both = curves_about(holes, np.stack([0 * centres, centres]), kernels)
    return np.stack([curves.shares() for curves in both])


def kinds_of(holes: Matrix, places: Matrix) -> NDArray[np.intp]:
    """Return the kinds of missing cells, and 0 at known ones and in rows without a curve.

    Between known cells of their row: 1 if all neighbours are known, 2 if some are, 3 if none is. Beyond
    them, on a line: 4 if a neighbour is known, 5 if not.

    Parameters
    ----------
    holes : ndarray, shape (k, n)
        Rows of a table, NaN where missing.
    places : ndarray, shape (n, c)

    Returns
    -------
    ndarray of int, shape (k, n)
    """
    near = _neighbours(distances_along(places))
    kinds = np.zeros(holes.shape, np.intp)
    for row in np.flatnonzero(has_curve(holes)):
        missing, known = np.flatnonzero(np.isnan(holes[row])), np.flatnonzero(~np.isnan(holes[row]))
        beside, neighbours = near[missing[:, None], known].sum(axis=1), near[missing].sum(axis=1)
        beyond = np.zeros(missing.size, bool)
        if places.shape[1] == 1:
            at = places[known, 0]
            beyond = (places[missing, 0] < at.min()) | (places[missing, 0] > at.max())
        between = np.where(beside == 0, 3, np.where(beside == neighbours, 1, 2))
        kinds[row, missing] = np.where(beyond, np.where(beside > 0, 4, 5), between)
    return kinds


def _neighbours(distances: Matrix) -> NDArray[np.bool_]:
    """Return which columns are neighbours, shape (n, n); those far from all others have none."""
    apart = np.where(distances > 0, distances, np.inf).min(axis=1)
    some = apart[np.isfinite(apart)]
    near: NDArray[np.bool_] = distances <= NEXT * (float(np.median(some)) if some.size else np.inf)
    np.fill_diagonal(near, val=False)
    return near
