"""Smooth functions along an order of lines, as features of their prior means.

Lines that are years, hours or places vary smoothly along these. A Gaussian process along the coordinates,
the same for all factors, is a linear function of features: the leading eigenfunctions of its kernel, each
times the root of its eigenvalue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix

# coordinates that the eigenfunctions are computed from, features at most, and the share of the kernel's trace
# that they must explain
POINTS, MOST_FEATURES, EXPLAINED = 400, 150, 0.995


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

    References
    ----------
    C. K. I. Williams, M. Seeger, Using the Nyström method to speed up kernel machines, NIPS 2000.
    """

    length: float
    strength: float
    points: Matrix
    basis: Matrix

    @classmethod
    def of(cls, coordinates: Matrix, length: float, strength: float) -> OrderBasis:
        """Return the features of lines with these coordinates, shape (lines, c)."""
        points = np.unique(coordinates[~np.isnan(coordinates).any(axis=1)], axis=0)
        if len(points) > POINTS:
            # of a line evenly spaced ones, in the plane any: neighbours stand for each other
            places = np.linspace(0, len(points) - 1, POINTS).round().astype(np.intp)
            if coordinates.shape[1] > 1:
                places = np.sort(np.random.default_rng(0).choice(len(points), POINTS, replace=False))
            points = points[places]
        values, vectors = np.linalg.eigh(kernel(points, points, length))
        values, vectors = values[::-1], vectors[:, ::-1]
        share = np.cumsum(values) / max(float(values.sum()), np.finfo(float).tiny)
        count = min(MOST_FEATURES, int(np.searchsorted(share, EXPLAINED)) + 1)
        return cls(length, strength, points, vectors[:, :count] / np.sqrt(values[:count]))

    @property
    def width(self) -> int:
        """Number of features."""
        return int(self.basis.shape[1])

    def features(self, coordinates: Matrix) -> Matrix:
        """Return the features of lines, shape (lines, k): zero where a coordinate is NaN, not known."""
        known = ~np.isnan(coordinates).any(axis=1)
        out = np.zeros((len(coordinates), self.width))
        out[known] = self.strength * kernel(coordinates[known], self.points, self.length) @ self.basis
        return out


def kernel(left: Matrix, right: Matrix, length: float) -> Matrix:
    """Return the Matérn kernel of order 3/2 between coordinates."""
    squares = sum((own[:, None] - other) ** 2 for own, other in zip(left.T, right.T, strict=True))
    reach = np.sqrt(3 * squares) / length
    values: Matrix = (1 + reach) * np.exp(-reach)
    return values


def spacing(coordinates: Matrix) -> float:
    """Return the median distance of distinct coordinates from the next."""
    points = np.unique(coordinates[~np.isnan(coordinates).any(axis=1)], axis=0)
    if points.shape[1] == 1:
        return float(np.median(np.diff(points[:, 0]))) if len(points) > 1 else 1.0
    some = points[:: max(1, len(points) // POINTS)]
    squares = sum((own[:, None] - other) ** 2 for own, other in zip(some.T, some.T, strict=True))
    squares[np.diag_indices(len(some))] = np.inf
    return float(np.sqrt(np.median(squares.min(axis=0)))) if len(some) > 1 else 1.0
