"""Errors of scikit-learn about data frames, in words that name the column and what to do."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.held import are_values
from lowland.estimators.frames.wrapping import wrap_frame

# columns that are listed
LISTED = 6


def in_words(error: ValueError, frame: Any, fitted: Collection[str] | None) -> ValueError:
    """Return an error about a data frame in words; about anything else, as it is.

    The words of scikit-learn come first where estimators are checked for them.

    Parameters
    ----------
    error : ValueError
    frame : data frame or anything else
        Columns that take no part in a fit are not there.
    fitted : collection of str or None
        Names of the columns of the fit.
    """
    wrapped = wrap_frame(frame)
    if wrapped is None:
        return error
    infinite = [one.name for one in wrapped.iter_columns() if are_values(one) and _has_infinity(one)]
    if infinite:
        return InvalidInputError(
            f"column {infinite[0]!r} holds infinity",
            "an infinite value",
            fix="leave missing cells empty",
        )
    if fitted is None or list(wrapped.columns) == list(fitted):
        return error
    missing = [name for name in fitted if name not in wrapped.columns]
    more = [name for name in wrapped.columns if name not in fitted]
    found = [f"without {listed(missing)}"] * bool(missing) + [f"with {listed(more)}"] * bool(more)
    return InvalidInputError(
        str(error).rstrip("\n"),
        ", ".join(found) or f"the order {listed(wrapped.columns)}",
        "columns are those of the fit, in its order",
        "add a missing column, empty, to have it predicted; drop others and order them by "
        "frame[list(model.feature_names_in_)]",
    )


def _has_infinity(series: Any) -> bool:
    return bool(series.dtype.is_float() and np.isinf(series.drop_nulls().to_numpy().astype(np.float64)).any())


def listed(names: Collection[Any]) -> str:
    """Return names, the first of many."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(repr(_plain(name)) for name in list(names)[:LISTED]) + more


def _plain(name: Any) -> Any:
    """Return a name, or one of several levels, without NumPy's kinds."""
    if isinstance(name, tuple):
        return tuple(map(_plain, name))
    return name.item() if isinstance(name, np.generic) else name
