"""`Unfolded`: a tensor's cells as a table whose columns are the slices of its shortest mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, fibre_numbers
from lowland.core.cells.observations import Observations
from lowland.tensors.cells.observations import TensorObservations


@final
@dataclass(frozen=True)
class Unfolded:
    """How a tensor is laid out as a table: slices of one mode in columns, fibres along it in rows.

    Parameters
    ----------
    shape : tuple of int
    mode : int

    Notes
    -----
    The mode is the shortest: its slices have most cells, so that chance hardly ever leaves one without
    missing cells, which an audit must pay for; and slices in other units are usually those of a short mode.
    It is chosen by the shape alone: nothing is learnt from the pattern.
    """

    shape: tuple[int, ...]
    mode: int

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> Unfolded:
        """Return the layout of a tensor."""
        return cls(shape, int(np.argmin(shape)))

    @property
    def modes(self) -> tuple[int, ...]:
        """Lengths of the modes that rows run over, in C order."""
        return (*self.shape[: self.mode], *self.shape[self.mode + 1 :])

    def cells(self, positions: NDArray[np.int64]) -> tuple[Indices, Indices]:
        """Return rows and columns of cells."""
        return fibre_numbers(positions, self.mode, self.shape), positions[:, self.mode].astype(np.intp)

    def positions(self, rows: Indices, columns: Indices) -> NDArray[np.int64]:
        """Return the positions of cells in the tensor, shape (k, N)."""
        places = list(np.unravel_index(rows, self.modes))
        places.insert(self.mode, columns)
        return np.stack(places, axis=1).astype(np.int64)

    def table(self, data: TensorObservations) -> Observations:
        """Return the known cells as a table."""
        rows, columns = self.cells(data.all_positions())
        length = self.shape[self.mode]
        return Observations(rows, columns, data.values.astype(np.float64), (int(np.prod(self.modes)), length))
