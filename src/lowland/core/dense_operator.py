"""A dense matrix with the interface of a linear operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.work import matrix_work, touch


@final
@dataclass(frozen=True, eq=False)
class DenseMap:
    """A dense matrix with the interface of a linear operator."""

    matrix: Matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n)."""
        return self.matrix.shape[0], self.matrix.shape[1]

    def matmat(self, block: Matrix) -> Matrix:
        """Return M @ block."""
        touch(matrix_work(self.matrix.size, block.shape[1], is_complex=np.iscomplexobj(self.matrix)))
        return self.matrix @ block

    def rmatmat(self, block: Matrix) -> Matrix:
        """Return M^H @ block."""
        touch(matrix_work(self.matrix.size, block.shape[1], is_complex=np.iscomplexobj(self.matrix)))
        return self.matrix.conj().T @ block

    def toarray(self) -> Matrix:
        """Return the matrix itself."""
        return self.matrix
