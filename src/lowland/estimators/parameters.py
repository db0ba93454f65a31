"""Parameters of estimators: what they share, and how they are written to files and read again."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from lowland.core.brief import brief
from lowland.core.earlier_names import renamed
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason
from lowland.core.running.stage_line import show_progress


class _Estimator(BaseEstimator):
    """The base of all estimators."""

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        # scikit-learn's would print parameters that are arrays
        return brief(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # pickles of earlier versions lack the parameters that came later
        known = inspect.signature(type(self)).parameters.values()
        super().__setstate__({**{one.name: one.default for one in known}, **state})


def shown(verbose: Any) -> AbstractContextManager[None]:
    """Return a context within which progress is shown, as by `show_progress`, if `verbose` is above 0."""
    if not isinstance(verbose, int | np.integer | np.bool_) or verbose < 0:
        raise InvalidInputError("verbose must be a whole number of at least 0", repr(verbose))
    return show_progress() if verbose else nullcontext()


def warn_of_limit(search: SearchResult, *, stacklevel: int = 3) -> None:
    """Warn if a search ended at its limit of steps, before it converged or made all draws."""
    if search.stop_reason is StopReason.ITERATION_LIMIT:
        warnings.warn(
            f"the fit stopped after {search.iterations} steps, before its end: raise max_iter",
            ConvergenceWarning,
            stacklevel=stacklevel,
        )


def parameters_as_data(model: BaseEstimator) -> dict[str, Any]:
    """Return an estimator's parameters in a form that JSON can hold; a random state only if it is an int."""
    out: dict[str, Any] = {}
    for name, value in model.get_params(deep=False).items():
        if isinstance(value, Mapping):
            out[name] = {"pairs": [[_plain(key), _plain(word)] for key, word in value.items()]}
        elif name != "random_state" or isinstance(value, int | np.integer):
            out[name] = _plain(value)
    return out


def parameters_from_data(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters from the result of `parameters_as_data`."""
    return {
        name: {key: tuple(word) if isinstance(word, list) else word for key, word in value["pairs"]}
        if isinstance(value, Mapping)
        else tuple(value)
        if isinstance(value, list)
        else value
        for name, value in renamed(plain).items()
    }


def _plain(value: Any) -> Any:
    """Return what JSON can hold of a value: of arrays, lists."""
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value
