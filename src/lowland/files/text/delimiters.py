"""Find what separates the fields of a text file."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words
from lowland.files.numerals import is_number
from lowland.files.text.headings import is_short
from lowland.files.text.records import Record, split_records
from lowland.files.text.surroundings import count_above, count_below, usual_width

# in the order in which they are tried; white space comes last, because words are separated by it
_CANDIDATES = ("\t", ";", "|", "::", ",", " ")
# lines that say what separates their fields
FIRST = 200


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
    records = {mark: _records(lines, mark) for mark in _CANDIDATES}
    widths = {mark: [len(record) for record in records[mark]] for mark in _CANDIDATES}
    fitting = [mark for mark in _CANDIDATES if _fits(widths[mark], titles=0)]
    below = [mark for mark in _CANDIDATES if mark not in (" ", ",") and _fits(widths[mark], titles=3)]
    if "," in fitting:
        # commas within cells are decimal marks then
        better = [mark for mark in fitting if mark != "," and (mark != " " or _is_numeric(lines, mark))]
        if better:
            return better[0]
        if below and _share_of_numbers(records[","]) <= _share_of_numbers(records[below[0]]):
            raise InvalidInputError(
                f"{where} may be separated by commas or otherwise",
                f"{lines[0].strip()[:60]!r}, then {lines[1].strip()[:60]!r}",
                fix=Words("say which: ", Option("delimiter", ",", below[0])),
            )
    if not fitting and not below:  # a header without a name for the row labels
        marks = [mark for mark in _CANDIDATES if mark != " " or not _are_phrases(lines, records[mark])]
        below = [mark for mark in marks if is_short(widths[mark])]
        below = below or [mark for mark in marks if count_above(records[mark], mark)]
    blanks = " " in fitting and _share_of_numbers(records[" "]) >= 0.5
    if blanks and "\t" in fitting and not _share_of_numbers(records["\t"]):
        return " "  # one of the gaps between numbers is a tab
    if usual in (fitting or below):
        return usual
    if fitting or below:
        chosen = (fitting or below)[0]
        # in a .csv, blanks between words are part of them
        return usual if chosen == " " and usual == "," and not _holds_numbers(records[chosen]) else chosen
    return usual if usual == "," else _in_header(lines[0], usual)


def _records(lines: Sequence[str], delimiter: str) -> list[Record]:
    """Return the first records without notes below them, none if they cannot be cut."""
    first = lines[:FIRST]
    if len(lines) <= FIRST:
        first = first[: len(first) - count_below(first, delimiter, usual_width(first, delimiter))]
    try:
        records: list[Record] = list(split_records(first, delimiter))
    except csv.Error:
        return []
    return records[:-1] if len(lines) > FIRST else records  # the last record may go on


def _fits(widths: Sequence[int], *, titles: int) -> bool:
    """Return whether lines have equally many fields, up to a number of titles above them being one field."""
    above = 0
    while above < min(titles, len(widths) - 2) and widths[above] == 1:
        above += 1
    widths = widths[above:]
    return bool(widths) and min(widths) >= 2 and max(widths) == min(widths)


def _are_phrases(lines: Sequence[str], records: Sequence[Record]) -> bool:
    """Return whether blanks stand within cells: most lines have other marks, and few words are numbers."""
    others = max(sum(mark in line for line in lines[:FIRST]) for mark in _CANDIDATES if mark != " ")
    cells = [cell for record in records[1:] for cell in record[1:]]
    return 2 * others > len(lines[:FIRST]) and sum(map(is_number, cells)) < 0.9 * len(cells)


def _holds_numbers(records: Sequence[Record]) -> bool:
    """Return whether most cells of a column below the first record are numbers."""
    columns = zip(*records[1:], strict=False)
    return any(2 * sum(map(is_number, column)) > len(column) for column in columns)


def _share_of_numbers(records: Sequence[Record]) -> float:
    """Return the share of numbers among the cells below the first record."""
    cells = [cell for record in records[1:] for cell in record if cell.strip()]
    return sum(map(is_number, cells)) / max(len(cells), 1)


def _is_numeric(lines: Sequence[str], mark: str) -> bool:
    """Return whether nearly all cells below the first line are numbers, some with decimal commas."""
    cells = [cell for record in split_records(lines[1:FIRST], mark) for cell in record]
    commas = any(re.fullmatch(r"[+-]?\d+,\d+", cell) for cell in cells)
    return commas and sum(map(is_number, cells)) >= 0.9 * len(cells)


def _in_header(line: str, usual: str) -> str:
    """Return the first delimiter that a header contains, if no delimiter cuts all lines alike."""
    return next((mark for mark in (usual, "\t", ";", ",", "|") if mark in line), usual)


def shown_delimiter(delimiter: str) -> str:
    """Return what a delimiter is called."""
    return {"\t": "tab", " ": "white space", ";": "semicolon", ",": "comma"}.get(delimiter, repr(delimiter))
