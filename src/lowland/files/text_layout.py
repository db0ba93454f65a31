"""Find how a text file is cut into cells: encoding, comment lines, delimiter, and whether it has a header."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.files.encodings import decode, find_encoding
from lowland.files.numerals import MISSING, bare
from lowland.files.sources import Opened
from lowland.files.table_format import TableFormat

# the part of a file from which its layout is found
HEAD = 1 << 20
SAMPLE = 5_000
# endings of text files, with the delimiter that is preferred
DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t", ".data": "\t", ".dat": "\t", ".psv": "|"}
# in the order in which they are tried; white space comes last, because words are separated by it
_CANDIDATES = ("\t", ";", "|", "::", ",", " ")
_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?")

Record = Sequence[str]


@final
@dataclass(frozen=True, eq=False)
class TextLayout:
    """How a text file is cut into cells.

    Parameters
    ----------
    encoding, delimiter : str
        White space of any length is " ".
    comment : str or None
        Lines that begin with it are left out wherever they stand.
    skipped : int
        Number of lines before the first record.
    names : tuple of str
        Names of the columns.
    blank : frozenset of str
        Those that have neither a name nor a cell: what a delimiter at the end of each line makes.
    sample : sequence of sequences of str
        The first records, without the header.
    decided : tuple of str
        What was decided otherwise than most files have it, in sentences.
    """

    encoding: str
    delimiter: str
    comment: str | None
    skipped: int
    names: tuple[str, ...]
    blank: frozenset[str]
    sample: Sequence[Record]
    decided: tuple[str, ...]


def find_text_layout(opened: Opened, form: TableFormat) -> TextLayout:
    """Return the layout of a text file from its first megabyte.

    Raises
    ------
    FileFormatError
        If it is empty or no text, or repeats a column name.
    InvalidInputError
        If its encoding, delimiter or header cannot be told.
    """
    head = opened.head(HEAD)
    whole = len(head) < HEAD
    encoding = form.encoding or find_encoding(head, opened.name, whole=whole)
    decided = []
    if form.encoding is None and encoding not in ("utf-8", "utf-8-sig"):
        known = "Windows-1252 (Latin-1)" if encoding == "cp1252" else encoding.upper()
        decided.append(f"encoding {known} (--encoding)")
    text = decode(head, encoding, opened.name, whole=whole)
    # never half a line: the last one may be cut
    lines = text.splitlines(keepends=True)[: None if whole else -1][:SAMPLE]
    skipped, told, delimiter = _leading(lines, form)
    body = [line for line in lines[skipped:] if not (form.comment and line.startswith(form.comment))]
    if not any(line.strip() for line in body):
        raise FileFormatError(f"{opened.name} is empty", "no line with data", fix="pass a table with data")
    delimiter = form.delimiter or delimiter or find_delimiter(body, DELIMITERS.get(opened.kind, ","))
    if form.delimiter is None and delimiter != DELIMITERS.get(opened.kind, ","):
        decided.append(f"delimiter {_shown(delimiter)} (--delimiter)")
    # the last record of a sample may be cut within quotation marks
    records = list(split_records(body, delimiter))
    if not records:
        raise FileFormatError(f"{opened.name} is empty", "no line with data", fix="pass a table with data")
    names, used = _header(records, told, delimiter, form.header)
    if names is None:
        decided.append("no header line (--header)")
        names = tuple(str(k + 1) for k in range(len(records[0])))
    if used:
        lines_used = _lines_of_header(body, delimiter)
        skipped, records = skipped + lines_used, records[1:]
    named, blank = complete_names(names, records, opened.name)
    return TextLayout(encoding, delimiter, form.comment, skipped, named, blank, records, tuple(decided))


def _leading(lines: Sequence[str], form: TableFormat) -> tuple[int, str | None, str | None]:
    """Return the number of lines before the table, their last comment, and a delimiter that they name."""
    told = delimiter = None
    mark = form.comment or "#"
    for k, line in enumerate(lines):
        bare_line = line.strip()
        named = re.fullmatch(r"sep=(.)", bare_line) if k == 0 else None
        if named:  # written by spreadsheets
            delimiter = named.group(1)
        elif bare_line.startswith(mark):
            told = bare_line.removeprefix(mark).strip()
        elif bare_line:
            return k, told, delimiter
    return len(lines), told, delimiter


def find_delimiter(lines: Sequence[str], usual: str) -> str:
    """Return the delimiter that cuts all lines into the same number of fields, two or more.

    Parameters
    ----------
    lines : sequence of str
    usual : str
        The delimiter of files with this ending: taken if it fits, and if nothing else fits.
    """
    fitting = []
    for delimiter in _CANDIDATES:
        widths = [len(record) for record in split_records(lines[:200], delimiter)]
        if widths and min(widths) >= 2 and max(widths) == min(widths):
            fitting.append(delimiter)
    if not fitting or (usual in fitting and not (usual == "," and ";" in fitting)):
        return usual if fitting or usual == "," else _in_header(lines[0], usual)
    return fitting[0]


def _in_header(line: str, usual: str) -> str:
    """Return the first delimiter that a header contains, if no delimiter cuts all lines alike."""
    return next((mark for mark in (usual, "\t", ";", ",", "|") if mark in line), usual)


def _shown(delimiter: str) -> str:
    return {"\t": "tab", " ": "white space", ";": "semicolon", ",": "comma"}.get(delimiter, repr(delimiter))


def split_records(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """Return the cells of lines; blank lines are left out."""
    if delimiter == "::":
        yield from (line.rstrip("\r\n").split("::") for line in lines if line.strip())
    elif delimiter == " ":
        yield from (line.split() for line in lines if line.strip())
    else:
        yield from (record for record in csv.reader(lines, delimiter=delimiter) if record)


def _lines_of_header(lines: Sequence[str], delimiter: str) -> int:
    """Return how many lines the first record takes: a name in quotation marks may go over several."""
    if delimiter in ("::", " "):
        return 1
    reader = csv.reader(lines, delimiter=delimiter)
    while not next(reader, ["end"]):
        pass
    return reader.line_num


def _header(
    records: Sequence[Record], told: str | None, delimiter: str, asked: bool | None
) -> tuple[tuple[str, ...] | None, bool]:
    """Return the names of the columns, None without any, and whether the first record holds them."""
    first = tuple(name.strip() for name in records[0])
    if asked is True or (asked is None and is_header(records)):
        return first, True
    if asked is None and told:  # a commented line of names, as NumPy writes it
        names = next(split_records([told], delimiter), [])
        if len(names) == len(first) and not any(_NUMBER.fullmatch(name.strip()) for name in names):
            return tuple(name.strip() for name in names), False
    return None, False


def is_header(records: Sequence[Record]) -> bool:
    """Return whether the first record names the columns.

    It does if one of its cells is a word where the cells below are numbers, if all cells below are words too,
    or if its numbers count on, as years or positions do, while those below do not.
    """
    first, rest = records[0], records[1:1_000]
    if not rest:
        return not all(_is_number(cell) for cell in first)
    words = [k for k, cell in enumerate(first) if cell.strip() not in MISSING and not _is_number(cell)]
    numeric = [k for k in range(len(first)) if _are_numbers([row[k] for row in rest if k < len(row)])]
    if set(words) & set(numeric) or not numeric:
        return True
    blank = not first[0].strip() and all(row[0].strip() for row in rest)
    return blank or (_counts_on(first, least=2 if 0 in words else 4) and _share_counting(rest) < 0.5)


def _share_counting(records: Sequence[Record]) -> float:
    return sum(_counts_on(record, least=2) for record in records) / len(records)


def _counts_on(record: Record, least: int) -> bool:
    """Return whether the numbers of a record, all cells but perhaps the first, are whole and in order.

    Few numbers are in order by chance: they must be years, or have one distance.
    """
    cells = [cell.strip() for cell in record[0 if _is_number(record[0]) else 1 :]]
    if len(cells) < least or not all(re.fullmatch(r"-?\d{1,18}", cell) for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    steps = {b - a for a, b in itertools.pairwise(numbers)}
    if not steps or not (min(steps) > 0 or max(steps) < 0):
        return False
    years = 1500 <= min(numbers) and max(numbers) <= 2200
    return years or len(numbers) >= 6 or (len(steps) == 1 and len(numbers) >= 3)


def _are_numbers(cells: Sequence[str]) -> bool:
    some = [cell for cell in cells if cell.strip() not in MISSING]
    return bool(some) and sum(map(_is_number, some)) >= 0.5 * len(some)


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(bare(cell.strip()).replace(" ", "")) is not None


def complete_names(
    names: Sequence[str], records: Sequence[Record], where: str
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return distinct names, "row" for a blank first one, and those of columns without name and cells."""
    named, blank = list(names), set()
    for k, name in enumerate(named):
        if name:
            continue
        if k == 0 and "row" not in named:
            named[0] = "row"
            continue
        named[k] = f"column {k + 1}"
        if all(not row[k].strip() for row in records if k < len(row)):
            blank.add(named[k])
    repeated = [name for name in named if named.count(name) > 1]
    if repeated:
        raise FileFormatError(f"{where} names a column twice", repr(repeated[0]), fix="rename one of them")
    return tuple(named), frozenset(blank)


