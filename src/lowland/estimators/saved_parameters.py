"""Convert an estimator's parameters to plain data and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from lowland.core.earlier_names import renamed


def parameters_as_data(model: BaseEstimator) -> dict[str, Any]:
    """Return an estimator's parameters in a form that JSON can hold; a random state only if it is an int."""
    out: dict[str, Any] = {}
    for name, value in model.get_params(deep=False).items():
        if isinstance(value, Mapping):
            out[name] = {"pairs": [[_plain(key), _plain(own)] for key, own in value.items()]}
        elif name != "random_state" or isinstance(value, int | np.integer):
            out[name] = _plain(value)
    return out


def parameters_from_data(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters from the result of `parameters_as_data`."""
    return {
        name: {key: own for key, own in value["pairs"]} if isinstance(value, Mapping) else value
        for name, value in renamed(plain).items()
    }


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
