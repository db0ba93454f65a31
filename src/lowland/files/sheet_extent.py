"""How far the cells of a workbook lie apart, before a reader makes a dense table of them.

The reader allocates every cell between the first and the last one of a sheet, and a process that cannot have
the memory is ended. One stray cell in the last row and column is enough.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, final

from lowland.core.errors import InvalidInputError
from lowland.core.memory import available_memory

# workbooks that are archives of XML, a file per sheet
XML_BOOKS = (".xlsx", ".xlsm")
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
# a cell that holds something; one with a style alone ends at once
_CELL = re.compile(rb'<(?:\w+:)?c\s(?:[^>]*?\s)?r="([A-Za-z]{1,3})([0-9]{1,7})"[^>]*?(/?)>')
CHUNK, LONGEST_TAG = 1 << 20, 1 << 12
# bytes that a reader takes per cell, the copy as Python objects included
PER_CELL = 64.0


@final
@dataclass
class _Extent:
    """The rows and columns of the cells seen so far, counted from one."""

    rows: tuple[int, int] = (1 << 30, 0)
    columns: tuple[int, int] = (1 << 30, 0)
    letters: str = ""

    def add(self, letters: bytes, digits: bytes) -> None:
        """Take in a cell by its name."""
        row, column = int(digits), 0
        for letter in letters.upper():
            column = 26 * column + letter - 64
        if column > self.columns[1]:
            self.letters = letters.decode().upper()
        self.rows = min(self.rows[0], row), max(self.rows[1], row)
        self.columns = min(self.columns[0], column), max(self.columns[1], column)

    @property
    def size(self) -> int:
        """Number of cells of the rectangle."""
        return max(self.rows[1] - self.rows[0] + 1, 0) * max(self.columns[1] - self.columns[0] + 1, 0)


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
    try:
        with zipfile.ZipFile(file) as archive:
            for part in archive.namelist():
                if _SHEET.fullmatch(part):
                    with archive.open(part) as sheet:
                        _check_sheet(sheet, f"{name}, {part.rpartition('/')[2]}")
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError):
        pass  # the reader says what is wrong with it


def _check_sheet(sheet: IO[bytes], name: str) -> None:
    extent, most = _Extent(), available_memory() / PER_CELL
    for found in _cells(sheet):
        extent.add(*found)
    if extent.size > most:
        raise InvalidInputError(
            f"{name} spans more cells than fit into memory",
            f"cells up to {extent.letters}{extent.rows[1]}, {extent.size:,} in all",
            "every cell up to the last row and column is read",
            "delete stray cells far from the table, or save it as CSV",
        )


def _cells(sheet: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names of the cells that hold something, as letters and digits."""
    rest = b""
    while part := sheet.read(CHUNK):
        text = rest + part
        end = 0
        for match in _CELL.finditer(text):
            end = match.end()
            if not match[3]:
                yield match[1], match[2]
        # a tag may go on in the next part
        cut = text.rfind(b"<")
        rest = text[max(end, cut, len(text) - LONGEST_TAG) :]
