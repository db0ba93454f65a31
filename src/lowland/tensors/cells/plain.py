"""The known cells of a tensor as plain arrays."""

from __future__ import annotations

from typing import Any

from lowland.core.arrays import Vector
from lowland.tensors.cells.observations import TensorObservations


def cells_of(data: TensorObservations) -> tuple[tuple[int, ...], Vector, Any, Vector | None]:
    """Return shape, values, positions and weights of the known cells."""
    return data.shape, data.values, data.all_positions(), data.weights
