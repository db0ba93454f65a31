"""Find how a text file is cut into cells: encoding, comment lines, delimiter, and whether it has a header."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.wording import Option, Words
from lowland.files.numerals import is_number
from lowland.files.sources import Opened
from lowland.files.table_format import ROW_LABELS, TableFormat
from lowland.files.text.delimiters import FIRST, find_delimiter, shown_delimiter
from lowland.files.text.encodings import decode, find_encoding, first_word
from lowland.files.text.header_lines import is_year
from lowland.files.text.headings import Heading, find_heading
from lowland.files.text.records import Record, lines_of, sample_records, split_records
from lowland.files.text.surroundings import (
    count_above,
    count_below,
    names_numbers,
    shown_lines,
    usual_width,
)

# the part of a file from which its layout is found
HEAD = 1 << 20
SAMPLE = 5_000
# lines at the end of a file, and bytes of a long one, that may hold notes
MOST_BELOW = 200
TAIL = 1 << 16
# endings of text files, with the delimiter that is preferred
DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t", ".data": "\t", ".dat": "\t", ".psv": "|"}


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
    heading : Heading
        What names the columns.
    repeated : str
        The line of names, if it stands again among the records, where it is left out; "" otherwise.
    above, below : sequence of str
        Lines above the heading and below the last record, which are no data, with their ends.
    """

    encoding: str
    delimiter: str
    comment: str | None
    skipped: int
    names: tuple[str, ...]
    blank: frozenset[str]
    sample: Sequence[Record]
    decided: tuple[str, ...]
    heading: Heading
    above: Sequence[str] = ()
    below: Sequence[str] = ()
    whole: bool = True
    padded: bool = False
    repeated: str = ""


def find_text_layout(opened: Opened, form: TableFormat) -> TextLayout:
    """Return the layout of a text file from its first megabyte.

    Raises
    ------
    FileFormatError
        If it is empty or no text, or repeats a column name.
    InvalidInputError
        If its encoding, delimiter or header cannot be told.
    """
    every, whole, encoding, decided = _first_lines(opened, form)
    lines = every[:SAMPLE]
    skipped, told, delimiter = _leading(lines, form)
    # without comments; where each line stands in the file
    places = [
        k for k in range(skipped, len(lines)) if not (form.comment and lines[k].startswith(form.comment))
    ]
    body = [lines[k] for k in places]
    if not any(line.strip() for line in body):
        content = "no line with data" + (", but lines that begin with '#'" if told else "")
        raise FileFormatError(f"{opened.name} is empty", content, fix="pass a table with data")
    usual = DELIMITERS.get(opened.kind, ",")
    delimiter = form.delimiter or delimiter or find_delimiter(body, usual, opened.name)
    if form.delimiter is None and delimiter != usual:
        decided.append(f"delimiter {shown_delimiter(delimiter)} (--delimiter)")
    padded = len(delimiter) == 1 and delimiter != " " and f'{delimiter} "' in "".join(body[:50])
    below = _lines_below(opened, every if whole else None, body, delimiter, encoding)
    whole = whole and len(every) <= SAMPLE
    if below:
        decided.append(f"left out below the table: {shown_lines(below)}")
        if whole:
            body = body[: sum(place < len(lines) - len(below) for place in places)]
    numbered = sample_records(body, delimiter, opened.name, padded=padded, whole=whole)
    ends, records = [end for end, _ in numbered], [record for _, record in numbered]
    titles, headed = (0, form.header) if form.skip is not None else _titles(records, delimiter, form.header)
    if titles:
        shown = shown_lines([" ".join(" ".join(record).split()) for record in records[:titles]])
        decided.append(f"left out above the table: {shown} (--skip)")
    heading = find_heading(records[titles:], told, delimiter, headed, opened.name)
    decided += heading.decided

    def lines_of_records(count: int) -> int:
        return places[ends[count - 1] - 1] + 1 if count else skipped

    above, used = lines_of_records(titles), titles + len(heading.records)
    while not lines[above].strip():
        above += 1
    skipped = lines_of_records(used)
    records = records[used:]
    repeated = _repeated(lines, skipped, heading, records)
    if repeated:
        records = [record for record in records if list(record) != list(heading.records[0])]
        decided.append("left out: lines that repeat the header")
    decided += ["left out: blank lines"] * _has_blank_lines(lines[skipped : len(lines) - len(below)], records)
    names, blank = complete_names([name.strip() for name in heading.titles], records, opened.name)
    return TextLayout(
        encoding=encoding,
        delimiter=delimiter,
        comment=form.comment,
        skipped=skipped,
        names=names,
        blank=blank,
        sample=records,
        decided=tuple(decided),
        whole=whole,
        padded=padded,
        heading=heading,
        above=lines[:above],
        below=below,
        repeated=repeated,
    )


def _first_lines(opened: Opened, form: TableFormat) -> tuple[list[str], bool, str, list[str]]:
    """Return the first lines of a text, whether they are all, its encoding, and what was decided about it."""
    head, whole = _head(opened)
    encoding = form.encoding or find_encoding(head, opened.name, whole=whole)
    text = decode(head, encoding, opened.name, whole=whole)
    decided = []
    if form.encoding is None and encoding not in ("utf-8", "utf-8-sig"):
        known = "Windows-1252 (Latin-1)" if encoding == "cp1252" else encoding.upper()
        word = first_word(text) if encoding == "cp1252" else ""
        decided.append(f"encoding {known}{f', as in {word!r}' if word else ''} (--encoding)")
    # never half a line: the last one may be cut
    return lines_of(text)[: None if whole else -1], whole, encoding, decided


