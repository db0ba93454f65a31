"""The Poisson deviance of counts whose log mean is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError

# curvatures stay above zero where exp(z) does not
LEAST = 1e-30


@final
@dataclass(frozen=True)
class LogPoisson:
    """Loss exp(z) - y z - y + y log y of a count y whose mean is exp(z): its deviance, half of it.

    It is the negative log-likelihood up to a constant of the data, never negative, and zero where
    exp(z) = y. `Poisson` is the loss of a count whose mean is predicted itself.
    """

    name: ClassVar[str] = "log-Poisson"

    def value(self, z: Vector, y: Vector) -> Vector:
        """Return half the deviance."""
        # y (exp(d) - 1 - d) with d = z - log y keeps its digits where the mean is the count
        distance = self._distance(z, y)
        with np.errstate(over="ignore", invalid="ignore"):  # beyond the largest number it is infinite
            return np.asarray(np.where(y > 0, y * (np.expm1(distance) - distance), np.exp(z)), z.dtype)

    def slope(self, z: Vector, y: Vector) -> Vector:
        """Return exp(z) - y."""
        return np.asarray(np.exp(z) - y)

    def curvature(self, z: Vector, y: Vector) -> Vector:
        """Return exp(z)."""
        return np.asarray(np.exp(z))

    def majorant(self, z: Vector, y: Vector) -> Vector:
        """Return the curvature of the quadratic that touches at z and has its minimum where the loss has it.

        It lies above the loss on one side only: a step must be checked.
        """
        distance = self._distance(z, y)
        small = np.abs(distance) < 1e-4
        mean = np.where(small, 1 + distance / 2, np.expm1(distance) / np.where(small, 1, distance))
        return np.asarray(np.maximum(np.where(y > 0, y * mean, np.exp(z)), LEAST), z.dtype)

    def conjugate(self, s: Vector, y: Vector) -> Vector:
        """Return (s + y) log(s + y) - s - y log y for s >= -y, and infinity beyond."""
        from scipy.special import xlogy

        total = np.maximum(s + y, 0.0)
        return np.where(s + y >= 0, xlogy(total, total) - s - xlogy(y, y), np.inf)

    def unfitted(self, y: Vector) -> tuple[Vector, Vector]:
        """Return the sizes that losses and slopes have where nothing is fitted."""
        return np.maximum(y, 1.0), np.maximum(y, 1.0)

    def subset(self, keep: NDArray[np.generic]) -> LogPoisson:
        """Return the loss of some observations: the same."""
        return self

    def check(self, y: Vector) -> None:
        """Raise InvalidInputError for negative counts."""
        if y.size and y.min() < 0:
            k = int(np.argmin(y))
            raise InvalidInputError(
                "y must not be negative where the loss is Poisson's",
                f"{y[k]} at position {k}",
                "counts start at 0",
            )

    def _distance(self, z: Vector, y: Vector) -> Vector:
        return np.asarray(z - np.log(np.where(y > 0, y, 1)))
