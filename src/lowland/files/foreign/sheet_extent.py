"""How far the cells of a workbook lie apart, before a reader makes a dense table of them.

The reader allocates every cell between the first and the last one of a sheet, and a process that cannot have
the memory is ended. One stray cell in the last row and column is enough.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from lowland.core.errors import InvalidInputError
from lowland.core.memory import available_memory
from lowland.files.foreign.sheet_cells import BAD_ARCHIVE, letters_of, number_of, sheet_parts

_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
# a row or a cell with its attributes, and whether it ends at once: of cells, those that have a style alone
_TAG = re.compile(rb"""<(?:\w+:)?(row|c)(?=[\s/>])([^>"'/]*(?:(?:"[^"]*"|'[^']*')[^>"'/]*)*)(/?)>(</)?""")
_PLACE = re.compile(rb"""(?:"[^"]*"|'[^']*'|[^"'])*?\sr\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,7})["']""")
CHUNK = 1 << 20
# bytes that a reader takes per cell, the copy as Python objects included
PER_CELL = 64.0


def check_extent(file: IO[bytes], name: str, sheet: str | None = None) -> None:
    """Raise if a sheet of a workbook spans more cells than fit into memory; what is no archive is left alone.

    Parameters
    ----------
    file : binary file
    name : str
        In messages.
    sheet : str, optional
        The only one that is read.

    Raises
    ------
    InvalidInputError
        With the last row and column.
    """
    # the reader of cells says what is wrong with such archives
    with suppress(*BAD_ARCHIVE), zipfile.ZipFile(file) as archive:
        only = sheet_parts(archive).get(sheet) if sheet is not None else None
        for part in [only] if only else filter(_SHEET.fullmatch, archive.namelist()):
            with archive.open(part) as text:
                _check_sheet(text, f"{name}, {part.rpartition('/')[2]}")


def _check_sheet(sheet: IO[bytes], name: str) -> None:
    rows, columns = set[int](), set[int]()
    for row, column in _cells(sheet):
        rows.add(row)
        columns.add(column)
    if not rows:
        return
    spanned = (max(rows) - min(rows) + 1) * (max(columns) - min(columns) + 1)
    if spanned > available_memory() / PER_CELL:
        raise InvalidInputError(
            f"{name} spans more cells than fit into memory",
            f"cells up to {letters_of(max(columns))}{max(rows)}, {spanned:,} in all",
            "every cell up to the last row and column is read",
            "delete stray cells far from the table, or save it as CSV",
        )


def _cells(sheet: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Yield rows and columns, from one, of the cells that hold something; what says no place is the next."""
    row = column = 0
    for name, attributes, is_empty in _tags(sheet):
        letters, digits = _place_of(attributes)
        if name == b"row":
            row, column = int(digits) if digits else row + 1, 0
            continue
        column += 1
        if digits:
            row, column = int(digits), number_of(letters) or column
        if not is_empty:
            yield row, column


def _place_of(attributes: bytes) -> tuple[bytes, bytes]:
    """Return the letters and digits of a place, both empty if none is said."""
    if attributes.startswith(b' r="'):  # as nearly all files write it
        place = attributes[4 : attributes.find(b'"', 4)]
        letters = place.rstrip(b"0123456789")
        return letters, place[len(letters) :]
    match = _PLACE.match(attributes)
    return (match[1], match[2]) if match else (b"", b"")


def _tags(sheet: IO[bytes]) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield rows and cells of a sheet: which of the two, its attributes, and whether nothing is in it."""
    rest = b""
    while part := sheet.read(CHUNK):
        text = rest + part
        # the last tag may go on in the next part; of the one before it, it tells whether anything is in it
        cut = text.rfind(b"<", 0, max(text.rfind(b"<"), 0))
        rest = text[max(cut, 0) :]
        for match in _TAG.finditer(text):
            if match.start() >= cut:
                break
            yield match[1], match[2], bool(match[3] or match[4])
    for match in _TAG.finditer(rest):
        yield match[1], match[2], bool(match[3] or match[4])
