"""Completed tables in the workbooks that they were read from.

Every part of the workbook is copied byte by byte, and so is the sheet but for the cells that are filled:
formats, other sheets, formulas with their values, charts and all else stay, whatever they are.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any
from xml.sax.saxutils import escape

from lowland.core.cells.observed_cells import changed
from lowland.files.foreign.book_cells import sheet_rows
from lowland.files.foreign.sheet_cells import (
    CONTENT_TYPES,
    Place,
    XmlCell,
    XmlSheet,
    book_part,
    number_formats,
    place_name,
    scan_sheet,
)
from lowland.files.writing.filled import Filled
from lowland.files.writing.original import Book
from lowland.files.writing.sheets import in_sheet

_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_SHEET = re.compile(r"xl/worksheets/.*\.xml", re.IGNORECASE)
_CALCULATION = re.compile(rb"(<(?:\w+:)?calcPr\b)([^>]*?)(/?>)")
_ON_LOAD = re.compile(rb"""\s+fullCalcOnLoad\s*=\s*(?:"[^"]*"|'[^']*')""")
# elements of a workbook after the last of which stands how it is calculated
_BEFORE = re.compile(rb"</?((?:\w+:)?)(?:sheets|functionGroups|externalReferences|definedNames)\b[^>]*>")
MACROS = b"macroEnabled"
# what begins a code of a character, and characters that need one
_CODE, _CONTROL = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)"), re.compile(r"[\x00-\x08\x0b-\x1f]")


def has_macros(book: Book) -> bool:
    """Return whether a workbook holds macros, which files that end in .xlsx must not."""
    with book.opened.stream() as file, zipfile.ZipFile(file) as archive:
        return MACROS in archive.read(CONTENT_TYPES)


def workbook_writer(table: Filled, book: Book) -> Callable[[IO[bytes]], None]:
    """Return a function that writes a workbook with the holes of its table filled to an open file.

    It raises unless each cell of the sheet that is read from that file is what it was, or was missing and is
    what was filled in.
    """

    def write(file: IO[bytes]) -> None:
        fills = _fills(table, book)
        with book.opened.stream() as source, zipfile.ZipFile(source) as before:
            with zipfile.ZipFile(file, "w") as after:
                _copy(before, after, book.part, fills, book)
            source.seek(0)
            old = sheet_rows(source, book.sheet)
        file.flush()
        file.seek(0)
        _check(old, sheet_rows(file, book.sheet), fills)
        file.seek(0, os.SEEK_END)

    return write


def _fills(table: Filled, book: Book) -> dict[Place, Any]:
    """Return what is filled in each cell of a sheet.

    Raises
    ------
    InvalidInputError
        If a cell that would be filled holds something.
    """
    fills: dict[Place, Any] = {}
    names = table.original.names
    for row, old, new in zip(book.rows, table.original.lines(), table.lines(), strict=True):
        for name, column, before, after in zip(names, book.columns, old, new, strict=True):
            if before == after:
                continue
            if name not in table.fills or not table.may_fill(name, before):
                raise changed(place_name((row, column)), before, after)
            if (row, column) not in book.kept:
                fills[row, column] = in_sheet(after)
    return fills


def _copy(
    before: zipfile.ZipFile, after: zipfile.ZipFile, part: str, fills: Mapping[Place, Any], book: Book
) -> None:
    """Copy the files of a workbook, of which one is filled; programs are asked to calculate formulas anew."""
    calculates = any(
        _FORMULA.search(before.read(name)) for name in before.namelist() if _SHEET.fullmatch(name)
    )
    for entry in before.infolist():
        made = None
        if entry.filename == part:
            data = before.read(part)
            made = _filled(data, fills, book, number_formats(before))
        elif calculates and entry.filename == book_part(before):
            made = _to_calculate(before.read(entry))
        kept = copy.copy(entry)
        if made is not None:
            after.writestr(kept, made)
            continue
        with before.open(entry) as old, after.open(kept, "w") as new:
            shutil.copyfileobj(old, new)


