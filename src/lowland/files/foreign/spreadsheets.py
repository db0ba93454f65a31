"""Sheets of Excel and OpenDocument files."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, final
from xml.parsers import expat

from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.wording import Option, Words, counted
from lowland.files.foreign.book_cells import SheetCells, read_book
from lowland.files.foreign.sheet_blocks import Corners, check_one_table, cut_range
from lowland.files.foreign.sheet_cells import (
    BAD_ARCHIVE,
    CONTENT_TYPES,
    XML_BOOKS,
    Place,
    XmlSheet,
    asks_to_calculate,
    place_name,
    scan_sheet,
    sheet_parts,
)
from lowland.files.foreign.sheet_tables import SheetTable, find_table
from lowland.files.foreign.values import lines_as_columns
from lowland.files.frames import Columns
from lowland.files.numerals import Numerals
from lowland.files.sources import Opened
from lowland.files.table_format import TableFormat
from lowland.files.text.column_numerals import in_manner, numerals_among_values
from lowland.files.text.records import Record

# below which floats hold all whole numbers
EXACT = 2.0**53
SHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")
DOUBTFUL = "the workbook is damaged, or written in an unusual way: check that the table is whole"
# without any of which a sheet of XML has neither formulas nor errors, and hides nothing
_SPECIAL = (b"f>", b"<f ", b":f ", b'"e"', b"'e'", b"hidden")


@final
@dataclass(frozen=True, eq=False)
class Sheet:
    """A table in a sheet as it is written.

    Parameters
    ----------
    name : str
        Of the sheet.
    lines : list of dict of str to value
        Those below its header, by names of columns, None where blank.
    rows : sequence of int
        Where the lines stand in the sheet, from zero.
    places : mapping of str to int
        Where its columns stand, by their names.
    headed : bool
        Whether the names stand in the sheet.
    heading : tuple of sequences of str
        The rows that name the columns, as text, where these are several that no merged cells join.
    decided : tuple of str
        What was found out, in a few words each.
    kept : frozenset of Place
        Cells that hold nothing by themselves, or a formula: nothing is written there.
    part : str
        The file of the workbook that holds the sheet, "" if the workbook is no whole archive of XML.
    """

    name: str
    lines: list[dict[str, Any]]
    rows: Sequence[int]
    places: Mapping[str, int]
    headed: bool = True
    heading: tuple[Record, ...] = ()
    decided: tuple[str, ...] = ()
    kept: frozenset[Place] = frozenset()
    part: str = ""

    def numerals(self, form: TableFormat, where: str) -> tuple[Numerals, frozenset[str]]:
        """Return how numbers are written as text, and the columns that hold such; errors are theirs."""
        columns = {name: [line[name] for line in self.lines] for name in self.places}
        return numerals_among_values(columns, form, where)

    def columns(self, numerals: Numerals, texts: Collection[str]) -> tuple[Columns, frozenset[str]]:
        """Return the columns, and the names of those of truth values.

        Parameters
        ----------
        numerals : Numerals
        texts : collection of str
            The columns that hold numbers as text.
        """
        lines = [{name: _whole(cell) for name, cell in line.items()} for line in self.lines]
        if numerals.decimal != ".":
            for line in lines:
                line.update({name: in_manner(line[name], numerals.decimal) for name in texts})
        return lines_as_columns(lines)


def _whole(cell: Any) -> Any:
    """Return a whole number as one: sheets hold all numbers as floats."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < EXACT else cell


def read_sheet(opened: Opened, form: TableFormat, *, again: bool = False) -> Sheet:
    """Return a sheet: by default the only one with data, or the only one of these that is not hidden.

    Empty rows and columns around the table are left out, as are titles above it and notes below it. Merged
    cells hold what stands in the first of them; cells with errors hold nothing.

    Parameters
    ----------
    opened : Opened
    form : TableFormat
    again : bool
        Whether it has been read before, so that it is known to hold one table.

    Raises
    ------
    FileFormatError
        If it is no such file, or is empty.
    InvalidInputError
        If it has several sheets with data, or formulas without values in the table.
    MissingExtraError
        If python-calamine is not installed.
    """
    name, cells, said = _choose(opened, form, again=again)
    found = find_table(cells.rows, cells.ranges, form, opened.name, first=cells.first[0])
    top, left = cells.first
    rows, columns = [top + k for k in found.rows], [left + k for k in found.columns]
    part = _part(opened, name)
    written = _written(opened, part)
    formulas = _formulas(written, rows, columns, opened)
    told = _said(written, formulas, rows, columns)
    covered = {
        (top + i, left + j)
        for (a, b), (c, d) in found.merged
        for i in range(a, c + 1)
        for j in range(b, d + 1)
        if (i, j) != (a, b)
    }
    return Sheet(
        name,
        [dict(zip(found.names, line, strict=True)) for line in found.lines],
        rows,
        dict(zip(found.names, columns, strict=True)),
        found.headed,
        found.heading,
        (
            *said,
            *found.decided,
            *told,
            *_damage(opened, part),
            *_beside_blanks(found, formulas, cells.first, form.as_is),
        ),
        frozenset(covered | {*formulas}),
        part,
    )


def _part(opened: Opened, name: str) -> str:
    """Return the file of a workbook that holds a sheet, "" if it is no whole archive of XML."""
    if opened.kind in XML_BOOKS:
        with suppress(*BAD_ARCHIVE), opened.stream() as file, zipfile.ZipFile(file) as archive:
            part = sheet_parts(archive)[name]
            # what is damaged can be read as far as it goes, but not be written again
            if {part, CONTENT_TYPES} <= {*archive.namelist()} and archive.testzip() is None:
                expat.ParserCreate().Parse(archive.read(part), True)
                return part
    return ""


