"""Find how a text file is cut into cells: encoding, comment lines, delimiter, and whether it has a header."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.files.sources import Opened
from lowland.files.table_format import ROW_LABELS, TableFormat
from lowland.files.text.encodings import decode, find_encoding
from lowland.files.text.header_lines import is_header, is_number

# the part of a file from which its layout is found
HEAD = 1 << 20
SAMPLE = 5_000
# endings of text files, with the delimiter that is preferred
DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t", ".data": "\t", ".dat": "\t", ".psv": "|"}
# in the order in which they are tried; white space comes last, because words are separated by it
_CANDIDATES = ("\t", ";", "|", "::", ",", " ")

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
        Those that have neither a name nor a cell in the sample: what a delimiter at the end of each line
        makes.
    sample : sequence of sequences of str
        The first records, without the header.
    decided : tuple of str
        What was decided otherwise than most files have it, in sentences.
    whole : bool
        Whether the sample is the whole file.
    padded : bool
        Whether quotation marks follow blanks after a delimiter.
    header : sequence of str or None
        The line that names the columns, as it is written, if there is one.
    """

    encoding: str
    delimiter: str
    comment: str | None
    skipped: int
    names: tuple[str, ...]
    blank: frozenset[str]
    sample: Sequence[Record]
    decided: tuple[str, ...]
    whole: bool = True
    padded: bool = False
    header: Record | None = None


def find_text_layout(opened: Opened, form: TableFormat) -> TextLayout:
    """Return the layout of a text file from its first megabyte.

    Raises
    ------
    FileFormatError
        If it is empty or no text, or repeats a column name.
    InvalidInputError
        If its encoding, delimiter or header cannot be told.
    """
    head, whole = _head(opened)
    encoding = form.encoding or find_encoding(head, opened.name, whole=whole)
    decided = []
    if form.encoding is None and encoding not in ("utf-8", "utf-8-sig"):
        known = "Windows-1252 (Latin-1)" if encoding == "cp1252" else encoding.upper()
        decided.append(f"encoding {known} (--encoding)")
    text = decode(head, encoding, opened.name, whole=whole)
    # never half a line: the last one may be cut
    every = lines_of(text)[: None if whole else -1]
    lines = every[:SAMPLE]
    skipped, told, delimiter = _leading(lines, form)
    body = [line for line in lines[skipped:] if not (form.comment and line.startswith(form.comment))]
    if not any(line.strip() for line in body):
        content = "no line with data" + (", but lines that begin with '#'" if told else "")
        raise FileFormatError(f"{opened.name} is empty", content, fix="pass a table with data")
    usual = DELIMITERS.get(opened.kind, ",")
    delimiter = form.delimiter or delimiter or find_delimiter(body, usual, opened.name)
    if form.delimiter is None and delimiter != usual:
        decided.append(f"delimiter {_shown(delimiter)} (--delimiter)")
    padded = len(delimiter) == 1 and delimiter != " " and f'{delimiter} "' in "".join(body[:50])
    records = _records(body, delimiter, opened.name, padded=padded)
    titles = count_titles(records)
    if titles:
        shown = " ".join(cell for cell in records[0] if cell.strip())
        decided.append(f"left out above the table: {shown[:60]!r}")
        skipped += _lines_of_records(body, delimiter, titles)
        records = records[titles:]
    names, used = _header(records, told, delimiter, form.header, opened.name)
    if names is None:
        decided.append("no header line (--header)")
        names = tuple(str(k + 1) for k in range(len(records[0])))
    elif not used:
        decided.append("columns named by the comment above them (--header)")
    header = records[0] if used else None
    if used:
        start = _lines_of_records(body, delimiter, titles)
        skipped += _lines_of_records(body, delimiter, titles + 1) - start
        records = records[1:]
    named, blank = complete_names(names, records, opened.name)
    whole = whole and len(every) <= SAMPLE
    return TextLayout(
        encoding=encoding,
        delimiter=delimiter,
        comment=form.comment,
        skipped=skipped,
        names=named,
        blank=blank,
        sample=records,
        decided=tuple(decided),
        whole=whole,
        padded=padded,
        header=header,
    )


def lines_of(text: str) -> list[str]:
    """Return lines with their ends, which are those of text files alone: no other signs of Unicode."""
    return list(io.StringIO(text, newline=""))


def _head(opened: Opened) -> tuple[bytes, bool]:
    """Return the first bytes of a file, with two lines at least if it has them, and whether they are all."""
    size = HEAD
    while True:
        head = opened.head(size)
        if len(head) < size or head.count(b"\n") > 1:
            return head, len(head) < size
        size *= 8


def _records(lines: Sequence[str], delimiter: str, where: str, *, padded: bool) -> list[list[str]]:
    """Return the records of a sample.

    Raises
    ------
    FileFormatError
        If a quotation mark is not closed.
    """
    try:
        records = list(split_records(lines, delimiter, padded=padded))
    except csv.Error as error:
        raise FileFormatError(
            f"{where} has a quotation mark that is not closed", str(error), fix="close or remove it"
        ) from error
    for record in records:
        for cell in record:
            if "\n" in cell and delimiter in cell and len(delimiter) == 1 and delimiter != " ":
                raise FileFormatError(
                    f"{where} has a quotation mark that is not closed",
                    f"a cell over several lines: {cell[:60]!r}",
                    fix="close or remove it",
                )
    return records


