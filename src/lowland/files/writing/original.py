"""`Original`, a table as it was read, cell by cell: what is written back with its holes filled."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from lowland.files.foreign.columnar import names_index_first
from lowland.files.foreign.json_records import Document
from lowland.files.foreign.sheet_cells import Place
from lowland.files.numerals import Numerals
from lowland.files.sources import Opened
from lowland.files.text.delimited import text_delimiter
from lowland.files.text.records import lines_of
from lowland.files.text.text_layout import TextLayout, as_plain_text
from lowland.files.writing.quotes import Quotes, find_quotes

Line = Sequence[Any]
# bytes in which the first line ends
HEAD = 1 << 16
_ENDS = re.compile(r"\r\n|\n|\r")


@final
@dataclass(frozen=True, eq=False)
class Book:
    """The workbook that a table was read from, an archive of XML, and where its cells stand in it.

    Parameters
    ----------
    opened : Opened
    sheet : str
        Name of the sheet.
    part : str
        The file of the archive that holds it.
    rows, columns : sequence of int
        Of the lines and columns of the table, from zero.
    kept : frozenset of Place
        Cells in which nothing is written, such as those with formulas.
    """

    opened: Opened
    sheet: str
    part: str
    rows: Sequence[int]
    columns: Sequence[int]
    kept: frozenset[Place]


@final
@dataclass(frozen=True, eq=False)
class Original:
    """A wide table as it was read.

    Parameters
    ----------
    names : tuple of str
        Names of the columns, in order, those without a part in a fit among them.
    lines : callable
        Reads the table again, and yields the cells of each line below the header: of a text file as they are
        written, else values, None where there is none.
    header : sequence of str or None
        The names as they are written, None if no line names the columns.
    heading : sequence of sequences
        The lines that name the columns, of a text file whose header is not one line with a field for each.
    above, below : sequence of str
        Lines of a text file above the heading and below the last line, which are no data.
    numerals : Numerals
        How numbers are written in text.
    delimiter : str
        Of a text file with one character between fields; "" otherwise.
    encoding, line_end : str
        Of a text file.
    quotes : Quotes
        Which fields of a text file stand in quotation marks.
    is_text : bool
        Whether it is a text file: its numbers are text, too.
    floats_are_whole : bool
        Whether the kind of numbers does not tell 4 from 4.0, as in spreadsheets.
    arrow : callable or None
        Reads the table as an Arrow table, in the order and with the names of its file, if it is one.
    document : callable or None
        Reads the JSON of which the table is a part, with all of its columns.
    book : Book or None
        The workbook that all of its columns come from.
    """

    names: tuple[str, ...]
    lines: Callable[[], Iterator[Line]]
    header: Sequence[str] | None = None
    heading: Sequence[Line] = ()
    above: Sequence[str] = ()
    below: Sequence[str] = ()
    numerals: Numerals = Numerals()  # noqa: RUF009 - it cannot be changed
    delimiter: str = ""
    encoding: str = "utf-8"
    line_end: str = "\n"
    quotes: Quotes = Quotes()  # noqa: RUF009 - it cannot be changed
    is_text: bool = False
    floats_are_whole: bool = False
    arrow: Callable[[], Any] | None = None
    document: Callable[[], Document] | None = None
    book: Book | None = None

    @property
    def heading_lines(self) -> Sequence[Line]:
        """The lines that name the columns, as they are written."""
        return self.heading or ([] if self.header is None else [self.header])

    def cells(self, line: str) -> list[str]:
        """Return the cells of a line above or below the table."""
        return next(csv.reader([line], delimiter=self.delimiter or ","), [])

    def kept(self) -> Iterator[tuple[int, str]]:
        """Yield line and column of each cell that is missing for a fit, and stays as it is written."""
        beside = self.numerals.by_column
        some = [(k, name) for k, name in enumerate(self.names) if name in beside]
        if any(beside[name].censored == "missing" for _, name in some):
            for at, line in enumerate(self.lines()):
                yield from ((at, name) for k, name in some if beside[name].keeps(str(line[k])))

    @property
    def titles(self) -> Sequence[str]:
        """The names of the columns as a file with a header holds them."""
        return self.names if self.header is None else self.header


def single_delimiter(layout: TextLayout) -> str:
    """Return the one character between the fields of a text; "" if several may stand there."""
    return layout.delimiter if len(layout.delimiter) == 1 and layout.delimiter != " " else ""


def original_text(opened: Opened, layout: TextLayout, wanted: Sequence[str], numerals: Numerals) -> Original:
    """Return a text file as it is written, but for columns that are left out."""
    among = set(wanted)
    places = [k for k, name in enumerate(layout.names) if name in among]

    def lines() -> Iterator[Line]:
        plain = as_plain_text(opened, layout)
        with io.TextIOWrapper(plain.stream(), encoding="utf-8-sig", newline="") as file:
            for _ in range(layout.skipped):
                next(file)
            for record in csv.reader(file, delimiter=text_delimiter(layout)):
                if record:
                    yield [record[k] for k in places]

    heading = layout.heading
    # a short header has no field for the first column
    fields = [k - heading.short for k in places if k or not heading.short]
    return Original(
        tuple(layout.names[k] for k in places),
        lines,
        header=[heading.titles[k] for k in places] if heading.records else None,
        heading=[[record[k] for k in fields if k < len(record)] for record in heading.records],
        above=[line.rstrip("\r\n") for line in layout.above],
        below=[line.rstrip("\r\n") for line in layout.below],
        numerals=numerals,
        delimiter=single_delimiter(layout),
        encoding=_encoding(opened, layout),
        line_end=_line_end(opened, layout),
        quotes=_quotes(opened, layout, places),
        is_text=True,
    )


def _encoding(opened: Opened, layout: TextLayout) -> str:
    """Return the encoding of a text, with the mark at its beginning if it has one."""
    return "utf-8-sig" if opened.head(3) == codecs.BOM_UTF8 else layout.encoding


def _line_end(opened: Opened, layout: TextLayout) -> str:
    """Return how the first line of a text ends."""
    found = _ENDS.search(opened.head(HEAD).decode(layout.encoding, "ignore"))
    return found.group() if found else "\n"


def _quotes(opened: Opened, layout: TextLayout, places: Sequence[int]) -> Quotes:
    """Return which fields stand in quotation marks; none where other marks separate them."""
    delimiter = single_delimiter(layout)
    if not delimiter or layout.padded:
        return Quotes()
    lines = lines_of(opened.head(HEAD).decode(layout.encoding, "ignore").removeprefix("\ufeff"))
    body = [line for line in lines[layout.skipped : -1] if line.strip()]
    header = lines[layout.skipped - 1] if layout.skipped and layout.heading.records else ""
    return find_quotes(header, body, delimiter, places)


def original_arrow(read: Callable[[], Any], names: Sequence[str]) -> Original:
    """Return an Arrow table from a function that reads it; an index that pandas stored comes first."""

    def lines() -> Iterator[Line]:
        table = read()
        titles, plain, _ = names_index_first(table)
        title = dict(zip(plain, titles, strict=True))
        for batch in table.select([title[name] for name in names]).to_batches():
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    return Original(tuple(names), lines, header=tuple(names), arrow=read)


def original_values(
    names: Sequence[str], read: Callable[[], Iterator[Mapping[str, Any]]], *, floats_are_whole: bool
) -> Original:
    """Return a table of values from a function that reads its lines, values by names."""

    def lines() -> Iterator[Line]:
        yield from ([line.get(name) for name in names] for line in read())

    return Original(tuple(names), lines, header=tuple(names), floats_are_whole=floats_are_whole)
