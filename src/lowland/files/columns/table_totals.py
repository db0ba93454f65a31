"""`Totals`, the rows and columns of a table that are sums of others, and the table completed with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Labels, Observations
from lowland.files.columns.kept_sums import Bounds, keep_sums
from lowland.files.columns.shares import Shares
from lowland.files.columns.summary_names import LEFT, SUM
from lowland.files.columns.totals import Summary

# names that are said at most
MOST_NAMES = 6


@final
@dataclass(frozen=True, eq=False)
class Totals:
    """Which rows and columns of a table are sums of others, and which rows are statistics of others.

    Parameters
    ----------
    cells : ndarray, shape (m, n)
        The table with its totals; NaN where a cell is missing.
    names : tuple of str
        Of its columns.
    rows, columns : tuple of Summary
        Without a part in a fit.
    called : tuple of str
        The names of the rows.
    shares : tuple of Shares
        Columns that add up to one number.
    levels : collection of str
        Columns whose numbers stand for levels.
    """

    cells: Matrix
    names: tuple[str, ...]
    rows: tuple[Summary, ...]
    columns: tuple[Summary, ...]
    called: tuple[str, ...] = ()
    shares: tuple[Shares, ...] = ()
    levels: Collection[str] = ()

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

    def known(self, seen: Observations) -> Observations:
        """Return all cells, those of totals among them, with the labels of those that are fitted."""
        all_fitted = seen.column_labels is not None and self.fitted.size == len(self.names)
        names: Labels = np.asarray(seen.column_labels if all_fitted else np.array(self.names, dtype=str))
        return Observations.from_array(
            self.cells, row_labels=seen.row_labels, column_labels=names, censored=self._sides(seen)
        )

    def exact(self, seen: Observations) -> Totals:
        """Return the same without the censored cells among those that take part in a fit."""
        return replace(self, cells=np.where(self._sides(seen) == 0, self.cells, np.nan))

    def _sides(self, seen: Observations) -> NDArray[np.int8]:
        sides = np.zeros(self.cells.shape, np.int8)
        if seen.censored is not None:
            sides[seen.rows, self.fitted[seen.columns]] = seen.censored
        return sides

    def complete(
        self, filled: Matrix, decimals: Vector | None = None, limits: Bounds | None = None
    ) -> Matrix:
        """Return the table with its holes filled, shape (m, n).

        Parameters
        ----------
        filled : ndarray, shape (m, fitted columns)
            What a fit without the totals fills. Missing cells of totals that are no sums stay NaN.
        decimals : ndarray of float, shape (n,), optional
            Of what fills each column: 0 of whole numbers, infinite where nothing is rounded.
        limits : mapping of int to (float, float), optional
            What fitted columns can hold: what is filled there stays within.
        """
        made = np.zeros(self.cells.shape)
        made[:, self.fitted] = filled
        for one in self.rows:
            if one.cells is not None:
                made[one.place] = one.cells
        bounds = {int(self.fitted[j]): ends for j, ends in (limits or {}).items()}
        # what columns add up to is a further column, which is the same everywhere
        m, n = self.cells.shape
        wholes = np.tile([one.whole for one in self.shares], (m, 1))
        everywhere = [Summary(n + k, one.parts, ~self.is_row) for k, one in enumerate(self.shares)]
        sums = [one for one in self.rows if one.kind == SUM], [*self.columns, *everywhere]
        decimals = None if decimals is None else np.append(decimals, np.full(len(self.shares), np.inf))
        made = keep_sums(np.hstack([self.cells, wholes]), np.hstack([made, wholes]), sums, decimals, bounds)[
            :, :n
        ]
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
        said, sums = [], self._named(SUM)
        if sums:
            count = sum(one.kind == SUM for one in self.rows)
            are = "1 row is the sum" if count == 1 else f"{count} rows are sums"
            said.append(f"{are} of others, filled as such: {_first(sums)} (--as-data {sums[0]!r})")
        if self._empty:
            said.append(
                f"cells of {_first(sums)} stay empty in {_first(self._empty)}, where nothing shows that sums "
                f"belong (--as-total {sums[0]!r})"
            )
        said += [
            f"row {name!r} holds the {one.kind} of others: no part in the fit{self._unknown(one)} "
            f"(--as-data {name!r})"
            for one, name in self._statistics
        ]
        if self._named(LEFT):
            said.append(f"rows that are written as they are: {_first(self._named(LEFT))} (as asked)")
        for one in self.columns:
            name = self.names[one.place]
            said.append(f"column {name!r} is {self.parts_of(one)}, filled as such (--as-data {name!r})")
        for shares in self._filled_shares:
            names = [self.names[part] for part in shares.parts.tolist()]
            said.append(
                f"columns {_first(names)} add up to {shares.whole:g}, and so do fills "
                f"(--as-data {names[0]!r})"
            )
        return said

    @property
    def warned(self) -> list[str]:
        """The same of rows and shares, as callers of the library are told."""
        said, sums = [], self._named(SUM)
        if sums:
            said.append(
                "rows that are sums of others take no part in the fit, and are filled as such: "
                f"{_first(sums)}; name those that are data in as_data"
            )
        if self._empty:
            said.append(
                f"cells of rows that are sums stay empty in {_first(self._empty)}, where nothing shows that "
                f"sums belong; as_total=[{sums[0]!r}] fills them"
            )
        if self._statistics:
            held = ", ".join(f"{name!r} ({one.kind}{self._unknown(one)})" for one, name in self._statistics)
            said.append(
                f"rows that are statistics of others take no part in the fit: {held}; name those that are "
                "data in as_data"
            )
        for shares in self._filled_shares:
            names = [self.names[part] for part in shares.parts.tolist()]
            said.append(
                f"columns that add up to {shares.whole:g} are filled so that they do: {_first(names)}; name "
                "one of them in as_data if they need not"
            )
        return said

    @property
    def _filled_shares(self) -> list[Shares]:
        """Return the columns that add up to one number, where a cell of them is missing."""
        return [one for one in self.shares if np.isnan(self.cells[:, one.parts]).any()]

    def _named(self, kind: str) -> list[str]:
        """Return the names of rows of a kind, each once."""
        both = zip(self.rows, self.called, strict=True)
        return list(dict.fromkeys(name for one, name in both if one.kind == kind))

    @property
    def _statistics(self) -> list[tuple[Summary, str]]:
        both = zip(self.rows, self.called, strict=True)
        return [(one, name) for one, name in both if one.kind not in (SUM, LEFT)]

    @property
    def _empty(self) -> list[str]:
        """Names of columns of numbers in which cells of sums stay empty."""
        return self._blank_in([one.place for one in self.rows if one.kind == SUM])

    def _blank_in(self, rows: Sequence[int]) -> list[str]:
        blank = np.flatnonzero(self.left_blank[rows].any(axis=0)).tolist()
        return [self.names[k] for k in blank if self.names[k] not in self.levels]

    def _unknown(self, one: Summary) -> str:
        """Return in which columns a statistic stays empty, since it is not known or is no whole number."""
        names = self._blank_in([one.place])
        return f", empty in {_first(names)}" if names else ""

    def parts_of(self, one: Summary) -> str:
        """Return what a column is the sum of."""
        names = [self.names[part] for part in one.parts.tolist()]
        return f"the sum of {_first(names)}" + (f" ({len(names)} columns)" * (len(names) > MOST_NAMES))


def _first(names: Sequence[str]) -> str:
    """Return names, or the first of them."""
    return ", ".join(map(repr, names[:MOST_NAMES])) + (", ..." if len(names) > MOST_NAMES else "")
