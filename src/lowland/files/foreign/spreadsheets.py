"""Sheets of Excel and OpenDocument files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from lowland.core.cells.labels import label_text
from lowland.core.errors import FileFormatError, InvalidInputError, MissingExtraError
from lowland.core.wording import Option, Words
from lowland.files.foreign.merged_cells import Range, Rows, header_depth, joined_names, spread
from lowland.files.foreign.sheet_extent import XML_BOOKS, check_extent, check_values, count_errors
from lowland.files.foreign.values import lines_as_columns
from lowland.files.frames import Columns
from lowland.files.sources import Opened
from lowland.files.table_format import TableFormat
from lowland.files.text.header_lines import is_header
from lowland.files.text.text_layout import complete_names, count_titles

# below which floats hold all whole numbers
EXACT = 2.0**53
SHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")


@final
@dataclass(frozen=True, eq=False)
class Sheet:
    """A sheet as it is written.

    Parameters
    ----------
    lines : list of dict of str to value
        Those below its header, by names of columns, None where blank.
    headed : bool
        Whether the names stand in the sheet.
    decided : tuple of str
        What was found out, in a few words each.
    """

    lines: list[dict[str, Any]]
    headed: bool = True
    decided: tuple[str, ...] = ()

    def columns(self) -> tuple[Columns, frozenset[str]]:
        """Return the columns, and the names of those of truth values."""
        return lines_as_columns([{name: _whole(cell) for name, cell in line.items()} for line in self.lines])


def _whole(cell: Any) -> Any:
    """Return a whole number as one: sheets hold all numbers as floats."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < EXACT else cell


def read_sheet(opened: Opened, form: TableFormat) -> Sheet:
    """Return a sheet: by default the only one with data.

    Empty rows and columns around the table are left out. Merged cells hold what stands in the first of them;
    cells with errors hold nothing.

    Raises
    ------
    FileFormatError
        If it is no such file, or is empty.
    MissingExtraError
        If python-calamine is not installed.
    """
    rows, ranges = _rows(opened, form.sheet)
    used = [k for k, row in enumerate(rows) if any(cell is not None for cell in row)]
    above = used[count_titles(_texts(_filled(rows)))]
    rows = rows[above:]
    ranges = [((a - above, b), (c - above, d)) for (a, b), (c, d) in ranges if a >= above]
    depth = header_depth(rows, ranges)
    header, body = rows[:depth], rows[depth:]
    if depth > 1:
        header = spread(rows, ranges)[:depth]
    merged = [one for one in ranges if one[0][0] >= depth]
    body = spread(rows, merged)[depth:]
    rows = _filled([joined_names(header) if depth > 1 else header[0], *body])
    texts = _texts(rows)
    headed = depth > 1 or (form.header if form.header is not None else is_header(texts, opened.name))
    names = texts[0] if headed else [str(k + 1) for k in range(len(texts[0]))]
    body = rows[1:] if headed else rows
    named, blank = complete_names([name.strip() for name in names], texts[1:], opened.name)
    if not body:
        raise FileFormatError(f"{opened.name} is empty", "no row with data", fix="pass a table with data")
    lines = [{name: row[k] for k, name in enumerate(named) if name not in blank} for row in body]
    return Sheet(lines, headed, tuple(_said(opened, depth, merged)))


def _said(opened: Opened, depth: int, merged: Sequence[Range]) -> list[str]:
    """Return what is unusual about a sheet."""
    said = [f"names of columns from {depth} rows, because cells are merged"] if depth > 1 else []
    if merged:
        said.append(f"merged cells: {len(merged)} ranges, each holding the same in all of its cells")
    if opened.kind in XML_BOOKS:
        with opened.stream() as file:
            errors = count_errors(file)
        if errors:
            said.append(f"cells with errors, such as #N/A or #DIV/0!, are missing: {errors}")
    return said


def _texts(rows: Rows) -> list[list[str]]:
    return [["" if cell is None else label_text(cell) for cell in row] for row in rows]


def _filled(rows: Rows) -> Rows:
    """Return rows without those, and without columns, in which nothing stands."""
    rows = [row for row in rows if any(cell is not None for cell in row)]
    used = [k for k in range(len(rows[0])) if any(row[k] is not None for row in rows)]
    return [[row[k] for k in used] for row in rows]


def _rows(opened: Opened, sheet: str | None) -> tuple[Rows, list[Range]]:
    """Return the cells of a sheet, None where blank, and the ranges of merged ones."""
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
        with opened.stream() as file:
            check_values(file, opened.name)
    try:
        with opened.stream() as file:
            book = load_workbook(file)
            sheets = {name: _cells_of(book.get_sheet_by_name(name)) for name in book.sheet_names}
    except (CalamineError, OSError, ValueError) as error:
        raise FileFormatError(f"{opened.name} is not a valid {opened.kind} file", str(error)) from error
    if sheet is not None and sheet not in sheets:
        raise InvalidInputError(f"{opened.name} has no sheet {sheet!r}", f"sheets {', '.join(sheets)}")
    filled = {
        name: one for name, one in sheets.items() if any(cell is not None for row in one[0] for cell in row)
    }
    if sheet is not None:
        filled = {name: one for name, one in filled.items() if name == sheet}
    if not filled:
        raise FileFormatError(f"{opened.name} is empty", "no cell with data", fix="pass a table with data")
    if len(filled) > 1:
        raise InvalidInputError(
            f"{opened.name} has several sheets with data",
            ", ".join(filled),
            fix=Words("name one of them: ", Option("sheet", *list(filled)[:3])),
        )
    (found,) = filled.values()
    return found


def _cells_of(sheet: Any) -> tuple[Rows, list[Range]]:
    """Return the cells of a sheet from the first one that holds anything on, and its merged ranges."""
    rows = [[None if cell == "" else cell for cell in row] for row in sheet.to_python()]
    if not rows:
        return [], []
    top, left = sheet.start
    height, width = len(rows), len(rows[0])
    ranges = [
        ((a - top, b - left), (min(c - top, height - 1), min(d - left, width - 1)))
        for (a, b), (c, d) in sheet.merged_cell_ranges or ()
    ]
    # a range that begins outside holds nothing
    return rows, [one for one in ranges if one[0][0] in range(height) and one[0][1] in range(width)]
