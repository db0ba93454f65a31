"""Of which cells outside training an audit speaks: decided from the training cells, never from the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.trials.audits.odds import Odds
from lowland.trials.audits.patterns import Mask
from lowland.trials.audits.surroundings import Surroundings

# why a missing cell is outside the statement; the first that holds is counted
REASONS = ("", "rows", "columns", "censored", "odds", "runs", "other", "few", "slices")
IN_SCOPE, ROWS, COLUMNS, CENSORED, ODDS, RUNS, OTHER, FEW, SLICES = range(len(REASONS))
# largest probability that chance alone would leave a column without missing cells, of all columns together
DOUBT = 0.2
# cells that are looked at together
BATCH = 1_000_000


@final
@dataclass(frozen=True, eq=False)
class Scope:
    """Which cells outside training are in the statement.

    Parameters
    ----------
    training : Surroundings
        Of the training cells.
    censored : ndarray of bool
        Columns with censored cells.
    longest : int or None
        Number of cells outside training that may follow one another, along the row and along the column.
    odds : Odds or None
        Of being missing.
    largest : float
        Largest log-odds of cells in the statement.
    other : ndarray of bool, shape (m, n), or None
        Further cells outside the statement.
    few : ndarray of bool or None
        Columns with too few cells in the statement, None before they are counted.
    """

    training: Surroundings
    censored: Mask
    longest: int | None = None
    odds: Odds | None = None
    largest: float = np.inf
    other: Mask | None = None
    few: Mask | None = None

    def reasons(self, rows: Indices, columns: Indices) -> Indices:
        """Return why each cell outside training is outside the statement: places in `REASONS`."""
        parts = [
            self._reasons(rows[start : start + BATCH], columns[start : start + BATCH])
            for start in range(0, rows.size, BATCH)
        ]
        return np.concatenate([np.zeros(0, dtype=np.intp), *parts])

    def _reasons(self, rows: Indices, columns: Indices) -> Indices:
        training = self.training
        found = np.full(rows.size, IN_SCOPE)

        def leave_out(which: Mask, reason: int) -> None:
            found[which & (found == IN_SCOPE)] = reason

        without, folds = training.column_counts[columns] == 0, training.folds
        if folds is None:
            leave_out(training.row_counts[rows] == 0, ROWS)
            leave_out(without, COLUMNS)
        else:
            leave_out(without | folds.in_empty_slices(rows), SLICES)
            leave_out(folds.shunned[rows, columns], RUNS)
        leave_out(self.censored[columns], CENSORED)
        if self.odds is not None:
            leave_out(~(self.log_odds(rows, columns) <= self.largest), ODDS)
        if self.longest is not None:
            leave_out(np.max(training.runs(rows, columns), axis=0) > self.longest, RUNS)
        if self.other is not None:
            leave_out(self.other[rows, columns], OTHER)
        if self.few is not None:
            leave_out(self.few[columns], FEW)
        return found

    def log_odds(self, rows: Indices, columns: Indices) -> Vector:
        """Return the log-odds of being missing, as the training cells show them."""
        if self.odds is None:
            return np.zeros(rows.size)
        if rows.size > BATCH:
            places = [slice(start, start + BATCH) for start in range(0, rows.size, BATCH)]
            return np.concatenate([self.log_odds(rows[place], columns[place]) for place in places])
        unknown = np.zeros(rows.size, dtype=bool)
        return self.odds.logarithms(self.training.of_odds(rows, columns, unknown, np.zeros(rows.size)))

    def without_few(self, counts: Indices, held: Indices, gamma: float) -> tuple[Scope, float]:
        """Return the scope without columns of too few cells, and how likely chance meets a condition.

        Only columns with missing cells are held out from, so that each column in the statement has at least
        one missing cell, which a random choice among the cells outside training would not always leave. Where
        it does so with probability q, an event is at most 1 / q times likelier than under a random choice.

        Parameters
        ----------
        counts : ndarray of int, shape (n,)
            Number of cells outside training in the statement so far, by column.
        held : ndarray of int, shape (n,)
            Number of these that are held out, of which only sums are used.
        gamma : float
            Factor within which the odds are right.

        Returns
        -------
        Scope, float
            The probability is a lower bound: that all cells of a column are held out is at most the product
            over its cells, since being held out is negatively associated where a fixed number is.
        """
        few = (counts > 0) & (_all_held(counts, held, gamma) * int(np.count_nonzero(counts)) > DOUBT)
        kept = (counts > 0) & ~few
        return replace(self, few=few), float(1 - _all_held(counts[kept], held[kept], gamma).sum())


def _all_held(counts: Indices, held: Indices, gamma: float) -> Vector:
    """Return a bound of the probability that all cells of a column are held out, for each column."""
    likely, others = gamma * float(held.sum()), float(counts.sum() - held.sum())
    share = likely / (likely + others) if others > 0 else 1.0
    return np.asarray(share ** counts.astype(np.float64))
