"""Tables as observations: long (row, column, value) or wide, from files and data frames."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices
from lowland.core.errors import InvalidInputError
from lowland.core.labels import LabelColumn, label_text, order_labels
from lowland.core.observations import Observations
from lowland.files.arrays import read_array
from lowland.files.columnar import COLUMNAR, columns_of
from lowland.files.delimited import MISSING, Columns, read_delimited, read_header, type_column

Names = tuple[str | None, str | None, str | None]

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
ARRAYS = (".npy", ".npz", ".mtx")


@final
@dataclass(frozen=True, eq=False)
class Table:
    """Observations, and how the table that held them looked.

    Parameters
    ----------
    observations : Observations
    layout : {"long", "wide", "array"}
    names : tuple of str
        Long: names of the row, column and value columns. Wide: name of the label column, or "".
    """

    observations: Observations
    layout: str
    names: tuple[str, ...]


def read_table(
    source: Any,
    *,
    row: str | None = None,
    column: str | None = None,
    value: str | None = None,
    layout: str = "auto",
    delimiter: str | None = None,
    duplicates: str = "error",
    dtype: str = "float64",
) -> Observations:
    """Read a table of observations from a file or a data frame.

    Parameters
    ----------
    source : path or data frame
        CSV, TSV, Parquet, Feather, Matrix Market, NPY or NPZ; or a pandas, Polars or Arrow frame.
    row, column, value : str, optional
        Names of the columns of a long table; naming one makes the table long, unless `layout` is
        "wide": then `row` names the column of row labels.
    layout : {"auto", "long", "wide"}
        "auto" takes a table of exactly three columns, the last mostly numbers, for long.
    delimiter : str, optional
        Separator of a text file; by default a comma for .csv and a tab otherwise.
    duplicates : {"error", "mean", "last"}
        What to do with a cell that is listed twice.
    dtype : {"float64", "float32"}
        Precision of the values.

    Returns
    -------
    Observations
        With the table's labels: whole numbers, or text exactly as written ("007" is not "7"). A
        wide table's first column holds the row labels if it is text.

    Raises
    ------
    InvalidInputError
        If the file cannot be read or its contents cannot be used; the message names the place.

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.datasets import data_path
    >>> ll.read_table(data_path("fertility")).shape
    (210, 52)
    """
    return load_table(
        source,
        row=row,
        column=column,
        value=value,
        layout=layout,
        delimiter=delimiter,
        duplicates=duplicates,
        dtype=dtype,
    ).observations


def load_table(
    source: Any,
    *,
    row: str | None = None,
    column: str | None = None,
    value: str | None = None,
    layout: str = "auto",
    delimiter: str | None = None,
    duplicates: str = "error",
    dtype: str = "float64",
) -> Table:
    """Read a table and keep how it looked; parameters and errors are those of `read_table`."""
    check_layout(layout, dtype)
    names = (row, column, value)
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        suffix = path.suffix.lower()
        if suffix in ARRAYS:
            return Table(_as_type(read_array(path), dtype), "array", ())
        if suffix in DELIMITERS:
            return _load_text(path, delimiter or DELIMITERS[suffix], layout, names, duplicates, dtype)
    columns, where = columns_of(source, (*DELIMITERS, *COLUMNAR, *ARRAYS))
    return table_from_columns(columns, where, names, layout, duplicates, dtype)


def table_from_columns(
    columns: Columns, where: str, names: Names, layout: str, duplicates: str, dtype: str
) -> Table:
    """Return typed columns as a table.

    Parameters
    ----------
    columns : dict of str to ndarray or LabelColumn
    where : str
        What to call them in errors.
    names : tuple of str or None
        Of the row, column and value columns.
    layout : {"auto", "long", "wide"}
    duplicates : {"error", "mean", "last"}
    dtype : {"float64", "float32"}
    """
    is_long = _is_long(layout, names, columns)
    return (_long if is_long else _wide)(columns, where, names, duplicates, dtype)


def check_layout(layout: str, dtype: str) -> None:
    """Raise unless layout and precision are known."""
    if layout not in ("auto", "long", "wide"):
        raise InvalidInputError("layout is unknown", repr(layout), fix='use "auto", "long" or "wide"')
    if dtype not in ("float64", "float32"):
        raise InvalidInputError("dtype is unknown", repr(dtype), fix='use "float64" or "float32"')


def read_columns(source: Any, key: str | None = None) -> tuple[dict[str, NDArray[Any]], str]:
    """Return the columns of a file or data frame, labels as written, and what to call it in errors.

    Parameters
    ----------
    source : path or data frame
    key : str, optional
        The column of labels; the first by default.
    """
    delimiter = DELIMITERS.get(Path(source).suffix.lower()) if isinstance(source, str | os.PathLike) else None
    if delimiter is not None:
        path = Path(source)
        header = read_header(path, delimiter)
        found, where = read_delimited(path, delimiter, [key or header[0]]), str(path)
    else:
        found, where = columns_of(source, (*DELIMITERS, *COLUMNAR))
    plain = {
        name: column.names[column.codes] if isinstance(column, LabelColumn) else column
        for name, column in found.items()
    }
    return plain, where


def _load_text(path: Path, delimiter: str, layout: str, names: Names, duplicates: str, dtype: str) -> Table:
    """Read a text table; which columns hold labels must be known before it is read."""
    header = read_header(path, delimiter)
    maybe_long = layout == "long" or (layout == "auto" and (any(names) or len(header) == 3))
    if maybe_long:
        chosen = _choose_columns(header, str(path), names)
        columns = read_delimited(path, delimiter, chosen[:2])
        if layout == "long" or any(names) or _mostly_numbers(columns[chosen[2]]):
            return _long(columns, str(path), names, duplicates, dtype)
    label = names[0] or header[0]
    if label not in header:
        raise InvalidInputError(f"{path} has no column {label!r}", f"columns {', '.join(header)}")
    return _wide(read_delimited(path, delimiter, [label]), str(path), names, duplicates, dtype)


def _is_long(layout: str, names: Names, columns: Columns) -> bool:
    if layout != "auto":
        return layout == "long"
    return any(names) or (len(columns) == 3 and _mostly_numbers(list(columns.values())[2]))


def _mostly_numbers(column: Any) -> bool:
    """Whether at least half of a column's cells are numbers: a few bad cells do not change a layout."""
    if isinstance(column, LabelColumn):
        column = column.names[column.codes[:10_000]]
    if column.dtype.kind in "if":
        return True
    return bool(np.mean([_is_number(cell) for cell in column[:10_000]] or [False]) >= 0.5)


