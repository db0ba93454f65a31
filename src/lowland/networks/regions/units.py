"""Units in which the program of a region is well scaled, without changing the cones of its neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector


@final
@dataclass(frozen=True, eq=False)
class RegionUnits:
    """Points shifted and scaled, output weights reduced to their signs, targets of about length one.

    No digit of points, signs and targets is lost, so proofs in these units hold for the original data.

    Parameters
    ----------
    points : ndarray, shape (n, d)
    targets : ndarray, shape (n,)
    outer : ndarray, shape (k,)
        Signs of the output weights.
    shift : ndarray, shape (d,)
        Subtracted from the points; zero unless a column of ones can absorb it without rounding.
    scales : ndarray, shape (d,)
        Powers of two, which divide points without rounding.
    sizes : ndarray, shape (k,)
        Sizes of the output weights.
    unit : float
        Length of the targets, rounded up to a power of two.
    """

    points: Matrix
    targets: Vector
    outer: Vector
    shift: Vector
    scales: Vector
    sizes: Vector
    unit: float

    @classmethod
    def of(cls, points: Matrix, targets: Vector, outer: Vector) -> RegionUnits:
        """Choose units for points (a column of ones last, if any), targets and output weights."""
        shift = np.zeros(points.shape[1])
        if np.all(points[:, -1] == 1) and points.shape[1] > 1:
            middle = points[np.argmin(np.abs(points - points.mean(axis=0)).sum(axis=1)), :-1]
            if _is_exact_difference(points[:, :-1], middle):
                shift[:-1] = middle
        moved = points - shift
        largest = np.abs(moved).max(axis=0)
        scales = np.exp2(np.frexp(np.where(largest > 0, largest, 1.0))[1].astype(float))
        sizes = np.where(outer != 0, np.abs(outer), 1.0)
        unit = float(np.exp2(np.frexp(float(np.linalg.norm(targets)) or 0.5)[1]))
        return cls(moved / scales, targets / unit, np.sign(outer), shift, scales, sizes, unit)

    def restore(self, weights: Matrix) -> Matrix:
        """Return weights of the original points, shape (k, d)."""
        plain = self.unit * weights / self.scales / self.sizes[:, None]
        plain[:, -1] -= plain[:, :-1] @ self.shift[:-1]
        restored: Matrix = plain
        return restored


def _is_exact_difference(a: Matrix, b: Vector) -> bool:
    """Return whether a - b is exact: its rounding error, computed exactly, is zero (Knuth)."""
    difference = a - b
    taken = difference - a
    error = (a - (difference - taken)) - (b + taken)
    return not np.any(error)
