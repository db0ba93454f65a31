"""Which cells of a table are observed, asked line by line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.block import Arrays, CellBlock
from lowland.cells.labels import TableLabels
from lowland.cells.sides import PerLine, PerPartner, TableCells
from lowland.core.arrays import Indices, cell_codes
from lowland.core.cells.observations import Observations
from lowland.kernels.sparse_tables.sparse import multiply_rows


@final
class LinePattern:
    """Which cells of a table are observed, known by counts of them, wherever they are.

    Parameters
    ----------
    cells : TableCells
    """

    def __init__(self, cells: TableCells) -> None:
        self.cells = cells

    @classmethod
    def of(cls, rows: Indices, columns: Indices, shape: tuple[int, int]) -> LinePattern:
        """Return the pattern of listed cells, each counted once."""
        rows, columns = np.divmod(np.unique(cell_codes(rows, columns, shape[1])), max(shape[1], 1))
        return cls(TableCells.of(Observations(rows, columns, np.ones(rows.size), shape)))

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.cells.shape

    @property
    def size(self) -> int:
        """Number of observed cells."""
        return self.cells.size

    def counts(self, side: int) -> Indices:
        """Return the number of observed cells of each row (side 0) or column (side 1)."""
        return self.cells.sides[side].counts

    def inside(self, side: int, known: NDArray[np.bool_]) -> Indices:
        """Return that number with only known lines of the other side counted."""
        (inside,) = self.cells.map(side, _counted_inside, PerPartner(known))
        return inside

    def columns_of(self, row: int) -> Indices:
        """Return the columns in which a row is observed."""
        (columns,) = self.cells.map(0, _partners_of, row)
        return columns

    def part(self, rows: Indices, columns: Indices) -> Any:
        """Return the cells of some rows and columns as a sparse array, one where a cell is observed."""
        from scipy.sparse import csr_array

        m, n = self.shape
        places, chosen = np.full(n, -1, np.int32), np.zeros(m, bool)
        places[columns], chosen[rows] = np.arange(columns.size), True
        (others,) = self.cells.map(0, _cells_inside, PerPartner(places), PerLine(chosen))
        counts = np.where(chosen, self.inside(0, places >= 0), 0)
        starts = np.concatenate([[0], np.cumsum(counts[chosen])])
        table = csr_array((np.ones(others.size, np.int64), others, starts), shape=(rows.size, columns.size))
        # rows were found in ascending order
        return table[np.argsort(np.argsort(rows, kind="stable"), kind="stable")]


def observed_in(cells: TableCells, rows: Indices) -> Observations:
    """Return the observed cells of some rows, without their values."""
    asked = np.unique(rows)
    part = LinePattern(cells).part(asked, np.arange(cells.shape[1])).tocoo()
    at = asked[part.row].astype(np.intp)
    return Observations(at, part.col.astype(np.intp), np.ones(at.size), cells.shape)


def gathered(cells: TableCells, labels: TableLabels) -> Observations:
    """Return the cells of a table in memory, row by row."""
    at = observed_in(cells, np.arange(cells.shape[0]))
    values = cells.some_values(cells.size)
    return replace(at, values=values, row_labels=labels.rows, column_labels=labels.columns)


def observed_lines(block: CellBlock, lines: Indices) -> tuple[Indices, Indices]:
    """Return the observed cells of a block in some lines: the lines, and positions on the other side."""
    chosen = lines[(lines >= block.first) & (lines < block.first + block.size)] - block.first
    cells = [block.partners[block.starts[k] : block.starts[k + 1]] for k in chosen]
    partners = np.concatenate([np.zeros(0, np.intp), *cells]).astype(np.intp)
    return np.repeat(chosen + block.first, [part.size for part in cells]), partners


def _partners_of(block: CellBlock, line: int) -> Arrays:
    return (observed_lines(block, np.array([line]))[1],)


def _counted_inside(block: CellBlock, known: NDArray[np.bool_]) -> Arrays:
    inside = multiply_rows(block.starts, block.partners, None, known.astype(np.float64)[:, None])
    return (inside[:, 0].astype(np.int64),)


def _cells_inside(block: CellBlock, places: NDArray[np.int32], chosen: NDArray[np.bool_]) -> Arrays:
    """Return the places of the cells in chosen lines and known lines of the other side, line by line."""
    others = places[block.partners]
    return (others[(others >= 0) & np.repeat(chosen, block.counts)],)
