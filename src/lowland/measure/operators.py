"""The m x n operators that adjoints of measurements return: sparse matrices, and sums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix
from lowland.core.promises.protocols import LinearMap
from lowland.core.work import CALL, touch
from lowland.kernels.sort import sort_both_ways
from lowland.kernels.sparse_tables.sparse import multiply_rows


def cell_work(cells: int, width: int) -> float:
    """Return the work of computing a number of cells from factors of a given width."""
    return CALL + float(cells) * (width + 2)


@final
@dataclass(frozen=True, eq=False)
class SparsePattern:
    """Positions sorted once by row and by column, for use with many sets of values."""

    shape: tuple[int, int]
    row_starts: NDArray[np.int64]
    row_order: NDArray[np.int32]
    row_columns: NDArray[np.int32]
    column_starts: NDArray[np.int64]
    column_order: NDArray[np.int32]
    column_rows: NDArray[np.int32]

    @classmethod
    def of(cls, rows: Indices, columns: Indices, shape: tuple[int, int]) -> SparsePattern:
        """Sort positions, which may repeat."""
        return cls(shape, *sort_both_ways(rows, columns, shape))


@final
@dataclass(frozen=True, eq=False)
class SparseMap:
    """A sparse matrix: a pattern and one value per position; repeated positions are summed."""

    pattern: SparsePattern
    values: Matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n)."""
        return self.pattern.shape

    @cached_property
    def _by_row(self) -> Matrix:
        return self.values[self.pattern.row_order]

    @cached_property
    def _by_column(self) -> Matrix:
        return self.values[self.pattern.column_order].conj()

    def matmat(self, block: Matrix) -> Matrix:
        """Return M @ block."""
        touch(cell_work(self.values.size, block.shape[1]))
        return multiply_rows(self.pattern.row_starts, self.pattern.row_columns, self._by_row, block)

    def rmatmat(self, block: Matrix) -> Matrix:
        """Return M^H @ block."""
        touch(cell_work(self.values.size, block.shape[1]))
        return multiply_rows(self.pattern.column_starts, self.pattern.column_rows, self._by_column, block)

    @property
    def gram_work(self) -> float:
        """Scalar products in the Gram matrix: the sum of squared line lengths."""
        wide = self.shape[0] < self.shape[1]
        starts = self.pattern.column_starts if wide else self.pattern.row_starts
        return float(np.sum(np.diff(starts).astype(float) ** 2))

    def gram(self, scale: float) -> Matrix:
        """Return (scale M)^H (scale M), or M M^H if M has fewer rows; repeated positions summed first."""
        from scipy.sparse import csr_array

        p = self.pattern
        # a copy: summing repeats works in place, and the pattern is shared
        parts = (scale * self._by_row, p.row_columns, p.row_starts)
        matrix = csr_array(parts, shape=self.shape, copy=True)
        matrix.sum_duplicates()
        if self.shape[0] < self.shape[1]:
            matrix = matrix.T.conj().tocsr()
        gram: Matrix = (matrix.T.conj() @ matrix).toarray()
        return gram

    def toarray(self) -> Matrix:
        """Return the dense matrix."""
        p = self.pattern
        dense = np.zeros(self.shape, dtype=self.values.dtype)
        rows = np.repeat(np.arange(self.shape[0]), np.diff(p.row_starts))
        np.add.at(dense, (rows, p.row_columns), self._by_row)
        return dense


@final
@dataclass(frozen=True, eq=False)
class SumMap:
    """A sum of operators of one shape."""

    parts: tuple[LinearMap, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n)."""
        return self.parts[0].shape

    def matmat(self, block: Matrix) -> Matrix:
        """Return M @ block."""
        return reduce(np.add, (part.matmat(block) for part in self.parts))

    def rmatmat(self, block: Matrix) -> Matrix:
        """Return M^H @ block."""
        return reduce(np.add, (part.rmatmat(block) for part in self.parts))

    def toarray(self) -> Matrix:
        """Return the dense matrix."""
        return reduce(np.add, (part.toarray() for part in self.parts))
