"""The missing cells of a table, counted and sampled by what an audit says of them, listed or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from lowland.core.arrays import Indices
from lowland.core.cells.observations import Observations
from lowland.trials.audits.comparing import Cells
from lowland.trials.audits.patterns import CellPattern, Mask, Pattern
from lowland.trials.audits.scope import CENSORED, COLUMNS, FEW, IN_SCOPE, REASONS, ROWS, Scope

# cells of a table that are listed; larger ones are if the known cells take as much memory
LISTED, LISTED_PER_KNOWN = 10_000_000, 4


class MissingCells(Protocol):
    """The missing cells of a table."""

    def tally(self, scope: Scope) -> tuple[Indices, Indices]:
        """Return the number of cells by their place in `REASONS`, and of those in scope by column."""

    def some(self, scope: Scope, most: int, rng: np.random.Generator) -> Cells:
        """Return the cells in scope, or so many of them chosen at random."""


def is_listed(pattern: Pattern | Observations) -> bool:
    """Whether the missing cells of a table may be listed."""
    m, n = pattern.shape
    return m * n <= max(LISTED, LISTED_PER_KNOWN * pattern.size)


def missing_cells(pattern: Pattern) -> MissingCells:
    """Return the missing cells of a table, listed where it is not too large."""
    return ListedCells(*np.nonzero(~pattern.dense())) if is_listed(pattern) else UnlistedCells(pattern)


@final
@dataclass(frozen=True, eq=False)
class ListedCells:
    """Missing cells by their rows and columns."""

    rows: Indices
    columns: Indices

    def tally(self, scope: Scope) -> tuple[Indices, Indices]:
        """Return the number of cells by their place in `REASONS`, and of those in scope by column."""
        reasons = scope.reasons(self.rows, self.columns)
        inside = np.bincount(self.columns[reasons == IN_SCOPE], minlength=scope.censored.size)
        return np.bincount(reasons, minlength=len(REASONS)), inside

    def some(self, scope: Scope, most: int, rng: np.random.Generator) -> Cells:
        """Return the cells in scope, or so many of them chosen at random."""
        inside = np.flatnonzero(scope.reasons(self.rows, self.columns) == IN_SCOPE)
        if inside.size > most:
            inside = np.sort(rng.choice(inside, most, replace=False))
        return self.rows[inside], self.columns[inside]


@final
@dataclass(frozen=True, eq=False)
class UnlistedCells:
    """Missing cells of a table that has many more of them than known cells, or is not in memory.

    What an audit says of them is by row and column here.
    """

    pattern: CellPattern

    def tally(self, scope: Scope) -> tuple[Indices, Indices]:
        """Return the number of cells by their place in `REASONS`, and of those in scope by column."""
        (m, n), training = self.pattern.shape, scope.training
        by_column = self._by_column(training.row_counts > 0)
        reasons = np.full(n, IN_SCOPE)
        rules = [(FEW, scope.few), (CENSORED, scope.censored), (COLUMNS, training.column_counts == 0)]
        for reason, columns in rules:  # the last one counts
            if columns is not None:
                reasons[columns] = reason
        counts = np.bincount(reasons, by_column, minlength=len(REASONS)).astype(np.intp)
        counts[ROWS] += m * n - self.pattern.size - by_column.sum()
        return counts, np.where(reasons == IN_SCOPE, by_column, 0)

    def some(self, scope: Scope, most: int, rng: np.random.Generator) -> Cells:
        """Return so many of the cells in scope, chosen at random."""
        counts, rows = self.tally(scope)[1], scope.training.row_counts > 0
        ends, size = np.cumsum(counts), int(counts.sum())
        places = np.sort(rng.choice(size, most, replace=False)) if size > most else np.arange(size)
        columns = np.searchsorted(ends, places, side="right")
        ranks = places - (ends - counts)[columns]
        return self.pattern.absent(columns, ranks, rows), columns

    def _by_column(self, rows: Mask) -> Indices:
        """Return the number of missing cells of each column, in some rows."""
        # where no other row has a cell, all cells are in these, and need not be counted again
        all_of_them = not self.pattern.row_counts[~rows].any()
        known = self.pattern.column_counts if all_of_them else self.pattern.inside(1, rows)
        return np.asarray(np.count_nonzero(rows) - known)
