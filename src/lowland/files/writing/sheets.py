"""Completed tables as Excel files."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import chain
from typing import IO, Any

from lowland.core.errors import MissingExtraError
from lowland.files.writing.filled import Filled, check_end, check_same
from lowland.files.writing.original import Line

SHEET = ".xlsx"
# beyond which programs of spreadsheets round whole numbers
DIGITS = 10**15


def need_openpyxl() -> None:
    """Raise unless openpyxl is installed."""
    try:
        import openpyxl  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "writing .xlsx files needs an optional package",
            "openpyxl is not installed",
            fix="pip install 'lowland[excel]', or write a .csv file",
        ) from error


def sheet_writer(table: Filled) -> Callable[[IO[bytes]], None]:
    """Return a function that writes a table to an open file, as the one sheet of a new book."""
    import openpyxl

    original = table.original
    above, below = ([original.cells(line) for line in lines] for lines in (original.above, original.below))
    heading = original.heading_lines
    plain = table.plain

    def write(file: IO[bytes]) -> None:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("completed")
        for texts in (*above, *heading):
            sheet.append([_cell(sheet, text) for text in texts])
        for line in table.lines():
            values = (in_sheet(plain[name](cell)) for name, cell in zip(original.names, line, strict=True))
            sheet.append([_cell(sheet, value) for value in values])
        for texts in below:
            sheet.append([_cell(sheet, text) for text in texts])
        book.save(file)
        file.flush()
        file.seek(0)
        again = openpyxl.load_workbook(file, read_only=True)
        rows: Iterator[Line] = again.active.iter_rows(values_only=True)
        for texts in (*above, *heading):
            check_same("a line above the data", texts, _texts(next(rows), len(texts)))
        table.check(None, _full(rows, len(original.names)), lambda name, cell: in_sheet(plain[name](cell)))
        for texts in below:
            check_same("a line below the table", texts, _texts(next(rows), len(texts)))
        check_end(rows)
        again.close()
        file.seek(0, os.SEEK_END)

    return write


def rows_writer(header: Line, rows: Iterable[Line]) -> Callable[[IO[bytes]], None]:
    """Return a function that writes rows to an open file, as the one sheet of a new book."""
    import openpyxl

    def write(file: IO[bytes]) -> None:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("completed")
        for row in chain([header], rows):
            sheet.append([_cell(sheet, in_sheet(value)) for value in row])
        book.save(file)

    return write


def in_sheet(value: Any) -> Any:
    """Return a value as sheets hold it: dates have a time of day, and what they do not hold is text."""
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ") if value.tzinfo is not None or value.microsecond else value
    if isinstance(value, datetime.date):
        return datetime.datetime.combine(value, datetime.time())
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, int) and abs(value) > DIGITS:
        return str(value)
    return (
        value if value is None or isinstance(value, str | int | float | bool | datetime.time) else str(value)
    )


def _cell(sheet: Any, cell: Any) -> Any:
    """Return a cell that a program of spreadsheets takes for what it is: text is never a formula."""
    from openpyxl.cell import WriteOnlyCell

    if not isinstance(cell, str):
        return cell
    made = WriteOnlyCell(sheet, value=cell)
    made.data_type = "s"
    return made


def _full(rows: Iterator[Line], width: int) -> Iterator[Line]:
    """Yield rows with the blank cells at their ends, which the file does not hold, and without others."""
    yield from ((*row, *(None for _ in range(width - len(row))))[:width] for row in rows)


def _texts(row: Line, width: int) -> list[str]:
    """Return the first cells of a row of texts."""
    (full,) = _full(iter([row]), width)
    return ["" if cell is None else str(cell) for cell in full]
