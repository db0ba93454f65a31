"""The m x n operators that adjoints of measurements return: sparse, of low rank, and sums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import final

import numpy as np

from lowland.cells.block import CellBlock
from lowland.cells.sums import weighted_sums
from lowland.core.arrays import Matrix
from lowland.core.promises.protocols import LinearMap
from lowland.core.work import CALL, touch


def cell_work(cells: int, width: int) -> float:
    """Return the work of computing a number of cells from factors of a given width."""
    return CALL + float(cells) * (width + 2)


@final
@dataclass(frozen=True, eq=False)
class SparseMap:
    """A sparse matrix: listed cells, sorted by row and by column, and their values; repeats are summed."""

    pattern: tuple[CellBlock, CellBlock]
    values: Matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n)."""
        return self.pattern[0].size, self.pattern[1].size

    @cached_property
    def _by_row(self) -> CellBlock:
        return self.pattern[0].holding(self.values)

    @cached_property
    def _by_column(self) -> CellBlock:
        side = self.pattern[1].holding(self.values)
        return replace(side, values=side.values.conj())

    def matmat(self, block: Matrix) -> Matrix:
        """Return M @ block."""
        touch(cell_work(self.values.size, block.shape[1]))
        return weighted_sums(self._by_row, block)[0]

    def rmatmat(self, block: Matrix) -> Matrix:
        """Return M^H @ block."""
        touch(cell_work(self.values.size, block.shape[1]))
        return weighted_sums(self._by_column, block)[0]

    @property
    def gram_work(self) -> float:
        """Scalar products in the Gram matrix: the sum of squared line lengths."""
        side = self.pattern[self.shape[0] < self.shape[1]]
        return float(np.sum(side.counts.astype(float) ** 2))

    def gram(self, scale: float) -> Matrix:
        """Return (scale M)^H (scale M), or M M^H if M has fewer rows; repeated positions summed first."""
        from scipy.sparse import csr_array

        side = self._by_row
        # a copy: summing repeats works in place, and the pattern is shared
        parts = (scale * side.values, side.partners, side.starts)
        matrix = csr_array(parts, shape=self.shape, copy=True)
        matrix.sum_duplicates()
        if self.shape[0] < self.shape[1]:
            matrix = matrix.T.conj().tocsr()
        gram: Matrix = (matrix.T.conj() @ matrix).toarray()
        return gram

    def toarray(self) -> Matrix:
        """Return the dense matrix."""
        dense, side = np.zeros(self.shape, dtype=self.values.dtype), self._by_row
        np.add.at(dense, (side.lines, side.partners), side.values)
        return dense


@final
@dataclass(frozen=True, eq=False)
class LowRankMap:
    """A real matrix left @ right.T that is not formed."""

    left: Matrix
    right: Matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n)."""
        return self.left.shape[0], self.right.shape[0]

    def matmat(self, block: Matrix) -> Matrix:
        """Return M @ block."""
        return np.asarray(self.left @ (self.right.T @ block))

    def rmatmat(self, block: Matrix) -> Matrix:
        """Return M^T @ block."""
        return np.asarray(self.right @ (self.left.T @ block))

    def toarray(self) -> Matrix:
        """Return the dense matrix."""
        return np.asarray(self.left @ self.right.T)


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
