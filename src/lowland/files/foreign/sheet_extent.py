"""How far the cells of a workbook lie apart, before a reader makes a dense table of them.

The reader allocates every cell between the first and the last one of a sheet, and a process that cannot have
the memory is ended. One stray cell in the last row and column is enough.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import IO, TypeVar

from lowland.core.errors import InvalidInputError
from lowland.core.memory import available_memory

T = TypeVar("T")
# workbooks that are archives of XML, a file per sheet
XML_BOOKS = (".xlsx", ".xlsm")
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
# a row or a cell with its attributes, and whether it ends at once: of cells, those that have a style alone
_TAG = re.compile(rb"""<(?:\w+:)?(row|c)(?=[\s/>])([^>"'/]*(?:(?:"[^"]*"|'[^']*')[^>"'/]*)*)(/?)>(</)?""")
_PLACE = re.compile(rb"""(?:"[^"]*"|'[^']*'|[^"'])*?\sr\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,7})["']""")
_ERROR = re.compile(rb"""\st\s*=\s*["']e["']""")
# a formula with which its cell ends: no value comes after it
_UNVALUED = re.compile(
    rb"<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</(?:\w+:)?c>"
)
CHUNK = 1 << 20
# the longest formula, and what may stand around it
LONGEST = 1 << 16
# bytes that a reader takes per cell, the copy as Python objects included
PER_CELL = 64.0


def check_extent(file: IO[bytes], name: str) -> None:
    """Raise if a sheet of a workbook spans more cells than fit into memory; what is no archive is left alone.

    Parameters
    ----------
    file : binary file
    name : str
        In messages.

    Raises
    ------
    InvalidInputError
        With the last row and column.
    """
    _of_sheets(file, lambda sheet, part: _check_sheet(sheet, f"{name}, {part}"))


def count_errors(file: IO[bytes]) -> int:
    """Return how many cells of a workbook hold errors, such as #N/A; none of what is no archive of XML."""
    return sum(_of_sheets(file, lambda sheet, _: _errors_in(sheet)))


def check_values(file: IO[bytes], name: str) -> None:
    """Raise if a workbook holds formulas without values, which programs that do not calculate write.

    Parameters
    ----------
    file : binary file
    name : str
        In messages.

    Raises
    ------
    InvalidInputError
        With the number of such cells.
    """
    count = sum(_of_sheets(file, lambda sheet, _: _unvalued_in(sheet)))
    if count:
        raise InvalidInputError(
            f"{name} holds formulas without values",
            f"{count} cells",
            "they would be taken for missing cells and be overwritten",
            "open it in a spreadsheet program and save it there, which calculates them",
        )


def _of_sheets(file: IO[bytes], read: Callable[[IO[bytes], str], T]) -> list[T]:
    """Return what is read of each sheet of a workbook, by its name; nothing of what is no archive of XML."""
    try:
        with zipfile.ZipFile(file) as archive:
            found = []
            for part in filter(_SHEET.fullmatch, archive.namelist()):
                with archive.open(part) as sheet:
                    found.append(read(sheet, part.rpartition("/")[2]))
            return found
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError):
        return []  # the reader of cells says what is wrong with it


def _unvalued_in(sheet: IO[bytes]) -> int:
    count, rest = 0, b""
    while part := sheet.read(CHUNK):
        text = rest + part
        found = list(_UNVALUED.finditer(text))
        count += len(found)
        # what may go on in the next part is looked at again, but for what was counted
        rest = text[max(found[-1].end() if found else 0, len(text) - LONGEST) :]
    return count


def _errors_in(sheet: IO[bytes]) -> int:
    return sum(
        name == b"c" and not is_empty and _ERROR.search(attributes) is not None
        for name, attributes, is_empty in _tags(sheet)
    )


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
            f"cells up to {_letters_of(max(columns))}{max(rows)}, {spanned:,} in all",
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
            row, column = int(digits), _number_of(letters) or column
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


@cache
def _number_of(letters: bytes) -> int:
    """Return the number of a column by its letters, zero without any."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - 64
    return number


def _letters_of(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
