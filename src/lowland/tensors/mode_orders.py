"""Orders of a tensor's modes: slices along a line, round a circle, or both at once.

Days, hours, wavelengths and places have neighbours that say much about them, and days of a week and hours
of a day come again. A mode's order is a set of smooth functions of its slices, which are features of the
prior of the mode's rows: so slices without any known cell have a place, and are predicted from those near
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.bayes.order_basis import OrderBasis, spacing
from lowland.bayes.side_orders import as_coordinates
from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError

# lengths that are compared, in units of the spacing, along a line and round a circle; and strengths
LINE_LENGTHS, CIRCLE_LENGTHS, STRENGTHS = (2.0, 5.0, 15.0), (1.0, 3.0, 10.0), (1.0, 3.0)


@final
@dataclass(frozen=True)
class Smoothness:
    """How smoothly slices vary.

    Parameters
    ----------
    scale : {0, 1, 2}
        Which of the three lengths.
    strength : float
        Standard deviation of the smooth part, in units of the deviations of slices from it.
    """

    scale: int
    strength: float


# all that are compared
KINDS = tuple(Smoothness(scale, strength) for scale in range(len(LINE_LENGTHS)) for strength in STRENGTHS)


@final
@dataclass(frozen=True, eq=False)
class ModeOrder:
    """Coordinates of a mode's slices, one set for each part of its order.

    Parameters
    ----------
    words : str
        What was asked for.
    lines, circles : tuple of ndarray, shapes (length, c)
    """

    words: str
    lines: tuple[Matrix, ...]
    circles: tuple[Matrix, ...]

    @classmethod
    def of(cls, given: Any, length: int, mode: int) -> ModeOrder:
        """Return the order that was asked for.

        Parameters
        ----------
        given : "line", "cycle", number, array_like or tuple of these
            Equally spaced slices; a circle of all slices; a circle of so many slices; coordinates (numbers or
            dates), shape (length,) or (length, c); or several at once.
        length : int
            Number of slices.
        mode : int

        Raises
        ------
        InvalidInputError
            If it is none of these.
        """
        parts = given if isinstance(given, tuple) else (given,)
        lines, circles, words = [], [], []
        for part in parts:
            if isinstance(part, str) and part == "line":
                lines.append(np.arange(length, dtype=np.float64)[:, None])
                words.append("a line")
            elif isinstance(part, str) and part == "cycle":
                circles.append(_circle(length, float(length)))
                words.append("a circle")
            elif isinstance(part, int | float | np.number) and not isinstance(part, bool):
                if not 2 <= part <= length:
                    raise InvalidInputError(
                        f"the period of mode {mode} must be at least 2 slices and at most all",
                        f"{part} of {length}",
                    )
                circles.append(_circle(length, float(part)))
                words.append(f"a period of {part:g}")
            elif isinstance(part, str):
                raise InvalidInputError(
                    f"the order of mode {mode} is unknown",
                    repr(part),
                    fix='use "line", "cycle", a period, coordinates, or a tuple of these',
                )
            else:
                lines.append(as_coordinates(part, length, f"the order of mode {mode}"))
                words.append("coordinates")
        if not words:
            raise InvalidInputError(f"the order of mode {mode} is empty", "()", fix="leave the mode out")
        return cls(" and ".join(words), tuple(lines), tuple(circles))

    def features(self, kind: Smoothness) -> Matrix:
        """Return the smooth functions of all slices, shape (length, f)."""
        found = []
        for own, lengths in ((self.lines, LINE_LENGTHS), (self.circles, CIRCLE_LENGTHS)):
            for coordinates in own:
                length = lengths[kind.scale] * spacing(coordinates)
                found.append(OrderBasis.of(coordinates, length, kind.strength, False).features(coordinates))
        return np.hstack(found)


def orders_of(given: Mapping[int, Any] | None, shape: tuple[int, ...]) -> dict[int, ModeOrder]:
    """Return the orders that were asked for, by mode.

    Raises
    ------
    InvalidInputError
        If a mode does not exist, or an order is none.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            "orders must name modes", type(given).__name__, fix='pass a dictionary such as {2: "line"}'
        )
    for mode in given:
        if isinstance(mode, bool) or not isinstance(mode, int | np.integer) or not 0 <= mode < len(shape):
            raise InvalidInputError(
                "orders name a mode that the tensor does not have",
                repr(mode),
                fix=f"use 0 to {len(shape) - 1}",
            )
    return {int(mode): ModeOrder.of(own, shape[mode], int(mode)) for mode, own in given.items()}


def _circle(length: int, period: float) -> Matrix:
    """Return places round a circle whose circumference is the period."""
    angles = 2 * np.pi * np.arange(length) / period
    places: Matrix = period / (2 * np.pi) * np.column_stack([np.cos(angles), np.sin(angles)])
    # slices a whole number of periods apart have the same place, to the last bit
    return places.round(9)
