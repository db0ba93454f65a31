"""Decide what the first column of a wide table is: labels of its rows, data, or neither."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import final

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Remedy, Words
from lowland.files.column_names import (
    COLUMNS,
    KEYS,
    ROWS,
    TIMES,
    is_named_identifier,
    is_quantity,
    words_of,
)
from lowland.files.columns.identifiers import identifier
from lowland.files.columns.roles import are_levels
from lowland.files.columns.summary_names import kind_of
from lowland.files.evidence import Profile
from lowland.files.numerals import Numerals

# labels that repeat more often than this name no rows
LEAST_DISTINCT = 0.5
# first columns of times in several columns, and of years of several things
_PERIODS = frozenset(["year", "yr", "month", "week", "day", "hour"])


@final
class FirstColumn(Enum):
    """What the first column of a wide table is."""

    LABELS = "labels"
    DATA = "data"
    AS_IS = "as it is"


def first_column(
    name: str, column: Profile, where: str, *, words: bool = False, merged: bool = False
) -> tuple[FirstColumn, str]:
    """Return what the first column of a wide table is, and what decided.

    Parameters
    ----------
    name : str
    column : Profile
    where : str
        Name of the table in messages.
    words : bool
        Whether few words that repeat are read as levels: labels differ from line to line.
    merged : bool
        Whether rows of the same label will be merged, so that labels may repeat.

    Raises
    ------
    InvalidInputError
        If it cannot be told.
    """
    if column.kind == "text":
        return _of_text(name, column, where, words=words, merged=merged)
    if not column.is_number or column.codes.size < 2:
        return FirstColumn.DATA, ""
    assert column.numbers is not None
    told = _names_lines(name)
    if told and not column.is_distinct and not merged:
        if is_named_identifier(name) and _repeats(column):
            return FirstColumn.AS_IS, "identifiers, which repeat"
        if _PERIODS & words_of(name) and _repeats(column):
            return FirstColumn.DATA, f"its first column {name!r} repeats, so that it names no rows: data"
        raise _unclear_rows(name, where, "has cells that repeat")
    if told:
        return FirstColumn.LABELS, f"its column {name!r} names the rows"
    if not column.is_distinct:
        return FirstColumn.DATA, ""
    why = identifier(name, column, first=True)
    if why:
        return FirstColumn.LABELS, f"its column {name!r} names the rows: {why}"
    return _by_steps(name, column, where)


def _of_text(name: str, column: Profile, where: str, *, words: bool, merged: bool) -> tuple[FirstColumn, str]:
    others = [word for word in column.words if Numerals().number(word) is None]
    if others and all(map(kind_of, others)) and not _repeats(column):
        return FirstColumn.LABELS, f"its column {name!r} names the rows, totals among them"
    if column.number_share >= 0.5 and not column.padded:
        raise _unclear_rows(name, where, f"holds numbers and other cells, such as {others[0]!r}", others)
    if words and not column.padded and are_levels(column.distinct, column.codes.size):
        return FirstColumn.DATA, f"its first column {name!r} holds few words, which repeat: data"
    if _repeats(column) and not merged:
        return FirstColumn.AS_IS, "identifiers, which repeat" if column.padded else "names, which repeat"
    return FirstColumn.LABELS, ""


def _repeats(column: Profile) -> bool:
    """Return whether a column's cells repeat too often to name rows, of which some were listed twice."""
    return column.distinct < LEAST_DISTINCT * column.codes.size


def _names_lines(name: str) -> bool:
    """Return whether a name is one of columns that number or name lines."""
    ends = re.search(r"(?i)(^|[_\W]|[a-z])(id|code|key|nr)$", name) is not None
    unnamed = re.fullmatch(r"unnamed:?\s*\d*", name.lower()) is not None
    return bool((KEYS | ROWS | COLUMNS | TIMES) & words_of(name)) or ends or unnamed


def _by_steps(name: str, column: Profile, where: str) -> tuple[FirstColumn, str]:
    """Decide by whether numbers follow each other at one distance, as those of lines do."""
    assert column.numbers is not None
    if column.kind == "whole" and column.numbers.dtype.kind == "f":  # 4.0, which is measured, not 4
        return FirstColumn.DATA, ""
    steps = np.diff(column.numbers.astype(float))
    if not ((steps > 0).all() or (steps < 0).all()) or steps.size < 2:
        return FirstColumn.DATA, ""
    if is_quantity(name):
        return FirstColumn.DATA, f"its first column {name!r} is measured, not a name of rows: data"
    even = np.abs(steps - steps.mean()).max() <= 1e-6 * np.abs(column.numbers).max()
    if even and steps.size >= 3:
        return FirstColumn.LABELS, f"its column {name!r} names the rows"
    if column.kind == "whole" and steps.size >= 5:
        held = ", ".join(f"{x:g}" for x in column.numbers[:3])
        raise _unclear_rows(name, where, f"holds {held}, ...")
    return FirstColumn.DATA, ""


def _unclear_rows(name: str, where: str, held: str, others: Sequence[str] = ()) -> InvalidInputError:
    """Return the error of a first column; a few cells that are no numbers may mean missing."""
    marks = [Words("if they mean missing, ", Option("missing", [*others]))] if 0 < len(others) < 4 else []
    return InvalidInputError(
        f"the first column of {where} may name the rows or be data",
        f"column {name!r} {held}",
        fix=Remedy(
            Words("say which: ", Option("row_labels", True), " or ", Option("row_labels", False)),
            *marks,
        ),
    )
