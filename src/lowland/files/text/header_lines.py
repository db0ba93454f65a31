"""Decide whether the first line of a text file or sheet names its columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words
from lowland.files.column_names import COLUMNS, KEYS, ROWS, words_of
from lowland.files.numerals import MISSING, is_number

Record = Sequence[str]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def is_header(records: Sequence[Record], where: str) -> bool:
    """Return whether the first record names the columns.

    It does if its cells are words where the cells below are numbers, if all cells below are words too, or if
    its numbers count on, as years or positions do, while those below do not.

    Raises
    ------
    InvalidInputError
        If that cannot be told.
    """
    first, rest = records[0], records[1:1_000]
    if not rest:
        return not all(is_number(cell) for cell in first)
    words = {k for k, cell in enumerate(first) if cell.strip() not in MISSING and not is_number(cell)}
    numeric = {k for k in range(len(first)) if _are_numbers([row[k] for row in rest if k < len(row)])}
    digits = numeric - words
    if not numeric or (words & numeric and not digits):
        return True
    counting = _counts_on(first, least=2 if 0 in words else 4) and _share_counting(rest) < 0.5
    if words & numeric:  # some words, some numbers above numbers
        if counting or all(first[k].strip() in MISSING for k in digits):
            return True
        raise _unclear_header(first, where)
    if 0 in words and (counting or _names_lines(first[0])):
        return True
    if counting and all(is_year(cell) for cell in first):
        return True
    blank = not first[0].strip() and all(row[0].strip() for row in rest)
    if blank:
        return True
    if counting or (0 in words and _is_of_another_kind(first, rest, digits)):
        raise _unclear_header(first, where)
    return False


def _unclear_header(first: Record, where: str) -> InvalidInputError:
    return InvalidInputError(
        f"the first line of {where} may name the columns or be data",
        ", ".join(first[:6]) + (", ..." if len(first) > 6 else ""),
        fix=Words("say which: ", Option("header", True), " or ", Option("header", False)),
    )


def _names_lines(word: str) -> bool:
    return bool((KEYS | ROWS | COLUMNS) & words_of(word))


def is_year(cell: str) -> bool:
    """Return whether a cell is a year from 1500 to 2199."""
    return re.fullmatch(r"1[5-9]\d\d|2[01]\d\d", cell.strip()) is not None


def _is_of_another_kind(first: Record, rest: Sequence[Record], digits: set[int]) -> bool:
    """Return whether the numbers of the first record are whole, and many of those below are not."""
    if len(digits) < 2 or not all(re.fullmatch(r"-?\d+", first[k].strip()) for k in digits):
        return False
    below = [row[k].strip() for row in rest for k in digits if k < len(row)]
    known = [cell for cell in below if cell not in MISSING]
    return sum(not re.fullmatch(r"-?\d+", cell) for cell in known) >= 0.5 * len(known)


def _share_counting(records: Sequence[Record]) -> float:
    return sum(_counts_on(record, least=2) for record in records) / len(records)


def _counts_on(record: Record, least: int) -> bool:
    """Return whether the numbers of a record, all cells but perhaps the first, are in order.

    Few numbers are in order by chance: they must be years, or have one distance.
    """
    cells = [cell.strip() for cell in record[0 if is_number(record[0]) else 1 :]]
    if len(cells) < least or not all(_NUMBER.fullmatch(cell) and "," not in cell for cell in cells):
        return False
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return False
    steps = [b - a for a, b in pairwise(numbers)]
    if not steps or not (min(steps) > 0 or max(steps) < 0):
        return False
    years = all(is_year(cell) for cell in cells)
    even = max(steps) - min(steps) <= 1e-6 * max(map(abs, numbers))
    return years or len(numbers) >= 6 or (even and len(numbers) >= 3)


def _are_numbers(cells: Sequence[str]) -> bool:
    some = [cell for cell in cells if cell.strip() not in MISSING]
    return bool(some) and sum(map(is_number, some)) >= 0.5 * len(some)
