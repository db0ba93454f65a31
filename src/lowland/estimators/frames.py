"""Data frames with columns that are no numbers: yes and no, categories, ordered levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lowland.completion.column_kinds import LEVELS
from lowland.completion.column_losses import Losses
from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError

# levels of a column by its name, in order; their positions are the numbers that are fitted
Levels = dict[Any, tuple[Any, ...]]
YES_NO = (False, True)


def read_levels(frame: Any) -> tuple[Levels, dict[Any, str]]:
    """Return the levels of a frame's columns that hold no numbers, and the losses that suit them.

    Parameters
    ----------
    frame : data frame or anything else
        Of what is no frame nothing is returned.

    Returns
    -------
    levels : dict
        By name of the column.
    losses : dict
        "logistic" for two levels, "ordinal" for ordered ones, by name, or by position where names are no
        text. A column of one level is left to squares.

    Raises
    ------
    InvalidInputError
        If a column has more than two levels and no order, or holds neither numbers nor levels.
    """
    levels: Levels = {}
    losses: dict[Any, str] = {}
    wrapped = _wrapped(frame)
    if wrapped is None:
        return levels, losses
    named = all(isinstance(name, str) for name in wrapped.columns)
    for j, series in enumerate(wrapped.iter_columns()):
        if series.dtype.is_numeric():
            continue
        own, ordered = _levels_of(series)
        if len(own) > 2 and not ordered:
            raise InvalidInputError(
                f"column {series.name!r} has more than two levels and no order",
                ", ".join(map(repr, own[:4])),
                fix="make it an ordered categorical (an Enum in Polars), or one yes-no column per level",
            )
        levels[series.name] = own
        seen = series.drop_nulls().n_unique() if len(own) else 0
        if seen > 1:
            losses[series.name if named else j] = "ordinal" if len(own) > 2 else "logistic"
    return levels, losses


def _levels_of(series: Any) -> tuple[tuple[Any, ...], bool]:
    """Return the levels of a column that holds no numbers, and whether they have an order."""
    import narwhals as nw

    if series.dtype == nw.Boolean:
        return YES_NO, True
    if isinstance(series.dtype, nw.Enum):
        found = tuple(getattr(series.dtype, "categories", ()))
        if all(isinstance(level, str | int | float | bool) for level in found):
            return found, True
    elif series.dtype in (nw.Categorical, nw.String, nw.Object, nw.Unknown):
        cells = [x for x in series.to_list() if x is not None and x == x]
        if all(isinstance(x, bool | np.bool_) for x in cells):  # also where nothing is known
            return YES_NO, True
        if all(isinstance(x, str) for x in cells):
            return tuple(sorted(set(cells))), False
    elif series.null_count() == len(series):
        return YES_NO, True
    raise InvalidInputError(
        f"column {series.name!r} holds neither numbers nor levels", str(series.dtype), fix="drop or encode it"
    )


def chosen_losses(asked: Losses, auto: bool, suited: Mapping[Any, str], levels: Levels) -> Losses:
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
            return dict(suited) or asked
        words: Mapping[Any, str] = dict.fromkeys(levels, asked)
        chosen: Losses = asked
    else:
        words = {**suited, **asked}
        chosen = dict(words)
    for name, own in levels.items():
        if len(own) > 1 and own != YES_NO and words.get(name, LEVELS[0]) not in LEVELS:
            raise InvalidInputError(
                f"column {name!r} holds levels, which loss {words.get(name)!r} does not take",
                ", ".join(map(repr, own[:4])),
                fix='use "logistic" or "ordinal"',
            )
    return chosen


def encode(frame: Any, levels: Levels) -> Any:
    """Return a frame with its levels as numbers, NaN where missing; anything else as it is."""
    import narwhals as nw

    wrapped = _wrapped(frame)
    if wrapped is None or not levels:
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

    wrapped = _wrapped(frame)
    if wrapped is None:
        return filled
    made = []
    for j, series in enumerate(wrapped.iter_columns()):
        missing = np.asarray(series.is_null().to_list())
        if series.dtype.is_float():
            missing = missing | np.isnan(series.to_numpy().astype(np.float64))
        own = levels.get(series.name)
        if not missing.any() or own == ():
            continue
        at = np.flatnonzero(missing)
        if own is None:
            single = series.dtype == nw.Float32
            cells = filled[at, j].astype(np.float32 if single else np.float64).tolist()
            cells = np.asarray(cells, np.float32) if single else cells
            series = series.cast(nw.Float64) if series.dtype.is_integer() else series
        else:  # a loss for numbers may predict beyond the levels
            places = np.clip(np.round(filled[at, j]), 0, len(own) - 1).astype(int)
            cells = [own[k] for k in places.tolist()]
        made.append(series.scatter(at.tolist(), cells))
    return wrapped.with_columns(*made).to_native()


def _wrapped(frame: Any) -> Any:
    """Return a data frame as narwhals sees it, None for anything else."""
    import narwhals as nw

    try:
        wrapped = nw.from_native(frame, eager_only=True, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise InvalidInputError(
            "two columns have the same name", str(error).splitlines()[0], fix="rename one of them"
        ) from error
    return wrapped if isinstance(wrapped, nw.DataFrame) else None
