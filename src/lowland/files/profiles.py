"""A file with what is known of one new row of a table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.core.cells.labels import label_text
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Remedy, Words
from lowland.files.numerals import MISSING, Numerals
from lowland.files.table_format import TableFormat
from lowland.files.tables import read_columns


def read_profile(
    path: str | os.PathLike[str],
    labels: TableLabels,
    levels: Mapping[str, Sequence[str]],
    form: TableFormat,
) -> dict[str, float]:
    """Return values by column: of a list of two columns, names and values, or of the one line of a table.

    Parameters
    ----------
    path : path
    labels : TableLabels
        Of the table that the row is new to; all names in the file are those of its columns.
    levels : mapping of str to sequence of str
        Words of columns of levels, which are known by their position.
    form : TableFormat
        How the file is written.

    Raises
    ------
    InvalidInputError
        If the file is neither, or a cell is not a value of its column.
    """
    columns, where = read_columns(path, (0,), form)
    names = list(columns)
    if _are_columns(names[1:], labels):  # a first column may name the row
        lines = [{name: columns[name][k] for name in names} for k in range(len(columns[names[0]]))]
        if len(lines) != 1:
            raise InvalidInputError(
                f"{where} must hold one new row", f"{len(lines)} lines", fix="leave one of them"
            )
        cells = {name: cell for name, cell in lines[0].items() if _are_columns([name], labels)}
    elif len(names) == 2:
        if form.header is None and _are_columns(names[:1], labels):  # a line of data, and no header
            columns, where = read_columns(path, (0,), replace(form, header=False))
        cells = _listed(*columns.values(), where=where)
    else:
        raise InvalidInputError(
            f"{where} does not say what is known of a new row",
            f"columns {', '.join(names[:6])}",
            fix="write two columns, names of columns and values, or one line below names of columns",
        )
    numerals = Numerals(
        decimal=form.decimal or ".", thousands=form.thousands or "", named=frozenset(form.missing)
    )
    values = {name: _value(cell, levels.get(name, ()), numerals, name, where) for name, cell in cells.items()}
    return {name: value for name, value in values.items() if not np.isnan(value)}


def _are_columns(names: Sequence[str], labels: TableLabels) -> bool:
    """Return whether some names are all those of columns of the table."""
    if labels.columns is None:
        return False
    return bool(names) and all(labels.has(name, 1) for name in names)


def _listed(names: Any, values: Any, *, where: str) -> dict[str, Any]:
    """Return the values of a list by name."""
    texts = [label_text(name) for name in names.tolist()]
    repeated = [text for text in texts if texts.count(text) > 1]
    if repeated:
        raise InvalidInputError(f"{where} names a column twice", repr(repeated[0]), fix="keep one of them")
    return dict(zip(texts, values.tolist(), strict=True))


def _value(cell: Any, words: Sequence[str], numerals: Numerals, name: str, where: str) -> float:
    """Return a cell as a number, that of a level by its word; NaN where it is missing."""
    if not isinstance(cell, str):
        return float(cell)
    text = cell.strip()
    if text in words:
        return float(list(words).index(text))
    if not text or text in MISSING:
        return float("nan")
    number = None if words else numerals.number(text)
    if number is None:
        marked = [Words("name the decimal mark by ", Option("decimal"))] if text[:1].isdigit() else []
        known = f"one of {', '.join(words)}" if words else "a number"
        raise InvalidInputError(
            f"{where} holds a value that column {name!r} cannot have",
            repr(cell),
            fix=Remedy(f"write {known}", *marked),
        )
    return number
