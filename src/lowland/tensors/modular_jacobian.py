"""Jacobians of known cells at random integer points, exact modulo a prime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from lowland.kernels.modular_arithmetic.modular import Array
from lowland.tensors.cells.observations import TensorObservations

Residues: TypeAlias = NDArray[np.int64]
# draws a point modulo a prime, and returns the derivatives of cells at some positions, part by part
Derivatives: TypeAlias = Callable[[Residues, int, np.random.Generator], list[Residues]]


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class CellJacobian:
    """Derivatives of known cells in all coordinates of a point, one row per cell.

    Parameters
    ----------
    data : TensorObservations
        Only the positions of its cells are used.
    derivatives : Derivatives
        Of the model.
    unknowns : int
        Number of coordinates of a point.
    expected_rank : int
        Degrees of freedom of the model.
    """

    data: TensorObservations
    derivatives: Derivatives
    unknowns: int
    expected_rank: int
    has_fractions: ClassVar[bool] = False
    holds_matrices: ClassVar[bool] = False

    @property
    def rows(self) -> int:
        """Number of known cells."""
        return self.data.size

    def work(self, rows: int, *, few: bool = False) -> float:
        """Return the work of `matrix` with a given number of rows; sparse factors would save nothing."""
        return 4.0 * rows * self.unknowns

    def matrix(
        self, prime: int, rng: np.random.Generator, most: int | None = None, *, few: bool = False
    ) -> Array:
        """Return residues modulo `prime`, shape (p, unknowns), or at most `most` random rows of them.

        A cell depends on one row of each factor, so `few` makes no difference.
        """
        parts = self.derivatives(self.data.drawn_positions(rng, most), prime, rng)
        return np.concatenate(parts, axis=1).astype(np.float64)


def by_rows(slopes: Residues, rows: Residues, length: int) -> Residues:
    """Return derivatives in all rows of a factor, given those in the one row that each cell depends on."""
    block = np.zeros((len(slopes), length, slopes.shape[1]), np.int64)
    block[np.arange(len(slopes)), rows] = slopes
    return block.reshape(len(slopes), -1)
