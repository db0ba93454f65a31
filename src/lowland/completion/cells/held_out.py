"""Cells that are held out of the sweeps that learn priors and noise, wherever the cells are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.cells.block import Arrays, CellBlock
from lowland.cells.sides import PerLine, PerPartner, TableCells
from lowland.cells.taken import cells_at, without
from lowland.core.arrays import Indices, Vector
from lowland.trials.choices import PRIORS
from lowland.trials.contents import OF_COLUMNS, OF_ROWS, Words, apart, mixed, random_words, sums_of
from lowland.trials.masks import single_cells

# more different values than these are no grades
MOST_LEVELS = 4_096


@final
@dataclass(frozen=True, eq=False)
class HeldCells:
    """Cells with their values.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (k,)
    values : ndarray, shape (k,)
        In the unit of the fit.
    weights : ndarray, shape (k,)
    """

    rows: Indices
    columns: Indices
    values: Vector
    weights: Vector

    @property
    def at(self) -> tuple[Indices, Indices]:
        """Rows and columns."""
        return self.rows, self.columns


def hold_out(cells: TableCells) -> tuple[TableCells, HeldCells]:
    """Return a table without a few cells, which depend on what it holds alone, and these."""
    count = PRIORS.hides.count(cells.size)
    places = np.flatnonzero(single_cells(random_words(cell_keys(cells), np.random.default_rng(0)), count))
    begins = np.concatenate([[0], np.cumsum(cells.sides[0].counts)])[:-1]
    rows, columns, values, weights = cells.map(0, cells_at, PerLine(begins), places)
    held = HeldCells(rows, columns, values.astype(np.float64), weights.astype(np.float64))
    return without(cells, rows, columns), held


def cell_keys(cells: TableCells) -> Words:
    """Return keys of all cells, row by row, by what they, their rows and their columns hold.

    As in `Contents`, but that numbers count by their rank among all, as grades that are scaled alike do, or
    by their bits where there are many different ones.
    """
    found = np.unique(cells.map(0, distinct_values)[0])
    levels = found if found.size <= MOST_LEVELS else None
    by_row = mixed(cells.map(0, line_keys, None, levels)[0] + OF_ROWS)
    by_column = mixed(cells.map(1, line_keys, PerPartner(by_row), levels)[0] + OF_COLUMNS)
    by_row = mixed(cells.map(0, line_keys, PerPartner(by_column), levels)[0] + OF_ROWS)
    by_column = mixed(cells.map(1, line_keys, PerPartner(by_row), levels)[0] + OF_COLUMNS)
    return apart(cells.map(0, keys_of_block, PerPartner(by_column), PerLine(by_row), levels)[0])


def distinct_values(block: CellBlock) -> Arrays:
    """Return the different values of a block."""
    return (np.unique(block.values),)


def line_keys(block: CellBlock, by_partner: Words | None, levels: Vector | None) -> Arrays:
    """Return the sum of the words of each line's cells."""
    words = words_of(block, levels)
    if by_partner is not None:
        words = mixed(words + by_partner[block.partners])
    return (sums_of(words, block.lines, block.size),)


def keys_of_block(block: CellBlock, by_column: Words, by_row: Words, levels: Vector | None) -> Arrays:
    """Return the words of the cells of some rows, with those of their rows and columns."""
    return (mixed(words_of(block, levels) + by_row[block.lines] + mixed(by_column)[block.partners]),)


def words_of(block: CellBlock, levels: Vector | None) -> Words:
    """Return words of values by their ranks among the levels, or by their bits."""
    if levels is not None:
        return mixed(np.searchsorted(levels, block.values).astype(np.uint64))
    values = (block.values + 0.0).astype(np.float64)  # zeros have one sign
    return mixed(values.view(np.uint64))
