"""Convert weights of samples to weights of cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError


def weigh_rows(observations: Observations, sample_weight: ArrayLike) -> Observations:
    """Return a table whose cells have the weights of their rows; rows of weight zero lose their cells."""
    weight = np.asarray(sample_weight, dtype=observations.values.dtype)
    if weight.shape != (observations.shape[0],) or not (
        np.isfinite(weight).all() and weight.min(initial=0) >= 0
    ):
        raise InvalidInputError(
            "sample_weight must hold one finite number of at least 0 per row",
            f"shape {weight.shape} for {observations.shape[0]} rows, minimum {weight.min(initial=0)}",
        )
    if not weight.any():
        raise InvalidInputError(
            "every sample_weight is zero", "nothing to fit", fix="give at least one row a positive weight"
        )
    cells = weight[observations.rows]
    kept = observations.select(cells > 0)  # a row of weight zero is a row without observations
    return replace(kept, weights=cells[cells > 0])
