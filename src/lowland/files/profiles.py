"""A file with what is known of new rows of a table."""

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


def read_profiles(
    path: str | os.PathLike[str],
    labels: TableLabels,
    levels: Mapping[str, Sequence[str]],
    form: TableFormat,
) -> list[tuple[str, dict[str, float]]]:
    """Return new rows: the name of each, "" if it has none, and its values by column.

    They are the lines of a table, whose first column may name them; or a list of names of columns and values,
    with the name of the row before these if there are several.

    Parameters
    ----------
    path : path
    labels : TableLabels
        Of the table that the rows are new to; all names in the file are those of its columns.
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
    if form.header is not False and _are_columns(names[1:], labels):
        if form.header is None and len(names) == 2 and _are_listed(columns, labels):
            raise InvalidInputError(
                f"{where} may be a list of columns and values, or lines below names of columns",
                f"{names[0]!r} and {names[1]!r} in the first line",
                fix=Words("pass ", Option("header", False), " or ", Option("header", True)),
            )
        rows = _lines(columns, labels)
    elif len(names) == 2 or (len(names) == 3 and _are_listed(columns, labels, 1)):
        labelled = tuple(range(len(names) - 1))
        headed = form.header is not None or not _are_columns(names[-2:-1], labels)
        columns, where = read_columns(path, labelled, form if headed else replace(form, header=False))
        rows = _listed(list(columns.values()), where)
    else:
        raise InvalidInputError(
            f"{where} does not say what is known of a new row",
            f"columns {', '.join(names[:6])}",
            fix="write two columns, names of columns and values, or a line per row below names of columns",
        )
    repeated = [name for k, (name, _) in enumerate(rows) if name and name in [one for one, _ in rows[:k]]]
    if repeated:
        raise InvalidInputError(f"{where} names a row twice", repr(repeated[0]), fix="keep one of them")
    numerals = Numerals(
        decimal=form.decimal or ".", thousands=form.thousands or "", named=frozenset(form.missing)
    )
    return [
        (
            name,
            {
                column: value
                for column, cell in cells.items()
                if not np.isnan(value := _value(cell, levels.get(column, ()), numerals, column, where))
            },
        )
        for name, cells in rows
    ]


def _lines(columns: Mapping[str, Any], labels: TableLabels) -> list[tuple[str, dict[str, Any]]]:
    """Return the lines of a table by their names; a first column that is none of the model's names them."""
    names = list(columns)
    first = names[0] if not _are_columns(names[:1], labels) else ""
    return [
        (
            label_text(columns[first][k]) if first else "",
            {name: columns[name][k] for name in names if name != first},
        )
        for k in range(len(columns[names[0]]))
    ]


def _are_columns(names: Sequence[str], labels: TableLabels) -> bool:
    """Return whether some names are all those of columns of the table."""
    if labels.columns is None:
        return False
    return bool(names) and all(labels.has(name, 1) for name in names)


def _are_listed(columns: Mapping[str, Any], labels: TableLabels, place: int = 0) -> bool:
    """Return whether a column of a file holds names of columns, or positions, where columns have no names."""
    held = [label_text(name) for name in list(columns.values())[place].tolist()]
    return labels.columns is None or any(labels.has(name, 1) for name in held)


def _listed(columns: list[Any], where: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the values of a list by name, by the names of rows if it has them."""
    *rows, names, values = (column.tolist() for column in columns)
    found = dict[str, dict[str, Any]]()
    for row, name, value in zip(rows[0] if rows else [""] * len(names), names, values, strict=True):
        cells, text = found.setdefault(label_text(row), {}), label_text(name)
        if text in cells:
            raise InvalidInputError(f"{where} names a column twice", repr(text), fix="keep one of them")
        cells[text] = value
    return list(found.items())


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
