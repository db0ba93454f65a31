"""Half the squared error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.rounding import gamma


@final
@dataclass(frozen=True)
class Squared:
    """Loss (z - y)^2 / 2 of each observation."""

    name: ClassVar[str] = "squared"
    is_quadratic: ClassVar[bool] = True
    vanishes_at_data: ClassVar[bool] = True

    def value(self, z: Vector, y: Vector) -> Vector:
        """Return (z - y)^2 / 2."""
        return (z - y) ** 2 / 2

    def slope(self, z: Vector, y: Vector) -> Vector:
        """Return z - y."""
        return z - y

    def curvature(self, z: Vector, y: Vector) -> Vector:
        """Return ones."""
        return np.ones_like(z)

    def majorant(self, z: Vector, y: Vector) -> Vector:
        """Return ones: the loss is already quadratic."""
        return np.ones_like(z)

    def value_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `value`."""
        return gamma(4) * self.value(z, y)

    def slope_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `slope`."""
        return gamma(2) * np.abs(z - y)

    def conjugate(self, s: Vector, y: Vector) -> Vector:
        """Return s^2 / 2 + s y."""
        return s**2 / 2 + s * y

    def conjugate_size(self, s: Vector, y: Vector) -> Vector:
        """Return s^2 / 2 + |s y|."""
        return s**2 / 2 + np.abs(s * y)

    def unfitted(self, y: Vector) -> tuple[Vector, Vector]:
        """Return losses and slopes when nothing is fitted."""
        return self.value(np.zeros_like(y), y), -y

    def subset(self, keep: NDArray[np.generic]) -> Squared:
        """Return the loss of some observations: the same."""
        return self

    def check(self, y: Vector) -> None:
        """Accept every finite number."""
