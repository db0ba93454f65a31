"""CSV and TSV files as typed columns, by PyArrow where it is installed, else by the standard library."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import FileFormatError, InvalidInputError

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
_INTEGER = re.compile(r"[+-]?\d{1,18}")

Columns = dict[str, NDArray[Any]]


def read_delimited(path: Path, delimiter: str) -> Columns:
    """Read a delimited text file with a header line.

    Parameters
    ----------
    path : Path
    delimiter : str

    Returns
    -------
    dict of str to ndarray
        Columns in order: int64, float64 (NaN where missing) or text ("" where missing).

    Raises
    ------
    InvalidInputError
        If the file cannot be opened.
    FileFormatError
        If it is empty, not text, or has lines of different lengths.
    """
    try:
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            return _read_plain(path, delimiter)
        return _read_arrow(path, delimiter)
    except OSError as error:
        raise InvalidInputError(
            f"cannot read {path}", error.strerror or str(error), fix="check the name"
        ) from error


def _read_plain(path: Path, delimiter: str) -> Columns:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=delimiter)
            header = next(reader, [])
            check_header(path, header)
            cells: list[list[str]] = [[] for _ in header]
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise FileFormatError(
                        f"{path} has a line of another length",
                        f"{len(row)} fields for {len(header)} columns in line {reader.line_num}",
                        fix="mend that line, or check the delimiter",
                    )
                for column, cell in zip(cells, row, strict=True):
                    column.append(cell.strip())
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{path} is not a text table", str(error)) from error
    return {name: type_column(column) for name, column in zip(header, cells, strict=True)}


def type_column(cells: list[str]) -> NDArray[Any]:
    """Return text cells as int64 if all are whole numbers, as float64 if all are numbers, else as text."""
    if cells and all(_INTEGER.fullmatch(cell) for cell in cells):
        return np.array(cells, dtype=np.int64)
    missing = set(MISSING)
    try:
        return np.array([np.nan if cell in missing else float(cell) for cell in cells], dtype=np.float64)
    except ValueError:
        return np.array(["" if cell in missing else cell for cell in cells], dtype=str)


def _read_arrow(path: Path, delimiter: str) -> Columns:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    try:
        table = arrow_csv.read_csv(
            str(path),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
            convert_options=arrow_csv.ConvertOptions(
                null_values=list(MISSING), strings_can_be_null=True, timestamp_parsers=[arrow_csv.ISO8601]
            ),
        )
    except pa.ArrowInvalid as error:
        check_header(path, _first_line(path, delimiter))
        raise FileFormatError(
            f"{path} is not a regular text table", str(error), fix="mend the line named"
        ) from error
    check_header(path, table.column_names)
    return {name: _numpy_column(table.column(name)) for name in table.column_names}


def _numpy_column(column: Any) -> NDArray[Any]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_integer(kind) and column.null_count == 0:
        return np.asarray(column.to_numpy(), dtype=np.int64)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    text = column.cast(pa.string()).fill_null("")
    return np.array([cell.strip() for cell in text.to_pylist()], dtype=str)


def check_header(path: Path, header: list[str]) -> None:
    """Raise if there is no header, or a name repeats."""
    if not header:
        raise FileFormatError(
            f"{path} is empty", "no header line", fix="the first line must name the columns"
        )
    repeated = {name for name in header if header.count(name) > 1}
    if repeated:
        raise FileFormatError(
            f"{path} names a column twice", repr(sorted(repeated)[0]), fix="rename one of them"
        )


def _first_line(path: Path, delimiter: str) -> list[str]:
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        return next(csv.reader(file, delimiter=delimiter), [])
