"""Turn typed columns into observations, from long (row, column, value) or wide tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices
from lowland.core.errors import InvalidInputError
from lowland.core.labels import LabelColumn, label_text, order_labels
from lowland.core.observations import Observations
from lowland.files.delimited import MISSING, Columns, type_column


@final
@dataclass(frozen=True, eq=False)
class Table:
    """Observations, and the layout of the table that they came from.

    Parameters
    ----------
    observations : Observations
    layout : {"long", "wide", "array"}
    names : tuple of str
        Long: names of the row, column and value columns. Wide: name of the label column, or "".
    levels : mapping of str to tuple of str
        Words of the columns that were read as levels; the position of a word is its number.
    """

    observations: Observations
    layout: str
    names: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@final
@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read a table.

    Parameters
    ----------
    row, column, value, layout, delimiter, duplicates, dtype
        As in `read_table`.
    two_level : collection of str
        Columns of a wide table that may hold two words instead of numbers.
    """

    row: str | None = None
    column: str | None = None
    value: str | None = None
    layout: str = "auto"
    delimiter: str | None = None
    duplicates: str = "error"
    dtype: str = "float64"
    two_level: Collection[str] = ()

    def __post_init__(self) -> None:
        if self.layout not in ("auto", "long", "wide"):
            raise InvalidInputError(
                "layout is unknown", repr(self.layout), fix='use "auto", "long" or "wide"'
            )
        if self.dtype not in ("float64", "float32"):
            raise InvalidInputError("dtype is unknown", repr(self.dtype), fix='use "float64" or "float32"')

    @property
    def names(self) -> tuple[str | None, str | None, str | None]:
        """Names of the row, column and value columns; None if not given."""
        return self.row, self.column, self.value


def table_from_columns(columns: Columns, where: str, how: Reading) -> Table:
    """Return typed columns as a table.

    Parameters
    ----------
    columns : dict of str to ndarray or LabelColumn
    where : str
        Name of the table in error messages.
    how : Reading
    """
    return (long_table if _is_long(columns, how) else wide_table)(columns, where, how)


def _is_long(columns: Columns, how: Reading) -> bool:
    if how.layout != "auto":
        return how.layout == "long"
    return any(how.names) or (len(columns) == 3 and mostly_numbers(list(columns.values())[2]))


def mostly_numbers(column: Any) -> bool:
    """Return whether at least half of the cells are numbers: a few bad cells do not change the layout."""
    if isinstance(column, LabelColumn):
        column = column.names[column.codes[:10_000]]
    if column.dtype.kind in "if":
        return True
    return bool(np.mean([_is_number(cell) for cell in column[:10_000]] or [False]) >= 0.5)


def long_table(columns: Columns, where: str, how: Reading) -> Table:
    """Return a long table, with one cell per line."""
    chosen = choose_columns(list(columns), where, how)
    row, column = (_labels(columns[name], name, where) for name in chosen[:2])
    values = _numbers(columns[chosen[2]], chosen[2], where, how.dtype)
    rows, cols = row.codes, column.codes
    keep = ~np.isnan(values)
    if not keep.all():  # a listed cell without a value is missing
        rows, cols, values = rows[keep], cols[keep], values[keep]
    _check_some(values, where)
    rows, cols, values = _row_by_row(rows, cols, values, column.names.size)
    observations = Observations.from_triples(
        rows, cols, values, row_labels=row.names, column_labels=column.names, duplicates=how.duplicates
    )
    return Table(observations, "long", chosen)


def _row_by_row(
    rows: Indices, columns: Indices, values: NDArray[Any], width: int
) -> tuple[Indices, Indices, NDArray[Any]]:
    """Return cells sorted by row and column: a fit must not depend on the order of lines."""
    code = rows * width + columns
    if (np.diff(code) >= 0).all():
        return rows, columns, values
    order = _stable_order(code)
    return rows[order], columns[order], values[order]


def _stable_order(code: Indices) -> Indices:
    """Return a stable sorting order of codes; codes and positions are packed into one integer if both fit."""
    places = int(code.size - 1).bit_length()
    if int(code.max()).bit_length() + places >= 63:
        return np.argsort(code, kind="stable")
    packed = np.sort((code.astype(np.int64) << places) | np.arange(code.size))  # sorts faster than argsort
    order: Indices = packed & ((1 << places) - 1)
    return order


