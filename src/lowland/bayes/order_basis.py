"""Smooth functions along an order of lines, as features of their prior means.

Lines that are years, hours or places vary smoothly along these. A Gaussian process along the coordinates,
the same for all factors, is a linear function of features: the leading eigenfunctions of its kernel, each
times the root of its eigenvalue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.kernels.blas_threads import one_blas_thread

# coordinates that the eigenfunctions are computed from, features at most, and the share of the kernel's trace
# that they must explain
POINTS, MOST_FEATURES, EXPLAINED = 400, 150, 0.995
# share of the process that features must tell for a place to be known, and distances that are far in any case
TOLD, FARTHEST = 0.9, 1e3


@final
@dataclass(frozen=True, eq=False)
class OrderBasis:
    """Features of lines by their coordinates.

    Parameters
    ----------
    length : float
        Over which the kernel (Matérn 3/2) falls, in the unit of the coordinates.
    strength : float
        Standard deviation of the process, in units of the deviations of lines from it.
    points : ndarray, shape (z, c)
        Coordinates.
    basis : ndarray, shape (z, k)
        Maps the kernel between a line and the points to features.
    labelled : bool
        Whether coordinates are those that labels say.
    graph : bool
        Whether coordinates are features themselves, those of nodes of a graph: points and basis are empty.

    References
    ----------
    C. K. I. Williams, M. Seeger, Using the Nyström method to speed up kernel machines, NIPS 2000.
    """

    length: float
    strength: float
    points: Matrix
    basis: Matrix
    labelled: bool = False
    graph: bool = False

    @classmethod
    def of(cls, coordinates: Matrix, length: float, strength: float, labelled: bool) -> OrderBasis:
        """Return the features of lines with these coordinates, shape (lines, c)."""
        points = np.unique(coordinates[~np.isnan(coordinates).any(axis=1)], axis=0)
        if len(points) > POINTS:
            # of a line evenly spaced ones, in the plane any: neighbours stand for each other
            places = np.linspace(0, len(points) - 1, POINTS).round().astype(np.intp)
            if coordinates.shape[1] > 1:
                places = np.sort(np.random.default_rng(0).choice(len(points), POINTS, replace=False))
            points = points[places]
        with one_blas_thread():  # the same bits whatever its number of threads
            values, vectors = np.linalg.eigh(kernel(points, points, length))
        values, vectors = values[::-1], vectors[:, ::-1]
        share = np.cumsum(values) / max(float(values.sum()), np.finfo(float).tiny)
        count = min(MOST_FEATURES, int(np.searchsorted(share, EXPLAINED)) + 1)
        return cls(length, strength, points, vectors[:, :count] / np.sqrt(values[:count]), labelled)

    @classmethod
    def of_graph(cls, coordinates: Matrix, length: float, strength: float) -> OrderBasis:
        """Return the features of nodes of a graph, which their coordinates are."""
        width = coordinates.shape[1]
        return cls(length, strength, np.zeros((0, width)), np.zeros((0, width)), graph=True)

    @property
    def width(self) -> int:
        """Number of features."""
        return int(self.basis.shape[1])

    def features(self, coordinates: Matrix) -> Matrix:
        """Return the features of lines, shape (lines, k): zero where a coordinate is NaN, not known."""
        known = ~np.isnan(coordinates).any(axis=1)
        out = np.zeros((len(coordinates), self.width))
        if self.graph:
            out[known] = self.strength * coordinates[known]
            return out
        with one_blas_thread():
            out[known] = self.strength * kernel(coordinates[known], self.points, self.length) @ self.basis
        return out

    def unknown(self, coordinates: Matrix) -> NDArray[np.bool_]:
        """Return which lines have no known place, or one so far from all points that features say little."""
        if self.graph:
            return np.asarray(~np.nan_to_num(coordinates).any(axis=1))
        told = np.sum(self.features(coordinates) ** 2, axis=1)
        return np.asarray(told < TOLD * self.strength**2)


def kernel(left: Matrix, right: Matrix, length: float) -> Matrix:
    """Return the Matérn kernel of order 3/2 between coordinates."""
    squares = np.zeros((len(left), len(right)))
    with np.errstate(over="ignore"):
        for axis, other in zip(left.T, right.T, strict=True):
            squares += np.minimum(np.abs(axis[:, None] / length - other / length), FARTHEST) ** 2
    reach = np.sqrt(3 * squares)
    values: Matrix = (1 + reach) * np.exp(-reach)
    return values


def spacing(coordinates: Matrix) -> float:
    """Return the mean distance of coordinates from the next; in the plane the median of the least."""
    points = np.unique(coordinates[~np.isnan(coordinates).any(axis=1)], axis=0)
    reach = float(np.ptp(points, axis=0).max(initial=0.0))
    if len(points) < 2 or not 0 < reach < np.inf:
        return 1.0
    if points.shape[1] == 1:
        return reach / (len(points) - 1)
    some = points[:: max(1, len(points) // POINTS)] / reach
    squares = sum((axis[:, None] - other) ** 2 for axis, other in zip(some.T, some.T, strict=True))
    squares[np.diag_indices(len(some))] = np.inf
    return reach * float(np.sqrt(np.median(squares.min(axis=0))))
