"""Cut the lines of a text file into records of cells."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from lowland.core.errors import FileFormatError
from lowland.files.numerals import is_number

# quoted words, which stay as they are, and white space
_QUOTED_OR_BLANKS = re.compile(r'("(?:[^"]|"")*")|\s+')

Record = Sequence[str]


def lines_of(text: str) -> list[str]:
    """Return lines with their ends, which are those of text files alone: no other signs of Unicode."""
    return list(io.StringIO(text, newline=""))


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
