"""Losses that are quadratic near the datum and linear beyond: Huber's, the absolute and the quantile loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.core.rounding import gamma


@final
@dataclass(frozen=True)
class Clipped:
    """The convex loss of z - y whose slope is (z - y) / width, clipped to `lowest` .. `highest`.

    Parameters
    ----------
    lowest, highest : float
        Negative and positive.
    width : float
        Positive, in the unit of the data.

    References
    ----------
    P. Huber, Robust estimation of a location parameter, Ann. Math. Stat. 1964; R. Koenker, G. Bassett,
    Regression quantiles, Econometrica 1978; D. Hunter, K. Lange, Quantile regression via an MM algorithm,
    JCGS 2000.
    """

    lowest: float
    highest: float
    width: float = 1.0
    name: ClassVar[str] = "clipped"
    is_quadratic: ClassVar[bool] = False
    vanishes_at_data: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (
            np.isfinite(self.highest - self.lowest) and self.lowest < 0 < self.highest and self.width > 0
        ):
            raise InvalidInputError("slopes must include negative and positive values", repr(self))

    @classmethod
    def huber(cls, threshold: float = 1.345) -> Clipped:
        """Return Huber's loss: squared errors up to a threshold, absolute ones beyond."""
        return cls(-threshold, threshold)

    @classmethod
    def quantile(cls, level: float = 0.5, width: float = 0.05) -> Clipped:
        """Return twice the pinball loss, which is |z - y| at 0.5 and whose best constant is a quantile.

        Errors below about `width` count quadratically: an exact kink would break smooth searches.
        """
        return cls(-2 * level, 2 * (1 - level), width)

    def value(self, z: Vector, y: Vector) -> Vector:
        """Return the loss, zero where z = y."""
        slope = self.slope(z, y)
        return np.asarray(slope * (z - y) - self.width * slope**2 / 2, z.dtype)

    def slope(self, z: Vector, y: Vector) -> Vector:
        """Return the clipped slope."""
        return np.asarray(np.clip((z - y) / self.width, self.lowest, self.highest), z.dtype)

    def curvature(self, z: Vector, y: Vector) -> Vector:
        """Return 1 / width near the datum, else zero."""
        slope = (z - y) / self.width
        inside = (slope > self.lowest) & (slope < self.highest)
        return np.where(inside, z.dtype.type(1 / self.width), z.dtype.type(0))

    def value_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `value`: its terms may cancel."""
        slope = self.slope(z, y)
        return np.asarray(gamma(16) * (np.abs(slope * (z - y)) + self.width * slope**2))

    def slope_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `slope`."""
        return np.asarray(gamma(4) * np.abs(self.slope(z, y)))

    def majorant(self, z: Vector, y: Vector) -> Vector:
        """Return the curvature of the quadratic tangent at z that lies above the loss everywhere."""
        # the loss is a symmetric one around another datum plus a linear function
        half, middle = (self.highest - self.lowest) / 2, (self.highest + self.lowest) / 2
        distance = np.abs(z - y - middle * self.width)
        return np.asarray(half / np.maximum(distance, half * self.width), z.dtype)

    def conjugate(self, s: Vector, y: Vector) -> Vector:
        """Return s y + width s^2 / 2 within the range of slopes, and infinity outside."""
        inside = (s >= self.lowest) & (s <= self.highest)
        return np.where(inside, s * y + self.width * s**2 / 2, np.inf)

    def conjugate_size(self, s: Vector, y: Vector) -> Vector:
        """Return |s y| + width s^2 / 2."""
        return np.abs(s * y) + self.width * s**2 / 2

    def unfitted(self, y: Vector) -> tuple[Vector, Vector]:
        """Return losses and slopes when nothing is fitted."""
        zero = np.zeros_like(y)
        return self.value(zero, y), self.slope(zero, y)

    def subset(self, keep: NDArray[np.generic]) -> Clipped:
        """Return the loss of some observations: the same."""
        return self

    def check(self, y: Vector) -> None:
        """Accept every finite number."""
