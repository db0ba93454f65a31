"""Merged cells of sheets: what stands in one of them stands for all, in headers and below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from lowland.files.numerals import is_number
from lowland.files.text.header_lines import is_year

# rows and columns of the first and of the last cell, from zero
Range: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
Rows: TypeAlias = list[list[Any]]
# words between the names of two rows of a header
JOINT = " "


def header_depth(rows: Rows, ranges: Sequence[Range]) -> int:
    """Return how many rows the header takes: more than one where merged cells span several columns.

    Below a name that spans columns stand names or years, not data.

    Parameters
    ----------
    rows : list of lists
        From the first row of the header on.
    ranges : sequence of Range
        Of merged cells.
    """
    depth = 1
    for (top, left), (bottom, right) in sorted(ranges):
        if top >= depth:
            break
        below = rows[bottom + 1][left : right + 1] if bottom + 1 < len(rows) else []
        named = all(_is_name(cell) for cell in below if cell is not None) and any(
            cell is not None for cell in below
        )
        if right > left and named:
            depth = max(depth, bottom + 2)
        elif right == left:
            depth = max(depth, bottom + 1)
    return depth


def _is_name(cell: Any) -> bool:
    text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
    return is_year(text) or (isinstance(cell, str) and not is_number(cell))


def spread(rows: Rows, ranges: Sequence[Range], first: int = 0) -> Rows:
    """Return rows in which each merged cell, from one row on, holds what stands in its range."""
    made = [list(row) for row in rows]
    for (top, left), (bottom, right) in ranges:
        if top < first:
            continue
        for row in made[top : bottom + 1]:
            row[left : right + 1] = [rows[top][left]] * (right + 1 - left)
    return made


def joined_names(header: Rows) -> list[str]:
    """Return the names of columns from several rows: the distinct texts above each, in order."""
    names = []
    for cells in zip(*header, strict=True):
        texts = [
            str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
            for cell in cells
            if cell is not None
        ]
        names.append(JOINT.join(dict.fromkeys(texts)))
    return names
