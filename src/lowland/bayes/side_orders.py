"""Coordinates of a table's rows and columns along which they are in order: given, or read from labels."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.graph_places import GraphPlaces, is_graph
from lowland.core.arrays import Matrix
from lowland.core.cells.labels import is_whole
from lowland.core.cells.observations import Labels
from lowland.core.errors import InvalidInputError
from lowland.core.wording import InCode, Option, Remedy, Words

# labels are looked at unasked if they are dates, years or months, and at least so many
FEWEST = 8
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([ T]\d{2}:\d{2}.*)?)?|\d{4}-?Q[1-4]")
_YEARS = (1000, 2999)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# names in full are abbreviated to so many letters
_LETTERS = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@final
@dataclass(frozen=True, eq=False)
class SideOrders:
    """Coordinates of rows and of columns.

    Parameters
    ----------
    rows, columns : ndarray, shape (lines, c), or GraphPlaces or None
    asked : pair of bool
        Whether they were given or asked for, instead of found in labels.
    labelled : pair of bool
        Whether they are what labels say.
    """

    rows: Matrix | GraphPlaces | None = None
    columns: Matrix | GraphPlaces | None = None
    asked: tuple[bool, bool] = (False, False)
    labelled: tuple[bool, bool] = (True, True)

    @property
    def sides(self) -> tuple[Matrix | GraphPlaces | None, Matrix | GraphPlaces | None]:
        """Those of rows and of columns."""
        return self.rows, self.columns

    def with_row_graph(self, weights: Any, *, asked: bool) -> SideOrders:
        """Return the orders with a graph of rows in place of their order.

        Parameters
        ----------
        weights : sparse array, shape (m, m)
        asked : bool
            Whether it was asked for; else it is used only if that helps.
        """
        rows = GraphPlaces.of(weights, weights.shape[0], "row_order")
        return replace(self, rows=rows, asked=(asked, self.asked[1]), labelled=(False, self.labelled[1]))

    def __bool__(self) -> bool:
        return any(order is not None for order in self.sides)


def orders_of(
    given: tuple[Any, Any], shape: tuple[int, int], labels: tuple[Labels | None, Labels | None]
) -> SideOrders:
    """Return the coordinates of both sides.

    Parameters
    ----------
    given : pair
        Of each side "auto" (labels that are dates, years or months), "labels", None or coordinates: an
        array_like of numbers or dates, shape (lines,) or (lines, c), or a sparse array, shape (lines, lines):
        the weights of a graph's edges.
    shape : tuple of int
    labels : pair of ndarray or None

    Raises
    ------
    InvalidInputError
        If coordinates are no numbers or dates, not one per line, or missing, or if labels have none.
    """
    sides: list[Matrix | GraphPlaces | None] = []
    for order, length, names, side in zip(given, shape, labels, ("row", "column"), strict=True):
        if order is None:
            sides.append(None)
        elif isinstance(order, str) and order == "auto":
            sides.append(times_of(names))
        elif isinstance(order, str):
            sides.append(_by_labels(order, names, side))
        elif is_graph(order):
            sides.append(GraphPlaces.of(order, length, f"{side}_order"))
        else:
            sides.append(as_coordinates(order, length, f"{side}_order"))
    asked = tuple(order is not None and not (isinstance(order, str) and order == "auto") for order in given)
    labelled = tuple(isinstance(order, str) for order in given)
    return SideOrders(sides[0], sides[1], (asked[0], asked[1]), (labelled[0], labelled[1]))


def coordinates_of(labels: Labels | None) -> Matrix | None:
    """Return labels that are all numbers, dates, months or weekdays as coordinates; else None."""
    if labels is None or not len(labels):
        return None
    if labels.dtype.kind in "iuf":
        return labels.astype(np.float64)[:, None]
    texts = [str(label) for label in labels.tolist()]
    if all(_DATE.fullmatch(text) for text in texts):
        return _days(texts)
    named = _calendar_places(texts)
    if named is not None:
        return named
    try:
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        return None
    return numbers[:, None] if np.isfinite(numbers).all() else None


def times_of(labels: Labels | None) -> Matrix | None:
    """Return labels as coordinates if they are dates, years or months, and enough; else None."""
    if labels is None or len(labels) < FEWEST:
        return None
    some = labels[0]  # most tables' labels tell by their first that they are neither
    told = next((kind for kind in (_is_year, _DATE.fullmatch, _is_month) if kind(str(some))), None)
    timed = told is not None and all(told(str(label)) for label in labels.tolist())
    return coordinates_of(labels) if timed else None


def _is_year(text: str) -> bool:
    return len(text) == 4 and is_whole(text) and _YEARS[0] <= int(text) <= _YEARS[1]


def _is_month(text: str) -> bool:
    return text.lower() in _places(_MONTHS)


def _calendar_places(texts: list[str]) -> Matrix | None:
    """Return months or weekdays as their numbers, each at most once; else None."""
    for names in (_MONTHS, _WEEKDAYS):
        places = _places(names)
        if all(text.lower() in places for text in texts):
            numbers = np.array([places[text.lower()] for text in texts], np.float64)
            return numbers[:, None] if np.unique(numbers).size == numbers.size else None
    return None


def _places(names: tuple[str, ...]) -> dict[str, int]:
    """Return the number of each name, written in full or abbreviated."""
    return {text: k for k, name in enumerate(names, 1) for text in (name, name[:_LETTERS])}


def extended(coordinates: Matrix, labels: Labels | None) -> Matrix | None:
    """Return the coordinates of a table whose labels continue those of these lines; None if they do not."""
    places = coordinates_of(labels)
    same = places is not None and np.array_equal(places[: len(coordinates)], coordinates)
    return places if same else None


def _by_labels(word: str, labels: Labels | None, side: str) -> Matrix:
    if word != "labels":
        raise InvalidInputError(
            f"{side}_order is unknown", repr(word), fix='pass coordinates, "labels", "auto" or None'
        )
    coordinates = coordinates_of(labels)
    if coordinates is None:
        what = "no labels" if labels is None else f"labels such as {str(labels[0])!r}"
        raise InvalidInputError(
            f"{side} labels are neither numbers nor dates",
            what,
            fix=Remedy(
                InCode("pass coordinates"),
                Words("give the graph of neighbours by ", Option(f"{side}_graph")),
                "leave the order out",
            ),
        )
    return coordinates


def as_coordinates(values: Any, length: int, name: str) -> Matrix:
    """Return numbers or dates as coordinates of lines, shape (length, c).

    Raises
    ------
    InvalidInputError
        If they are no numbers or dates, not one per line, or missing.
    """
    array = np.asarray(values)
    if array.dtype.kind == "M":
        numbers: NDArray[Any] = (array - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")
    elif array.dtype.kind in "iuf":
        numbers = array.astype(np.float64)
    else:
        coordinates = coordinates_of(array.astype(str)) if array.ndim == 1 else None
        if coordinates is None:
            raise InvalidInputError(f"{name} must hold numbers or dates", f"dtype {array.dtype}")
        numbers = coordinates
    if numbers.ndim == 1:
        numbers = numbers[:, None]
    if numbers.ndim != 2 or len(numbers) != length or not numbers.shape[1]:
        raise InvalidInputError(
            f"{name} must have one entry (or line) per row or column of the table",
            f"shape {array.shape} for length {length}",
            fix="pass coordinates in the table's order",
        )
    if not np.isfinite(numbers).all():
        raise InvalidInputError(
            f"{name} has a missing or infinite coordinate", fix="leave these lines out, or give their place"
        )
    return numbers


def _days(texts: list[str]) -> Matrix | None:
    """Return dates as days since 1970, those of a time zone in UTC; quarters at their beginning."""
    try:
        return np.array([_day(text) for text in texts])[:, None]
    except ValueError:
        return None


def _day(text: str) -> float:
    if "Q" in text:
        text = f"{text[:4]}-{3 * int(text[-1]) - 2:02}-01"
    read = datetime.fromisoformat(text if len(text) > len("2020-01") else f"{text}-01")
    zoned = read if read.tzinfo else read.replace(tzinfo=UTC)
    return (zoned - _EPOCH) / timedelta(days=1)
