"""Fits some of whose columns are predicted from some others alone, as arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.restricted.layer import RestrictedLayer
from lowland.core.damage import check_arrays, require


def restricted_arrays(model: RestrictedLayer) -> dict[str, NDArray[Any]]:
    """Return what the layer adds to the fit within."""
    parts = {"allowed": model.allowed, "means": model.means, "errors": model.errors}
    return {f"restricted_{name}": array for name, array in parts.items()}


def restricted_model(base: PosteriorModel, arrays: Mapping[str, NDArray[Any]]) -> RestrictedLayer:
    """Return the result of `restricted_arrays`; raise ValueError if it is damaged."""
    (m, n), allowed = base.shape, arrays["restricted_allowed"]
    require(base.axes, "its columns have no covariance to be predicted by")
    require(allowed.dtype == bool and allowed.shape == (n, n), "it does not say what may inform what")
    require(bool(np.diag(allowed).all()), "a column may not inform itself")
    check_arrays(arrays, {f"restricted_{name}": f"{m} {n}" for name in ("means", "errors")})
    means, errors = arrays["restricted_means"], arrays["restricted_errors"]
    require(bool((errors >= 0).all()), "a standard error is negative")
    return RestrictedLayer(base, allowed, means, errors)
