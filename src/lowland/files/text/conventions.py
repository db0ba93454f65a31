"""Texts that are no usual CSV, written anew as such before they are read: quotes, ruled lines, phrases, ARFF.

What is looked for cannot be read otherwise: a table that any reader takes is left as it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from lowland.core.errors import LowlandError
from lowland.files.numerals import MISSING, is_number
from lowland.files.sources import Opened
from lowland.files.table_format import TableFormat
from lowland.files.text.encodings import decode, find_encoding
from lowland.files.text.records import lines_of

# bytes and lines that tell how a text is written, and lines at least
HEAD, LINES, LEAST = 1 << 16, 200, 3
_DELIMITERS = ",;\t|"
# a quotation mark after a backslash, which ends no cell: more of it follows
_ESCAPE = re.compile(r'(?<!\\)((?:\\\\)*)\\"')
_WITHIN = re.compile(rf'"[^"\n]*(?<!\\)\\"[^"{_DELIMITERS}\s]')
# a cell in single quotation marks; one that begins with such a mark
_SINGLE = re.compile(
    rf"(?P<before>^|[{_DELIMITERS}])[ ]*'(?P<cell>(?:[^']|'')*)'[ ]*(?=[{_DELIMITERS}\r\n]|$)"
)
_BEGUN = re.compile(rf"(?:^|[{_DELIMITERS}])[ ]*'")
# lines between the rows of a table that is drawn, and the count below it
_RULE, _COUNT = re.compile(r"[\s|+:=-]*--[\s|+:=-]*"), re.compile(r"\s*\(?\d+ rows?(\)| in set)")
_ATTRIBUTE = re.compile(r"@attribute\s+('[^']*'|\"[^\"]*\"|\S+)", re.IGNORECASE)
_UNKNOWN = re.compile(r"(^|,)\s*\?\s*(?=,|$)")


def in_usual_form(opened: Opened, form: TableFormat) -> Opened:
    """Return a text as usual CSV, with what is said of that; the same one if it is CSV, or nothing known.

    Parameters
    ----------
    opened : Opened
    form : TableFormat
        What a person says about how it is written.
    """
    head = opened.head(HEAD)
    whole = len(head) < HEAD
    try:
        encoding = form.encoding or find_encoding(head, opened.name, whole=whole)
        lines = lines_of(decode(head, encoding, opened.name, whole=whole))[: None if whole else -1]
    except LowlandError:
        return opened  # reading it says why
    some = [line for line in lines if line.strip()][:LINES]
    for is_so, change, said in _FORMS:
        if len(some) >= LEAST and is_so(some, form):
            with opened.stream() as file:
                text = change(lines_of(decode(file.read(), encoding, opened.name)))
            return replace(opened, path=None, data=text.encode(encoding), said=(*opened.said, said))
    return opened


def _is_escaped(lines: Sequence[str], form: TableFormat) -> bool:
    del form
    return any(map(_WITHIN.search, lines))


def _doubled(lines: Sequence[str]) -> str:
    return "".join(_ESCAPE.sub(r'\1""', line) for line in lines)


def _is_single(lines: Sequence[str], form: TableFormat) -> bool:
    """Return whether most lines have cells in single marks, some of numbers or with what separates cells."""
    del form
    if any('"' in line or len(_SINGLE.findall(line)) < len(_BEGUN.findall(line)) for line in lines):
        return False
    cells = [[found["cell"] for found in _SINGLE.finditer(line)] for line in lines]
    needed = any(is_number(cell) or re.search(f"[{_DELIMITERS}]", cell) for held in cells for cell in held)
    return needed and 10 * sum(map(bool, cells)) >= 9 * len(lines)


def _in_double(lines: Sequence[str]) -> str:
    def quoted(found: re.Match[str]) -> str:
        return f'{found["before"]}"{found["cell"].replace(chr(39) * 2, chr(39))}"'

    return "".join(_SINGLE.sub(quoted, line) for line in lines)


def _is_drawn(lines: Sequence[str], form: TableFormat) -> bool:
    """Return whether a table is drawn by bars, with a rule below its names."""
    if form.delimiter not in (None, "|"):
        return False
    rules = [k for k, line in enumerate(lines) if _RULE.fullmatch(line)]
    rows = [line for line in lines if not _RULE.fullmatch(line) and not _COUNT.match(line)]
    counts = {line.strip().count("|") for line in rows}
    return bool(rules) and rules[0] <= 1 and len(rows) >= 2 and len(counts) == 1 and counts != {0}


def _undrawn(lines: Sequence[str]) -> str:
    kept = [line.strip() for line in lines if not _RULE.fullmatch(line) and not _COUNT.match(line)]
    framed = all(line[:1] == line[-1:] == "|" for line in kept if line)
    rows = ([cell.strip() for cell in (line[1:-1] if framed else line).split("|")] for line in kept if line)
    return _csv(rows, "|")


def _is_aligned(lines: Sequence[str], form: TableFormat) -> bool:
    """Return whether cells with blanks within, or none, stand one below the other: nothing separates them."""
    if form.delimiter is not None or any(mark in line for line in lines for mark in '",;\t|#'):
        return False
    cells = list(map(_cutter(lines), lines))
    if any("  " in cell for held in cells for cell in held):
        return False  # cells of two columns
    below = list(zip(*cells[1:], strict=True))
    numbers = [all(is_number(cell) or cell in MISSING for cell in cells) and any(cells) for cells in below]
    return len(below) > 1 and any(numbers) and len({len(line.split()) for line in lines}) > 1


def _cutter(lines: Sequence[str]) -> Callable[[str], list[str]]:
    """Return what cuts a line where all lines are blank, and a name and some cell stand behind.

    One blank may part the words of a name and of all cells below it, unless numbers stand behind.
    """
    held = [line.rstrip() for line in lines if line.strip()]
    width = max(map(len, held))
    padded = [line.ljust(width) for line in held]
    blank = [True, *(all(line[k] == " " for line in padded) for k in range(width))]
    starts = [k for k in range(width) if blank[k] and not blank[k + 1]]
    ends = [*starts[1:], width]
    headed = [
        start
        for start, end in zip(starts, ends, strict=True)
        if padded[0][start:end].strip()
        and (below := [cell for line in padded[1:] if (cell := line[start:end].strip())])
        and (not padded[0][max(start - 2, 0) : start].strip() or all(is_number(cell) for cell in below))
    ]
    cuts = [0, *headed[1:], None]
    return lambda line: [line[one:other].strip() for one, other in pairwise(cuts)]


def _at_tabs(lines: Sequence[str]) -> str:
    return _csv(map(_cutter(lines), (line for line in lines if line.strip())), "\t")


def _is_arff(lines: Sequence[str], form: TableFormat) -> bool:
    del form
    words = [line.split()[0].lower() for line in lines if not line.startswith("%")]
    return words[:1] == ["@relation"] and "@data" in words


def _of_arff(lines: Sequence[str]) -> str:
    names: list[str] = []
    data: list[str] = []
    for line in map(str.strip, lines):
        found = _ATTRIBUTE.match(line)
        if found is not None and not data:
            names.append(found[1].strip("'\""))
        elif line.lower() == "@data" or (data and line and not line.startswith("%")):
            data.append(line)
    rows = "".join(_UNKNOWN.sub(r"\1", line) + "\n" for line in data[1:])
    return _csv([names], ",") + _in_double(lines_of(rows))


def _csv(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


_Form = tuple[Callable[[Sequence[str], TableFormat], bool], Callable[[Sequence[str]], str], str]
_FORMS: tuple[_Form, ...] = (
    (_is_arff, _of_arff, "ARFF: names of columns from its attributes, '?' means missing"),
    (_is_drawn, _undrawn, "lines that draw the table are left out"),
    (_is_escaped, _doubled, "quotation marks after backslashes are parts of cells"),
    (_is_single, _in_double, "cells are in single quotation marks"),
    (_is_aligned, _at_tabs, "cells stand one below the other, with blanks between (--delimiter)"),
)
