"""Columns that name things by numbers, such as customers or places: they are no quantities.

What decides is how the numbers are written, what the column is called, and, of a first column without gaps,
whether its numbers count its lines or are all different and equally long. A number that names a thing is
nothing to be filled in: its gaps stay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.files.column_names import TIMES, is_named_identifier, is_quantity, parts_of
from lowland.files.evidence import Profile

# digits of whole numbers that are names: as many as those of doubles end
LONG = 16
# beyond which whole numbers are quantities of another scale
LONGEST = 1e40
# digits of names in a first column that are equally long, and of those that need no other sign of names
EQUALLY_LONG, TOLD_BY_LENGTH = 5, 8


def identifier(name: str, column: Profile, *, first: bool) -> str:
    """Return why a column of whole numbers holds identifiers, in a few words; "" if it holds quantities.

    Parameters
    ----------
    name : str
    column : Profile
    first : bool
        Whether it is the first column of its table.
    """
    if not column.codes.size:
        return ""
    if column.padded:
        return "" if column.gaps else "leading zeros"
    if column.kind != "whole" or column.numbers is None:
        return ""
    numbers = np.abs(column.numbers.astype(float))
    if 10.0 ** (LONG - 1) <= np.nanmax(numbers) < LONGEST:
        return f"whole numbers of {LONG} digits or more"
    if is_named_identifier(name):
        return "by its name"
    written_whole = column.numbers.dtype.kind in "iu"  # 4, not 4.0
    told = first and written_whole and column.is_distinct and column.codes.size >= 3
    if column.gaps or not told:
        return ""
    steps = np.diff(column.numbers)
    by_one = bool((steps == 1).all() or (steps == -1).all())
    measured = _are_measured(name, numbers)
    if by_one and (column.numbers.min() in (0, 1) or not measured):
        return "they count the lines"
    return "all different and equally long" if not measured and _are_equally_long(numbers) else ""


def _are_measured(name: str, numbers: NDArray[np.float64]) -> bool:
    """Return whether numbers measure or count something: by the column's name, or because most are round."""
    named = is_quantity(name) or not {*TIMES, "year"}.isdisjoint(parts_of(name))
    return named or bool((numbers % 10 == 0).mean() > 0.5)


def _are_equally_long(numbers: NDArray[np.float64]) -> bool:
    """Return whether different numbers have as many digits each as names have.

    Short ones are also in order, or begin with one digit: what is measured goes from one length to the next.
    """
    lengths = np.floor(np.log10(np.maximum(numbers, 1.0))) + 1
    if lengths.min() < EQUALLY_LONG or lengths.min() < lengths.max():
        return False
    steps = np.diff(numbers)
    begun = np.unique(numbers // 10.0 ** (lengths[0] - 1))
    in_order = bool((steps > 0).all() or (steps < 0).all())
    return bool(lengths[0] >= TOLD_BY_LENGTH) or in_order or begun.size == 1
