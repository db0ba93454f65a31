"""Orders of a tensor's modes: slices along a line, round a circle, or both at once.

Days, hours, wavelengths and places have neighbours that say much about them, and days of a week and hours
of a day come again. A mode's order is a set of smooth functions of its slices, which are features of the
prior of the mode's rows: so slices without any known cell have a place, and are predicted from those near
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from lowland.bayes.order_basis import OrderBasis, spacing
from lowland.bayes.side_orders import as_coordinates
from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.tensors.named_modes import is_mode

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
    """One order of a mode's slices.

    Parameters
    ----------
    mode : int
    words : str
        What was asked for.
    coordinates : ndarray, shape (length, c)
    lengths : tuple of float
        That are compared, in units of the spacing.
    period : float
        Of a circle of so many slices; zero for other orders.
    unit : float or None
        The spacing; None: that of the coordinates.
    """

    mode: int
    words: str
    coordinates: Matrix
    lengths: tuple[float, ...]
    period: float = 0.0
    unit: float | None = None

    @classmethod
    def of(cls, given: Any, length: int, mode: int) -> ModeOrder:
        """Return the order that was asked for.

        Parameters
        ----------
        given : "line", "cycle", number or array_like
            Equally spaced slices; a circle of all slices; a circle of so many slices; coordinates (numbers or
            dates), shape (length,) or (length, c).
        length : int
            Number of slices.
        mode : int

        Raises
        ------
        InvalidInputError
            If it is none of these.
        """
        if isinstance(given, int | float | np.number) and not isinstance(given, bool):
            if not 2 <= given <= length:
                raise InvalidInputError(
                    f"the period of mode {mode} must be at least 2 slices and at most all",
                    f"{given} of {length}",
                )
            period = float(given)
            return cls(mode, f"a period of {given:g}", _circle(length, period), CIRCLE_LENGTHS, period)
        if isinstance(given, str):
            if given not in ("line", "cycle"):
                raise InvalidInputError(
                    f"the order of mode {mode} is unknown",
                    repr(given),
                    fix='use "line", "cycle", a period, coordinates, or a tuple of these',
                )
            if given == "cycle":
                return cls(mode, "a circle", _circle(length, float(length)), CIRCLE_LENGTHS)
            return cls(mode, "a line", np.arange(length, dtype=np.float64)[:, None], LINE_LENGTHS)
        places = as_coordinates(given, length, f"the order of mode {mode}")
        return cls(mode, "coordinates", places, LINE_LENGTHS)

    def features(self, kind: Smoothness) -> Matrix:
        """Return the smooth functions of all slices, shape (length, f)."""
        length = self.lengths[kind.scale] * (self.unit or spacing(self.coordinates))
        return OrderBasis.of(self.coordinates, length, kind.strength, False).features(self.coordinates)

    def extended(self, count: int, coordinates: Any = None) -> ModeOrder:
        """Return the order of more slices after the last one.

        Parameters
        ----------
        count : int
            How many.
        coordinates : array_like, optional
            Theirs, where the order is one of coordinates.

        Raises
        ------
        InvalidInputError
            If there is no room for more, or their coordinates are missing.
        """
        length, unit = len(self.coordinates) + count, self.unit or spacing(self.coordinates)
        if self.words == "a circle":
            raise InvalidInputError(
                "a circle of all slices has no place for more",
                f"mode {self.mode}",
                fix="complete with the period as a number",
            )
        if self.period:
            places = _circle(length, self.period)
        elif self.words == "a line":
            places = np.arange(length, dtype=np.float64)[:, None]
        elif coordinates is None:
            raise InvalidInputError(
                "the new slices have no coordinates",
                f"mode {self.mode} is ordered by coordinates",
                fix="pass coordinates, or a DataArray that has them",
            )
        else:
            more = as_coordinates(coordinates, count, "coordinates")
            if more.shape[1] != self.coordinates.shape[1]:
                raise InvalidInputError(
                    "coordinates do not fit the order",
                    f"{more.shape[1]} per slice instead of {self.coordinates.shape[1]}",
                )
            places = np.vstack([self.coordinates, more])
        return replace(self, coordinates=places, unit=unit)


def extended(
    orders: Sequence[ModeOrder], mode: int, count: int, coordinates: Any, labels: tuple[Any, Any]
) -> list[ModeOrder]:
    """Return orders, those of a mode with more slices after the last one.

    Parameters
    ----------
    orders : sequence of ModeOrder
    mode, count : int
    coordinates : array_like, tuple of these, or None
        Of the new slices: one for each order by coordinates, but for those of the array itself.
    labels : pair of ndarray or None
        Coordinates of the array itself along the mode, and of the new slices.

    Raises
    ------
    InvalidInputError
        If coordinates are missing, or there are more than orders that they are for.
    """
    given = (
        [] if coordinates is None else list(coordinates) if isinstance(coordinates, tuple) else [coordinates]
    )
    longer = []
    for order in orders:
        place = None
        if order.mode == mode and order.words == "coordinates":
            place = labels[1] if _are_those_of(order, labels[0]) else given.pop(0) if given else None
        longer.append(order.extended(count, place) if order.mode == mode else order)
    if given:
        raise InvalidInputError(
            "coordinates are of no use",
            f"{len(given)} more than orders of mode {mode} that use others than the array's own",
            fix="leave them out",
        )
    return longer


def _are_those_of(order: ModeOrder, axis: Any) -> bool:
    """Return whether an order's coordinates are those of the labelled array."""
    if axis is None:
        return False
    try:
        return np.array_equal(order.coordinates, as_coordinates(axis, len(order.coordinates), "coordinates"))
    except InvalidInputError:
        return False


def orders_of(given: Mapping[int, Any] | None, shape: tuple[int, ...]) -> tuple[ModeOrder, ...]:
    """Return the orders that were asked for; a tuple stands for several of one mode.

    Raises
    ------
    InvalidInputError
        If a mode does not exist, or an order is none.
    """
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            "orders must name modes", type(given).__name__, fix='pass a dictionary such as {2: "line"}'
        )
    for mode in given:
        if not is_mode(mode, len(shape)):
            raise InvalidInputError(
                "orders name a mode that the tensor does not have",
                repr(mode),
                fix=f"use 0 to {len(shape) - 1}",
            )
    orders = []
    for mode, asked in given.items():
        parts = asked if isinstance(asked, tuple) else (asked,)
        if not parts:
            raise InvalidInputError(f"the order of mode {mode} is empty", "()", fix="leave the mode out")
        orders += [ModeOrder.of(part, shape[mode], int(mode)) for part in parts]
    return tuple(orders)


def _circle(length: int, period: float) -> Matrix:
    """Return places round a circle whose circumference is the period."""
    angles = 2 * np.pi * np.arange(length) / period
    places: Matrix = period / (2 * np.pi) * np.column_stack([np.cos(angles), np.sin(angles)])
    # slices a whole number of periods apart have the same place, to the last bit
    return places.round(9)
