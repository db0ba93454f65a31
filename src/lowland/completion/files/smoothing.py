"""Models blended with smooth curves of rows as plain arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.row_curves import LENGTHS, NOISES
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.refinement.layer import RefinementLayer
from lowland.completion.refinement.smoothing import KINDS, RowSmoothing
from lowland.core.damage import check_arrays, require

Arrays = dict[str, NDArray[Any]]
_ARRAYS = {"weights": "kinds", "ratios": "kinds", "widest": "kinds"}
_ARRAYS |= {"places": "n c", "centres": "n", "shares": "2 kernels"}


def smoothed_arrays(model: RefinementLayer, known: RowSmoothing) -> Arrays:
    """Return what such a model adds to the fit alone."""
    arrays: Arrays = {name: getattr(known, name) for name in (*_ARRAYS, "scores", "score_kinds", "centred")}
    arrays |= {"gain": np.array([known.gain]), "learnt_from": np.array([known.learnt_from])}
    arrays |= {"shifts": model.shifts, "kinds": model.kinds}
    return {f"smoothed_{name}": array for name, array in arrays.items()}


def smoothed_model(base: PosteriorModel, arrays: Mapping[str, NDArray[Any]]) -> RefinementLayer:
    """Return the model from what `smoothed_arrays` returned, and the model of the fit alone.

    Raises ValueError if the arrays do not describe it.
    """
    prefix = "smoothed_"
    parts = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    m, n = base.shape
    lengths = {"m": m, "n": n, "kinds": KINDS, "kernels": len(LENGTHS) * len(NOISES)}
    check_arrays(parts, _ARRAYS | {"scores": "held", "shifts": "m n", "gain": "1"}, lengths)
    whole = {"learnt_from": "1", "score_kinds": str(parts["scores"].size), "kinds": f"{m} {n}"}
    check_arrays(parts, whole, kind="iu")
    require(bool(((parts["kinds"] >= 0) & (parts["kinds"] <= KINDS)).all()), "a cell is of no kind")
    require(
        parts["centred"].shape == (KINDS,) and parts["centred"].dtype == bool, "its curves are of no kind"
    )
    weights, ratios = parts["weights"], parts["ratios"]
    require(bool(((weights >= 0) & (weights <= 1)).all()), "a weight is no share")
    require(bool((parts["widest"] > 0).all()), "a standard error is not positive")
    require(bool((ratios > 0).all() and (parts["shares"] > 0).all()), "a share or ratio is not positive")
    require(parts["scores"].size > 0 and parts["places"].shape[1] > 0, "it has no scores or no places")
    known = RowSmoothing(
        weights,
        parts["centred"],
        ratios,
        parts["widest"],
        parts["places"],
        parts["centres"],
        parts["shares"],
        float(parts["gain"][0]),
        parts["scores"],
        parts["score_kinds"],
        int(parts["learnt_from"][0]),
    )
    return RefinementLayer(base, known, parts["shifts"], parts["kinds"].astype(np.intp))
