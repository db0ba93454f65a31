"""How numbers are written in columns of text, in text files and among the values of sheets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lowland.files.beside_numbers import NOTHING, Beside
from lowland.files.numerals import MISSING, Numerals, beside, find_numerals, is_number, is_plain
from lowland.files.table_format import TableFormat

# distinct cells of a column, and the place of each cell among them
Coded: TypeAlias = tuple[Sequence[str], NDArray[Any]]


def plain_cells(
    columns: Mapping[str, Collection[str]],
    form: TableFormat,
    others: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> tuple[dict[str, set[str]], dict[str, Beside]]:
    """Return the cells of columns of numbers without what stands beside these, and what does in all columns.

    Parameters
    ----------
    columns : mapping of str to collection of str
        Distinct cells by name of column.
    form : TableFormat
    others : mapping of str to collection of str
        Plain numbers that these columns hold besides: `1 g` among numbers may be of another unit.
    """
    missing = frozenset((*MISSING, *form.missing))
    by_column = {
        # most columns of wide tables: seen at once, since nothing stands beside plain numbers
        name: NOTHING
        if not others and all(cell in missing or is_plain(cell) for cell in cells)
        else beside({*cells, *others.get(name, ())}, form.missing, form.censored)
        for name, cells in columns.items()
    }
    plain = {
        name: set(cells) if by_column[name] is NOTHING else {by_column[name].plain(cell) for cell in cells}
        for name, cells in columns.items()
    }
    # addresses and versions have points too
    numeric = {name for name, cells in plain.items() if _are_numbers({*cells, *others.get(name, ())})}
    return {name: cells for name, cells in plain.items() if name in numeric}, by_column


def _are_numbers(cells: Collection[str]) -> bool:
    """Return whether at least half of the distinct cells that hold something are numbers."""
    return sum(map(is_number, cells)) >= 0.5 * sum(cell.strip() not in MISSING for cell in cells)


def numerals_among_values(
    columns: Mapping[str, Sequence[Any]], form: TableFormat, where: str
) -> tuple[Numerals, frozenset[str]]:
    """Return how numbers are written as text among values, and the columns that hold such numbers.

    Parameters
    ----------
    columns : mapping of str to sequence of values
        Cells by name of column.
    form : TableFormat
    where : str
        Name of the table in messages.

    Raises
    ------
    InvalidInputError
        If a comma may stand for decimals as well as between thousands.
    """
    texts = {name: [cell for cell in column if isinstance(cell, str)] for name, column in columns.items()}
    some = [name for name, cells in texts.items() if cells]
    numbers = {name: {str(cell) for cell in columns[name] if isinstance(cell, int | float)} for name in some}
    lines = {name: [x if isinstance(x, str) else "" for x in columns[name]] for name in some}
    return numerals_of_texts({name: distinct_cells(lines[name]) for name in some}, form, where, numbers)


def distinct_cells(texts: Sequence[str] | NDArray[Any]) -> Coded:
    """Return the distinct cells of a column of text, and the place of each cell among them."""
    # quicker than NumPy's sort of all cells, above all for the short samples of many columns
    cells = texts.tolist() if isinstance(texts, np.ndarray) else texts
    names = sorted(set(cells))
    places = {name: at for at, name in enumerate(names)}
    return names, np.array([places[cell] for cell in cells], np.intp)


def numerals_of_texts(
    columns: Mapping[str, Coded],
    form: TableFormat,
    where: str,
    others: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> tuple[Numerals, frozenset[str]]:
    """Return the same of columns of text, by their distinct cells and the place of each cell among these."""
    plain, by_column = plain_cells({name: names for name, (names, _) in columns.items()}, form, others)
    cells = set[str]().union(*plain.values())
    found = find_numerals(cells, form.decimal, form.thousands, form.missing, where)
    besides = {name: one for name, one in by_column.items() if one != NOTHING}
    return found.with_beside(besides, {name: columns[name] for name in besides}), frozenset(plain)


def in_manner(cell: Any, decimal: str) -> Any:
    """Return a number beside numbers as text as one of these, written with their decimal mark."""
    return str(cell).replace(".", decimal) if isinstance(cell, float) else cell
