"""`Totals`, the rows and columns of a table that are sums of others, and the table completed with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix
from lowland.core.cells.labels import LabelColumn
from lowland.core.cells.observations import Labels, Observations
from lowland.files.columns.kept_sums import keep_sums
from lowland.files.columns.totals import Sum, column_sums, is_total, row_sums

# names that are said at most
MOST_NAMES = 6


@final
@dataclass(frozen=True, eq=False)
class Totals:
    """Which rows and columns of a table are sums of others.

    Parameters
    ----------
    cells : ndarray, shape (m, n)
        The table with its totals; NaN where a cell is missing.
    names : tuple of str
        Of its columns.
    rows, columns : tuple of Sum
    called : tuple of str
        The names of the rows.
    """

    cells: Matrix
    names: tuple[str, ...]
    rows: tuple[Sum, ...]
    columns: tuple[Sum, ...]
    called: tuple[str, ...] = ()

    @cached_property
    def fitted(self) -> Indices:
        """Places of the columns that take part in a fit."""
        return np.setdiff1d(np.arange(len(self.names)), [one.place for one in self.columns])

    @property
    def is_row(self) -> NDArray[np.bool_]:
        """Which rows are totals."""
        return np.isin(np.arange(len(self.cells)), [one.place for one in self.rows])

    def without(self) -> Matrix:
        """Return the columns that take part in a fit, without the cells of totals."""
        return np.where(self.is_row[:, None], np.nan, self.cells[:, self.fitted])

    def known(self, rows: Labels | None) -> Observations:
        """Return all cells, those of totals among them."""
        return Observations.from_array(
            self.cells, row_labels=rows, column_labels=np.array(self.names, dtype=str)
        )

    def complete(self, filled: Matrix, whole: NDArray[np.bool_] | None = None) -> Matrix:
        """Return the table with its holes filled, shape (m, n).

        Parameters
        ----------
        filled : ndarray, shape (m, fitted columns)
            What a fit without the totals fills. Missing cells of totals that are no sums stay NaN.
        whole : ndarray of bool, shape (n,), optional
            Columns that are filled by whole numbers.
        """
        made = np.zeros(self.cells.shape)
        made[:, self.fitted] = filled
        made = keep_sums(self.cells, made, (self.rows, self.columns), whole)
        made[self.left_blank] = np.nan
        return made

    @cached_property
    def left_blank(self) -> NDArray[np.bool_]:
        """Which missing cells of rows that are totals are no sums, such as those of columns of words."""
        blank = np.zeros(self.cells.shape, bool)
        for one in self.rows:
            blank[one.place] = np.isnan(self.cells[one.place]) & ~one.where
        return blank

    @property
    def words(self) -> list[str]:
        """What is said of them, with the option that makes them data."""
        said = []
        if self.rows:
            said.append(
                f"{len(self.rows)} rows are sums of others, filled as such: {self.row_names} "
                f"(--as-data {self.called[0]!r})"
            )
        for one in self.columns:
            name = self.names[one.place]
            said.append(f"column {name!r} is {self.parts_of(one)}, filled as such (--as-data {name!r})")
        return said

    @property
    def row_names(self) -> str:
        """The names of the rows, or the first of them."""
        names = list(dict.fromkeys(self.called))
        return ", ".join(map(repr, names[:MOST_NAMES])) + (" ..." if len(names) > MOST_NAMES else "")

    @property
    def sums(self) -> dict[str, tuple[str, ...]]:
        """The columns that are sums of others, with their parts."""
        return {
            self.names[one.place]: tuple(self.names[part] for part in one.parts.tolist())
            for one in self.columns
        }

    def parts_of(self, one: Sum) -> str:
        """Return what a column is the sum of."""
        names = [self.names[part] for part in one.parts.tolist()]
        shown = ", ".join(map(repr, names[:MOST_NAMES]))
        return f"the sum of {shown}" + (f", ... ({len(names)} columns)" if len(names) > MOST_NAMES else "")


def find_totals(
    columns: Mapping[str, NDArray[Any]],
    called: Sequence[str],
    *,
    levels: Collection[str] = (),
    data: Collection[str] = (),
    sums: Mapping[str, Sequence[str]] | None = None,
) -> Totals | None:
    """Return which rows and columns of a table are sums of others; None if none is.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (m,)
        Numbers, NaN where missing.
    called : sequence of str, shape (m,)
        Names of rows that are named as totals, "" for others; or empty.
    levels : collection of str
        Columns whose numbers stand for levels.
    data : collection of str
        Columns and rows that are data whatever they are called.
    sums : mapping of str to sequence of str, optional
        Columns that are totals, with their parts; by default they are found.
    """
    names = tuple(columns)
    named = np.array([is_total(name) and name not in data and name not in levels for name in names], bool)
    totals = np.array([bool(name) and name not in data for name in called], bool)
    if not totals.any() and not (named.any() if sums is None else sums):
        return None
    cells = np.stack([np.asarray(column, float) for column in columns.values()], axis=1)
    numbers = cells.copy()
    numbers[:, [name in levels for name in names]] = np.nan
    if sums is None:
        by_column = column_sums(numbers, named) if named.any() else []
    else:
        places = {name: k for k, name in enumerate(names)}
        everywhere = np.ones(len(cells), bool)
        by_column = [
            Sum(places[name], np.array([places[part] for part in parts]), everywhere)
            for name, parts in sums.items()
        ]
    by_row = row_sums(numbers, totals) if totals.any() else []
    for one in by_row:
        one.where[[k for k, name in enumerate(names) if name in levels]] = False
    if not by_row and not by_column:
        return None
    return Totals(cells, names, tuple(by_row), tuple(by_column), tuple(called[one.place] for one in by_row))


def called_totals(columns: Sequence[NDArray[Any] | LabelColumn]) -> list[str]:
    """Return the first name of a total that the columns hold in each line, "" where there is none."""
    called: list[str] = []
    for column in columns:
        names, codes = (
            (column.names, column.codes)
            if isinstance(column, LabelColumn)
            else np.unique(column, return_inverse=True)
        )
        if names.dtype.kind != "U":
            continue
        totals = [name if is_total(name) else "" for name in names.tolist()]
        if any(totals):
            here = [totals[code] for code in codes.tolist()]
            called = [old or new for old, new in zip(called or here, here, strict=True)]
    return called
