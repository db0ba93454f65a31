"""An estimator's parameters as plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def parameters_as_data(model: Any) -> dict[str, Any]:
    """Return the parameters of an estimator as JSON can hold them; a random state only if it is a number."""
    out: dict[str, Any] = {}
    for name, value in model.get_params(deep=False).items():
        if isinstance(value, Mapping):
            out[name] = {"pairs": [[_plain(key), _plain(own)] for key, own in value.items()]}
        elif name != "random_state" or isinstance(value, int | np.integer):
            out[name] = _plain(value)
    return out


def parameters_from_data(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters from what `parameters_as_data` made."""
    return {
        name: {key: own for key, own in value["pairs"]} if isinstance(value, Mapping) else value
        for name, value in plain.items()
    }


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
