"""Predictions of held-out cells compared with plain baselines, where the other cells are not in memory."""

from __future__ import annotations

import numpy as np

from lowland.cells.sides import PerLine, TableCells
from lowland.cells.sums import line_squares, line_sums
from lowland.completion.columns.spreads import spreads_by_sums
from lowland.completion.comparing.comparison import (
    COLUMN,
    LEVEL,
    MEANS,
    Comparison,
    compared,
    errors_in_units,
)
from lowland.core.arrays import Vector
from lowland.core.cells.observations import Observations


def compare_lines(
    training: TableCells, held: Observations, predicted: Vector, *, level: float = LEVEL
) -> tuple[Comparison, ...]:
    """Compare predictions of held-out numbers with column means, and with row and column means.

    Parameters
    ----------
    training : TableCells
        The cells that the fit saw.
    held : Observations
        Cells that it did not see, of the same table.
    predicted : ndarray, shape (k,)
        Its predictions of the held-out cells.
    level : float
        Of the intervals, each by itself.

    Returns
    -------
    tuple of Comparison

    Notes
    -----
    As `compare_with_baselines`, up to rounding. Costs five passes over the cells.
    """
    counts = training.sides[1].counts
    (sums,) = training.map(1, line_sums)
    means = sums / np.maximum(counts, 1)
    (squares,) = training.map(1, line_squares, PerLine(means))
    words = np.zeros(counts.size, dtype=bool)
    units, usual = spreads_by_sums(counts, means, squares, words), usual_by_sums(sums, training)
    rows, columns = held.rows, held.columns
    by_row, by_column = _means_of_both(training.scaled(usual, units))
    guesses = {
        COLUMN: usual[columns],
        MEANS: usual[columns] + units[columns] * (by_row[rows] + by_column[columns]),
    }
    own = errors_in_units(predicted, held, units, words)
    return tuple(
        compared(name, own, errors_in_units(guess, held, units, words), rows, level)
        for name, guess in guesses.items()
    )


def usual_by_sums(sums: Vector, cells: TableCells) -> Vector:
    """Return the mean of each column, that of all cells where it has none, from the sums of columns."""
    counts = cells.sides[1].counts
    return np.where(counts > 0, sums / np.maximum(counts, 1), sums.sum() / max(cells.size, 1))


def _means_of_both(cells: TableCells) -> tuple[Vector, Vector]:
    """Return the mean of each row, and of each column after its rows' means are taken away."""
    row_counts, column_counts = (side.counts for side in cells.sides)
    (sums,) = cells.map(0, line_sums)
    by_row = np.where(row_counts > 0, sums / np.maximum(row_counts, 1), sums.sum() / max(cells.size, 1))
    rest = cells.map(1, line_sums)[0] - cells.gathered(1, by_row[:, None])[:, 0]
    return by_row, rest / np.maximum(column_counts, 1)
