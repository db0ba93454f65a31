"""What surrounds the cells of a table that is not in memory: the numbers of `Surroundings`, line by line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.cells.block import Arrays, CellBlock
from lowland.cells.pattern import LinePattern
from lowland.cells.sides import PerLine, PerPartner, TableCells
from lowland.cells.sums import line_squares, line_sums
from lowland.core.arrays import Vector
from lowland.trials.audits.surroundings import FARTHEST, Surroundings, complete_columns, scores_of

# numbers of columns that are always known which are brought into memory for the scores of rows
MOST_GATHERED = 20_000_000


def line_surroundings(cells: TableCells) -> Surroundings:
    """Return what is known around the cells of a table, wherever these are.

    The numbers are those of `Surroundings.of`, but that fewer complete columns are looked at where rows are
    many. Costs four passes over the cells; memory is that of some numbers per line.
    """
    pattern, (m, n) = LinePattern(cells), cells.shape
    with_gaps = pattern.column_counts < m
    chosen = complete_columns(with_gaps)[: MOST_GATHERED // m]
    means, spreads = column_units(cells)
    spreads[~(spreads > 0)] = np.inf  # a constant column says nothing
    (row_sums,) = cells.map(0, _sums_in_units, PerPartner((means, spreads)))
    return Surroundings(
        pattern,
        np.asarray(int(with_gaps.sum()) - pattern.inside(0, with_gaps), dtype=np.intp),
        np.asarray(m - pattern.column_counts, dtype=np.intp),
        with_gaps,
        row_sums,
        pattern.row_counts,
        scores_of(_whole_columns(cells, np.isin(np.arange(n), chosen), chosen.size)),
    )


def column_units(cells: TableCells) -> tuple[Vector, Vector]:
    """Return the mean of each column and its standard deviation about it, zero where it has no cells."""
    counts = np.maximum(cells.sides[1].counts, 1)
    means = cells.map(1, line_sums)[0] / counts
    return means, np.sqrt(cells.map(1, line_squares, PerLine(means))[0] / counts)


def _sums_in_units(block: CellBlock, units: tuple[Vector, Vector]) -> Arrays:
    """Return the sum of each line's values in units of their columns."""
    means, spreads = units
    sums = np.zeros(block.size)
    for cells, lines in block.stretches():
        columns = block.partners[cells]
        values = (block.values[cells].astype(np.float64) - means[columns]) / spreads[columns]
        sums += np.bincount(lines, np.clip(values, -FARTHEST, FARTHEST), minlength=block.size)
    return (sums,)


def _whole_columns(cells: TableCells, chosen: NDArray[np.bool_], count: int) -> Vector:
    """Return the values of columns that are always known, shape (m, columns)."""
    if not count:
        return np.zeros((cells.shape[0], 0))
    (values,) = cells.map(1, _values_of, PerLine(chosen))
    return np.ascontiguousarray(values.reshape(count, -1).T.astype(np.float64))


def _values_of(block: CellBlock, chosen: NDArray[np.bool_]) -> Arrays:
    """Return the values of some lines, one after the other."""
    return (block.values[np.repeat(chosen, block.counts)],)