def _head(opened: Opened) -> tuple[bytes, bool]:
    """Return the first bytes of a file, with two lines at least if it has them, and whether they are all."""
    size = HEAD
    while True:
        head = opened.head(size)
        if len(head) < size or head.count(b"\n") > 1:
            return head, len(head) < size
        size *= 8


def _lines_below(
    opened: Opened, every: Sequence[str] | None, sample: Sequence[str], delimiter: str, encoding: str
) -> Sequence[str]:
    """Return the lines below the table that are no data: of all lines, or of the last ones of a long file."""
    last = every
    if last is None:
        if encoding.startswith(("utf-16", "utf-32")):
            return ()
        last = lines_of(opened.tail(TAIL).decode(encoding, "replace"))[1:]
    count = count_below(last[-MOST_BELOW:], delimiter, usual_width(sample[:FIRST], delimiter))
    return last[len(last) - count :]


def _titles(records: Sequence[Record], delimiter: str, header: bool | None) -> tuple[int, bool | None]:
    """Return the number of records above the table, and whether the next one is known to name the columns."""
    above = count_above(records, delimiter)
    if header is None and above and names_numbers(records[above:]):
        header = True
    return above + count_titles(records[above:]), header


def count_titles(records: Sequence[Record]) -> int:
    """Return the number of records above the table that hold one cell, where those below hold more.

    Where those below hold many, titles may have a second cell, as "Source" and its name or a date, or none.
    """
    most = 1
    for k, record in enumerate(records[:12]):
        held = [place for place, cell in enumerate(record) if cell.strip()]
        if len(held) == 1 or (k and not held) or (held[:1] == [0] and len(held) == 2 and len(record) >= 4):
            most = max(most, len(held))
            continue
        wide = len(record) >= 3 and len(held) >= max(2, most + 1)
        if most > 1 and any(is_number(cell) and not is_year(cell) for cell in record):
            return 0  # the names of two columns, above data
        return k if wide and k + 1 < len(records) else 0
    return 0


def _repeated(lines: Sequence[str], skipped: int, heading: Heading, records: Sequence[Record]) -> str:
    """Return the line of names if it stands again below, as in files put one after the other; else ""."""
    if len(heading.records) != 1 or list(heading.records[0]) not in map(list, records):
        return ""
    line = lines[skipped - 1].rstrip()
    again = any(one.rstrip() == line for one in lines[skipped:])
    return line if again and names_numbers([heading.titles, *records]) else ""


def _has_blank_lines(lines: Sequence[str], records: Sequence[Record]) -> bool:
    """Return whether blank lines stand between records, not within a cell of theirs."""
    held = "".join(lines).strip().splitlines()
    return not all(map(str.strip, held)) and not any("\n" in cell for record in records for cell in record)


def _leading(lines: Sequence[str], form: TableFormat) -> tuple[int, str | None, str | None]:
    """Return the number of lines before the table, their last comment, and a delimiter that they name."""
    told = delimiter = None
    mark = form.comment or "#"
    for k, line in enumerate(lines):
        if k < (form.skip or 0):
            continue
        bare_line = line.strip()
        named = re.fullmatch(r"sep=(.)", bare_line) if k == 0 else None
        if named:  # written by spreadsheets
            delimiter = named.group(1)
        elif bare_line.startswith(mark):
            told = bare_line.removeprefix(mark).strip()
        elif bare_line:
            return k, told, delimiter
    return len(lines), told, delimiter


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
    repeated = next((name for name, count in Counter(named).items() if count > 1), None)
    if repeated is not None:
        raise FileFormatError(f"{where} names a column twice", repr(repeated), fix="rename one of them")
    return tuple(named), frozenset(blank)


def as_plain_text(opened: Opened, layout: TextLayout) -> Opened:
    """Return a text as one that any reader takes: UTF-8, one character between fields, no comments.

    Files that are such already are left as they are.
    """
    simple = len(layout.delimiter) == 1 and layout.delimiter != " " and layout.comment is None
    simple = simple and not layout.padded and not layout.repeated
    cut = sum(map(len, layout.below))
    if simple and not cut and layout.encoding in ("utf-8", "utf-8-sig"):
        return opened
    with opened.stream() as file:
        text = decode(file.read(), layout.encoding, opened.name)
    text = text[: len(text) - cut]
    if not simple:
        lines = lines_of(text)
        kept = [*lines[: layout.skipped]]
        kept += [line for line in lines[layout.skipped :] if not _is_left_out(line, layout)]
        text = "".join(kept)
        if layout.delimiter in ("::", " ") or layout.padded:
            out = io.StringIO(newline="")
            writer = csv.writer(out, delimiter="\t", lineterminator="\n")
            out.write("\n" * layout.skipped)
            writer.writerows(split_records(kept[layout.skipped :], layout.delimiter, padded=layout.padded))
            text = out.getvalue()
    return Opened(opened.name, opened.kind, None, text.encode("utf-8"))


def _is_left_out(line: str, layout: TextLayout) -> bool:
    """Return whether a line of the table is a comment, or repeats the header."""
    comment = layout.comment is not None and line.startswith(layout.comment)
    return comment or (layout.repeated != "" and line.rstrip() == layout.repeated)


def check_width(layout: TextLayout, where: str) -> None:
    """Raise if the text has a single column, as a wrong delimiter makes it, or no line below its header."""
    if not layout.sample:
        raise FileFormatError(f"{where} is empty", "only a header line", fix="pass a table with data")
    if len(layout.names) < 2:
        raise InvalidInputError(
            f"{where} has a single column",
            f"{layout.names[0]!r}, separated by {shown_delimiter(layout.delimiter)}",
            fix=Words("name what separates fields by ", Option("delimiter")),
        )