def as_plain_text(opened: Opened, layout: TextLayout) -> Opened:
    """Return a text as one that any reader takes: UTF-8, one character between fields, no comments.

    Files that are such already are left as they are.
    """
    simple = len(layout.delimiter) == 1 and layout.delimiter != " " and layout.comment is None
    if simple and layout.encoding in ("utf-8", "utf-8-sig"):
        return opened
    with opened.stream() as file:
        text = decode(file.read(), layout.encoding, opened.name)
    if not simple:
        lines = text.splitlines(keepends=True)
        kept = [*lines[: layout.skipped]]
        kept += [x for x in lines[layout.skipped :] if not (layout.comment and x.startswith(layout.comment))]
        text = "".join(kept)
        if layout.delimiter in ("::", " "):
            out = io.StringIO(newline="")
            writer = csv.writer(out, delimiter="\t", lineterminator="\n")
            out.write("\n" * layout.skipped)
            writer.writerows(split_records(kept[layout.skipped :], layout.delimiter))
            text = out.getvalue()
    return Opened(opened.name, opened.kind, None, text.encode("utf-8"))


def check_width(layout: TextLayout, where: str) -> None:
    """Raise if the text has a single column, as a wrong delimiter makes it, or no line below its header."""
    if not layout.sample:
        raise FileFormatError(f"{where} is empty", "only a header line", fix="pass a table with data")
    if len(layout.names) < 2:
        raise InvalidInputError(
            f"{where} has a single column",
            f"{layout.names[0]!r}, separated by {_shown(layout.delimiter)}",
            fix="name the delimiter",
        )
