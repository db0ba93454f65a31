"""Columns of a table as labels or as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices
from lowland.core.errors import InvalidInputError
from lowland.core.labels import LabelColumn, label_text, order_labels
from lowland.files.delimited import marked_numbers, without_marks
from lowland.files.layouts import Reading
from lowland.files.numerals import MISSING, Numerals, type_cells


def _distinct(column: NDArray[Any]) -> tuple[NDArray[Any], Indices]:
    """Return sorted distinct values and the index of each cell's value; dense integers by counting."""
    if column.dtype.kind == "i" and column.size:
        first, last = int(column.min()), int(column.max())
        if last - first < 4 * column.size:
            offsets = column - first
            present = np.bincount(offsets, minlength=last - first + 1) > 0
            return np.flatnonzero(present) + first, (np.cumsum(present) - 1)[offsets]
    names, codes = np.unique(column, return_inverse=True)
    return names, codes


def label_column(column: Any, name: str, where: str) -> LabelColumn:
    """Return a column of whole numbers or text as labels.

    Raises
    ------
    InvalidInputError
        If a label is empty.
    """
    if not isinstance(column, LabelColumn):
        if column.dtype.kind == "f" and np.isnan(column).any():
            column = np.array(["" if np.isnan(x) else label_text(x) for x in column.tolist()], dtype=str)
        names, codes = _distinct(column)
        if names.dtype.kind == "f":
            names = np.array([label_text(x) for x in names.tolist()], dtype=str)
        labels = LabelColumn(codes, names) if names.dtype.kind == "i" else order_labels(codes, names.tolist())
    else:
        labels = column
    if labels.names.dtype.kind == "U" and "" in labels.names:
        line = int(np.argmax(labels.names[labels.codes] == "")) + 1
        raise InvalidInputError(
            f"{where} has an empty label", f"column {name!r}, data line {line}", fix="fill it in"
        )
    return labels


def number_column(values: Any, name: str, where: str, how: Reading, numerals: Numerals) -> NDArray[Any]:
    """Return a column as numbers, NaN where missing.

    Raises
    ------
    InvalidInputError
        If it holds text or an infinity.
    """
    values = typed_column(values, numerals)
    if values.dtype.kind == "U":
        bad = next(k for k, cell in enumerate(values.tolist()) if numerals.number(cell) is None)
        raise InvalidInputError(
            f"{where} has text where numbers are needed",
            f"{str(values[bad])!r} in column {name!r}, data line {bad + 1}",
            fix="correct the cell, or name it as a mark of missing cells",
        )
    numbers: NDArray[Any] = without_marks(values, marked_numbers(how.form.missing)).astype(how.dtype)
    if np.isinf(numbers).any():
        bad = int(np.argmax(np.isinf(numbers)))
        raise InvalidInputError(
            f"{where} holds an infinite value",
            f"column {name!r}, data line {bad + 1}",
            fix="leave missing cells blank",
        )
    return numbers


def typed_column(values: Any, numerals: Numerals) -> NDArray[Any]:
    """Return a column as numbers if all of its cells are, else as text."""
    if isinstance(values, LabelColumn):
        if values.names.dtype.kind != "U":
            return values.names[values.codes]
        return type_cells(values.codes, values.names.tolist(), numerals)
    if values.dtype.kind == "U":
        texts, codes = np.unique(values, return_inverse=True)
        return type_cells(codes, texts.tolist(), numerals)
    return np.asarray(values)


def mostly_numbers(column: Any, numerals: Numerals) -> bool:
    """Return whether at least half of a column's first cells are numbers."""
    if isinstance(column, LabelColumn):
        column = column.names[column.codes[:10_000]]
    if column.dtype.kind in "if":
        return True
    found = [numerals.number(cell) is not None for cell in column[:10_000].tolist() if cell not in MISSING]
    return bool(np.mean(found or [False]) >= 0.5)


def check_some(values: NDArray[Any], where: str) -> None:
    """Raise if a table has no observed cell."""
    if not values.size:
        raise InvalidInputError(f"{where} is empty", "no observed cell", fix="pass a table with data")
