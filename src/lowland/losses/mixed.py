"""Observations of several kinds, each with its own loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector, places_of_each
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import MajorisedLoss


@final
@dataclass(frozen=True, eq=False)
class Mixed:
    """The loss parts[which_k](z_k + shift_k, y_k) of observation k.

    Parameters
    ----------
    parts : tuple of MajorisedLoss
    which : ndarray of int, shape (p,)
        Index of the part of each observation.
    shifts : ndarray, shape (p,)
        Offsets added to predictions: what is known about an observation before any fit.
    """

    parts: tuple[MajorisedLoss, ...]
    which: Indices
    shifts: Vector
    name: ClassVar[str] = "mixed"
    is_quadratic: ClassVar[bool] = False
    vanishes_at_data: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.which.shape != self.shifts.shape or not (
            (self.which >= 0).all() and (self.which < len(self.parts)).all()
        ):
            raise InvalidInputError(
                "which must hold one part index per observation", f"{self.which.size} for {self.shifts.size}"
            )

    def value(self, z: Vector, y: Vector) -> Vector:
        """Return the loss of each observation."""
        return self._each("value", z, y)

    def slope(self, z: Vector, y: Vector) -> Vector:
        """Return the first derivative in z."""
        return self._each("slope", z, y)

    def curvature(self, z: Vector, y: Vector) -> Vector:
        """Return the second derivative in z."""
        return self._each("curvature", z, y)

    def value_error(self, z: Vector, y: Vector) -> Vector:
        """Return bounds on the rounding of the parts' values, and of the shifts that are added."""
        moved, step = self._moved(z)
        slopes = [np.abs(self._parted("slope", moved + side, y)) for side in (step, -step)]
        return self._parted("value_error", moved, y) + 2 * step * np.maximum(*slopes)

    def slope_error(self, z: Vector, y: Vector) -> Vector:
        """Return the same of slopes, which grow with z."""
        moved, step = self._moved(z)
        above, below = (self._parted("slope", moved + side, y) for side in (step, -step))
        return 2 * self._parted("slope_error", moved, y) + (above - below)

    def _moved(self, z: Vector) -> tuple[Vector, Vector]:
        """Return shifted predictions, and twice their rounding."""
        moved = z + self.shifts.astype(z.dtype)
        return moved, 2 * np.finfo(np.float64).eps * np.abs(moved)

    def majorant(self, z: Vector, y: Vector) -> Vector:
        """Return the curvature of a quadratic model of each loss around z."""
        return self._each("majorant", z, y)

    def conjugate(self, s: Vector, y: Vector) -> Vector:
        """Return sup over z of s z - loss(z, y)."""
        out = np.empty_like(s)
        for part, at in self._groups:
            out[at] = part.conjugate(s[at], y[at])
        return out - s * self.shifts

    def conjugate_size(self, s: Vector, y: Vector) -> Vector:
        """Return the sizes of the parts' terms, and of the terms subtracted for shifts."""
        out = np.empty_like(s)
        for part, at in self._groups:
            out[at] = part.conjugate_size(s[at], y[at])
        return out + np.abs(s * self.shifts)

    def unfitted(self, y: Vector) -> tuple[Vector, Vector]:
        """Return the sizes of losses and slopes where z = 0."""
        zero = np.zeros_like(y)
        return self.value(zero, y), self.slope(zero, y)

    def subset(self, keep: NDArray[Any]) -> Mixed:
        """Return the loss of some observations."""
        return Mixed(self.parts, self.which[keep], self.shifts[keep])

    def check(self, y: Vector) -> None:
        """Raise InvalidInputError if an observation lies outside its loss's domain."""
        for part, at in self._groups:
            part.check(y[at])

    @cached_property
    def _groups(self) -> list[tuple[MajorisedLoss, Indices]]:
        groups = places_of_each(self.which, len(self.parts))
        return [(part, at) for part, at in zip(self.parts, groups, strict=True) if at.size]

    def _each(self, what: str, z: Vector, y: Vector) -> Vector:
        return self._parted(what, self._moved(z)[0], y)

    def _parted(self, what: str, moved: Vector, y: Vector) -> Vector:
        out = np.empty_like(moved)
        for part, at in self._groups:
            out[at] = getattr(part, what)(moved[at], y[at])
        return out