def _damage(opened: Opened, part: str) -> list[str]:
    """Return what is to be said of a workbook of XML that is not whole."""
    doubtful = opened.kind in XML_BOOKS and not part
    return [DOUBTFUL] if doubtful else []


def _written(opened: Opened, part: str) -> XmlSheet:
    """Return the cells of a sheet, if it is XML with formulas, errors or hidden rows; else nothing."""
    if part:
        with suppress(*BAD_ARCHIVE), opened.stream() as file, zipfile.ZipFile(file) as archive:
            data = archive.read(part)
            if any(sign in data for sign in _SPECIAL):
                return scan_sheet(data)
    return XmlSheet()


def _formulas(
    written: XmlSheet, rows: Sequence[int], columns: Sequence[int], opened: Opened
) -> Collection[Place]:
    """Return the places of the formulas of a table.

    Raises
    ------
    InvalidInputError
        If some have no value, as programs that do not calculate leave them, or 0 in all of them.
    """
    in_rows, in_columns = set(rows), set(columns)
    found = {
        place: cell
        for place, cell in written.formulas.items()
        if place[0] in in_rows and place[1] in in_columns
    }
    without = [place for place, cell in found.items() if not cell.is_valued]
    if not without and len(found) > 1 and all(cell.text.strip() == "0" for cell in found.values()):
        with opened.stream() as file, zipfile.ZipFile(file) as archive:
            without = list(found) if asks_to_calculate(archive) else []
    if without:
        raise InvalidInputError(
            f"{opened.name} holds formulas without values",
            f"{len(without)} cells, such as {place_name(without[0])}",
            "they would be taken for missing cells and be overwritten",
            "open it in a spreadsheet program and save it there, which calculates them",
        )
    return found


def _said(
    written: XmlSheet, formulas: Collection[Place], rows: Sequence[int], columns: Sequence[int]
) -> list[str]:
    """Return what is unusual about the cells of a table in a sheet."""
    said = []
    hidden = [
        counted(count, what)
        for what, count in (
            ("row", len(written.hidden_rows.intersection(rows))),
            ("column", len(written.hidden_columns.intersection(columns))),
        )
        if count
    ]
    if hidden:
        said.append(f"hidden in the sheet, and read like others: {' and '.join(hidden)}")
    in_rows, in_columns = set(rows), set(columns)
    errors = sum(
        cell.kind == "e" and row in in_rows and column in in_columns
        for (row, column), cell in written.cells.items()
    )
    if errors:
        said.append(f"cells with errors, such as #N/A or #DIV/0!, are missing: {errors}")
    if formulas:
        said.append(f"formulas: {len(formulas)} cells, read as the values that were saved with them")
        empty = sum(written.cells[place].kind == "e" or not written.cells[place].text for place in formulas)
        if empty:
            said.append(f"formulas that give nothing or an error stay in a completed workbook: {empty}")
    return said


def _beside_blanks(
    found: SheetTable, formulas: Collection[Place], first: Place, as_is: Collection[str]
) -> list[str]:
    """Return what is said of formulas in rows with blank cells: a sum there lacks what is missing."""
    top, left = first
    names = dict.fromkeys(
        name
        for at, line in zip(found.rows, found.lines, strict=True)
        if any(cell is None for cell in line)
        for name, column, cell in zip(found.names, found.columns, line, strict=True)
        if cell is not None and name not in as_is and (top + at, left + column) in formulas
    )
    if not names:
        return []
    shown = " ".join(f"--as-is {name!r}" for name in names)
    return [f"formulas beside blank cells, which most of them take for 0 ({shown}: no data)"]


def _choose(opened: Opened, form: TableFormat, *, again: bool) -> tuple[str, SheetCells, list[str]]:
    """Return the name and the cells of the sheet or range that is meant, and what is said of the choice."""
    try:
        book = read_book(opened, form.sheet)
        asked = None
    except InvalidInputError:
        asked = cut_range(form.sheet or "")
        if asked is None:
            raise
        book = read_book(opened, asked[0] or None)
    filled = {name: one for name, one in book.sheets.items() if one.hold}
    if not filled:
        raise FileFormatError(f"{opened.name} is empty", "no cell with data", fix="pass a table with data")
    shown = [name for name in filled if name not in book.hidden]
    if len(filled) > 1 and len(shown) != 1:
        raise InvalidInputError(
            f"{opened.name} has several sheets with data",
            ", ".join(filled),
            fix=Words("name one of them: ", Option("sheet", *list(filled)[:3])),
        )
    name = shown[0] if len(filled) > 1 else next(iter(filled))
    others = ", ".join(repr(one) for one in filled if one != name)
    said = [f"sheet {name!r}; left out, as they are hidden: {others} (--sheet)"] if others else []
    said += book.said
    if asked is not None:
        return name, _within(filled[name], asked[1], opened.name), said
    if form.skip is None and not again:
        check_one_table(filled[name].rows, filled[name].first, name, opened.name)
    return name, filled[name], said


def _within(cells: SheetCells, corners: Corners, where: str) -> SheetCells:
    """Return the cells of a range."""
    (top, left), (above, before) = cells.first, corners[0]
    (a, b), (c, d) = ((max(row - top, 0), max(column - left, 0)) for row, column in corners)
    rows = [row[b : d + 1] for row in cells.rows[a : c + 1]]
    moved = [((p - a, q - b), (r - a, s - b)) for (p, q), (r, s) in cells.ranges]
    ranges = [one for one in moved if min(one[0]) >= 0 and one[1][0] < len(rows) and one[1][1] < len(rows[0])]
    made = SheetCells(rows, ranges, (max(above, top), max(before, left)))
    if not made.hold:
        raise FileFormatError(f"the range holds nothing in {where}", "no cell with data", fix="name another")
    return made
