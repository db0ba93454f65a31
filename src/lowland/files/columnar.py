"""Data frames and columnar files as typed columns."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import InvalidInputError, MissingExtraError
from lowland.core.labels import LabelColumn, label_text, order_labels
from lowland.files.delimited import Columns

COLUMNAR = (".parquet", ".feather", ".arrow")


def columns_of(source: Any, known: tuple[str, ...]) -> tuple[Columns, str]:
    """Return the columns of a data frame or a columnar file, and its name for error messages.

    Parameters
    ----------
    source : path or data frame
    known : tuple of str
        Readable file extensions, for the error message.
    """
    if not isinstance(source, str | os.PathLike):
        return frame_columns(source), "the data frame"
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix not in COLUMNAR:
        raise InvalidInputError(
            f"{path} has an unknown file extension", suffix or "none", fix=f"use one of {', '.join(known)}"
        )
    return frame_columns(_read_file(path, suffix)), str(path)


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


def _read_file(path: Path, suffix: str) -> Any:
    need_arrow(suffix)
    import pyarrow as pa
    from pyarrow import feather, parquet

    try:
        return parquet.read_table(str(path)) if suffix == ".parquet" else feather.read_table(str(path))
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInputError(
            f"cannot read {path}", str(error).splitlines()[0], fix="check the file"
        ) from error


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
