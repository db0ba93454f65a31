"""`Filled`, a table and what is filled in it, line by line, and the check that nothing else differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices
from lowland.core.cells.observed_cells import changed
from lowland.files.beside_numbers import is_censored
from lowland.files.table_format import TableFormat
from lowland.files.writing.manners import (
    Manner,
    ValueOf,
    filled_cell,
    find_manners,
    is_blank,
    may_fill,
    word_of,
    word_or_truth,
)
from lowland.files.writing.original import Line, Original


@final
@dataclass(frozen=True, eq=False)
class ColumnFills:
    """What is filled in a column.

    Parameters
    ----------
    lines : ndarray of int, shape (k,)
        Lines whose cell is missing, ascending.
    values : ndarray of float, shape (k,)
    words : tuple of str
        Words of which the values are positions; none of a column of numbers.
    """

    lines: Indices
    values: NDArray[np.float64]
    words: tuple[str, ...] = ()


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Filled:
    """A table and what is filled in it.

    Parameters
    ----------
    original : Original
    fills : mapping of str to ColumnFills
        By name of column.
    form : TableFormat
        What a person says about marks of missing cells.
    means : bool
        Whether fills among whole numbers stay means.
    drawn : bool
        Whether censored cells may be replaced by numbers, too.
    """

    original: Original
    fills: Mapping[str, ColumnFills]
    form: TableFormat
    means: bool = False
    drawn: bool = False

    @cached_property
    def manners(self) -> dict[str, Manner]:
        """How the cells of each column are written."""
        return find_manners(self.original)

    @cached_property
    def plain(self) -> dict[str, ValueOf]:
        """What turns the cells of each column into values."""
        return {name: ValueOf(self.original, name, manner) for name, manner in self.manners.items()}

    def lines(self) -> Iterator[Line]:
        """Yield the lines of the table with their holes filled.

        Raises
        ------
        InvalidInputError
            If a cell that would be filled holds something.
        """
        fields = {name: k for k, name in enumerate(self.original.names)}
        coming = [_Coming(fields[name], name, fill) for name, fill in self.fills.items()]
        for k, line in enumerate(self.original.lines()):
            filled = list(line)
            for one in coming:
                if one.line == k:
                    if not self.may_fill(one.name, line[one.field]):
                        raise changed(_place(one.name, k), line[one.field], one.value)
                    filled[one.field] = self._cell(one.name, one.value)
                    one.go_on()
            yield filled

    def may_fill(self, name: str, cell: Any) -> bool:
        """Return whether a cell of a column is missing, for all that its column tells, or may be replaced."""
        if self.drawn and isinstance(cell, str) and is_censored(cell):
            return True
        return may_fill(cell, self.manners[name], self.form)

    def _cell(self, name: str, value: float) -> Any:
        words, manner = self.fills[name].words, self.manners[name]
        if words:
            return word_or_truth(word_of(words, value), manner)
        if manner.holds_truths:
            return value >= LIKELIER
        numerals = self.original.numerals.of(name)
        return filled_cell(value, manner, self.original, numerals, means=self.means)

    def check(
        self, names: Sequence[str] | None, written: Iterator[Line], plain: Callable[[str, Any], Any]
    ) -> None:
        """Raise unless each cell of a written table is what was read, or was missing and has been filled.

        What follows the table is left to `check_end`.

        Parameters
        ----------
        names : sequence of str or None
            Names of the written columns, None if no line holds them.
        written : iterator of sequences
            The lines of the written table.
        plain : callable
            Returns what a cell of a column, by its name, becomes in this kind of file.

        Raises
        ------
        InvalidInputError
            With the first cell that differs.
        """
        if names is not None:
            check_same("the header", self.original.titles, names)
        end: Line = ()
        for k, line in enumerate(self.original.lines()):
            out = next(written, end)
            if len(out) != len(line):
                raise changed(f"data line {k + 1}", list(line), list(out))
            for name, cell, new in zip(self.original.names, line, out, strict=True):
                before = plain(name, cell)
                same = before == new if not is_blank(before) else is_blank(new)
                same = same and isinstance(before, bool) == isinstance(new, bool)
                if not same and not (name in self.fills and self.may_fill(name, cell)):
                    raise changed(_place(name, k), cell, new)


# from which a number that was fitted to truth values, 0 and 1, is the truth
LIKELIER = 0.5
# the line and the value of a column without further cells
NO_MORE: tuple[int, float] = -1, 0.0


def check_end(written: Iterator[Line]) -> None:
    """Raise if a line follows those of a written table."""
    for line in written:
        raise changed("the end of the table", "no line", list(line))


def check_same(what: str, before: Line, written: Line) -> None:
    """Raise unless a line that holds no data is written as it was."""
    if list(before) != list(written):
        raise changed(what, ", ".join(map(str, before)), ", ".join(map(str, written)))


def _place(name: str, line: int) -> str:
    return f"column {name!r}, data line {line + 1}"


@final
class _Coming:
    """The next cell of a column that is filled."""

    def __init__(self, field: int, name: str, fill: ColumnFills) -> None:
        self.field, self.name = field, name
        self.line, self.value = NO_MORE
        self._cells = iter(zip(fill.lines.tolist(), fill.values.tolist(), strict=True))
        self.go_on()

    def go_on(self) -> None:
        """Go on to the next one; its line is -1 where there is none."""
        self.line, self.value = next(self._cells, NO_MORE)
