"""How far the cells of a workbook lie apart, before a reader makes a dense table of them.

The reader allocates every cell between the first and the last one of a sheet, and a process that cannot have
the memory is ended. One stray cell in the last row and column is enough, so a few such are left out.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import IO

from lowland.core.errors import InvalidInputError
from lowland.core.memory import available_memory
from lowland.files.foreign.sheet_cells import (
    BAD_ARCHIVE,
    letters_of,
    number_of,
    place_name,
    scan_sheet,
    sheet_parts,
)

_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
# a row or a cell with its attributes, and whether it ends at once: of cells, those that have a style alone
_TAG = re.compile(rb"""<(?:\w+:)?(row|c)(?=[\s/>])([^>"'/]*(?:(?:"[^"]*"|'[^']*')[^>"'/]*)*)(/?)>(</)?""")
_PLACE = re.compile(rb"""(?:"[^"]*"|'[^']*'|[^"'])*?\sr\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,7})["']""")
CHUNK = 1 << 20
# bytes that a reader takes per cell, the copy as Python objects included
PER_CELL = 64.0
# cells spanned from which stray ones are looked for: so many at most, behind so many blank rows or columns
WIDE, STRAYS, GAP_ROWS, GAP_COLUMNS = 1_000_000, 5, 1000, 100


def near_cells(file: IO[bytes], name: str, sheet: str | None = None) -> tuple[IO[bytes], list[str]]:
    """Return a workbook without the few cells far from its table, if it has such, and what is said of them.

    What is no archive is returned as it is.

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
        If a sheet spans more cells than fit into memory even so, with the last row and column.
    """
    left: dict[str, bytes] = {}
    said: list[str] = []
    # the reader of cells says what is wrong with such archives
    with suppress(*BAD_ARCHIVE), zipfile.ZipFile(file) as archive:
        only = sheet_parts(archive).get(sheet) if sheet is not None else None
        for part in [only] if only else filter(_SHEET.fullmatch, archive.namelist()):
            with archive.open(part) as text:
                bounds = _near(text, f"{name}, {part.rpartition('/')[2]}")
            if bounds is not None:
                left[part], places = _without(archive.read(part), bounds)
                said.append(f"left out, far from the table: {', '.join(places)}")
        if left:
            return _with_parts(archive, left), said
    file.seek(0)
    return file, []


def _near(sheet: IO[bytes], name: str) -> tuple[int, int] | None:
    """Return the last row and column of a table beyond which stray cells are; None if there are none."""
    rows, columns = Counter[int](), Counter[int]()
    for row, column in _cells(sheet):
        rows[row] += 1
        columns[column] += 1
    if not rows:
        return None
    bounds = max(rows), max(columns)
    if _spanned(rows, columns, bounds) > WIDE:
        bounds = _before_gap(rows, GAP_ROWS), _before_gap(columns, GAP_COLUMNS)
    spanned = _spanned(rows, columns, bounds)
    if spanned > available_memory() / PER_CELL:
        raise InvalidInputError(
            f"{name} spans more cells than fit into memory",
            f"cells up to {letters_of(bounds[1])}{bounds[0]}, {spanned:,} in all",
            "every cell up to the last row and column is read",
            "delete stray cells far from the table, or save it as CSV",
        )
    return bounds if bounds != (max(rows), max(columns)) else None


def _spanned(rows: Counter[int], columns: Counter[int], bounds: tuple[int, int]) -> int:
    return (bounds[0] - min(rows) + 1) * (bounds[1] - min(columns) + 1)


def _before_gap(counts: Counter[int], gap: int) -> int:
    """Return the last place before the first gap beyond which only a few cells are, else the last place."""
    places = sorted(counts, reverse=True)
    found, beyond = places[0], 0
    for last, before in pairwise(places):
        beyond += counts[last]
        if beyond > STRAYS:
            break
        if last - before > gap:
            found = before
    return found


def _without(data: bytes, bounds: tuple[int, int]) -> tuple[bytes, list[str]]:
    """Return the XML of a sheet without the cells beyond a row and a column, and their names."""
    kept, at, names = [], 0, []
    cells = scan_sheet(data).cells
    for (row, column), cell in sorted(cells.items(), key=lambda one: one[1].start):
        if row >= bounds[0] or column >= bounds[1]:
            kept.append(data[at : cell.start])
            at = cell.end
            names += [place_name((row, column))] if cell.is_formula or cell.is_valued else []
    return b"".join([*kept, data[at:]]), names


def _with_parts(archive: zipfile.ZipFile, parts: Mapping[str, bytes]) -> IO[bytes]:
    """Return a copy of an archive with other contents of some of its files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as copy:
        for name in archive.namelist():
            copy.writestr(name, parts[name] if name in parts else archive.read(name))
    out.seek(0)
    return out


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
