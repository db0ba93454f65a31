"""Data frames of any library as typed columns."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.labels import LabelColumn, label_text, order_labels
from lowland.core.errors import InvalidInputError
from lowland.files.table_format import ROW_LABELS

Columns: TypeAlias = "dict[str, NDArray[Any] | LabelColumn]"


def eager_frame(source: Any) -> Any:
    """Return lazy frames, relations of DuckDB and streams of Arrow as frames; anything else unchanged."""
    import narwhals as nw

    # arrays of xarray export streams of their cells
    if isinstance(source, np.ndarray) or type(source).__module__.partition(".")[0] == "xarray":
        return source
    try:
        wrapped = nw.from_native(source, pass_through=True)
    except nw.exceptions.DuplicateError:  # told where the columns are read
        return source
    if isinstance(wrapped, nw.LazyFrame):
        return wrapped.collect().to_native()
    if isinstance(wrapped, nw.DataFrame) or getattr(source, "__arrow_c_stream__", None) is None:
        return source
    try:
        import pyarrow as pa

        return pa.table(source)
    except (ImportError, ValueError):  # a series is a stream too, and no table
        return source


def frame_columns(frame: Any) -> Columns:
    """Return the columns of any frame that narwhals supports: int64, float64 (NaN if missing), or labels."""
    import narwhals as nw

    try:
        wrapped = nw.from_native(eager_frame(frame), eager_only=True)
    except nw.exceptions.DuplicateError as error:
        raise InvalidInputError(
            "two columns have the same name", str(error).splitlines()[0], fix="rename one of them"
        ) from error
    except TypeError as error:
        raise InvalidInputError(
            "the table is neither a path nor a data frame",
            type(frame).__name__,
            fix="pass a file name, or a pandas, Polars, DuckDB or Arrow table",
        ) from error
    columns: Columns = index_labels(wrapped)
    for series in wrapped.iter_columns():
        name = str(series.name)
        if name in columns:
            raise InvalidInputError("two columns have the same name", repr(name), fix="rename one of them")
        if series.dtype.is_integer() and series.null_count() == 0 and _fits(series):
            columns[name] = np.asarray(series.to_numpy(), np.int64)
        elif series.dtype.is_integer() and not _fits(series):
            columns[name] = _text(series)
        elif series.dtype.is_numeric() or series.dtype == nw.Boolean:
            columns[name] = _floats(series)
        else:
            columns[name] = _text(series)
    return columns


def truth_columns(frame: Any) -> frozenset[str]:
    """Return the names of the columns of truth values of any frame that narwhals supports."""
    import narwhals as nw

    schema = nw.from_native(frame, eager_only=True).schema
    return frozenset(str(name) for name, kind in schema.items() if kind == nw.Boolean)


def category_columns(frame: Any) -> frozenset[str]:
    """Return the names of the columns of categories of any frame that narwhals supports."""
    import narwhals as nw

    schema = nw.from_native(frame, eager_only=True).schema
    return frozenset(
        str(name) for name, kind in schema.items() if kind == nw.Categorical or isinstance(kind, nw.Enum)
    )


def index_labels(wrapped: Any) -> Columns:
    """Return the index of a pandas frame as a column of labels, if it holds more than positions."""
    import narwhals as nw

    index = nw.maybe_get_index(wrapped)
    if index is None or index.nlevels > 1:
        return {}
    names = index.to_numpy()
    if names.dtype.kind in "iu" and np.array_equal(names, np.arange(names.size)):
        return {}
    name = str(index.name or ROW_LABELS)
    if name in wrapped.columns:
        return {}
    if names.dtype.kind in "iu":
        return {name: np.asarray(names, np.int64)}
    return {name: np.array([label_text(one) for one in index.tolist()], dtype=str)}


def _fits(series: Any) -> bool:
    """Return whether whole numbers fit into 64 bits with a sign, and, where some are missing, into floats."""
    known = series.drop_nulls()
    if not len(known):
        return True
    largest = max(abs(int(known.min())), abs(int(known.max())))
    return largest < (2**63 if len(known) == len(series) else 2**53)


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
        except (ImportError, NotImplementedError, TypeError, ValueError):
            pass  # without PyArrow, or of categories such as intervals or of several kinds: cell by cell
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
