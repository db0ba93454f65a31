"""The cells of a workbook that is an archive of XML, as they stand in it: places, styles and formulas."""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, final
from xml.etree import ElementTree
from xml.parsers import expat

# workbooks that are archives of XML, a file per sheet
XML_BOOKS = (".xlsx", ".xlsm")
# what reading an archive raises that is none, or is damaged
BAD_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, ElementTree.ParseError, expat.ExpatError, LookupError),
    *(NotImplementedError, EOFError, OSError, RuntimeError),
)
# the file that every such workbook has
CONTENT_TYPES = "[Content_Types].xml"
# row and column, from zero
Place = tuple[int, int]
# what a cell is between two of its tags, and what is in it
_PARTS = ("f", "v", "is")
_PLACE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")


@final
@dataclass(slots=True)
class XmlCell:
    """A cell as it is written.

    Parameters
    ----------
    start, end : int
        Its bytes.
    kind, style : str
        What its attributes say, "" if nothing.
    is_formula, is_valued : bool
        Whether it holds a formula; whether it holds a value.
    text : str
        The characters of its value: of text, often a number.
    """

    start: int
    end: int = 0
    kind: str = ""
    style: str = ""
    is_formula: bool = False
    is_valued: bool = False
    text: str = ""


@final
@dataclass
class XmlSheet:
    """A sheet as it is written.

    Parameters
    ----------
    cells : dict of Place to XmlCell
        Those that stand in it, blank ones with a style among them.
    ends : dict of int to int
        By row, the byte at which it ends, where it has cells.
    hidden_rows, hidden_columns : set of int
    prefix : str
        Before the names of elements.
    """

    cells: dict[Place, XmlCell] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    prefix: str = ""

    @property
    def formulas(self) -> dict[Place, XmlCell]:
        """The cells that hold formulas."""
        return {place: cell for place, cell in self.cells.items() if cell.is_formula}


def scan_sheet(data: bytes) -> XmlSheet:
    """Return where the cells of a sheet stand in its XML.

    Raises
    ------
    ExpatError
        If it is not well-formed.
    """
    scan = _Scan(data)
    return scan.found


@final
class _Scan:
    """A pass over the XML of a sheet."""

    def __init__(self, data: bytes) -> None:
        self.found = XmlSheet()
        self._data, self._parser = data, expat.ParserCreate()
        self._row = self._column = -1
        self._cell: XmlCell | None = None
        self._part, self._inside = "", False
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.Parse(data, True)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        prefix, _, name = tag.rpartition(":")
        if name == "sheetData":
            self._inside, self.found.prefix = True, f"{prefix}:" if prefix else ""
        elif name == "col" and _is_true(attributes.get("hidden")):
            self.found.hidden_columns |= set(range(int(attributes["min"]) - 1, int(attributes["max"])))
        elif not self._inside:
            return
        elif name == "row":
            said = attributes.get("r", "")
            self._row = int(said) - 1 if said.isdecimal() else self._row + 1
            self._column = -1
            if _is_true(attributes.get("hidden")):
                self.found.hidden_rows.add(self._row)
        elif name == "c":
            place = _PLACE.fullmatch(attributes.get("r", ""))
            self._row = int(place[2]) - 1 if place else self._row
            self._column = number_of(place[1].encode()) - 1 if place else self._column + 1
            kind, style = attributes.get("t", ""), attributes.get("s", "")
            self._cell = XmlCell(self._parser.CurrentByteIndex, kind=kind, style=style)
            self.found.cells[self._row, self._column] = self._cell
        elif self._cell is not None and name in _PARTS:
            self._part = name
            self._cell.is_formula |= name == "f"
            # a formula may give text without characters
            self._cell.is_valued |= name == "is" or (name == "v" and self._cell.kind == "str")

    def _text(self, text: str) -> None:
        if self._cell is not None and self._part in ("v", "is"):
            self._cell.text += text
            self._cell.is_valued |= bool(text.strip())

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        at = self._parser.CurrentByteIndex
        if name == "sheetData":
            self._inside = False
        elif name == "c" and self._cell is not None:
            closing = self._data.startswith(f"</{tag}".encode(), at)
            self._cell.end = self._data.index(b">", at) + 1 if closing else at
            self._cell = None
        elif name == "row" and self._inside:
            self.found.ends[self._row] = at
        elif name in _PARTS:
            self._part = ""


def _is_true(word: str | None) -> bool:
    return word in ("1", "true")


def place_name(place: Place) -> str:
    """Return the name of a cell, such as "B2"."""
    return f"{letters_of(place[1] + 1)}{place[0] + 1}"


@cache
def number_of(letters: bytes) -> int:
    """Return the number of a column, from one, by its letters; zero without any."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - 64
    return number


def letters_of(number: int) -> str:
    """Return the letters of a column by its number, from one."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the files of an archive that hold its sheets, by their names; none if it does not say."""
    book = book_part(archive)
    related = {one: part for one, (_, part) in _relations(archive, book).items()}
    return {
        str(sheet.get("name")): related[one]
        for sheet in _elements(archive.read(book), "sheet")
        if (one := _attribute(sheet, "id")) in related
    }


def book_part(archive: zipfile.ZipFile) -> str:
    """Return the file of an archive that lists its sheets."""
    kinds = _relations(archive, "").values()
    return next((part for kind, part in kinds if kind.endswith("/officeDocument")), "xl/workbook.xml")


def asks_to_calculate(archive: zipfile.ZipFile) -> bool:
    """Return whether an archive asks programs to calculate its formulas anew: their values are not known."""
    return any(
        _is_true(one.get("fullCalcOnLoad")) for one in _elements(archive.read(book_part(archive)), "calcPr")
    )


def number_formats(archive: zipfile.ZipFile) -> list[str]:
    """Return the number of the format of numbers of each style of cells, by the number of the style."""
    kinds = _relations(archive, book_part(archive)).values()
    part = next((part for kind, part in kinds if kind.endswith("/styles")), "")
    if not part:
        return []
    (cells,) = list(_elements(archive.read(part), "cellXfs")) or [ElementTree.Element("none")]
    return [one.get("numFmtId", "0") for one in cells]


def _relations(archive: zipfile.ZipFile, part: str) -> Mapping[str, tuple[str, str]]:
    """Return the kinds and the names of the files to which a file of an archive is related, by their ids."""
    folder, name = posixpath.split(part)
    try:
        data = archive.read(posixpath.join(folder, "_rels", f"{name}.rels"))
    except KeyError:
        return {}
    return {
        one.get("Id", ""): (
            one.get("Type", ""),
            posixpath.normpath(posixpath.join("/", folder, one.get("Target", ""))).lstrip("/"),
        )
        for one in _elements(data, "Relationship")
    }


def _elements(data: bytes, name: str) -> Any:
    """Yield the elements of a name, whatever their namespace is."""
    return (one for one in ElementTree.fromstring(data).iter() if one.tag.rpartition("}")[2] == name)


def _attribute(element: Any, name: str) -> str:
    """Return an attribute that has a namespace."""
    return next((text for key, text in element.items() if key.endswith(f"}}{name}")), "")
