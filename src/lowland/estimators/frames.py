"""Data frames with columns that are no numbers: yes and no, categories, ordered levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.systems.column_kinds import LEVELS
from lowland.systems.columns import Losses

# levels of a column, in order; their positions are the numbers that are fitted
Levels = dict[str, tuple[Any, ...]]


def read_levels(frame: Any) -> tuple[Levels, dict[str, str]]:
    """Return the levels of a frame's columns that hold no numbers, and the losses that suit them.

    Parameters
    ----------
    frame : data frame or anything else
        Of what is no frame nothing is returned.

    Returns
    -------
    levels : dict of str to tuple
    losses : dict of str to str
        "logistic" for two levels, "ordinal" for ordered ones.

    Raises
    ------
    InvalidInputError
        If a column has more than two levels and no order.
    """
    import narwhals as nw

    wrapped = nw.from_native(frame, eager_only=True, pass_through=True)
    levels: Levels = {}
    losses: dict[str, str] = {}
    if not isinstance(wrapped, nw.DataFrame):
        return levels, losses
    for series in wrapped.iter_columns():  # names need not be text
        name = series.name
        if series.dtype.is_numeric():
            continue
        ordered = isinstance(series.dtype, nw.Enum)
        if series.dtype == nw.Boolean:
            levels[name] = (False, True)
        elif ordered:
            levels[name] = tuple(getattr(series.dtype, "categories", ()))
        elif series.dtype in (nw.Categorical, nw.String):
            levels[name] = tuple(sorted(series.drop_nulls().unique().to_list()))
        else:
            raise InvalidInputError(
                f"column {name!r} holds neither numbers nor levels",
                str(series.dtype),
                fix="drop or encode it",
            )
        if len(levels[name]) > 2 and not ordered:
            raise InvalidInputError(
                f"column {name!r} has more than two levels and no order",
                ", ".join(map(repr, levels[name][:4])),
                fix="make it an ordered categorical (an Enum in Polars), or one yes-no column a level",
            )
        losses[name] = "ordinal" if len(levels[name]) > 2 else "logistic"
    return levels, losses


def chosen_losses(asked: Losses, auto: bool, suited: Mapping[str, str], levels: Levels) -> Losses:
    """Return the losses asked for, columns of levels that are not named having the one that suits them.

    Parameters
    ----------
    asked : str or mapping
    auto : bool
        Whether the user left the choice.
    suited : mapping
        From `read_levels`.
    levels : Levels
    """
    if isinstance(asked, str):
        if auto:
            return {str(name): word for name, word in suited.items()} or asked
        chosen: Losses = asked
        words = dict.fromkeys(levels, asked)
    else:
        named: dict[str | int, str] = {**{str(name): word for name, word in suited.items()}, **asked}
        chosen, words = named, {str(name): word for name, word in named.items()}
    for name, own in levels.items():
        if own != (False, True) and words.get(name, "") not in LEVELS:
            raise InvalidInputError(
                f"column {name!r} holds levels, which loss {words.get(name)!r} does not take",
                ", ".join(map(repr, own[:4])),
                fix='use "logistic" or "ordinal"',
            )
    return chosen


def encode(frame: Any, levels: Levels) -> Any:
    """Return a frame with its levels as numbers, NaN where missing; anything else as it is."""
    import narwhals as nw

    wrapped = nw.from_native(frame, eager_only=True, pass_through=True)
    if not isinstance(wrapped, nw.DataFrame) or not levels:
        return frame
    made = []
    for series in (series for series in wrapped.iter_columns() if series.name in levels):
        name = series.name
        codes = {level: float(k) for k, level in enumerate(levels[name])}
        missing, cells = series.is_null().to_list(), series.to_list()
        unknown = {x for x, gap in zip(cells, missing, strict=True) if not gap and x not in codes}
        if unknown:
            raise InvalidInputError(
                f"column {name!r} has a level that the fit does not know",
                repr(next(iter(unknown))),
                f"it knows {', '.join(map(repr, levels[name][:6]))}",
                "leave the cell missing, or fit again",
            )
        numbers = [np.nan if gap else codes[x] for x, gap in zip(cells, missing, strict=True)]
        made.append(nw.new_series(name, numbers, nw.Float64, backend=wrapped.implementation))
    return wrapped.with_columns(*made).to_native()


def decode(frame: Any, filled: Matrix, levels: Levels) -> Any:
    """Return a frame with its holes filled, levels by their names; an array for what is no frame."""
    import narwhals as nw

    wrapped = nw.from_native(frame, eager_only=True, pass_through=True)
    if not isinstance(wrapped, nw.DataFrame):
        return filled
    made = []
    for j, series in enumerate(wrapped.iter_columns()):
        missing = np.asarray(series.is_null().to_list())
        if series.dtype.is_float():
            missing = missing | np.isnan(series.to_numpy().astype(np.float64))
        if not missing.any():
            continue
        at, own = np.flatnonzero(missing).tolist(), levels.get(series.name)
        cells = [float(filled[i, j]) if own is None else own[round(filled[i, j])] for i in at]
        made.append((series.cast(nw.Float64) if series.dtype.is_integer() else series).scatter(at, cells))
    return wrapped.with_columns(*made).to_native()
