"""What callers give as a tensor, as observations."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.errors import InvalidInputError
from lowland.tensors.cells.observations import TensorObservations, check_counts


def as_observations(
    tensor: ArrayLike | TensorObservations,
    observed: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    empty_slices: bool = False,
) -> TensorObservations:
    """Return the known cells of a tensor passed as an array or as observations.

    Unless told so, every slice must have some.
    """
    if isinstance(tensor, TensorObservations):
        if observed is not None or weights is not None:
            raise InvalidInputError(
                "observed and weights apply to arrays only",
                "TensorObservations",
                fix="pass the weights to TensorObservations",
            )
    else:
        tensor = TensorObservations.from_array(
            tensor, observed=observed, weights=weights, empty_slices=empty_slices
        )
    for mode, counts in enumerate(() if empty_slices else tensor.slice_counts()):
        check_counts(counts, mode)
    return tensor


def check_cells(positions: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return positions of cells as an array, after checks."""
    at = np.asarray(positions)
    if at.ndim != 2 or at.shape[1] != len(shape) or at.dtype.kind not in "iu":
        raise InvalidInputError(
            "positions must be integers, one per mode, one line per cell",
            f"{at.dtype} of shape {at.shape}",
            fix=f"pass whole numbers of shape (k, {len(shape)})",
        )
    outside = (at < 0).any(axis=1) | (at >= np.array(shape)).any(axis=1)
    if outside.any():
        raise InvalidInputError(f"positions lie outside the shape {shape}", f"{at[outside][0].tolist()}")
    return at.astype(np.int64)
