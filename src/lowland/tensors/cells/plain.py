"""The known cells of a tensor as plain arrays."""

from __future__ import annotations

from lowland.recheck.tensors.documents import PlainCells
from lowland.tensors.cells.observations import TensorObservations


def plain_cells(data: TensorObservations) -> PlainCells:
    """Return shape, values, positions and weights of the known cells."""
    return PlainCells(data.shape, data.values, data.all_positions(), data.weights)
