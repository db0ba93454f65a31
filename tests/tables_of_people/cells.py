"""Columns of cells for tables of 24 lines: numbers of rank one, and others, always the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

LINES = 24


def trait(line: int) -> float:
    """Return what the numbers of a line have in common, between -1.4 and 1.4."""
    return ((7 * line) % LINES - 11.5) / 8.2


def measures(number: int, *, mean: float = 20.0, spread: float = 3.0) -> list[float]:
    """Return a column of numbers with two decimals."""
    slope = (1.0, -0.6, 0.8, 1.3, -1.1, 0.5)[number % 6]
    blur = (0.11, -0.07, 0.05, -0.13, 0.02)
    return [
        round(mean + 4 * number + spread * slope * trait(k) + blur[(k + number) % 5] * spread, 2)
        for k in range(LINES)
    ]


def counts(number: int, *, mean: float = 9.0, spread: float = 4.0) -> list[int]:
    """Return a column of whole numbers that are not negative."""
    return [max(0, round(x)) for x in measures(number, mean=mean, spread=spread)]


def words(*levels: str) -> list[str]:
    """Return a column of words that go with the numbers."""
    step = LINES / len(levels)
    return [levels[int(((7 * k) % LINES) / step)] for k in range(LINES)]


def names(stem: str = "shop") -> list[str]:
    """Return names, one per line, all different."""
    ends = ["ash", "bay", "elm", "fir", "oak", "yew"]
    return [f"{stem} {ends[k % 6]} {ends[k // 6]}" for k in range(LINES)]


def is_hole(line: int, number: int) -> bool:
    """Return whether the cell of a line is missing in a column."""
    return (line + 3 * number) % 7 == 2


def holed(cells: Sequence[Any], number: int = 0, mark: Any = None) -> list[Any]:
    """Return a column with holes."""
    return [mark if is_hole(k, number) else cell for k, cell in enumerate(cells)]


def written(cells: Sequence[Any], how: str | Callable[[Any], str] = "{:.2f}", mark: str = "") -> list[str]:
    """Return cells as text, holes as a mark."""
    write = how.format if isinstance(how, str) else how
    return [mark if cell is None else write(cell) for cell in cells]


# four columns of numbers, of which the last has no hole
PRICES = ("tea", "milk", "rice", "salt")


def prices(
    how: str | Callable[[Any], str] = "{:.2f}", mark: str = "", make: Callable[[int], list[Any]] = measures
) -> dict[str, list[str]]:
    """Return columns of text: shops, and the prices of four things there, three of them with holes."""
    columns = {"shop": names()}
    for number, name in enumerate(PRICES):
        cells = make(number)
        columns[name] = written(cells if name == "salt" else holed(cells, number), how, mark)
    return columns


def values(make: Callable[[int], list[Any]] = measures) -> dict[str, list[Any]]:
    """Return the same as values, None where missing."""
    columns: dict[str, list[Any]] = {"shop": names()}
    for number, name in enumerate(PRICES):
        columns[name] = make(number) if name == "salt" else holed(make(number), number)
    return columns
