"""Read long (row, column, value) or wide tables from files and data frames."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lowland.core.errors import InvalidInputError
from lowland.core.labels import LabelColumn
from lowland.core.observations import Observations
from lowland.files.arrays import read_array
from lowland.files.columnar import COLUMNAR, columns_of
from lowland.files.delimited import read_delimited, read_header
from lowland.files.layouts import (
    Reading,
    Table,
    choose_columns,
    long_table,
    mostly_numbers,
    table_from_columns,
    wide_table,
)

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
ARRAYS = (".npy", ".npz", ".mtx")
DEFAULT = Reading()


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
        Names of the columns of a long table. Naming one of them makes the table long, unless `layout` is
        "wide"; `row` then names the column of row labels.
    layout : {"auto", "long", "wide"}
        "auto" reads a table as long if it has exactly three columns, the last mostly numbers.
    delimiter : str, optional
        Field separator of a text file; by default a comma for .csv and a tab otherwise.
    duplicates : {"error", "mean", "last"}
        What to do with a cell that is listed twice.
    dtype : {"float64", "float32"}
        Precision of the values.

    Returns
    -------
    Observations
        With the table's labels: integers, or text exactly as written ("007" is not "7"). The first
        column of a wide table holds the row labels if it is text.

    Raises
    ------
    InvalidInputError
        If the file cannot be read or its contents cannot be used; the message gives the position.

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.datasets import data_path
    >>> ll.read_table(data_path("fertility")).shape
    (210, 52)
    """
    return load_table(
        source,
        Reading(
            row=row,
            column=column,
            value=value,
            layout=layout,
            delimiter=delimiter,
            duplicates=duplicates,
            dtype=dtype,
        ),
    ).observations


def load_table(source: Any, how: Reading = DEFAULT) -> Table:
    """Read a table and keep its layout; errors are those of `read_table`.

    Parameters
    ----------
    source : path or data frame
    how : Reading
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        suffix = path.suffix.lower()
        if suffix in ARRAYS:
            return Table(_as_type(read_array(path), how.dtype), "array", ())
        if suffix in DELIMITERS:
            return _load_text(path, how.delimiter or DELIMITERS[suffix], how)
    columns, where = columns_of(source, (*DELIMITERS, *COLUMNAR, *ARRAYS))
    return table_from_columns(columns, where, how)


def read_columns(
    source: Any, key: str | None = None, *, delimiter: str | None = None
) -> tuple[dict[str, NDArray[Any]], str]:
    """Return the columns of a file or data frame, labels as written, and its name for error messages.

    Parameters
    ----------
    source : path or data frame
    key : str, optional
        The column of labels; by default the first.
    delimiter : str, optional
        Field separator of a text file; by default chosen by the file extension.
    """
    if isinstance(source, str | os.PathLike) and Path(source).suffix.lower() in DELIMITERS:
        delimiter = delimiter or DELIMITERS[Path(source).suffix.lower()]
    elif delimiter is not None:
        raise InvalidInputError("a delimiter applies only to text files", repr(delimiter), fix="omit it")
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


def _load_text(path: Path, delimiter: str, how: Reading) -> Table:
    """Read a text table; the columns that hold labels must be known before reading."""
    header = read_header(path, delimiter)
    maybe_long = how.layout == "long" or (how.layout == "auto" and (any(how.names) or len(header) == 3))
    if maybe_long:
        chosen = choose_columns(header, str(path), how)
        columns = read_delimited(path, delimiter, chosen[:2])
        if how.layout == "long" or any(how.names) or mostly_numbers(columns[chosen[2]]):
            return long_table(columns, str(path), how)
    label = how.row or header[0]
    if label not in header:
        raise InvalidInputError(f"{path} has no column {label!r}", f"columns {', '.join(header)}")
    return wide_table(read_delimited(path, delimiter, [label]), str(path), how)


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