def _long(columns: Columns, where: str, names: Names, duplicates: str, dtype: str) -> Table:
    chosen = _choose_columns(list(columns), where, names)
    row, column = (_labels(columns[name], name, where) for name in chosen[:2])
    values = _numbers(columns[chosen[2]], chosen[2], where, dtype)
    rows, cols = row.codes, column.codes
    keep = ~np.isnan(values)
    if not keep.all():  # a listed cell without a value is a missing one
        rows, cols, values = rows[keep], cols[keep], values[keep]
    _check_some(values, where)
    rows, cols, values = _row_by_row(rows, cols, values, column.names.size)
    observations = Observations.from_triples(
        rows, cols, values, row_labels=row.names, column_labels=column.names, duplicates=duplicates
    )
    return Table(observations, "long", chosen)


def _row_by_row(
    rows: Indices, columns: Indices, values: NDArray[Any], width: int
) -> tuple[Indices, Indices, NDArray[Any]]:
    """Return cells in the order of rows and columns: a fit must not depend on the order of lines."""
    code = rows * width + columns
    if (np.diff(code) >= 0).all():
        return rows, columns, values
    order = _stable_order(code)
    return rows[order], columns[order], values[order]


def _stable_order(code: Indices) -> Indices:
    """Return the order of codes, equal ones as they come: sorted with their places where both fit."""
    places = int(code.size - 1).bit_length()
    if int(code.max()).bit_length() + places >= 63:
        return np.argsort(code, kind="stable")
    packed = np.sort((code.astype(np.int64) << places) | np.arange(code.size))  # sorts faster than argsort
    order: Indices = packed & ((1 << places) - 1)
    return order


def _choose_columns(header: list[str], where: str, names: Names) -> tuple[str, ...]:
    if len(header) < 3:
        raise InvalidInputError(
            f"{where} is no long table",
            f"{len(header)} columns",
            fix="a long table has a row, a column and a value",
        )
    chosen = []
    for name, role, position in zip(names, ("row", "column", "value"), range(3), strict=True):
        name = name or header[position]
        if name not in header:
            raise InvalidInputError(
                f"{where} has no column {name!r} for the {role}",
                f"columns {', '.join(header)}",
                fix="name one of them",
            )
        chosen.append(name)
    if len(set(chosen)) < 3:
        raise InvalidInputError("row, column and value must be three different columns", ", ".join(chosen))
    return tuple(chosen)


def _distinct(column: NDArray[Any]) -> tuple[NDArray[Any], Indices]:
    """Return distinct values in order, and which each is: whole numbers close together by counting."""
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
            fix="mend the cell, drop the column, or name the row, column and value columns of a long table",
        )
    numbers: NDArray[Any] = values.astype(dtype)
    if np.isinf(numbers).any():
        bad = int(np.argmax(np.isinf(numbers)))
        raise InvalidInputError(
            f"{where} holds an infinity",
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


def _wide(columns: Columns, where: str, names: Names, duplicates: str, dtype: str) -> Table:
    first = names[0] or next(iter(columns), "")
    labels = _wide_labels(columns, first, where, asked=names[0] is not None)
    numeric = [name for name in columns if labels is None or name != first]
    if not numeric or not columns[numeric[0]].size:
        raise InvalidInputError(
            f"{where} is empty", f"{len(numeric)} number columns", fix="pass a table with data"
        )
    table = np.stack([_numbers(columns[name], name, where, dtype) for name in numeric], axis=1)
    _check_some(table[~np.isnan(table)], where)
    observations = Observations.from_array(
        table, row_labels=labels, column_labels=np.array(numeric, dtype=str)
    )
    return Table(observations, "wide", (first if labels is not None else "",))


def _wide_labels(columns: Columns, first: str, where: str, *, asked: bool) -> NDArray[Any] | None:
    """Return the labels of a wide table's rows: its first column if that is text, or the one asked for."""
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


def _as_type(observations: Observations, dtype: str) -> Observations:
    return Observations(
        observations.rows,
        observations.columns,
        observations.values.astype(dtype),
        observations.shape,
        observations.weights,
        observations.row_labels,
        observations.column_labels,
    )
