"""Several tables in one sheet, and ranges such as 'Prices!A1:E25', by which one of them is named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words
from lowland.files.foreign.merged_cells import Rows
from lowland.files.foreign.sheet_cells import Place, number_of, place_name
from lowland.files.text.surroundings import LEAST_BELOW

# the first and the last cell
Corners = tuple[Place, Place]
_RANGE = re.compile(r"(?:(.+)!)?\$?([A-Za-z]{1,3})\$?([0-9]{1,7}):\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
# share of their rows that parts of one table have in common, beside a blank column
IN_COMMON = 0.8


def cut_range(asked: str) -> tuple[str, Corners] | None:
    """Return the name of a sheet, maybe "", and the corners of a range in it; None of a name alone.

    Examples
    --------
    >>> cut_range("Prices!B2:D9")
    ('Prices', ((1, 1), (8, 3)))
    """
    found = _RANGE.fullmatch(asked)
    if found is None:
        return None
    name, *places = found.groups()
    left, right = (number_of(letters.encode()) - 1 for letters in places[::2])
    top, bottom = (int(digits) - 1 for digits in places[1::2])
    return (name or "").strip("'"), ((top, left), (bottom, right))


def check_one_table(rows: Rows, first: Place, name: str, where: str) -> None:
    """Raise if a sheet holds several tables, side by side or one below the other.

    Beside a blank column stands another table if its numbers are in other rows, one below the other; below
    a blank row, if a row of words names its columns over numbers, where the first table has numbers.

    Parameters
    ----------
    rows : list of lists
    first : Place
        Of their first cell in the sheet.
    name, where : str
        Of the sheet, and of the file in messages.

    Raises
    ------
    InvalidInputError
        With the range of each of them.
    """
    beside = _beside(rows)
    tables = beside or _below(rows)
    if not tables:
        return
    top, left = first
    every = [((0, 0), (len(rows) - 1, len(rows[0]) - 1))] if beside else []
    ranges = [
        f"{name}!{place_name((top + a, left + b))}:{place_name((top + c, left + d))}"
        for (a, b), (c, d) in (*tables[:3], *every)
    ]
    raise InvalidInputError(
        f"sheet {name!r} of {where} seems to hold several tables",
        ", ".join(ranges[: len(tables)]),
        "cells outside a table would be taken for missing ones",
        Words(
            f"name one of them{', or all cells if they are one table' if beside else ''}: ",
            Option("sheet", *ranges),
        ),
    )


def _beside(rows: Rows) -> list[Corners]:
    """Return the tables that blank columns part, if there are several."""
    used = [any(row[k] is not None for row in rows) for k in range(len(rows[0]))]
    parts = [(held[0], held[-1]) for held in _runs(used) if len(held) > 1]
    found = [(part, numbers) for part in parts if len(numbers := _numbers(rows, part)) >= LEAST_BELOW]
    for (_, some), (_, others) in pairwise(found):
        common = len(some & others) / len(some | others)
        fewer = min(some, others, key=len)
        whole = len(fewer) == max(fewer) - min(fewer) + 1
        if common < IN_COMMON and whole:
            return [_corners(rows, range(len(rows)), part) for part, _ in found]
    return []


def _below(rows: Rows) -> list[Corners]:
    """Return the tables that blank rows part, if there are several."""
    parts = _runs([any(cell is not None for cell in row) for row in rows])
    if len(parts) < 2:
        return []
    width = (0, len(rows[0]) - 1)
    tables: list[tuple[int, int]] = []
    numeric: set[int] = set()
    start = 0
    for part in parts:
        numbers = _numbers([rows[k] for k in part], width)
        if numbers and (not tables or _names_anew(rows, part, numeric)):
            tables.append((start, part[-1]))
        elif numbers:
            tables[-1] = (tables[-1][0], part[-1])
        else:  # words alone are the title of what follows, or notes
            start = part[0]
            continue
        start = part[-1] + 1
        numeric |= {k for row in rows[part[0] : start] for k, cell in enumerate(row) if _is_number(cell)}
    return [_corners(rows, range(a, b + 1), width) for a, b in tables] if len(tables) > 1 else []


def _names_anew(rows: Rows, part: Sequence[int], numeric: set[int]) -> bool:
    """Return whether one of the first rows of a part holds words where numbers stood, over numbers."""
    for k in part[:LEAST_BELOW]:
        words = [j for j, cell in enumerate(rows[k]) if isinstance(cell, str)]
        below = {j for row in rows[k + 1 : part[-1] + 1] for j, cell in enumerate(row) if _is_number(cell)}
        repeated = rows[k] in rows[: part[0]]
        if not repeated and len(numeric.intersection(words)) > 1 and below.intersection(words):
            return True
    return False


def _is_number(cell: object) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _numbers(rows: Rows, columns: tuple[int, int]) -> set[int]:
    """Return the rows in which numbers stand in some columns."""
    left, right = columns
    return {k for k, row in enumerate(rows) if any(map(_is_number, row[left : right + 1]))}


def _runs(used: Sequence[bool]) -> list[list[int]]:
    """Return the places of each run of what is used."""
    return [[k for k, _ in held] for is_used, held in groupby(enumerate(used), lambda one: one[1]) if is_used]


def _corners(rows: Rows, among: range, columns: tuple[int, int]) -> Corners:
    """Return the first and the last cell that hold anything, in some rows and columns."""
    left, right = columns
    places = list(_held(rows, among, range(left, right + 1)))
    return (
        (min(k for k, _ in places), min(j for _, j in places)),
        (max(k for k, _ in places), max(j for _, j in places)),
    )


def _held(rows: Rows, among: range, columns: range) -> Iterator[Place]:
    return ((k, j) for k in among for j in columns if rows[k][j] is not None)
