"""What a fit by sweeps asks of a tensor's known cells, wherever they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.tensors.cells.unfoldings import Unfolding


class KnownCells(Protocol):
    """Known cells of a tensor, in memory or on the disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""

    @property
    def size(self) -> int:
        """Number of known cells."""

    @property
    def weights(self) -> Vector | None:
        """Weights of squared errors; None means 1."""

    def in_double(self) -> KnownCells:
        """Return the same cells, whose values are double precision."""

    def slice_counts(self) -> list[Indices]:
        """Return the number of known cells of each slice, by mode."""

    def unfoldings(self) -> Sequence[Unfolding]:
        """Return the known cells by the rows of each mode."""

    def cells(self, places: Indices) -> tuple[NDArray[np.int64], Vector]:
        """Return positions and values of some of all cells, by their places in lexicographic order."""

    def without(self, places: Indices) -> Self:
        """Return the tensor without some cells, by their places in lexicographic order, ascending."""

    def array(self, fill: float = ...) -> Matrix:
        """Return the dense tensor, missing cells filled."""