def count_titles(records: Sequence[Record]) -> int:
    """Return the number of records above the table that hold one cell, where those below hold more."""
    for k, record in enumerate(records[:6]):
        if sum(bool(cell.strip()) for cell in record) != 1:
            wide = len(record) >= 3 and sum(bool(cell.strip()) for cell in record) >= 2
            return k if wide and k + 1 < len(records) else 0
    return 0


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


def find_delimiter(lines: Sequence[str], usual: str, where: str) -> str:
    """Return the delimiter that cuts all lines, but perhaps the first few, into equally many fields.

    Parameters
    ----------
    lines : sequence of str
    usual : str
        The delimiter of files with this ending: taken if it fits and no other fits better, or if none fits.
    where : str
        Name of the table in messages.

    Raises
    ------
    InvalidInputError
        If the lines below the first say another delimiter than all of them.
    """
    fitting = [mark for mark in _CANDIDATES if _fits(lines[:200], mark, titles=0)]
    below = [mark for mark in _CANDIDATES if mark not in (" ", ",") and _fits(lines[:200], mark, titles=3)]
    if "," in fitting:
        # commas within cells are decimal marks then
        better = [mark for mark in fitting if mark != "," and (mark != " " or _is_numeric(lines, mark))]
        if better:
            return better[0]
        if below:
            raise InvalidInputError(
                f"{where} may be separated by commas or otherwise",
                f"{lines[0].strip()[:60]!r}, then {lines[1].strip()[:60]!r}",
                fix=f"name the delimiter, ',' or {below[0]!r}",
            )
    if usual in fitting:
        return usual
    if fitting or below:
        return (fitting or below)[0]
    return usual if usual == "," else _in_header(lines[0], usual)


def _fits(lines: Sequence[str], delimiter: str, *, titles: int) -> bool:
    """Return whether a delimiter cuts lines alike, up to a number of titles above them being one field."""
    try:
        widths = [len(record) for record in split_records(lines, delimiter)]
    except csv.Error:
        return False
    above = 0
    while above < min(titles, len(widths) - 2) and widths[above] == 1:
        above += 1
    widths = widths[above:]
    return bool(widths) and min(widths) >= 2 and max(widths) == min(widths)


def _is_numeric(lines: Sequence[str], mark: str) -> bool:
    """Return whether nearly all cells below the first line are numbers, some with decimal commas."""
    cells = [cell for record in split_records(lines[1:200], mark) for cell in record]
    commas = any(re.fullmatch(r"[+-]?\d+,\d+", cell) for cell in cells)
    return commas and sum(map(is_number, cells)) >= 0.9 * len(cells)


def _in_header(line: str, usual: str) -> str:
    """Return the first delimiter that a header contains, if no delimiter cuts all lines alike."""
    return next((mark for mark in (usual, "\t", ";", ",", "|") if mark in line), usual)


def _shown(delimiter: str) -> str:
    return {"\t": "tab", " ": "white space", ";": "semicolon", ",": "comma"}.get(delimiter, repr(delimiter))


def split_records(lines: Sequence[str], delimiter: str, *, padded: bool = False) -> Iterator[list[str]]:
    """Return the cells of lines; blank lines are left out.

    White space of any length separates cells if the delimiter is " ". With `padded`, blanks after a delimiter
    are no part of a cell.
    """
    if delimiter == "::":
        yield from (line.rstrip("\r\n").split("::") for line in lines if line.strip())
        return
    if delimiter == " ":
        lines = [" ".join(line.split()) + "\n" for line in lines if line.strip()]
    yield from (
        record for record in csv.reader(lines, delimiter=delimiter, skipinitialspace=padded) if record
    )


def _lines_of_records(lines: Sequence[str], delimiter: str, count: int) -> int:
    """Return how many lines the first records take: a name in quotation marks may go over several."""
    if delimiter in ("::", " "):
        return count
    reader = csv.reader(lines, delimiter=delimiter)
    for _ in range(count):
        while not next(reader, ["end"]):
            pass
    return reader.line_num


def _header(
    records: Sequence[Record], told: str | None, delimiter: str, asked: bool | None, where: str
) -> tuple[tuple[str, ...] | None, bool]:
    """Return the names of the columns, None without any, and whether the first record holds them."""
    first = tuple(name.strip() for name in records[0])
    if asked is True or (asked is None and is_header(records, where)):
        return first, True
    if asked is None and told:  # a commented line of names, as NumPy writes it
        names = next(split_records([told], delimiter), [])
        if len(names) == len(first) and not any(is_number(name) for name in names):
            return tuple(name.strip() for name in names), False
    return None, False


def complete_names(
    names: Sequence[str], records: Sequence[Record], where: str
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return distinct names, "row labels" for a blank first one, and those of blank columns."""
    named, blank = list(names), set()
    for k, name in enumerate(named):
        if name:
            continue
        if k == 0 and ROW_LABELS not in named:
            named[0] = ROW_LABELS
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
    simple = simple and not layout.padded
    if simple and layout.encoding in ("utf-8", "utf-8-sig"):
        return opened
    with opened.stream() as file:
        text = decode(file.read(), layout.encoding, opened.name)
    if not simple:
        lines = lines_of(text)
        kept = [*lines[: layout.skipped]]
        kept += [x for x in lines[layout.skipped :] if not (layout.comment and x.startswith(layout.comment))]
        text = "".join(kept)
        if layout.delimiter in ("::", " ") or layout.padded:
            out = io.StringIO(newline="")
            writer = csv.writer(out, delimiter="\t", lineterminator="\n")
            out.write("\n" * layout.skipped)
            writer.writerows(split_records(kept[layout.skipped :], layout.delimiter, padded=layout.padded))
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
