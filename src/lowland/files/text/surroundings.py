"""Lines of a text file around its table that are no data: titles above it, and notes below it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from lowland.core.wording import counted
from lowland.files.numerals import MISSING, is_number
from lowland.files.text.header_lines import is_year
from lowland.files.text.records import Record, split_records

# how many lines above the header are looked at, and records of the table that must agree below them
MOST_ABOVE, LEAST_BELOW = 60, 3
# signs and words that notes begin with
_SIGNS = r"[#*†‡§©¹²³⁴]+\s*[^\W\d]|(\[\d+\]|\(\d+\)|\d+\)|[a-z]\))\s+[^\W\d]|https?://"
_WORDS = (
    r"sources?|data source|notes?|footnotes?|remarks?|legend|key|data from|data extracted|last updated?|"
    r"updated|authors?|compiled by|prepared by|"
    r"retrieved|accessed|downloaded|generated|copyright|licen[cs]e|quellen?|anmerkung(en)?|hinweis(e)?|stand|"
    r"fuente|nota|source des données"
)
_MARKED = re.compile(rf"\s*({_SIGNS}|({_WORDS})\b(\s*\.|[^:;,]{{0,40}}:))", re.IGNORECASE)
# words of a line of prose, and of a sentence that is a note by itself
PROSE, SENTENCE = 4, 8


def usual_width(lines: Sequence[str], delimiter: str) -> int:
    """Return the number of fields that most lines have; 0 if they cannot be cut."""
    try:
        counted = Counter(len(record) for record in split_records(lines, delimiter))
    except csv.Error:
        return 0
    return counted.most_common(1)[0][0] if counted else 0


def count_above(records: Sequence[Record], delimiter: str) -> int:
    """Return how many records stand above a table, all of whose records have equally many fields.

    Those above have fewer, and hold words. The first record of the table names its columns, perhaps all but
    the first.
    """
    width, start = len(records[-1]) if records else 0, len(records)
    while start and len(records[start - 1]) == width:
        start -= 1
    if width < 2 or not 0 < start <= MOST_ABOVE or len(records) - start < LEAST_BELOW:
        return 0
    last = records[start - 1]
    if len(last) == width - 1 and all(map(_is_word, last)) and not names_numbers(records[start:]):
        start -= 1  # a header without a name for the row labels
    # prose in a table separated by blanks may have more words than this has columns
    wide = any(len(record) >= width and delimiter != " " for record in records[:start])
    named = names_numbers(records[start:])
    titles = all(_is_title(record, named=named) for record in records[:start])
    return 0 if wide or not titles or is_number(records[start][0]) else start


def names_numbers(records: Sequence[Record]) -> bool:
    """Return whether most columns of numbers have a word, or a year, in the first record, and no number."""
    first, rest = records[0], records[1:100]
    numbers = named = 0
    for k, cell in enumerate(first):
        below = [row[k] for row in rest if k < len(row) and row[k].strip() not in MISSING]
        if below and 2 * sum(map(is_number, below)) >= len(below):
            numbers += 1
            year = is_year(cell) and not all(map(is_year, below))
            named += year or (_is_word(cell) and cell.strip() not in MISSING)
    return 2 * named > numbers


def _is_word(cell: str) -> bool:
    return bool(cell.strip()) and not is_number(cell)


def _is_title(record: Record, *, named: bool) -> bool:
    """Return whether a record begins with a word, and has few numbers unless names stand below."""
    cells = [cell for cell in record if cell.strip()]
    few = named or 2 * sum(map(is_number, cells)) <= len(cells)
    return not cells or (_is_word(cells[0]) and few)


def count_below(lines: Sequence[str], delimiter: str, width: int) -> int:
    """Return how many of the last lines of a table are notes, blank lines between them included.

    Parameters
    ----------
    lines : sequence of str
    delimiter : str
    width : int
        Number of fields of the table.
    """
    if width < 2:
        return 0
    count, passed = count_notes((_cells_of(line, delimiter) for line in reversed(lines)), width)
    if len(lines) - passed < LEAST_BELOW:
        return 0  # lines that all begin as notes do, such as "a) how often", are none
    below, above = lines[len(lines) - count :], lines[: len(lines) - passed]
    if any(cell.strip() for record in split_records(below, delimiter) for cell in record):
        return count
    # delimiters alone are a row in which all is missing, unless rows have labels
    labels = [record[0].strip() for record in split_records(above, delimiter)]
    return count if len(labels) > 1 and all(labels) and any(line.strip() for line in below) else 0


def count_notes(records: Iterable[Record | None], width: int) -> tuple[int, int]:
    """Return how many of the last records of a table are notes, and how many may be none of its data.

    Parameters
    ----------
    records : iterable of sequences of str or None
        From the last one up; None ends the table.
    width : int
        Number of fields of the table.
    """
    count = marked = k = 0
    for k, record in enumerate(records, 1):
        kind = "data" if record is None else _kind(record, width)
        if kind == "data":
            # where sentences name the rows, one of them is no note
            count = marked if record and record[0].rstrip().endswith(".") else count
            k -= 1
            break
        # words below a blank line or a note are notes too
        if kind != "perhaps":
            count = k
            marked = k if kind != "sentence" else marked
    return count, k


def _cells_of(line: str, delimiter: str) -> Record | None:
    """Return the cells of a line, None if it may be the end of a cell over several lines."""
    return None if line.count('"') % 2 else next(split_records([line], delimiter), [])


def _kind(cells: Record, width: int) -> str:
    """Return whether a record below a table is "blank", "note", "sentence", "perhaps" a note, or "data"."""
    held = [cell for cell in cells if cell.strip()]
    if not held:
        return "blank"
    alone = len(held) == 1 and bool(cells[0].strip())
    marked = _MARKED.match(held[0]) is not None and cells[0].strip() == held[0].strip()
    numbers = sum(map(is_number, held[1:]))
    if marked and (alone or len(cells) != width or 2 * numbers < len(held)):
        return "note"
    # a sentence, and a long one: names of rows, questions among them, end without a full stop
    if alone and width >= 3 and len(held[0].split()) >= SENTENCE and held[0].rstrip().endswith("."):
        return "sentence"
    if alone and len(cells) == 1:
        return "note" if len(held[0].split()) >= PROSE else "perhaps"
    return "perhaps" if alone and width >= 3 and len(held[0].split()) >= PROSE else "data"


def shown_lines(lines: Sequence[str]) -> str:
    """Return the first of some lines that holds anything, and how many there are."""
    held = [text for line in lines if (text := line.strip(" \t\r\n,;|"))]
    if not held:
        return "lines without a cell"
    more = f" and {counted(len(held) - 1, 'more line')}"
    return repr(held[0][:60]) + (more if len(held) > 1 else "")
