"""Find what separates the fields of a text file, and cut its lines into cells."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.files.text.header_lines import is_number

# in the order in which they are tried; white space comes last, because words are separated by it
_CANDIDATES = ("\t", ";", "|", "::", ",", " ")
# lines that say what separates their fields
FIRST = 200
# quoted words, which stay as they are, and white space
_QUOTED_OR_BLANKS = re.compile(r'("(?:[^"]|"")*")|\s+')

Record = Sequence[str]


def lines_of(text: str) -> list[str]:
    """Return lines with their ends, which are those of text files alone: no other signs of Unicode."""
    return list(io.StringIO(text, newline=""))


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
    widths = {mark: _widths(lines, mark) for mark in _CANDIDATES}
    fitting = [mark for mark in _CANDIDATES if _fits(widths[mark], titles=0)]
    below = [mark for mark in _CANDIDATES if mark not in (" ", ",") and _fits(widths[mark], titles=3)]
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
    if not fitting and not below:  # a header without a name for the row labels
        below = [
            mark for mark in _CANDIDATES if is_short(widths[mark]) and (widths[mark][0] > 1 or mark != " ")
        ]
    if usual in (fitting or below):
        return usual
    if fitting or below:
        return (fitting or below)[0]
    return usual if usual == "," else _in_header(lines[0], usual)


def _widths(lines: Sequence[str], delimiter: str) -> list[int]:
    """Return the numbers of fields of the first records, none if they cannot be cut."""
    try:
        widths = [len(record) for record in split_records(lines[:FIRST], delimiter)]
    except csv.Error:
        return []
    return widths[:-1] if len(lines) > FIRST else widths  # the last record may go on


def _fits(widths: Sequence[int], *, titles: int) -> bool:
    """Return whether lines have equally many fields, up to a number of titles above them being one field."""
    above = 0
    while above < min(titles, len(widths) - 2) and widths[above] == 1:
        above += 1
    widths = widths[above:]
    return bool(widths) and min(widths) >= 2 and max(widths) == min(widths)


def is_short(widths: Sequence[int]) -> bool:
    """Return whether the first of several lines has one field less than all others."""
    return len(widths) >= 3 and set(widths[1:]) == {widths[0] + 1} and widths[0] >= 1


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


def split_records(lines: Iterable[str], delimiter: str, *, padded: bool = False) -> Iterator[list[str]]:
    """Return the cells of lines; blank lines are left out.

    White space of any length separates cells if the delimiter is " ". With `padded`, blanks after a delimiter
    are no part of a cell.
    """
    return (record for _, record in numbered_records(lines, delimiter, padded=padded))


def numbered_records(
    lines: Iterable[str], delimiter: str, *, padded: bool = False, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Return the cells of lines as `split_records`, after the number of lines with which each record ends.

    With `strict`, quotation marks that are not closed where a cell ends are a `csv.Error`.
    """
    if delimiter == "::":
        yield from ((k, line.rstrip("\r\n").split("::")) for k, line in enumerate(lines, 1) if line.strip())
        return
    if delimiter == " ":
        lines = map(_single_blanks, lines)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=padded, strict=strict)
    for record in reader:
        if record:
            yield reader.line_num, record


def _single_blanks(line: str) -> str:
    """Return a line with one blank between its fields; quoted fields keep theirs."""
    if '"' not in line:
        return " ".join(line.split()) + "\n"
    return _QUOTED_OR_BLANKS.sub(lambda found: found.group(1) or " ", line.strip()) + "\n"


def sample_records(
    lines: Sequence[str], delimiter: str, where: str, *, padded: bool, whole: bool
) -> list[tuple[int, list[str]]]:
    """Return the records of a sample of lines, each after the number of lines with which it ends.

    Parameters
    ----------
    lines : sequence of str
    delimiter : str
    where : str
        Name of the table in messages.
    padded : bool
        Whether blanks after a delimiter are no part of a cell.
    whole : bool
        Whether these are all lines; otherwise the last record may be cut, and is left out then.

    Raises
    ------
    FileFormatError
        If a quotation mark is not closed.
    """
    try:
        records = list(numbered_records(lines, delimiter, padded=padded))
        if any("\n" in cell or "\r" in cell for _, record in records for cell in record):
            records = list(_closed_records(lines, delimiter, padded=padded, whole=whole))
            _check_cells_over_lines([record for _, record in records], delimiter)
    except csv.Error as error:
        raise FileFormatError(
            f"{where} has a quotation mark that is not closed", str(error), fix="close or remove it"
        ) from error
    return records


def _closed_records(
    lines: Sequence[str], delimiter: str, *, padded: bool, whole: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield records whose quotation marks are closed; a record that a sample cuts is no error."""
    reader = numbered_records(lines, delimiter, padded=padded, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        if whole or "end of data" not in str(error):
            raise


def _check_cells_over_lines(records: Sequence[Record], delimiter: str) -> None:
    """Raise if a cell over several lines holds records: then its quotation marks belong to two cells."""
    width, _ = Counter(map(len, records)).most_common(1)[0]
    for record in records:
        for cell in record:
            inner = cell.splitlines()
            for line in inner if len(inner) > 1 and width >= 3 else ():
                cells = next(islice(split_records([line], delimiter), 1), [])
                if len(cells) == width and 2 * sum(map(is_number, cells)) >= width:
                    raise csv.Error(f"a cell over several lines: {cell[:60]!r}")
