"""Tables as observations: long (row, column, value) or wide, from files and data frames."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import InvalidInputError, MissingExtraError
from lowland.core.observations import Observations
from lowland.files.arrays import read_array
from lowland.files.delimited import Columns, read_delimited

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
COLUMNAR = (".parquet", ".feather", ".arrow")
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
    duplicates: str = "error",
    dtype: str = "float64",
) -> Observations:
    """Read a table of observations from a file or a data frame.

    Parameters
    ----------
    source : path or data frame
        CSV, TSV, Parquet, Feather, Matrix Market, NPY or NPZ; or a pandas, Polars or Arrow frame.
    row, column, value : str, optional
        Names of the columns of a long table; naming one makes the table long.
    layout : {"auto", "long", "wide"}
        "auto" takes a table of exactly three columns, the last numeric, for long.
    duplicates : {"error", "mean", "last"}
        What to do with a cell that is listed twice.
    dtype : {"float64", "float32"}
        Precision of the values.

    Returns
    -------
    Observations
        With the table's labels. A wide table's first column holds the row labels if it is text.

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
        source, row=row, column=column, value=value, layout=layout, duplicates=duplicates, dtype=dtype
    ).observations


def load_table(
    source: Any,
    *,
    row: str | None = None,
    column: str | None = None,
    value: str | None = None,
    layout: str = "auto",
    duplicates: str = "error",
    dtype: str = "float64",
) -> Table:
    """Read a table and keep how it looked; parameters and errors are those of `read_table`."""
    if layout not in ("auto", "long", "wide"):
        raise InvalidInputError("layout is unknown", repr(layout), fix='use "auto", "long" or "wide"')
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        suffix = path.suffix.lower()
        if suffix in ARRAYS:
            observations = read_array(path)
            return Table(_as_type(observations, dtype), "array", ())
        columns, where = _read_columns(path, suffix), str(path)
    else:
        columns, where = _frame_columns(source), "the data frame"
    is_long = layout == "long" or (
        layout == "auto" and (bool(row or column or value) or _looks_long(columns))
    )
    make = _long if is_long else _wide
    return make(columns, where, (row, column, value), duplicates, dtype)


def _read_columns(path: Path, suffix: str) -> Columns:
    if suffix in DELIMITERS:
        return read_delimited(path, DELIMITERS[suffix])
    if suffix in COLUMNAR:
        return _frame_columns(_read_arrow_file(path, suffix))
    known = ", ".join([*DELIMITERS, *COLUMNAR, *ARRAYS])
    raise InvalidInputError(f"{path} has an unknown ending", suffix or "none", fix=f"use one of {known}")


def _read_arrow_file(path: Path, suffix: str) -> Any:
    try:
        import pyarrow as pa
        from pyarrow import feather, parquet
    except ImportError as error:
        raise MissingExtraError(
            f"{suffix} files need an optional package",
            "pyarrow is not installed",
            fix="pip install 'lowland[tables]'",
        ) from error
    try:
        return parquet.read_table(str(path)) if suffix == ".parquet" else feather.read_table(str(path))
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInputError(
            f"cannot read {path}", str(error).splitlines()[0], fix="check the file"
        ) from error


def _frame_columns(frame: Any) -> Columns:
    """Return the columns of any frame that narwhals knows."""
    import narwhals as nw

    try:
        wrapped = nw.from_native(frame, eager_only=True)
    except TypeError as error:
        raise InvalidInputError(
            "the table is neither a path nor a data frame",
            type(frame).__name__,
            fix="pass a file name, or a pandas, Polars or Arrow table",
        ) from error
    columns: Columns = {}
    for name in wrapped.columns:
        series = wrapped[name]
        if series.dtype.is_integer() and series.null_count() == 0:
            columns[name] = series.to_numpy().astype(np.int64)
        elif series.dtype.is_numeric() or series.dtype == nw.Boolean:
            columns[name] = series.cast(nw.Float64).to_numpy().astype(np.float64)
        else:
            columns[name] = np.array(["" if x is None else str(x) for x in series.to_list()], dtype=str)
    return columns


