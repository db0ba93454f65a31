"""Bounds of columns as arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.bounded.limits import Limits
from lowland.core.arrays import Indices
from lowland.core.damage import check_arrays, require


def limits_as_arrays(limits: Limits) -> dict[str, NDArray[Any]]:
    """Return bounds as arrays."""
    ends = np.array(list(limits.values()), np.float64).reshape(-1, 2)
    return {"bounded": np.array(list(limits), np.int64), "bounds": ends}


def limits_from_arrays(arrays: Mapping[str, NDArray[Any]], width: int) -> Limits:
    """Return the result of `limits_as_arrays`; raise ValueError if it is damaged."""
    sizes = check_arrays(arrays, {"bounded": "b"}, kind="iu")
    check_arrays(arrays, {"bounds": "b 2"}, {**sizes, "2": 2}, infinite=("bounds",))
    columns, ends = arrays["bounded"], arrays["bounds"]
    known = ((columns >= 0) & (columns < width)).all() and np.unique(columns).size == columns.size
    require(bool(known and (ends[:, 0] < ends[:, 1]).all()), "its bounds are damaged")
    return {j: (low, high) for j, (low, high) in zip(columns.tolist(), ends.tolist(), strict=True)}


def signs_as_arrays(columns: Indices, touches: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """Return columns without negative numbers, and which of them hold zeros, as arrays."""
    return {"from_zero": columns.astype(np.int64), "zero_known": touches.astype(np.int64)}


def signs_from_arrays(arrays: Mapping[str, NDArray[Any]], width: int) -> tuple[Indices, NDArray[np.bool_]]:
    """Return the result of `signs_as_arrays`; raise ValueError if it is damaged."""
    check_arrays(arrays, {"from_zero": "z", "zero_known": "z"}, kind="iu")
    columns, touches = arrays["from_zero"], arrays["zero_known"]
    known = (np.diff(columns) > 0).all() and ((columns >= 0) & (columns < width)).all()
    require(bool(known and np.isin(touches, (0, 1)).all()), "its columns from zero on are damaged")
    return columns.astype(np.intp), touches.astype(bool)
