"""Censored cells of fits as arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.censored.cells import CensoredCells
from lowland.completion.censored.layer import CensoredLayer
from lowland.completion.tables.model import SamplingModel
from lowland.core.damage import check_arrays, number, require

_PLACES, _NUMBERS = ("rows", "columns"), ("bounds", "low", "high", "values")


def censored_arrays(cells: CensoredCells) -> dict[str, NDArray[Any]]:
    """Return censored cells as arrays."""
    return {f"censored_{name}": getattr(cells, name) for name in (*_PLACES, *_NUMBERS)}


def censored_model(
    base: SamplingModel, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> CensoredLayer:
    """Return the layer around a model from the result of `censored_arrays`; raise ValueError if damaged."""
    sizes = check_arrays(arrays, {f"censored_{name}": "c" for name in _PLACES}, kind="iu")
    names = [f"censored_{name}" for name in _NUMBERS]
    check_arrays(arrays, dict.fromkeys(names, "c"), sizes, infinite=names)
    parts: dict[str, Any] = {name: arrays[f"censored_{name}"] for name in (*_PLACES, *_NUMBERS)}
    for name, below in zip(_PLACES, base.shape, strict=True):
        parts[name] = parts[name].astype(np.intp)
        require(bool(((parts[name] >= 0) & (parts[name] < below)).all()), "a censored cell lies nowhere")
    inside = (parts["low"] <= parts["values"]) & (parts["values"] <= parts["high"])
    ordered = (np.diff(parts["columns"]) >= 0).all()
    require(bool(inside.all() and ordered), "its censored cells are damaged")
    return CensoredLayer(base, CensoredCells(**parts), base.labels, int(number(plain, "known")))
