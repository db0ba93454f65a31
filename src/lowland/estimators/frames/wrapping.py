"""Data frames of any library behind one interface, with names that tell their columns apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from lowland.core.errors import InvalidInputError


def wrap_frame(frame: Any) -> Any:
    """Return a data frame wrapped by narwhals, or None for anything else.

    Raises
    ------
    InvalidInputError
        If two columns have the same name.
    """
    import narwhals as nw

    try:
        wrapped = nw.from_native(frame, eager_only=True, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise InvalidInputError(
            "two columns have the same name", str(error).partition("- ")[2], fix="rename one of them"
        ) from error
    return wrapped if isinstance(wrapped, nw.DataFrame) else None


def check_frame(wrapped: Any) -> None:
    """Raise if a frame has no rows, or its columns have no names that tell them apart."""
    check_names(wrapped.columns)
    if wrapped.columns and not len(wrapped):
        raise InvalidInputError(
            "the data frame has no rows", f"{len(wrapped.columns)} columns", fix="pass at least one row"
        )


def in_order(frame: Any, names: Sequence[Any], untouched: Collection[Any] = ()) -> Any:
    """Return a frame with its columns in an order, if it has these and no others but those untouched."""
    wrapped = wrap_frame(frame)
    if wrapped is None:
        return frame
    left = [name for name in wrapped.columns if name in untouched]
    fitted = [name for name in wrapped.columns if name not in untouched]
    if fitted == list(names) or len(fitted) != len(names) or set(fitted) != set(names):
        return frame
    return wrapped.select([*names, *left]).to_native()


def check_names(names: Sequence[Any]) -> None:
    """Raise if a column has no name, or some names are text and others are not."""
    for place, name in enumerate(names):
        if name is None or name != name:
            raise InvalidInputError(
                "a column of the data frame has no name", f"{name!r}, column {place + 1}", fix="rename it"
            )
    kinds = {_kind(name): name for name in reversed(names)}
    if len(kinds) > 1:
        raise InvalidInputError(
            "names of columns are of several kinds",
            ", ".join(f"{name!r} ({kind})" for kind, name in kinds.items()),
            "columns are told apart by their names",
            "make all of them text: frame.columns = frame.columns.astype(str)",
        )


def _kind(name: Any) -> str:
    is_number = isinstance(name, int | float | np.number) and not isinstance(name, bool | np.bool_)
    return "text" if isinstance(name, str) else "a number" if is_number else type(name).__name__
