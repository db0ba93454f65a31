"""The Poisson deviance, for counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.core.rounding import ELEMENTARY, gamma
from lowland.core.wording import Option, Words
from lowland.losses.entropy import ratio, relative_entropy


@final
@dataclass(frozen=True)
class Poisson:
    """Loss z - y + y log(y / z) of a count y whose mean is z > 0.

    It is the negative log-likelihood up to a constant of the data, never negative, and zero if
    z = y. It is infinite for negative predictions, and for zero ones with a positive count.
    """

    name: ClassVar[str] = "poisson"
    is_quadratic: ClassVar[bool] = False
    vanishes_at_data: ClassVar[bool] = True

    def value(self, z: Vector, y: Vector) -> Vector:
        """Return z - y + y log(y / z)."""
        loss = z - y + relative_entropy(y, z)
        # close to z = y the difference of large terms may round below zero
        return np.asarray(np.maximum(loss, 0.0), dtype=z.dtype)

    def slope(self, z: Vector, y: Vector) -> Vector:
        """Return 1 - y / z."""
        return 1 - ratio(y, z)

    def curvature(self, z: Vector, y: Vector) -> Vector:
        """Return y / z^2."""
        return ratio(ratio(y, z), z)

    def value_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `value`: its terms may cancel."""
        return gamma(ELEMENTARY) * (np.abs(z) + 2 * y + np.abs(relative_entropy(y, z)))

    def slope_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `slope`."""
        return gamma(ELEMENTARY) * (1 + np.abs(ratio(y, z)))

    def conjugate_size(self, s: Vector, y: Vector) -> Vector:
        """Return |y log(1 - s)|: there is one term."""
        return np.abs(self.conjugate(s, y))

    def conjugate(self, s: Vector, y: Vector) -> Vector:
        """Return -y log(1 - s) for s < 1, and infinity beyond."""
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = -y * np.log1p(-s)
        edge = (s == 1) & (y == 0)
        return np.where(s < 1, inside, np.where(edge, 0.0, np.inf))

    def unfitted(self, y: Vector) -> tuple[Vector, Vector]:
        """Return the sizes of losses and slopes when nothing is fitted."""
        return np.maximum(y, 1.0), np.ones_like(y)

    def subset(self, keep: NDArray[np.generic]) -> Poisson:
        """Return the loss of some observations: the same."""
        return self

    def check(self, y: Vector) -> None:
        """Raise InvalidInputError for negative counts."""
        if y.size and y.min() < 0:
            k = int(np.argmin(y))
            raise InvalidInputError(
                Words("y must not be negative for ", Option("loss", "poisson")),
                f"{y[k]} at position {k}",
                "counts start at 0",
            )
