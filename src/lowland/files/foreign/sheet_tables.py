"""Find the table in a sheet: titles above it and notes below it are no data, some rows name its columns.

The evidence is that of text files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Any, final

from lowland.core.cells.labels import label_text
from lowland.core.errors import FileFormatError
from lowland.files.foreign.merged_cells import Range, Rows, header_depth, joined_names, spread
from lowland.files.numerals import is_number
from lowland.files.table_format import TableFormat
from lowland.files.text.headings import find_heading
from lowland.files.text.names_and_units import is_index_name
from lowland.files.text.records import Record
from lowland.files.text.surroundings import LEAST_BELOW, count_notes, names_numbers, shown_lines
from lowland.files.text.text_layout import MOST_BELOW, SAMPLE, complete_names, count_titles

# rows among which titles are looked for, and how many these may be
TOP, MOST_TITLES = 100, 12


@final
@dataclass(frozen=True, eq=False)
class SheetTable:
    """The table in a sheet.

    Parameters
    ----------
    names : tuple of str
        Of its columns.
    heading : tuple of sequences of str
        The rows that name them, as text, where these are several that no merged cells join.
    headed : bool
        Whether a row names them.
    rows, columns : sequence of int
        Where its lines and columns are in the sheet, from zero.
    lines : list of lists
        Its cells, None where blank.
    merged : sequence of Range
        Ranges of merged cells below the heading.
    decided : tuple of str
        What was found out, in a few words each.
    """

    names: tuple[str, ...]
    heading: tuple[Record, ...]
    headed: bool
    rows: Sequence[int]
    columns: Sequence[int]
    lines: Rows
    merged: Sequence[Range]
    decided: tuple[str, ...]


def find_table(
    rows: Rows, ranges: Sequence[Range], form: TableFormat, where: str, *, first: int = 0
) -> SheetTable:
    """Return the table in the rows of a sheet, one of which at least holds something.

    Parameters
    ----------
    rows : list of lists
    ranges : sequence of Range
        Of merged cells.
    form : TableFormat
    where : str
        Name of the file in messages.
    first : int
        Where the first of the rows is in the sheet, from zero.

    Raises
    ------
    FileFormatError
        If no row with data is left, or a name repeats.
    InvalidInputError
        If it cannot be told whether the first row names the columns.
    """
    held = [k for k, row in enumerate(rows) if _holds(row)]
    below = _notes_below(rows, ranges)
    held = [k for k in held if k < len(rows) - below]
    columns = _used(rows, held)
    if form.skip is None:
        titles = _titles_above(held, _texts(rows, held[:TOP], columns))
    else:
        titles = sum(first + k < form.skip for k in held)
    decided = [
        f"left out {side} the table: {_shown(lines)}{way}"
        for side, lines, way in (
            ("above", [rows[k] for k in held[:titles]], " (--skip)"),
            ("below", rows[len(rows) - below :] if below else [], ""),
        )
        if lines
    ]
    if titles >= len(held):
        raise FileFormatError(f"{where} is empty", "no row with data", fix="pass a table with data")
    top = held[titles]
    ranges = [one for one in ranges if top <= one[0][0] <= held[-1]]
    depth = header_depth(rows[top:], [((a - top, b), (c - top, d)) for (a, b), (c, d) in ranges])
    # words merged from the first column on head the rows below them, and stand for no row
    across = {a for (a, b), (_, d) in ranges if a >= top + depth and b == columns[0] and d > b}
    across = {k for k in across if sum(cell is not None for cell in rows[k]) == 1}
    merged = [one for one in ranges if one[0][0] >= top + depth and one[0][0] not in across]
    full = spread(rows, merged)
    held = [k for k in held if k >= top + depth and _holds(full[k])]
    if depth > 1:
        decided.append(f"names of columns from {depth} rows, because cells are merged")
        joined = joined_names(spread(rows, ranges)[top : top + depth])
        records = [[joined[k] for k in columns], *_texts(full, held[:SAMPLE], columns)]
        if not records[0][0] and is_index_name(records[1:]):  # as pandas writes it
            records, held = [[records[1][0], *records[0][1:]], *records[2:]], held[1:]
    else:
        records = _texts(full, [top, *held[:SAMPLE]], columns)
    heading = find_heading(records, None, ",", True if depth > 1 else form.header, where)
    taken = len(heading.records)
    held, said = _without_repeats(rows, held[taken - 1 :], top) if taken else ([top, *held], ())
    held, headings = _without_headings(full, held, columns[0], across, form.as_data)
    if not held:
        raise FileFormatError(f"{where} is empty", "no row with data", fix="pass a table with data")
    used = set(_used(full, held))
    kept = [k for k in range(len(columns)) if columns[k] in used or (taken and heading.titles[k].strip())]
    names, _ = complete_names([heading.titles[k].strip() for k in kept], (), where)
    if merged:
        decided.append(f"merged cells: {len(merged)} ranges, each holding the same in all of its cells")
    several = heading.records if taken > 1 and depth == 1 else ()
    return SheetTable(
        names=names,
        heading=tuple([one[k] for k in kept] for one in several),
        headed=bool(taken),
        rows=held,
        columns=[columns[k] for k in kept],
        lines=[[full[at][columns[k]] for k in kept] for at in held],
        merged=merged,
        decided=(*decided, *said, *headings, *heading.decided),
    )


def _without_repeats(rows: Rows, held: Sequence[int], top: int) -> tuple[list[int], tuple[str, ...]]:
    """Return the rows that do not repeat the header, and what is said of the others."""
    left = [k for k in held if rows[k] != rows[top]]
    return left, ("left out: rows that repeat the header",) if len(left) < len(held) else ()


def _without_headings(
    rows: Rows, held: Sequence[int], first: int, across: Collection[int], data: Collection[str]
) -> tuple[list[int], tuple[str, ...]]:
    """Return the rows that do not head groups of others, and what is said of those that do.

    They hold a name alone: in merged cells, or several of them, one above all others, none the last.
    """
    alone = [
        k for k in held if isinstance(rows[k][first], str) and sum(cell is not None for cell in rows[k]) == 1
    ]
    next_to = any(b - a == 1 for a, b in pairwise(alone))
    grouped = len(alone) > 1 and not next_to and alone[0] == held[0] and alone[-1] != held[-1]
    left = [k for k in alone if (grouped or k in across) and rows[k][first].strip() not in data]
    if not left:
        return list(held), ()
    shown = ", ".join(repr(rows[k][first].strip()) for k in left)
    said = f"rows left out, as they hold a name alone and head those below: {shown} (--as-data)"
    return [k for k in held if k not in left], (said,)


def _titles_above(held: Sequence[int], records: Sequence[Record]) -> int:
    """Return how many of the first rows are titles: a blank row may tell them from a wider header."""
    titles = count_titles(records)
    most = 0
    for k in range(min(len(records), MOST_TITLES)):
        wide = sum(map(bool, records[k]))
        if k and held[k] > held[k - 1] + 1 and wide > most and names_numbers(records[k:]):
            titles = max(titles, k)
        most = max(most, wide)
    return titles


def _holds(row: Sequence[Any]) -> bool:
    return any(cell is not None for cell in row)


def _used(rows: Rows, held: Sequence[int]) -> list[int]:
    """Return the columns in which anything stands in some of the rows."""
    return [k for k in range(len(rows[0])) if any(rows[at][k] is not None for at in held)]


def _texts(rows: Rows, held: Sequence[int], columns: Sequence[int]) -> list[list[str]]:
    return [[_text(rows[at][k]) for k in columns] for at in held]


def _text(cell: Any) -> str:
    return "" if cell is None else label_text(cell)


def _shown(rows: Rows) -> str:
    return shown_lines([" ".join(" ".join(map(_text, row)).split()) for row in rows])


def _notes_below(rows: Rows, ranges: Sequence[Range]) -> int:
    """Return how many of the last rows are notes, blank ones among them."""
    columns = _used(rows, range(len(rows)))
    # words that are merged from the first column on stand for no row of it
    across = {a for (a, b), (_, d) in ranges if b == columns[0] and d > b}
    tail = range(len(rows) - 1, max(len(rows) - MOST_BELOW, 0), -1)
    texts = [[_text(rows[k][j]) for j in columns] for k in tail]
    last = list(takewhile(lambda cells: not any(cells[1:]) and not is_number(cells[0]), texts))
    # words alone below a blank row are a line of their own
    apart = max((k for k, cells in enumerate(last) if not any(cells)), default=0)

    def records() -> Iterator[Record | None]:
        for k, cells in enumerate(texts):
            alone = k < len(last)
            if len(cells) > 2 and all(cells):
                yield None
            elif alone and tail[k] in across:
                yield []
            else:
                yield cells[:1] if alone and k < apart else cells

    count, passed = count_notes(records(), len(columns)) if len(columns) > 1 else (0, 0)
    return count if len(rows) - passed >= LEAST_BELOW else 0
