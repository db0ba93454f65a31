"""The binomial deviance, for frequencies; weights are the numbers of trials."""

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
class Binomial:
    """Loss y log(y / z) + (1 - y) log((1 - y) / (1 - z)) of a frequency y whose probability is z.

    Weighted by the number of trials it is the negative log-likelihood up to a constant of the data.
    It is nonnegative, and zero if z = y; for probabilities outside (0, 1) it is infinite.
    """

    name: ClassVar[str] = "binomial"
    is_quadratic: ClassVar[bool] = False
    vanishes_at_data: ClassVar[bool] = True

    def value(self, z: Vector, y: Vector) -> Vector:
        """Return the deviance of each observation."""
        loss = relative_entropy(y, z) + relative_entropy(1 - y, 1 - z)
        return np.asarray(np.maximum(loss, 0.0), dtype=z.dtype)

    def slope(self, z: Vector, y: Vector) -> Vector:
        """Return (1 - y) / (1 - z) - y / z."""
        return ratio(1 - y, 1 - z) - ratio(y, z)

    def curvature(self, z: Vector, y: Vector) -> Vector:
        """Return y / z^2 + (1 - y) / (1 - z)^2."""
        return ratio(ratio(y, z), z) + ratio(ratio(1 - y, 1 - z), 1 - z)

    def value_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `value`: its terms may cancel."""
        terms = np.abs(relative_entropy(y, z)) + np.abs(relative_entropy(1 - y, 1 - z))
        return gamma(ELEMENTARY) * (terms + 2)

    def slope_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of `slope`: its terms may cancel."""
        return gamma(ELEMENTARY) * (np.abs(ratio(1 - y, 1 - z)) + np.abs(ratio(y, z)))

    def conjugate_size(self, s: Vector, y: Vector) -> Vector:
        """Return the sizes of the terms of `conjugate`, which lie between those of z = 0 and z = 1."""
        return np.abs(s) + np.abs(self.conjugate(s, y)) + 4

    def conjugate(self, s: Vector, y: Vector) -> Vector:
        """Return the supremum over 0 < z < 1, which is attained for 0 < y < 1."""
        # the stationary point solves s z^2 + (1 - s) z - y = 0 within (0, 1)
        half = (1 - s) / 2
        root = np.sqrt(half * half + s * y)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(half > 0, y / (half + root), (root - half) / np.where(s == 0, 1.0, s))
        z = np.clip(z, 0.0, 1.0)
        return np.asarray(s * z - self.value(z, y))

    def unfitted(self, y: Vector) -> tuple[Vector, Vector]:
        """Return the sizes of losses and slopes when nothing is fitted."""
        return np.full_like(y, np.log(2)), np.ones_like(y)

    def subset(self, keep: NDArray[np.generic]) -> Binomial:
        """Return the loss of some observations: the same."""
        return self

    def check(self, y: Vector) -> None:
        """Raise InvalidInputError unless all numbers are frequencies."""
        if y.size and not (y.min() >= 0 and y.max() <= 1):
            k = int(np.argmax(np.abs(y - 0.5)))
            raise InvalidInputError(
                Words("y must lie between 0 and 1 for ", Option("loss", "binomial")),
                f"{y[k]} at position {k}",
                "frequencies are counts divided by trials",
                "pass counts / trials as y, and the trials as weights",
            )
