"""Which fields of a text file stand in quotation marks, and its lines written so again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

from lowland.files.numerals import MISSING


class _Bare(str):
    """A field without quotation marks unless it needs them: to a writer of CSV, what is like a number."""

    __slots__ = ()

    def __float__(self) -> float:
        raise TypeError


@final
@dataclass(frozen=True)
class Quotes:
    """Which fields of a text file stand in quotation marks, although they need not.

    Parameters
    ----------
    names : bool
        Whether the names of columns do.
    columns : mapping of int to set of str
        Places of the columns whose cells do, each with marks of missing cells that do not.
    """

    names: bool = False
    columns: Mapping[int, frozenset[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.names or bool(self.columns)

    def of_names(self, line: Sequence[str]) -> Sequence[str]:
        """Return a line of names for a writer that quotes what is not like a number."""
        return line if self.names else [_Bare(one) for one in line]

    def of_cells(self, line: Sequence[str]) -> Sequence[str]:
        """Return a line of cells for such a writer."""
        bare = self.columns
        return [one if k in bare and one not in bare[k] else _Bare(one) for k, one in enumerate(line)]


def find_quotes(header: str, lines: Sequence[str], delimiter: str, places: Sequence[int]) -> Quotes:
    """Return which fields stand in quotation marks.

    Parameters
    ----------
    header : str
        The line of names, "" if there is none.
    lines : sequence of str
        The first lines below; what lies over several of them is passed over.
    delimiter : str
    places : sequence of int
        The fields that are written, in their order.
    """
    mark = re.escape(delimiter)
    fields = re.compile(rf'(?:^|{mark})("(?:[^"]|"")*"|[^{mark}"]*)(?=$|{mark})')
    rows = [fields.findall(line.rstrip("\r\n")) for line in lines]
    width = max(map(len, rows), default=0)
    rows = [row for row in rows if len(row) == width]
    columns = {}
    for at, place in enumerate(places):
        cells = {row[place] for row in rows} if place < width else set()
        bare = frozenset(cell for cell in cells if not cell.startswith('"'))
        if len(bare) < len(cells) and bare <= frozenset(MISSING):
            columns[at] = bare
    names = fields.findall(header.rstrip("\r\n"))
    return Quotes(len(names) > 1 and all(name.startswith('"') for name in names), columns)
