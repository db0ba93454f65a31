"""Read CSV and TSV files as typed columns, with PyArrow if installed, else with the standard library."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.labels import LabelColumn, order_labels

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
_INTEGER = re.compile(r"[+-]?\d{1,18}")

Columns = dict[str, "NDArray[Any] | LabelColumn"]


def read_header(path: Path, delimiter: str) -> list[str]:
    """Return the column names of a delimited text file.

    Raises
    ------
    InvalidInputError
        If the file cannot be opened.
    FileFormatError
        If it is empty or not UTF-8 text, or repeats a column name.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file, delimiter=delimiter), [])
    except OSError as error:
        raise InvalidInputError(
            f"cannot read {path}", error.strerror or str(error), fix="check the name"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise _not_text(path, error) from error
    if not header:
        raise FileFormatError(f"{path} is empty", "no header line", fix="name the columns on the first line")
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        raise FileFormatError(f"{path} names a column twice", repr(repeated[0]), fix="rename one of them")
    if len(header) == 1 and ";" in header[0] and delimiter == ",":
        raise FileFormatError(
            f"{path} seems to be separated by semicolons", repr(header[0]), fix="pass the delimiter ';'"
        )
    return header


def read_delimited(path: Path, delimiter: str, labels: Collection[str]) -> Columns:
    """Read a delimited text file with a header line.

    Parameters
    ----------
    path : Path
    delimiter : str
    labels : collection of str
        Columns that hold labels: kept exactly as written, never parsed as numbers.

    Returns
    -------
    dict of str to ndarray or LabelColumn
        Columns in order; those that are not labels are int64, float64 (NaN if missing) or text.

    Raises
    ------
    FileFormatError
        If it is not text, or lines differ in their number of fields.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return _read_plain(path, delimiter, labels)
    return _read_arrow(path, delimiter, labels)


def _read_plain(path: Path, delimiter: str, labels: Collection[str]) -> Columns:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=delimiter)
            header = next(reader)
            cells: list[list[str]] = [[] for _ in header]
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise FileFormatError(
                        f"{path} is not a regular text table",
                        f"{len(row)} fields for {len(header)} columns on line {reader.line_num}",
                        fix="correct that line, or check the delimiter",
                    )
                for column, cell in zip(cells, row, strict=True):
                    column.append(cell)
    except (UnicodeDecodeError, csv.Error) as error:
        raise _not_text(path, error) from error
    pairs = zip(header, cells, strict=True)
    return {name: make_labels(column) if name in labels else type_column(column) for name, column in pairs}


def make_labels(cells: list[str]) -> LabelColumn:
    """Return text cells as labels."""
    places: dict[str, int] = {}
    codes = np.array([places.setdefault(cell, len(places)) for cell in cells], dtype=np.intp)
    return order_labels(codes, list(places))


def type_column(cells: list[str]) -> NDArray[Any]:
    """Return text cells as int64 if all are whole numbers, as float64 if all are numbers, else as text."""
    cells = [cell.strip() for cell in cells]
    if cells and all(_INTEGER.fullmatch(cell) for cell in cells):
        return np.array(cells, dtype=np.int64)
    missing = set(MISSING)
    try:
        return np.array([np.nan if cell in missing else float(cell) for cell in cells], dtype=np.float64)
    except ValueError:
        return np.array(["" if cell in missing else cell for cell in cells], dtype=str)


def _read_arrow(path: Path, delimiter: str, labels: Collection[str]) -> Columns:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    named = pa.dictionary(pa.int32(), pa.string())
    options = arrow_csv.ConvertOptions(
        null_values=list(MISSING),
        strings_can_be_null=False,  # "NA" may be a legitimate label
        column_types=dict.fromkeys(labels, named),
    )
    try:
        table = arrow_csv.read_csv(
            str(path), parse_options=arrow_csv.ParseOptions(delimiter=delimiter), convert_options=options
        )
        return {name: _from_arrow(table.column(name), name in labels) for name in table.column_names}
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        if "UTF8" in str(error) or isinstance(error, UnicodeDecodeError):
            raise _not_text(path, error) from error
        raise FileFormatError(
            f"{path} is not a regular text table", str(error), fix="correct that line, or check the delimiter"
        ) from error


def _from_arrow(column: Any, is_label: bool) -> NDArray[Any] | LabelColumn:
    import pyarrow as pa

    if is_label:
        joined = column.unify_dictionaries().combine_chunks()
        joined = joined.chunk(0) if isinstance(joined, pa.ChunkedArray) else joined
        return order_labels(_numbers(joined.indices), joined.dictionary.to_pylist())
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return np.concatenate([np.zeros(0, np.int64), *(_numbers(chunk) for chunk in column.chunks)])
    # Arrow infers other types (dates, booleans); here they are text
    return type_column([str(cell) if cell is not None else "" for cell in column.to_pylist()])


def _numbers(chunk: Any) -> NDArray[Any]:
    """Return an Arrow array of numbers, NaN where missing; its own method for it imports pandas."""
    known, data = chunk.buffers()
    if data is None:
        return np.zeros(0, np.int64)
    part = slice(chunk.offset, chunk.offset + len(chunk))
    values = np.frombuffer(data, chunk.type.to_pandas_dtype())[part]
    if chunk.null_count == 0:
        return values
    bits = np.unpackbits(np.frombuffer(known, np.uint8), bitorder="little")[part]
    return np.where(bits == 1, values, np.nan)


def _not_text(path: Path, error: Exception) -> FileFormatError:
    return FileFormatError(
        f"{path} is not a UTF-8 text file",
        str(error),
        fix="save it as UTF-8, or check that it is a text file",
    )
