"""Sheets of Excel and OpenDocument files."""

from __future__ import annotations

from typing import Any

from lowland.core.cells.labels import label_text
from lowland.core.errors import FileFormatError, InvalidInputError, MissingExtraError
from lowland.files.foreign.json_records import cells_as_column
from lowland.files.foreign.sheet_extent import XML_BOOKS, check_extent
from lowland.files.frames import Columns
from lowland.files.sources import Opened
from lowland.files.table_format import TableFormat
from lowland.files.text.header_lines import is_header
from lowland.files.text.text_layout import complete_names, count_titles

# below which floats hold all whole numbers
EXACT = 2.0**53
SHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")


def read_sheet(opened: Opened, form: TableFormat) -> Columns:
    """Return the columns of a sheet; errors are those of `sheet_lines`."""
    lines = sheet_lines(opened, form)
    return {name: cells_as_column([_whole(line[name]) for line in lines]) for name in lines[0]}


def _whole(cell: Any) -> Any:
    """Return a whole number as one: sheets hold all numbers as floats."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < EXACT else cell


def sheet_lines(opened: Opened, form: TableFormat) -> list[dict[str, Any]]:
    """Return the lines of a sheet below its header, values by names of columns, None where blank.

    By default it is the only sheet with data; empty rows and columns around them are left out.

    Raises
    ------
    FileFormatError
        If it is no such file, or is empty.
    MissingExtraError
        If python-calamine is not installed.
    """
    rows = _rows(opened, form.sheet)
    texts = [["" if cell is None else label_text(cell) for cell in row] for row in rows]
    titles = count_titles(texts)
    rows, texts = rows[titles:], texts[titles:]
    headed = form.header if form.header is not None else is_header(texts, opened.name)
    names = texts[0] if headed else [str(k + 1) for k in range(len(texts[0]))]
    body = rows[1:] if headed else rows
    named, blank = complete_names([name.strip() for name in names], texts[1:], opened.name)
    if not body:
        raise FileFormatError(f"{opened.name} is empty", "no row with data", fix="pass a table with data")
    return [{name: row[k] for k, name in enumerate(named) if name not in blank} for row in body]


def _rows(opened: Opened, sheet: str | None) -> list[list[Any]]:
    """Return the cells of a sheet, None where blank."""
    try:
        from python_calamine import CalamineError, load_workbook
    except ImportError as error:
        raise MissingExtraError(
            f"{opened.kind} files need an optional package",
            "python-calamine is not installed",
            fix="pip install 'lowland[excel]', or save the sheet as CSV",
        ) from error
    if opened.kind in XML_BOOKS:
        with opened.stream() as file:
            check_extent(file, opened.name)
    try:
        with opened.stream() as file:
            book = load_workbook(file)
            sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    except (CalamineError, OSError, ValueError) as error:
        raise FileFormatError(f"{opened.name} is not a valid {opened.kind} file", str(error)) from error
    if sheet is not None and sheet not in sheets:
        raise InvalidInputError(f"{opened.name} has no sheet {sheet!r}", f"sheets {', '.join(sheets)}")
    filled = {name: rows for name, rows in sheets.items() if any(cell != "" for row in rows for cell in row)}
    if sheet is not None:
        filled = {name: rows for name, rows in filled.items() if name == sheet}
    if not filled:
        raise FileFormatError(f"{opened.name} is empty", "no cell with data", fix="pass a table with data")
    if len(filled) > 1:
        raise InvalidInputError(
            f"{opened.name} has several sheets with data",
            ", ".join(filled),
            fix="name one of them",
        )
    (rows,) = filled.values()
    rows = [[None if cell == "" else cell for cell in row] for row in rows]
    rows = [row for row in rows if any(cell is not None for cell in row)]
    used = [k for k in range(len(rows[0])) if any(row[k] is not None for row in rows)]
    return [[row[k] for k in used] for row in rows]