def choose_columns(header: list[str], where: str, how: Reading) -> tuple[str, ...]:
    """Return the names of the row, column and value columns of a long table."""
    if len(header) < 3:
        raise InvalidInputError(
            f"{where} is not a long table",
            f"{len(header)} columns",
            fix="give it a row, a column and a value column",
        )
    chosen = []
    for name, role, position in zip(how.names, ("row", "column", "value"), range(3), strict=True):
        name = name or header[position]
        if name not in header:
            raise InvalidInputError(
                f"{where} has no column {name!r} for the {role}",
                f"columns {', '.join(header)}",
                fix="name one of these columns",
            )
        chosen.append(name)
    if len(set(chosen)) < 3:
        raise InvalidInputError("row, column and value must be three different columns", ", ".join(chosen))
    return tuple(chosen)


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


def _labels(column: Any, name: str, where: str) -> LabelColumn:
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


def _numbers(values: Any, name: str, where: str, dtype: str) -> NDArray[Any]:
    if isinstance(values, LabelColumn):
        values = values.names[values.codes] if values.size else values.names
        if values.dtype.kind == "U":
            values = type_column(values.tolist())
    if values.dtype.kind == "U":
        bad = next((k for k, cell in enumerate(values.tolist()) if cell and not _is_number(cell)), 0)
        raise InvalidInputError(
            f"{where} has text where numbers are needed",
            f"{str(values[bad]) if values.size else ''!r} in column {name!r}, data line {bad + 1}",
            fix="correct the cell or drop the column; for a long table, name its row, column and value "
            "columns; for a column of two words, use the logistic loss",
        )
    numbers: NDArray[Any] = values.astype(dtype)
    if np.isinf(numbers).any():
        bad = int(np.argmax(np.isinf(numbers)))
        raise InvalidInputError(
            f"{where} holds an infinite value",
            f"column {name!r}, data line {bad + 1}",
            fix="leave missing cells blank",
        )
    return numbers


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def wide_table(columns: Columns, where: str, how: Reading) -> Table:
    """Return a wide table, with one row per line."""
    first = how.row or next(iter(columns), "")
    labels = _wide_labels(columns, first, where, asked=how.row is not None)
    numeric = [name for name in columns if labels is None or name != first]
    if not numeric or not columns[numeric[0]].size:
        raise InvalidInputError(
            f"{where} is empty", f"{len(numeric)} numeric columns", fix="pass a table with data"
        )
    levels: dict[str, tuple[str, ...]] = {}
    made = []
    for name in numeric:
        words = _words(columns[name]) if name in how.two_level else None
        if words is not None:
            levels[name] = _two_words(words, name, where)
            codes = {word: float(k) for k, word in enumerate(levels[name])}
            made.append(np.array([codes.get(word, np.nan) for word in words.tolist()], how.dtype))
        else:
            made.append(_numbers(columns[name], name, where, how.dtype))
    table = np.stack(made, axis=1)
    _check_some(table[~np.isnan(table)], where)
    observations = Observations.from_array(
        table, row_labels=labels, column_labels=np.array(numeric, dtype=str)
    )
    return Table(observations, "wide", (first if labels is not None else "",), levels)


def _words(column: Any) -> NDArray[Any] | None:
    """Return a column of words, or None if it holds numbers."""
    if isinstance(column, LabelColumn):
        column = column.names[column.codes] if column.size else column.names
    if column.dtype.kind != "U" or all(_is_number(cell) or cell in MISSING for cell in column.tolist()):
        return None
    return np.asarray(column)


def _two_words(column: NDArray[Any], name: str, where: str) -> tuple[str, ...]:
    words = tuple(sorted({cell for cell in column.tolist() if cell not in MISSING}))
    if len(words) > 2:
        raise InvalidInputError(
            f"{where} has more than two words in column {name!r}, whose order is not known",
            ", ".join(map(repr, words[:4])),
            fix="write ordered levels as numbers, or fit a data frame with an ordered category",
        )
    return words


def _wide_labels(columns: Columns, first: str, where: str, *, asked: bool) -> NDArray[Any] | None:
    """Return the row labels of a wide table: its first column if that is text, or the requested column."""
    column = columns.get(first)
    if column is None or not column.size:
        return None
    if isinstance(column, LabelColumn):
        text = column.names.dtype.kind == "U" and not all(
            _is_number(name) or name in MISSING for name in column.names.tolist()
        )
    else:
        text = column.dtype.kind == "U"
    if not text and not asked:
        return None
    labels = _labels(column, first, where)
    return labels.names[labels.codes]


def _check_some(values: NDArray[Any], where: str) -> None:
    if not values.size:
        raise InvalidInputError(f"{where} is empty", "no observed cell", fix="pass a table with data")
