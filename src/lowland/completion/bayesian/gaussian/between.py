"""Cells of a Gaussian's rows that are known to lie between two numbers: drawn there, given their row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.truncated import TruncatedNormal
from lowland.cells.block import CellBlock
from lowland.cells.sides import TableCells
from lowland.core.arrays import Indices, Matrix, Vector


@final
@dataclass(frozen=True, eq=False)
class Between:
    """Cells of a table that are known to lie between two numbers, by ascending column.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (k,)
        They are listed among the table's cells, too, with a value between the bounds.
    low, high : ndarray, shape (k,)
        May be infinite.
    """

    rows: Indices
    columns: Indices
    low: Vector
    high: Vector

    def scaled(self, centres: Vector, spreads: Vector) -> Between:
        """Return the cells of a table whose columns are centred and divided."""
        centre, spread = centres[self.columns], spreads[self.columns]
        return replace(self, low=(self.low - centre) / spread, high=(self.high - centre) / spread)

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return which cells of the table they are."""
        mask = np.zeros(shape, bool)
        mask[self.rows, self.columns] = True
        return mask

    def held_by(self, cells: TableCells, table: Matrix) -> TableCells:
        """Return a table's cells, row by row, with the numbers that a completed table has in these."""
        changed = cells.sides[0].change(_put, self, table[self.rows, self.columns])
        return replace(cells, sides=(changed, cells.sides[1]))

    def draw(self, table: Matrix, precision: Matrix, mean: Vector, rng: np.random.Generator) -> None:
        """Draw them in a completed table, each given all other cells of its row, column by column."""
        for at, law in self._laws(table, precision, mean):
            drawn = law.means + law.spreads * rng.standard_normal(law.means.size)
            table[self.rows[at], self.columns[at]] = law.within(drawn)

    def given_others(self, table: Matrix, precision: Matrix, mean: Vector) -> tuple[Vector, Vector]:
        """Return the mean and variance of each given all other cells of its row, wherever it may lie."""
        means, variances = np.empty(self.rows.size), np.empty(self.rows.size)
        for at, law in self._laws(table, precision, mean):
            means[at], variances[at] = law.means, law.spreads**2
        return means, variances

    def _laws(
        self, table: Matrix, precision: Matrix, mean: Vector
    ) -> Iterator[tuple[slice, TruncatedNormal]]:
        """Give the cells of each column and their law, which reads what the table holds by then."""
        starts = np.flatnonzero(np.diff(self.columns, prepend=-1))
        for first, last in zip(starts, [*starts[1:], self.columns.size], strict=True):
            at, j = slice(first, last), self.columns[first]
            rows, own = table[self.rows[at]], precision[j, j]
            centre = rows[:, j] - (rows - mean) @ precision[j] / own
            spreads = np.full(centre.size, own**-0.5)
            yield at, TruncatedNormal(centre, spreads, self.low[at], self.high[at])


def _put(block: CellBlock, cells: Between, numbers: Vector) -> CellBlock:
    """Return a block of all rows with other numbers in some cells."""
    width = int(max(block.partners.max(initial=0), cells.columns.max(initial=0))) + 1
    places = np.searchsorted(block.lines * width + block.partners, cells.rows * width + cells.columns)
    values = block.values.copy()
    values[places] = numbers
    return replace(block, values=values)
