"""What surrounds a cell: rates of its row and column, columns that are always known, values, neighbours.

Nothing here depends on whether the cell itself is known: rates and means leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.cells.pattern import Walls
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations
from lowland.trials.audits.folds import Folds
from lowland.trials.audits.patterns import CellPattern, Mask, Pattern, run_lengths

# columns that are always known are summarised by so many scores of at most so many of them
SCORES, WIDEST = 4, 50
# features are cut off at so many standard deviations
FARTHEST = 4.0
# features of `lines` that are rates, and where its scores begin
RATES, FIRST_SCORE = 2, 3
# cells of the average kind that are added to those that a rate or a mean is of
ADDED = 2.0


@final
@dataclass(frozen=True, eq=False)
class Surroundings:
    """What is known around each cell of a table.

    Parameters
    ----------
    pattern : CellPattern or None
        The known cells; None once no neighbours are asked for any more.
    row_gaps, column_gaps : ndarray of int
        Number of cells that each row lacks in columns with gaps, and each column.
    with_gaps : ndarray of bool
        Which columns have gaps.
    row_sums, row_counts : ndarray
        Sum of each row's values in units of their columns, and their number.
    scores : ndarray, shape (m, s)
        Of each row by the columns that are always known.
    folds : Folds or None
        Of a tensor that was unfolded.
    """

    pattern: CellPattern | None
    row_gaps: Indices
    column_gaps: Indices
    with_gaps: Mask
    row_sums: Vector
    row_counts: Indices
    scores: Vector
    folds: Folds | None = None

    @classmethod
    def of(
        cls, table: Observations, modes: tuple[int, ...] | None = None, pattern: Pattern | None = None
    ) -> Surroundings:
        """Return what is known around the cells of a table, or of a tensor: `modes` of its rows.

        Its pattern may be given.
        """
        m = table.shape[0]
        pattern = pattern or Pattern.of(table.rows, table.columns, table.shape)
        with_gaps = pattern.column_counts < m
        filled = np.bincount(table.rows[with_gaps[table.columns]], minlength=m)
        units = in_column_units(table)
        return cls(
            pattern,
            np.asarray(int(with_gaps.sum()) - filled, dtype=np.intp),
            np.asarray(m - pattern.column_counts, dtype=np.intp),
            with_gaps,
            np.asarray(np.bincount(table.rows, units, minlength=m), dtype=np.float64),
            pattern.row_counts,
            scores_of(_whole_columns(table, complete_columns(with_gaps))),
            None if modes is None else Folds.of(pattern, modes),
        )

    @property
    def column_counts(self) -> Indices:
        """Number of known cells of each column."""
        return np.asarray(self.row_gaps.size - self.column_gaps)

    def lines(self, rows: Indices, columns: Indices, known: Mask, own: Vector) -> Vector:
        """Return what the row and the column of each cell say: rates, the mean of the row, its scores.

        Parameters
        ----------
        rows, columns : ndarray of int
        known : ndarray of bool
            Which of the cells are known.
        own : ndarray
            Their values in units of their columns, 0 where they are not known.

        Returns
        -------
        ndarray, shape (cells, features)
        """
        wide, long = int(self.with_gaps.sum()), self.row_gaps.size
        average = self.row_gaps.sum() / max(wide * long, 1)
        by_row = _log_rate(self.row_gaps[rows] - ~known, wide, average)
        by_column = _log_rate(self.column_gaps[columns] - ~known, long, average)
        mean = (self.row_sums[rows] - own) / (self.row_counts[rows] - known + ADDED)
        parts = [by_row, by_column, mean, self.scores[rows]]
        if self.folds is not None:
            rates = self.folds.rates(rows, columns, known)
            parts += [_log_rate(gaps, length, average) for gaps, length in rates]
        return np.column_stack(parts)

    def of_odds(self, rows: Indices, columns: Indices, known: Mask, own: Vector) -> Vector:
        """Return what the odds of being missing are estimated from: `lines`, and the squares of scores."""
        lines = self.lines(rows, columns, known, own)
        return np.hstack([lines, lines[:, FIRST_SCORE:] ** 2])

    def neighbours(self, rows: Indices, columns: Indices) -> Vector:
        """Return how many neighbours of each absent cell are absent in its row and its column, and runs."""
        walls, places = self._walls(rows, columns), (columns, rows)
        beside = [
            0.0 + (before != place - 1) + (after != place + 1)
            for (before, after), place in zip(walls, places, strict=True)
        ]
        lengths = [*map(run_lengths, walls), *self._folded(rows, columns)]
        return np.column_stack([*beside, *map(np.log, lengths)])

    def runs(self, rows: Indices, columns: Indices) -> list[Indices]:
        """Return the length of the run of absent cells around each absent cell, along each order.

        Those along the column of an unfolded tensor go on from one fibre to the next.
        """
        return [*map(run_lengths, self._walls(rows, columns)), *self._folded(rows, columns)]

    def _walls(self, rows: Indices, columns: Indices) -> tuple[Walls, Walls]:
        assert self.pattern is not None
        return self.pattern.walls(rows, columns)

    def _folded(self, rows: Indices, columns: Indices) -> list[Indices]:
        """Return the runs along the modes of an unfolded tensor."""
        return [] if self.folds is None else self.folds.runs(rows, columns)


def in_column_units(table: Observations) -> Vector:
    """Return values less the mean of their column, in its standard deviations."""
    counts = np.maximum(table.column_counts(), 1)
    values = table.values.astype(np.float64)

    def means(numbers: Vector) -> Vector:
        return np.bincount(table.columns, numbers, minlength=table.shape[1]) / counts

    # a column far from zero would lose its digits to the square of its mean
    centred = values - means(values)[table.columns]
    spread = np.sqrt(means(centred**2))
    spread[~(spread > 0)] = np.inf  # a constant column says nothing
    return np.clip(centred / spread[table.columns], -FARTHEST, FARTHEST)


def _log_rate(gaps: Indices, length: int, average: float) -> Vector:
    """Return the log-odds of a rate of gaps among the other cells of a line, less those of the average."""
    average = min(max(average, 1e-9), 1 - 1e-9)
    rate = (gaps + ADDED * average) / (length - 1 + ADDED)
    return np.asarray(np.log(rate / (1 - rate)) - np.log(average / (1 - average)))


def complete_columns(with_gaps: Mask) -> Indices:
    """Return the columns whose scores describe rows: the first ones that are always known."""
    return np.flatnonzero(~with_gaps)[:WIDEST]


def _whole_columns(table: Observations, chosen: Indices) -> Vector:
    """Return the values of columns that are always known, shape (m, columns)."""
    m, n = table.shape
    place = np.full(n, -1)
    place[chosen] = np.arange(chosen.size)
    cells = place[table.columns] >= 0
    wide = np.zeros((m, chosen.size))
    wide[table.rows[cells], place[table.columns[cells]]] = table.values[cells]
    return wide


def scores_of(wide: Vector) -> Vector:
    """Return the leading scores of rows by some columns, each by its ranks, which are put in their place."""
    for column in wide.T:
        column[:] = _ranked(column)
    return standard(wide, SCORES)


def _ranked(values: Vector) -> Vector:
    """Return the log-odds of being smaller than a value, equal ones sharing theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts / 2
    share = below / values.size
    return np.asarray(np.log(share / (1 - share))[which])


def standard(features: Vector, most: int | None = None) -> Vector:
    """Return uncorrelated features of mean 0 and variance 1 that span the same, the largest first.

    Parameters
    ----------
    features : ndarray, shape (cells, features)
    most : int, optional
        Number of features that are returned, all of them by default.
    """
    centred = features - features.mean(axis=0)
    spread = centred.std(axis=0)
    centred = centred[:, spread > 1e-9] / spread[spread > 1e-9]
    if not centred.size:
        return np.zeros((len(features), 0))
    sizes, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = np.flatnonzero(sizes > 1e-6 * sizes[-1])[::-1][:most]
    return np.asarray(centred @ (directions[:, kept] / np.sqrt(sizes[kept])))
