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
from lowland.core.halving import find_by_halving
from lowland.kernels.sparse_tables.sparse import multiply_rows

# places of the cells before and after some, along their lines
Walls = tuple[Indices, Indices]


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

    @property
    def row_counts(self) -> Indices:
        """Number of observed cells of each row."""
        return self.counts(0)

    @property
    def column_counts(self) -> Indices:
        """Number of observed cells of each column."""
        return self.counts(1)

    def walls(self, rows: Indices, columns: Indices) -> tuple[Walls, Walls]:
        """Return the places of the observed cells next to cells, along their rows and down their columns.

        Of a cell that is observed itself, the place before it is its own. Where there is none, the places are
        those just beyond the table. Costs one look at each side.
        """
        (m, n), rows, columns = self.shape, np.asarray(rows), np.asarray(columns)
        return self._walls(0, rows, columns, n), self._walls(1, columns, rows, m)

    def _walls(self, side: int, lines: Indices, places: Indices, length: int) -> Walls:
        which, before, after = self.cells.map(side, _walls, lines, places, length)
        order = np.argsort(which)
        return before[order], after[order]

    def absent(self, columns: Indices, ranks: Indices, rows: NDArray[np.bool_]) -> Indices:
        """Return the rows of cells that are not observed, by their number among those of their columns.

        Parameters
        ----------
        columns : ndarray of int
        ranks : ndarray of int
            How many such cells of the same column, in some rows, lie before each.
        rows : ndarray of bool, shape (m,)
            Which rows are counted.
        """
        compact = np.where(rows, np.cumsum(rows) - 1, -1)
        which, places = self.cells.map(1, _absent, columns, ranks, PerPartner(compact))
        return np.flatnonzero(rows)[places[np.argsort(which)]]

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


def _mine(block: CellBlock, lines: Indices) -> Indices:
    """Return which of some lines are those of a block."""
    return np.flatnonzero((lines >= block.first) & (lines < block.first + block.size))


def _walls(block: CellBlock, lines: Indices, places: Indices, length: int) -> Arrays:
    """Return which cells lie in a block, and the places of the observed cells next to each."""
    mine = _mine(block, lines)
    asked, at = places[mine], lines[mine] - block.first
    starts, ends = block.starts[at], block.starts[at + 1]
    last = find_by_halving(starts - 1, ends, lambda middle: asked < block.partners[middle])
    partners = np.concatenate([block.partners, [length]])  # there may be none
    before = np.where(last >= starts, partners[last], -1)
    after = np.where(last + 1 < ends, partners[np.minimum(last + 1, partners.size - 1)], length)
    return mine, before.astype(np.intp), after.astype(np.intp)


def _absent(block: CellBlock, lines: Indices, ranks: Indices, compact: Indices) -> Arrays:
    """Return which cells lie in a block, and their places among the rows that are counted."""
    mine = _mine(block, lines)
    mine = mine[np.argsort(lines[mine], kind="stable")]
    at, found = lines[mine] - block.first, np.empty(mine.size, np.intp)
    for line in np.unique(at).tolist():
        some = slice(*np.searchsorted(at, [line, line + 1]))
        present = compact[block.partners[block.starts[line] : block.starts[line + 1]]]
        found[some] = absent_places(present[present >= 0], ranks[mine[some]])
    return mine, found


def absent_places(present: Indices, ranks: Indices) -> Indices:
    """Return the places on a line that are not present, by how many such places lie before each.

    Parameters
    ----------
    present : ndarray of int
        Ascending.
    ranks : ndarray of int
    """
    return np.asarray(ranks + np.searchsorted(present - np.arange(present.size), ranks, side="right"))
