"""Write a table back with its holes filled: the ending of the name says in which kind of file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from typing import IO, Any

import numpy as np

from lowland.core.atomic import write_whole
from lowland.files.foreign.columnar import COLUMNAR, need_arrow
from lowland.files.foreign.json_records import JSON
from lowland.files.foreign.statistics_files import need_pyreadstat
from lowland.files.writing.columnar import columnar_writer
from lowland.files.writing.filled import Filled
from lowland.files.writing.json_files import json_writer, new_document
from lowland.files.writing.sheets import SHEET, need_openpyxl, rows_writer, sheet_writer
from lowland.files.writing.statistics import WRITTEN, statistics_bytes, statistics_writer
from lowland.files.writing.text import text_writer
from lowland.files.writing.workbooks import has_macros, workbook_writer

# kinds of files, besides texts and those of Arrow, in which tables are written
ENDINGS = (SHEET, *WRITTEN, *JSON)


def write_filled(path: str | os.PathLike[str], table: Filled) -> None:
    """Write a table with its holes filled, atomically.

    Before the file takes its name it is read again and compared with the table that was read.

    Raises
    ------
    InvalidInputError
        If a cell that was observed would be changed, an internal error; then nothing is written.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending in COLUMNAR:
        need_arrow(ending)
        write_whole(path, columnar_writer(ending, table))
    elif ending == SHEET and table.original.book is not None and not has_macros(table.original.book):
        write_whole(path, workbook_writer(table, table.original.book))
    elif ending in JSON:
        write_whole(path, json_writer(ending, table))
    elif ending in ENDINGS:
        need_writer(ending)
        if ending == SHEET and table.original.floats_are_whole:
            warnings.warn(
                f"{os.fspath(path)} is a new workbook of the values alone: formats, formulas and other "
                "sheets are kept only where the table is that of an .xlsx file, with all of its columns",
                UserWarning,
                stacklevel=2,
            )
        write_whole(path, sheet_writer(table) if ending == SHEET else statistics_writer(ending, table))
    else:
        write_whole(path, text_writer(ending, table))


def need_writer(ending: str) -> None:
    """Raise unless the package that writes files of an ending of `ENDINGS` is installed."""
    if ending == SHEET:
        need_openpyxl()
    elif ending in WRITTEN:
        need_pyreadstat(ending)


def write_list(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows of values to a file whose ending is one of `ENDINGS`, atomically.

    Errors are those of `write_filled`.
    """
    ending = os.path.splitext(os.fspath(path))[1].lower()
    need_writer(ending)
    values = ([_value(cell) for cell in row] for row in rows)
    if ending == SHEET:
        write_whole(path, rows_writer(header, values))
        return
    if ending in JSON:
        data = new_document(header, values, ending).text().encode()
        write_whole(path, lambda file: _write(file, data))
        return
    import pyarrow as pa

    columns = list(zip(*values, strict=True)) or [()] * len(header)
    data = statistics_bytes(ending, pa.table([pa.array(column) for column in columns], names=list(header)))
    write_whole(path, lambda file: _write(file, data))


def _write(file: IO[bytes], data: bytes) -> None:
    file.write(data)


def _value(cell: Any) -> Any:
    """Return a cell as a value of Python: predictions, which are floats, with nine digits."""
    if isinstance(cell, np.generic):
        return cell.item()
    return float(f"{cell:.9g}") if isinstance(cell, float) else cell
