"""Which columns may inform which, as a person says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.core.errors import InvalidInputError
from lowland.core.wording import counted

# whether column j may inform column i
Allowed: TypeAlias = "NDArray[np.bool_]"


def read_predictors(given: Any, labels: TableLabels) -> Allowed | None:
    """Return which columns may inform which, None if all may; each may inform itself.

    Parameters
    ----------
    given : mapping of label to labels, or array_like of bool, shape (n, n), or None
        Columns that a mapping does not name are informed by all others.
    labels : TableLabels

    Raises
    ------
    InvalidInputError
        If a column is not known, or it is neither a mapping nor such a matrix.
    """
    if given is None:
        return None
    n = labels.shape[1]
    if isinstance(given, Mapping):
        allowed = np.ones((n, n), bool)
        for name, others in given.items():
            if isinstance(others, str | bytes) or not np.iterable(others):
                raise InvalidInputError(
                    "predictors of a column must be a list of columns", f"{others!r} of column {name!r}"
                )
            row = labels.positions(_listed([name], labels), 1)[0]
            allowed[row] = False
            allowed[row, labels.positions(_listed(list(others), labels), 1)] = True
    else:
        allowed = np.array(given)
        if allowed.dtype != bool or allowed.shape != (n, n):
            raise InvalidInputError(
                "predictors must be a mapping of columns to lists of columns, or a matrix of truth values",
                f"{allowed.dtype} of shape {allowed.shape} for {counted(n, 'column')}",
            )
    np.fill_diagonal(allowed, True)
    return None if allowed.all() else allowed


def _listed(names: list[Any], labels: TableLabels) -> NDArray[Any]:
    """Return labels as an array: they may be of several types, while positions are whole numbers."""
    return np.array(names, dtype=np.intp if not names else None if labels.columns is None else object)
