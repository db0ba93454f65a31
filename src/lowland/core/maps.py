"""A dense matrix with the products of an operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from lowland.core.arrays import Matrix


@final
@dataclass(frozen=True, eq=False)
class DenseMap:
    """A dense matrix with the products of an operator."""

    matrix: Matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n)."""
        return self.matrix.shape[0], self.matrix.shape[1]

    def matmat(self, block: Matrix) -> Matrix:
        """Return M @ block."""
        return self.matrix @ block

    def rmatmat(self, block: Matrix) -> Matrix:
        """Return M^H @ block."""
        return self.matrix.conj().T @ block

    def toarray(self) -> Matrix:
        """Return the matrix itself."""
        return self.matrix
