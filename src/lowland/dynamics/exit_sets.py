"""Exit sets of paths, each with the distance of a point to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False)
class HalfSpace:
    """All x with normal . x >= level.

    Parameters
    ----------
    normal : array_like, shape (d,)
        Of any nonzero length; stored with length one.
    level : float
        In the units of `normal` as it was passed.

    Examples
    --------
    >>> import lowland as ll
    >>> ll.dynamics.HalfSpace([2.0, 0.0], 1.0).distance([[0.0, 3.0]])
    array([0.5])
    """

    normal: Vector
    level: float

    def __post_init__(self) -> None:
        normal = np.atleast_1d(np.asarray(self.normal, dtype=float))
        size = float(np.linalg.norm(normal))
        finite = np.isfinite(size) and isinstance(self.level, int | float | np.number)
        if normal.ndim != 1 or not (finite and size > 0 and np.isfinite(self.level)):
            raise InvalidInputError(
                "the normal of a half-space must be a nonzero vector, and its level finite",
                f"{self.normal!r}, {self.level!r}",
            )
        object.__setattr__(self, "normal", normal / size)
        object.__setattr__(self, "level", float(self.level) / size)

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return int(self.normal.size)

    def distance(self, x: Matrix) -> Vector:
        """Return the distance of each point to the set, negative within, shape (chains,)."""
        distance: Vector = self.level - np.asarray(x, float) @ self.normal
        return distance

    def describe(self) -> str:
        """Return the set in words."""
        names = [f"{_factor(c)}x{k}" for k, c in enumerate(self.normal) if c]
        return f"{' '.join(names[:4])}{' ...' if len(names) > 4 else ''} >= {self.level:.4g}".removeprefix(
            "+"
        )


def _factor(number: float) -> str:
    return {1.0: "+", -1.0: "-"}.get(number, f"{number:+.3g} ")


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False)
class Ball:
    """All x within a ball, or all outside.

    Parameters
    ----------
    centre : array_like, shape (d,)
    radius : float
    inside : bool
        True: a path ends when it enters the ball (recurrence). False: when it leaves it (escape).

    Examples
    --------
    >>> import lowland as ll
    >>> ll.dynamics.Ball([0.0, 0.0], 1.0, inside=True).distance([[3.0, 4.0]])
    array([4.])
    """

    centre: Vector
    radius: float
    inside: bool = False

    def __post_init__(self) -> None:
        check_positive("radius", self.radius)
        centre = np.array(self.centre, dtype=float, ndmin=1)
        if centre.ndim != 1 or not np.all(np.isfinite(centre)):
            raise InvalidInputError(
                "the centre of a ball must be a vector of finite numbers", repr(self.centre)
            )
        object.__setattr__(self, "centre", centre)

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return int(self.centre.size)

    def distance(self, x: Matrix) -> Vector:
        """Return the distance of each point to the set, negative within, shape (chains,)."""
        gap: Vector = np.linalg.norm(np.asarray(x, float) - self.centre, axis=1) - self.radius
        return gap if self.inside else -gap

    def describe(self) -> str:
        """Return the set in words."""
        centre = ", ".join(f"{c:.3g}" for c in self.centre[:4]) + (", ..." if self.dimension > 4 else "")
        return f"{'within' if self.inside else 'farther than'} {self.radius:g} of ({centre})"


def check_disjoint(exit: HalfSpace | Ball, home: HalfSpace | Ball) -> None:
    """Raise InvalidInputError if two sets share a point."""
    if _apart(exit, home):
        return
    raise InvalidInputError(
        "home and the exit set overlap",
        f"{home.describe()}, and {exit.describe()}",
        fix="pass sets that are disjoint",
    )


def _apart(first: HalfSpace | Ball, second: HalfSpace | Ball) -> bool:
    if isinstance(first, HalfSpace) and isinstance(second, HalfSpace):
        opposite = float(first.normal @ second.normal) <= -1 + 1e-12
        return opposite and first.level + second.level > 0
    if isinstance(first, HalfSpace):
        first, second = second, first
    assert isinstance(first, Ball)
    if isinstance(second, HalfSpace):
        return first.inside and float(second.distance(first.centre[None])[0]) > first.radius
    between = float(np.linalg.norm(first.centre - second.centre))
    if first.inside and second.inside:
        return between > first.radius + second.radius
    if not (first.inside or second.inside):
        return False
    inner, outer = (first, second) if first.inside else (second, first)
    return between + inner.radius < outer.radius


# a set of this module, or a function of points (n, d) that says which have left
ExitSet = HalfSpace | Ball | Callable[[Matrix], NDArray[np.bool_]]
