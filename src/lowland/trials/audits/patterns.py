"""A pattern: which cells of a table are there, asked about cell by cell, however large the table is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, cell_codes

Mask = NDArray[np.bool_]


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

    def holds(self, rows: Indices, columns: Indices) -> Mask:
        """Return which cells are there; positions beyond the table count as there."""
        m, n = self.shape
        beyond = (rows < 0) | (rows >= m) | (columns < 0) | (columns >= n)
        codes = cell_codes(np.clip(rows, 0, m - 1), np.clip(columns, 0, n - 1), n)
        if not self.by_row.size:
            return np.asarray(beyond)
        place = np.minimum(np.searchsorted(self.by_row, codes), self.by_row.size - 1)
        return np.asarray(beyond | (self.by_row[place] == codes))

    def runs(self, rows: Indices, columns: Indices) -> tuple[Indices, Indices]:
        """Return the length of the run of absent cells around each absent cell, in its row and its column."""
        m, n = self.shape
        return runs_along(self.by_row, rows, columns, n), runs_along(self.by_column, columns, rows, m)

    def dense(self) -> Mask:
        """Return which cells of the whole table are there."""
        there = np.zeros(self.shape, dtype=bool)
        there.ravel()[self.by_row] = True
        return there


def runs_along(codes: Indices, lines: Indices, places: Indices, length: int) -> Indices:
    """Return the length of the run of absent cells around each absent cell of a line.

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
    return np.asarray(right - left - 1)
