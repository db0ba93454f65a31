"""Typed columns of tables whose cells are values, each of a kind of its own: sheets and records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import time, timedelta
from typing import Any

import numpy as np

from lowland.core.cells.labels import label_text
from lowland.files.frames import Columns


def lines_as_columns(lines: Sequence[Mapping[str, Any]]) -> tuple[Columns, frozenset[str]]:
    """Return the columns of lines, and the names of those of truth values, which are numbers.

    Parameters
    ----------
    lines : sequence of mappings of str to value
        By name of column, in the order of their first appearance; what is absent is missing.
    """
    cells = {name: [line.get(name) for line in lines] for name in names_of(lines)}
    columns: Columns = {name: cells_as_column(column) for name, column in cells.items()}
    return columns, frozenset(name for name, column in cells.items() if _are_truths(column))


# kinds of values that are neither numbers, words nor dates, and what they are called
OTHERS = {list: "lists", dict: "structures", bytes: "bytes", time: "times of day", timedelta: "durations"}


def other_columns(lines: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the columns whose values are all of kinds of which nothing can be filled, and what these are."""
    kinds: dict[str, set[type]] = {}
    for line in lines:
        for name, cell in line.items():
            if cell is not None:
                kinds.setdefault(name, set()).add(type(cell))
    return {name: OTHERS[min(held, key=str)] for name, held in kinds.items() if held <= OTHERS.keys()}


def names_of(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the columns of lines, in the order of their first appearance."""
    return list(dict.fromkeys(name for line in lines for name in line))


def cells_as_column(cells: Sequence[Any]) -> Any:
    """Return cells of any kind as int64, float64 (NaN where missing), or text; truth values as 0 and 1."""
    if _are_truths(cells):
        return np.array([np.nan if cell is None else float(cell) for cell in cells])
    whole = [cell for cell in cells if isinstance(cell, int) and not isinstance(cell, bool)]
    if len(whole) == len(cells) and all(abs(cell) < 2**63 for cell in whole):
        return np.array(cells, np.int64)
    # whole numbers that floats do not hold are names
    exact = all(abs(cell) <= 2**53 for cell in whole)
    # a truth value among numbers is none of them
    if exact and {type(cell) for cell in cells} <= {int, float, type(None)}:
        return np.array([np.nan if cell is None else float(cell) for cell in cells])
    return np.array(["" if cell is None else label_text(cell) for cell in cells], dtype=str)


def _are_truths(cells: Iterable[Any]) -> bool:
    """Return whether all cells but missing ones are truth values, and some are."""
    kinds = {type(cell) for cell in cells if cell is not None}
    return kinds == {bool}
