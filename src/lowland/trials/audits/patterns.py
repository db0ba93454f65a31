"""A pattern: which cells of a table are there, asked about cell by cell, however large the table is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.pattern import Walls, absent_places
from lowland.core.arrays import Indices, cell_codes

Mask = NDArray[np.bool_]


class CellPattern(Protocol):
    """Cells of a table that are there, wherever they are: `Pattern`, or `LinePattern`."""

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the table."""

    @property
    def size(self) -> int:
        """Number of cells."""

    @property
    def row_counts(self) -> Indices:
        """Number of cells of each row."""

    @property
    def column_counts(self) -> Indices:
        """Number of cells of each column."""

    def inside(self, side: int, known: Mask) -> Indices:
        """Return the number of cells of each line of a side, in some lines of the other side."""

    def walls(self, rows: Indices, columns: Indices) -> tuple[Walls, Walls]:
        """Return the places of the cells next to absent ones, along their rows and down their columns.

        Where there is none, these are the places just beyond the table.
        """

    def absent(self, columns: Indices, ranks: Indices, rows: Mask) -> Indices:
        """Return the rows of absent cells, by how many of the same column, in some rows, lie before each."""


@final
@dataclass(frozen=True, eq=False)
class Pattern:
    """Cells of a table that are there, all others being absent.

    Parameters
    ----------
    by_row, by_column : ndarray of int
        Codes of the cells, row after row and column after column, ascending.
    row_counts, column_counts : ndarray of int
        Number of cells of each row and of each column.
    """

    by_row: Indices
    by_column: Indices
    row_counts: Indices
    column_counts: Indices

    @classmethod
    def of(cls, rows: Indices, columns: Indices, shape: tuple[int, int]) -> Pattern:
        """Return the pattern of listed cells."""
        m, n = shape
        return cls(
            np.sort(cell_codes(rows, columns, n)),
            np.sort(cell_codes(columns, rows, m)),
            np.bincount(rows, minlength=m),
            np.bincount(columns, minlength=n),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the table."""
        return self.row_counts.size, self.column_counts.size

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.by_row.size

    def inside(self, side: int, known: Mask) -> Indices:
        """Return the number of cells of each line of a side, in some lines of the other side."""
        m, n = self.shape
        codes, length = (self.by_column, m) if side == 0 else (self.by_row, n)
        others = np.repeat(known, self.column_counts if side == 0 else self.row_counts)
        return np.bincount(codes[others] % length, minlength=length)

    def walls(self, rows: Indices, columns: Indices) -> tuple[Walls, Walls]:
        """Return the places of the cells next to absent ones, along their rows and down their columns."""
        m, n = self.shape
        return walls_along(self.by_row, rows, columns, n), walls_along(self.by_column, columns, rows, m)

    def absent(self, columns: Indices, ranks: Indices, rows: Mask) -> Indices:
        """Return the rows of absent cells, by how many of the same column, in some rows, lie before each."""
        (m, _), compact, found = self.shape, np.cumsum(rows) - 1, np.empty(columns.size, np.intp)
        ends = np.cumsum(self.column_counts)
        for column in np.unique(columns).tolist():
            mine = self.by_column[ends[column] - self.column_counts[column] : ends[column]] - column * m
            asked = columns == column
            found[asked] = absent_places(compact[mine[rows[mine]]], ranks[asked])
        return np.flatnonzero(rows)[found]

    def dense(self) -> Mask:
        """Return which cells of the whole table are there."""
        there = np.zeros(self.shape, dtype=bool)
        there.ravel()[self.by_row] = True
        return there


def runs_along(codes: Indices, lines: Indices, places: Indices, length: int) -> Indices:
    """Return the length of the run of absent cells around each absent cell; parameters as `walls_along`."""
    return run_lengths(walls_along(codes, lines, places, length))


def run_lengths(walls: Walls) -> Indices:
    """Return how many absent cells lie between cells."""
    before, after = walls
    return np.asarray(after - before - 1)


def walls_along(codes: Indices, lines: Indices, places: Indices, length: int) -> Walls:
    """Return the places of the cells next to each absent cell of a line, or just beyond it.

    Parameters
    ----------
    codes : ndarray of int
        The cells that are there, line after line, ascending.
    lines, places : ndarray of int
        Of the absent cells: their lines, and their places there.
    length : int
        Of a line.
    """
    start = cell_codes(lines, np.zeros_like(lines), length)
    walls = np.concatenate([[-1], codes, [np.iinfo(np.int64).max]])
    after = np.searchsorted(codes, start + places) + 1
    left = np.maximum(walls[after - 1], start - 1)
    right = np.minimum(walls[after], start + length)
    return np.asarray(left - start), np.asarray(right - start)
