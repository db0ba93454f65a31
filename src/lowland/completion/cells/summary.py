"""What a fit must know of a table before it begins: sums, extremes, whether values are grades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.sides import PerLine, TableCells
from lowland.cells.sums import line_extremes, line_squares, line_sums, line_weights
from lowland.core.arrays import Indices, Vector
from lowland.sensing.input_checks import check_scale

# values with at most this many levels are taken for grades: ratings, votes, answers
MOST_LEVELS = 20
# in sparse tables the pattern of graded cells reveals taste; above this density it carries no information
DENSEST_PATTERN = 0.3
# number of values that are looked at
SAMPLE = 100_000
# columns whose spreads differ by more than this factor have different units
COMMENSURATE = 10.0
# number of cells that say what the unit of a column is
MANY = 10.0
# values that are smaller than the spread of another column by this factor have a unit of their own
TINY = 1000.0


@final
@dataclass(frozen=True, eq=False)
class TableSummary:
    """A table in numbers, summed line by line: how it is cut into blocks does not matter.

    Parameters
    ----------
    shape : tuple of int
    size : int
        Number of observed cells.
    column_counts : ndarray of int, shape (n,)
    mean, spread : float
        Mean and standard deviation of all values, the latter 1 if all are equal.
    column_means, column_spreads : ndarray, shape (n,)
        Those of the table for columns with too few cells.
    constant : ndarray of bool, shape (n,)
        Whether a column has at least two cells, and all of them are equal.
    lowest, highest : float
    graded : bool
        Whether values have few levels, far fewer than there are values.
    row_weights : ndarray, shape (m,)
        Mean weight of each row's cells; for empty rows, the mean over all cells.
    column_sizes : ndarray, shape (n,)
        Largest absolute value of each column.
    """

    shape: tuple[int, int]
    size: int
    column_counts: Indices
    mean: float
    spread: float
    column_means: Vector
    column_spreads: Vector
    constant: NDArray[np.bool_]
    lowest: float
    highest: float
    graded: bool
    row_weights: Vector
    column_sizes: Vector

    @classmethod
    def of(cls, cells: TableCells) -> TableSummary:
        """Return the summary of a table with at least one cell.

        Raises
        ------
        InvalidInputError
            If values are so large or small that their squares overflow or vanish.
        """
        least, most = cells.map(1, line_extremes)
        check_scale(np.array([least.min(), most.max()]))
        counts, row_counts = (cells.sides[side].counts for side in (1, 0))
        (sums,) = cells.map(1, line_sums)
        mean, means = float(sums.sum()) / cells.size, sums / np.maximum(counts, 1)
        (squares,) = cells.map(1, line_squares, PerLine(means))
        spread = float(np.sqrt(np.sum(squares + counts * (means - mean) ** 2) / cells.size)) or 1.0
        spreads = np.sqrt(squares / np.maximum(counts, 1))
        usable = (counts >= 2) & (spreads > 0)
        some = cells.some_values(SAMPLE)
        weights = np.ones(cells.shape[0])
        if cells.weighted:
            (totals,) = cells.map(0, line_weights)
            means_of_weights = totals / np.maximum(row_counts, 1)
            weights = np.where(row_counts > 0, means_of_weights, totals.sum() / cells.size)
        return cls(
            cells.shape,
            cells.size,
            counts,
            mean,
            spread,
            np.where(counts > 0, means, mean),
            np.where(usable, spreads, spread),
            (counts >= 2) & (spreads == 0),
            float(least.min()),
            float(most.max()),
            bool(np.unique(some).size <= min(MOST_LEVELS, some.size // 5)),
            weights,
            np.where(counts > 0, np.maximum(np.abs(least), np.abs(most)), 0.0),
        )

    @property
    def lists_choices(self) -> bool:
        """Whether which cells are known looks like a choice, as of films to see: few of them, and grades."""
        m, n = self.shape
        return self.graded and self.size < DENSEST_PATTERN * m * n

    @property
    def judged_columns(self) -> NDArray[np.bool_]:
        """Whether enough of each column is seen: one season of it, say, says nothing about its unit.

        That is half of what is usual, and ten cells, or of short tables nearly what is usual.
        """
        usual = float(np.median(self.column_counts))
        enough: NDArray[np.bool_] = self.column_counts >= max(3.0, min(MANY, 0.75 * usual), 0.5 * usual)
        return enough

    @property
    def units_differ(self) -> bool:
        """Whether columns have different units, judged by their spreads.

        Those of fewer than ten cells count with two standard errors of their logarithms, or more where
        columns are many, some of which have small spreads by chance; and of columns of which too little is
        seen, all values may be tiny beside the spread of others.
        """
        sizes, seen = self.column_sizes, self.column_counts >= 2
        largest = self.column_spreads[seen & ~self.constant].max(initial=0.0)
        # one value may be near zero by chance
        limits = largest / np.where(self.column_counts > 1, TINY, TINY**2)
        if ((sizes > 0) & (sizes < limits)).any():
            return True
        spreads, counts = (part[self.judged_columns] for part in (self.column_spreads, self.column_counts))
        errors = max(2.0, 0.5 + float(np.sqrt(2 * np.log(max(spreads.size, 1)))))
        doubt = np.where(counts < MANY, errors * np.sqrt(0.5 / np.maximum(counts - 1, 1)), 0.0)
        least, most = np.log(spreads) + doubt, np.log(spreads) - doubt
        return bool(spreads.size > 1 and most.max() - least.min() > np.log(COMMENSURATE))
