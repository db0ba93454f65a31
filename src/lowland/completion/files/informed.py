"""Cells of which no more is known than their column as arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.informed.laws import ColumnLaws
from lowland.completion.informed.layer import ColumnAloneLayer
from lowland.completion.informed.marks import WORDS
from lowland.completion.tables.model import SamplingModel
from lowland.core.damage import check_arrays, require

_OF_LAWS = ("centres", "scales", "freedoms")


def informed_arrays(model: ColumnAloneLayer) -> dict[str, NDArray[Any]]:
    """Return what the layer adds to the fit within."""
    parts = {name: getattr(model, name) for name in ("marks", "groups", "joint", "mixing")}
    parts |= {name: getattr(model.laws, name) for name in ("counts", *_OF_LAWS)}
    return {f"informed_{name}": array for name, array in parts.items()}


def informed_model(
    base: SamplingModel, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> ColumnAloneLayer:
    """Return the result of `informed_arrays`; raise ValueError if it is damaged."""
    (m, n), name = base.shape, "informed_"
    parts = {key.removeprefix(name): array for key, array in arrays.items() if key.startswith(name)}
    described = plain["described"]
    require(type(described) is bool, "it does not say whether rows have covariates")
    whole = {"marks": "m n", "groups": "n", "counts": "n", "joint": "k"}
    sizes = check_arrays(parts, whole, {"m": m, "n": n}, kind="iu")
    numbers = dict.fromkeys(_OF_LAWS, "n") | {"mixing": "k k"}
    check_arrays(parts, numbers, sizes, infinite=("scales",))
    marks, groups, counts, joint = (parts[key] for key in whole)
    require(bool(((marks >= 0) & (marks < len(WORDS))).all()), "a missing cell has a mark that is not known")
    require(bool((groups >= 0).all() and (counts >= 0).all()), "its groups of columns are damaged")
    require(bool(((joint >= 0) & (joint < n)).all()), "a column that is drawn does not exist")
    require(np.unique(joint).size == joint.size, "a column is drawn twice")
    laws = ColumnLaws(counts, *(parts[key] for key in _OF_LAWS))
    require(bool((laws.scales >= 0).all() and (laws.freedoms > 0).all()), "a law of a column is none")
    return ColumnAloneLayer(base, described, marks.astype(np.int8), groups, laws, joint, parts["mixing"])