def _looks_long(columns: Columns) -> bool:
    return len(columns) == 3 and list(columns.values())[2].dtype.kind in "if"


def _long(columns: Columns, where: str, names: tuple[str | None, ...], duplicates: str, dtype: str) -> Table:
    chosen = _choose_columns(columns, where, names)
    rows, labels = _positions(columns[chosen[0]], chosen[0], where)
    cols, column_labels = _positions(columns[chosen[1]], chosen[1], where)
    values = _numbers(columns[chosen[2]], chosen[2], where, dtype)
    keep = ~np.isnan(values)
    if not keep.all():  # a listed cell without a value is a missing one
        rows, cols, values = rows[keep], cols[keep], values[keep]
    _check_some(values, where)
    observations = Observations.from_triples(
        rows, cols, values, row_labels=labels, column_labels=column_labels, duplicates=duplicates
    )
    return Table(observations, "long", chosen)


def _choose_columns(columns: Columns, where: str, names: tuple[str | None, ...]) -> tuple[str, ...]:
    if len(columns) < 3:
        raise InvalidInputError(
            f"{where} is no long table",
            f"{len(columns)} columns",
            fix="a long table has a row, a column and a value",
        )
    chosen = []
    for name, role, position in zip(names, ("row", "column", "value"), range(3), strict=True):
        name = name or list(columns)[position]
        if name not in columns:
            raise InvalidInputError(
                f"{where} has no column {name!r} for the {role}",
                f"columns {', '.join(columns)}",
                fix="name one of them",
            )
        chosen.append(name)
    if len(set(chosen)) < 3:
        raise InvalidInputError("row, column and value must be three different columns", ", ".join(chosen))
    return tuple(chosen)


def _positions(labels: NDArray[Any], name: str, where: str) -> tuple[NDArray[np.intp], NDArray[Any]]:
    bad = labels == "" if labels.dtype.kind == "U" else np.isnan(labels.astype(np.float64))
    if bad.any():
        raise InvalidInputError(
            f"{where} has an empty label",
            f"column {name!r}, data line {int(np.argmax(bad)) + 1}",
            fix="fill it in",
        )
    if labels.dtype.kind == "i" and labels.size and labels.min() >= 0 and labels.max() < 4 * labels.size:
        # whole numbers of moderate size: a table look-up instead of a sort
        present = np.zeros(int(labels.max()) + 1, dtype=bool)
        present[labels] = True
        place = np.cumsum(present) - 1
        return place[labels], np.flatnonzero(present)
    distinct, positions = np.unique(labels, return_inverse=True)
    return positions, distinct


def _numbers(values: NDArray[Any], name: str, where: str, dtype: str) -> NDArray[Any]:
    if values.dtype.kind == "U":
        bad = next((k for k, cell in enumerate(values) if cell and not _is_number(cell)), 0)
        raise InvalidInputError(
            f"{where} has text where numbers are needed",
            f"{values[bad] if values.size else ''!r} in column {name!r}, data line {bad + 1}",
            fix="drop the column, or choose another value column",
        )
    numbers = values.astype(dtype)
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


def _wide(columns: Columns, where: str, names: tuple[str | None, ...], duplicates: str, dtype: str) -> Table:
    first = next(iter(columns), "")
    labelled = bool(columns) and columns[first].dtype.kind == "U"
    labels = columns[first] if labelled else None
    numeric = list(columns)[1:] if labelled else list(columns)
    if not numeric or not columns[first].size:
        raise InvalidInputError(
            f"{where} is empty", f"{len(numeric)} number columns", fix="pass a table with data"
        )
    table = np.stack([_numbers(columns[name], name, where, dtype) for name in numeric], axis=1)
    _check_some(table[~np.isnan(table)], where)
    observations = Observations.from_array(
        table, row_labels=labels, column_labels=np.array(numeric, dtype=str)
    )
    return Table(observations, "wide", (first if labelled else "",))


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
