"""Data frames and columnar files as typed columns."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import InvalidInputError, MissingExtraError
from lowland.core.labels import LabelColumn, label_text, order_labels
from lowland.files.delimited import Columns
from lowland.files.sources import Opened

COLUMNAR = (".parquet", ".feather", ".arrow", ".ipc")


def need_arrow(what: str) -> None:
    """Raise unless PyArrow is installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"{what} files need an optional package",
            "pyarrow is not installed",
            fix="pip install 'lowland[tables]'",
        ) from error


def read_columnar(opened: Opened) -> Any:
    """Return a Parquet or Feather file as an Arrow table; what pandas stored as the index comes first.

    Raises
    ------
    InvalidInputError
        If the file cannot be read.
    MissingExtraError
        If PyArrow is not installed.
    """
    need_arrow(opened.kind)
    import pyarrow as pa
    from pyarrow import feather, parquet

    source: Any = str(opened.path) if opened.path is not None else pa.BufferReader(opened.data)
    try:
        read = parquet.read_table if opened.kind == ".parquet" else feather.read_table
        return _index_first(read(source))
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInputError(
            f"cannot read {opened.name}", str(error).splitlines()[0], fix="check the file"
        ) from error


def _index_first(table: Any) -> Any:
    """Return a table with the columns that pandas stored as its index in front, under their own names."""
    stored = (table.schema.pandas_metadata or {}).get("index_columns", [])
    index = [name for name in stored if isinstance(name, str) and name in table.column_names]
    names = [*index, *(name for name in table.column_names if name not in index)]
    plain = [re.sub(r"^__index_level_(\d+)__$", "row", name) for name in names]
    return table.select(names).rename_columns(plain if len(set(plain)) == len(plain) else names)


def frame_columns(frame: Any) -> Columns:
    """Return the columns of any frame that narwhals supports: int64, float64 (NaN if missing), or labels."""
    import narwhals as nw

    try:
        wrapped = nw.from_native(frame, eager_only=True)
    except nw.exceptions.DuplicateError as error:
        raise InvalidInputError(
            "two columns have the same name", str(error).splitlines()[0], fix="rename one of them"
        ) from error
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
            columns[name] = _floats(series)
        else:
            columns[name] = _text(series)
    return columns


def _floats(series: Any) -> NDArray[Any]:
    import narwhals as nw

    try:
        return np.asarray(series.cast(nw.Float64).to_numpy(), np.float64)
    except ValueError as error:  # with missing values: integers too large for a float
        raise InvalidInputError(
            f"column {series.name!r} cannot be read as numbers",
            str(error).splitlines()[0],
            fix="convert labels to text",
        ) from error


def _text(series: Any) -> NDArray[Any] | LabelColumn:
    import narwhals as nw

    if series.dtype in (nw.String, nw.Categorical) or isinstance(series.dtype, nw.Enum):
        try:
            return _encoded(series.to_arrow())
        except ImportError:  # without PyArrow, convert cell by cell
            pass
    missing = series.is_null().to_list()
    cells = zip(series.to_list(), missing, strict=True)
    return np.array(["" if gap else label_text(cell) for cell, gap in cells], dtype=str)


def _encoded(column: Any) -> LabelColumn:
    """Return an Arrow column of text as codes and names; a missing value has the empty name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    column = pc.fill_null(column.cast(pa.string()), "").dictionary_encode()
    joined = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    joined = joined.chunk(0) if isinstance(joined, pa.ChunkedArray) and joined.num_chunks else joined
    if isinstance(joined, pa.ChunkedArray):
        return LabelColumn(np.zeros(0, np.intp), np.zeros(0, str))
    return order_labels(joined.indices.to_numpy(), joined.dictionary.to_pylist())
