"""The Poisson deviance of counts whose log mean is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.core.rounding import ELEMENTARY, gamma

# ratio of slope to count below which a series is more accurate than the formula
SERIES_RATIO = 1e-2
# lower limit of curvatures, for underflowing exp(z)
LEAST_CURVATURE = 1e-30


@final
@dataclass(frozen=True)
class LogPoisson:
    """Loss exp(z) - y z - y + y log y of a count y with mean exp(z): half the deviance.

    It is the negative log-likelihood up to a constant of the data, never negative, and zero where
    exp(z) = y. `Poisson` is the loss if the mean itself is predicted.
    """

    name: ClassVar[str] = "log-Poisson"
    is_quadratic: ClassVar[bool] = False
    vanishes_at_data: ClassVar[bool] = False

    def value(self, z: Vector, y: Vector) -> Vector:
        """Return half the deviance."""
        # y (exp(d) - 1 - d) with d = z - log y keeps its digits where the mean is close to the count
        distance = self._distance(z, y)
        with np.errstate(over="ignore", invalid="ignore"):  # overflow correctly gives infinity
            return np.asarray(np.where(y > 0, y * (np.expm1(distance) - distance), np.exp(z)), z.dtype)

    def slope(self, z: Vector, y: Vector) -> Vector:
        """Return exp(z) - y."""
        return np.asarray(np.exp(z) - y)

    def curvature(self, z: Vector, y: Vector) -> Vector:
        """Return exp(z)."""
        return np.asarray(np.exp(z))

    def value_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `value`, of z - log y too."""
        distance = self._distance(z, y)
        with np.errstate(over="ignore", invalid="ignore"):
            moved = np.abs(np.expm1(distance)) * (1 + np.abs(z) + np.abs(distance))
            sizes = np.where(y > 0, y * (moved + np.abs(distance)), np.exp(z))
        return np.asarray(gamma(ELEMENTARY) * sizes)

    def slope_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `slope`."""
        return np.asarray(gamma(ELEMENTARY) * (np.exp(z) + y))

    def majorant(self, z: Vector, y: Vector) -> Vector:
        """Return the curvature of the quadratic tangent at z with the same minimiser as the loss.

        It lies above the loss on one side only, so steps must be checked.
        """
        distance = self._distance(z, y)
        small = np.abs(distance) < 1e-4
        mean = np.where(small, 1 + distance / 2, np.expm1(distance) / np.where(small, 1, distance))
        return np.asarray(np.maximum(np.where(y > 0, y * mean, np.exp(z)), LEAST_CURVATURE), z.dtype)

    def conjugate(self, s: Vector, y: Vector) -> Vector:
        """Return (s + y) log(s + y) - s - y log y for s >= -y, and infinity beyond."""
        from scipy.special import xlog1py, xlogy

        # y ((1 + r) log(1 + r) - r) + s log y with r = s / y: nothing of the size of y log y cancels
        some = y > 0
        r = np.maximum(s, -y) / np.where(some, y, 1.0)
        small = np.abs(r) < SERIES_RATIO
        with np.errstate(divide="ignore"):
            whole = xlog1py(1 + r, r) - r
        near = r * r * (1 / 2 - r * (1 / 6 - r * (1 / 12 - r * (1 / 20 - r / 30))))
        counted = y * np.where(small, near, whole) + s * np.log(np.where(some, y, 1.0))
        none = xlogy(np.maximum(s, 0.0), np.maximum(s, 0.0)) - s
        return np.where(s + y >= 0, np.where(some, counted, none), np.inf)

    def conjugate_size(self, s: Vector, y: Vector) -> Vector:
        """Return the sizes of the terms above."""
        log = np.abs(np.log(np.where(y > 0, y, np.maximum(s, LEAST_CURVATURE))))
        return np.asarray(np.abs(s) * (2 + log) + s * s / np.maximum(y, LEAST_CURVATURE) * (np.abs(s) <= y))

    def unfitted(self, y: Vector) -> tuple[Vector, Vector]:
        """Return the sizes of losses and slopes when nothing is fitted."""
        return np.maximum(y, 1.0), np.maximum(y, 1.0)

    def subset(self, keep: NDArray[np.generic]) -> LogPoisson:
        """Return the loss of some observations: the same."""
        return self

    def check(self, y: Vector) -> None:
        """Raise InvalidInputError for negative counts."""
        if y.size and y.min() < 0:
            k = int(np.argmin(y))
            raise InvalidInputError(
                "y must not be negative for the Poisson loss",
                f"{y[k]} at position {k}",
                "counts start at 0",
            )

    def _distance(self, z: Vector, y: Vector) -> Vector:
        return np.asarray(z - np.log(np.where(y > 0, y, 1)))
