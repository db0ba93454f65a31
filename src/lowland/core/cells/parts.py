"""The parts of `Observations`, checked as they are given: shape, weights, labels, sides of censored cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.arrays import Vector, check_floats
from lowland.core.errors import InvalidInputError

Labels = NDArray[Any]

# positions along a side are counted in 32 bits
LONGEST = 2**31


def extent(positions: ArrayLike, labels: ArrayLike | None, name: str) -> int:
    """Return how long a side is: as its labels, or up to the last position."""
    if labels is not None:
        return len(np.asarray(labels))
    array = np.asarray(positions)
    if array.size == 0:
        raise InvalidInputError(
            f"{name} is empty", "no observations", fix="pass shape, or data with observations"
        )
    if array.dtype.kind not in "iu":
        raise InvalidInputError(
            f"{name} must be integer positions", f"dtype {array.dtype}", fix="pass names as labels"
        )
    return int(array.max()) + 1


def check_shape(shape: object) -> None:
    """Raise unless a shape is a pair of possible lengths."""
    whole = (
        isinstance(shape, tuple) and len(shape) == 2 and all(isinstance(k, int | np.integer) for k in shape)
    )
    if shape is not None and not whole:
        raise InvalidInputError(
            "shape must be a pair of whole numbers", repr(shape), fix="pass (rows, columns)"
        )
    if isinstance(shape, tuple) and not all(0 <= k < LONGEST for k in shape):
        raise InvalidInputError(
            "the sides of a table must be at least 0 and below 2^31 long", repr(shape), fix="check the shape"
        )


def check_weights(weights: ArrayLike | None, values: Vector) -> Vector | None:
    """Return weights of cells as an array of the values' precision."""
    if weights is None:
        return None
    weight = check_floats(weights, "weights", dtype=str(values.dtype), ndim=1)
    if weight.size != values.size:
        raise InvalidInputError("weights must be as long as values", f"{weight.size} and {values.size}")
    if weight.size and not weight.min() > 0:
        raise InvalidInputError(
            "weights must be positive",
            f"smallest {weight.min()}",
            "a cell of weight zero counts as missing",
            "drop such cells",
        )
    return weight


def check_censored(censored: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.int8] | None:
    """Return on which side of each value its number lies, None if all are known."""
    if censored is None:
        return None
    side = np.asarray(censored)
    if side.shape != shape:
        raise InvalidInputError("censored must have the shape of the values", f"{side.shape} and {shape}")
    if not np.isin(side, (-1, 0, 1)).all():
        raise InvalidInputError(
            "censored must hold -1, 0 and 1",
            f"{side[~np.isin(side, (-1, 0, 1))][0]!r}",
            fix="-1 where a number lies below its value, 1 where above",
        )
    return side.astype(np.int8) if side.any() else None


def check_labels(labels: ArrayLike | None, length: int, name: str) -> Labels | None:
    """Return labels as an array of distinct names."""
    if labels is None:
        return None
    array = np.asarray(labels)
    if array.dtype == object:
        array = np.asarray([str(label) for label in array])
    if array.shape != (length,):
        sizes = f"shape {array.shape} for {length} positions"
        raise InvalidInputError(f"{name} must have one label per position", sizes)
    distinct, counts = np.unique(array, return_counts=True)
    if distinct.size != length:
        raise InvalidInputError(f"{name} must be distinct", f"{distinct[counts > 1][0]!r} appears repeatedly")
    return array