def _filled(data: bytes, fills: Mapping[Place, Any], book: Book, formats: Sequence[str]) -> bytes:
    """Return the XML of a sheet with some of its cells filled."""
    sheet = scan_sheet(data)
    style_of = _styles(sheet, fills, book, formats)
    in_row: dict[int, list[tuple[int, XmlCell]]] = {}
    for (row, column), one in sheet.cells.items():
        in_row.setdefault(row, []).append((column, one))
    edits = []
    for (row, column), value in fills.items():
        cell = sheet.cells.get((row, column))
        after = [one.start for other, one in in_row[row] if other > column]
        start = cell.start if cell is not None else min(after, default=sheet.ends[row])
        end = cell.end if cell is not None else start
        made = _written(value, (row, column), style_of(column, cell), sheet.prefix)
        edits.append((start, column, end, made))
    pieces, done = [], 0
    for start, _, end, made in sorted(edits):
        pieces += [data[done:start], made]
        done = end
    return b"".join([*pieces, data[done:]])


def _styles(
    sheet: XmlSheet, fills: Mapping[Place, Any], book: Book, formats: Sequence[str]
) -> Callable[[int, XmlCell | None], str]:
    """Return a function that gives the style of a filled cell.

    It is the cell's own where known cells of the column have the same format of numbers, else the usual one.
    """
    rows = set(book.rows)
    known: dict[int, Counter[str]] = {column: Counter() for _, column in fills}
    for (row, column), cell in sheet.cells.items():
        if column in known and row in rows and cell.is_valued and (row, column) not in fills:
            known[column][cell.style] += 1

    def number_format(style: str) -> str:
        place = int(style or "0")
        return formats[place] if place < len(formats) else ""

    def style_of(column: int, cell: XmlCell | None) -> str:
        usual = known[column].most_common(1)
        own = "" if cell is None else cell.style
        if not usual:
            return own
        shown = {number_format(style) for style in known[column]}
        return own if cell is not None and number_format(own) in shown else usual[0][0]

    return style_of


def _written(value: Any, place: Place, style: str, prefix: str) -> bytes:
    """Return the XML of a cell."""
    kind, tag = "", "v"
    if isinstance(value, bool):
        kind, inner = ' t="b"', str(int(value))
    elif isinstance(value, str):
        kind, tag = ' t="inlineStr"', "is"
        inner = f'<{prefix}t xml:space="preserve">{escape(_coded(value))}</{prefix}t>'
    else:
        inner = repr(value)
    look = f' s="{style}"' if style else ""
    cell = (
        f'<{prefix}c r="{place_name(place)}"{look}{kind}><{prefix}{tag}>{inner}</{prefix}{tag}></{prefix}c>'
    )
    # whatever the encoding of the file is
    return cell.encode("ascii", "xmlcharrefreplace")


def _coded(text: str) -> str:
    """Return text with codes of the characters that XML does not hold, as spreadsheets write them."""
    return _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", _CODE.sub("_x005F_", text))


def _to_calculate(book: bytes) -> bytes:
    """Return the XML of a workbook that asks programs to calculate its formulas when they open it."""
    found = _CALCULATION.search(book)
    if found is not None:
        others = _ON_LOAD.sub(b"", found[2])
        return (
            book[: found.start()]
            + found[1]
            + others
            + b' fullCalcOnLoad="1"'
            + found[3]
            + book[found.end() :]
        )
    last = list(_BEFORE.finditer(book))[-1]
    return book[: last.end()] + b"<" + last[1] + b'calcPr fullCalcOnLoad="1"/>' + book[last.end() :]


def _check(
    old: tuple[Place, Sequence[Sequence[Any]]],
    new: tuple[Place, Sequence[Sequence[Any]]],
    fills: Mapping[Place, Any],
) -> None:
    """Raise unless the cells of a written sheet are what they were, or what was filled in."""
    (top, left), before = old
    if old[0] != new[0] or [len(row) for row in before] != [len(row) for row in new[1]]:
        raise changed("the extent of the sheet", place_name(old[0]), place_name(new[0]))
    for i, (was, now) in enumerate(zip(before, new[1], strict=True)):
        for j, (a, b) in enumerate(zip(was, now, strict=True)):
            wanted = fills.get((top + i, left + j), a)
            if wanted != b or isinstance(wanted, bool) != isinstance(b, bool):
                raise changed(place_name((top + i, left + j)), a, b)
