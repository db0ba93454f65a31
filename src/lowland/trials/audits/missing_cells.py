"""The missing cells of a table, counted and sampled by what an audit says of them, listed or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from lowland.core.arrays import Indices
from lowland.trials.audits.comparing import Cells
from lowland.trials.audits.patterns import Pattern
from lowland.trials.audits.scope import CENSORED, COLUMNS, FEW, IN_SCOPE, REASONS, ROWS, Scope

# cells of a table that are listed; larger ones are if the known cells take as much memory
LISTED, LISTED_PER_KNOWN = 10_000_000, 4
# cells that are drawn at once where they are not listed
DRAWN = 200_000


class MissingCells(Protocol):
    """The missing cells of a table."""

    def tally(self, scope: Scope) -> tuple[Indices, Indices]:
        """Return the number of cells by their place in `REASONS`, and of those in scope by column."""

    def some(self, scope: Scope, most: int, rng: np.random.Generator) -> Cells:
        """Return the cells in scope, or so many of them chosen at random."""


def is_listed(pattern: Pattern) -> bool:
    """Whether the missing cells of a table may be listed."""
    m, n = pattern.shape
    return m * n <= max(LISTED, LISTED_PER_KNOWN * pattern.by_row.size)


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
    """Missing cells of a table that has many more of them than known cells.

    What an audit says of them is by row and column here.
    """

    pattern: Pattern

    def tally(self, scope: Scope) -> tuple[Indices, Indices]:
        """Return the number of cells by their place in `REASONS`, and of those in scope by column."""
        m, n = self.pattern.shape
        empty = scope.training.pattern.row_counts == 0
        known = self.pattern.by_row[~empty[self.pattern.by_row // n]] % n
        by_column = int((~empty).sum()) - np.bincount(known, minlength=n)
        reasons = np.full(n, IN_SCOPE)
        without = scope.training.pattern.column_counts == 0
        rules = [(FEW, scope.few), (CENSORED, scope.censored), (COLUMNS, without)]  # the last one counts
        for reason, columns in rules:
            if columns is not None:
                reasons[columns] = reason
        counts = np.bincount(reasons, by_column, minlength=len(REASONS)).astype(np.intp)
        counts[ROWS] += m * n - self.pattern.by_row.size - by_column.sum()
        return counts, np.where(reasons == IN_SCOPE, by_column, 0)

    def some(self, scope: Scope, most: int, rng: np.random.Generator) -> Cells:
        """Return so many of the cells in scope, chosen at random."""
        m, n = self.pattern.shape
        most = min(most, int(self.tally(scope)[1].sum()))
        found: dict[int, None] = {}  # in the order of their being drawn
        while len(found) < most:
            rows, columns = rng.integers(m, size=DRAWN), rng.integers(n, size=DRAWN)
            wanted = ~self.pattern.holds(rows, columns)
            wanted &= scope.reasons(rows, columns) == IN_SCOPE
            found.update(dict.fromkeys((rows[wanted] * n + columns[wanted]).tolist()))
        codes = np.sort(np.fromiter(found, dtype=np.intp)[:most])
        return codes // n, codes % n
