"""Decide whether the first column of a wide table names its rows."""

from __future__ import annotations

import re

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.files.evidence import COLUMNS, KEYS, ROWS, TIMES, Profile, words_of
from lowland.files.shapes.cells import are_levels


def names_rows(name: str, column: Profile, where: str, *, words: bool = False) -> tuple[bool, str]:
    """Return whether the first column of a wide table holds labels rather than data, and what decided.

    Few words that repeat are data if `words` are read as levels: labels differ from line to line.

    Raises
    ------
    InvalidInputError
        If it cannot be told.
    """
    if column.kind == "text":
        if column.number_share >= 0.5:
            raise _unclear_rows(name, where, "holds numbers and other cells")
        if words and are_levels(column.distinct, column.codes.size):
            return False, f"its first column {name!r} holds few words, which repeat: data"
        return True, ""
    if not column.is_number or column.codes.size < 2:
        return False, ""
    assert column.numbers is not None
    told = _names_lines(name)
    if told and not column.is_distinct:
        raise _unclear_rows(name, where, "has cells that repeat")
    if told:
        return True, f"its column {name!r} names the rows"
    if not column.is_distinct:
        return False, ""
    return _by_steps(name, column, where)


def _names_lines(name: str) -> bool:
    """Return whether a name is one of columns that number or name lines."""
    ends = re.search(r"(?i)(^|[_\W]|[a-z])(id|code|key|nr)$", name) is not None
    unnamed = re.fullmatch(r"unnamed:?\s*\d*", name.lower()) is not None
    return bool((KEYS | ROWS | COLUMNS | TIMES) & words_of(name)) or ends or unnamed


def _by_steps(name: str, column: Profile, where: str) -> tuple[bool, str]:
    """Decide by whether numbers follow each other at one distance, as those of lines do."""
    assert column.numbers is not None
    steps = np.diff(column.numbers.astype(float))
    if not ((steps > 0).all() or (steps < 0).all()) or steps.size < 2:
        return False, ""
    even = np.abs(steps - steps.mean()).max() <= 1e-6 * np.abs(column.numbers).max()
    if even and steps.size >= 3:
        return True, f"its column {name!r} names the rows"
    if column.kind == "whole" and steps.size >= 5:
        held = ", ".join(f"{x:g}" for x in column.numbers[:3])
        raise _unclear_rows(name, where, f"holds {held}, ...")
    return False, ""


def _unclear_rows(name: str, where: str, held: str) -> InvalidInputError:
    return InvalidInputError(
        f"the first column of {where} may name the rows or be data",
        f"column {name!r} {held}",
        fix="say which: row labels yes or no; or name a mark of missing cells",
    )
