"""Data frames with non-numeric columns: booleans, categories and ordered levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError

if TYPE_CHECKING:
    from lowland.completion.column_losses import Losses

# ordered levels by column name; a level is fitted as its position
Levels = dict[Any, tuple[Any, ...]]
YES_NO = (False, True)


def read_levels(frame: Any) -> tuple[Levels, dict[Any, str]]:
    """Return the levels of a frame's non-numeric columns, and the losses that suit them.

    Parameters
    ----------
    frame : data frame or anything else
        The results are empty for anything that is not a data frame.

    Returns
    -------
    levels : dict
        By column name.
    losses : dict
        "logistic" for two levels, "ordinal" for ordered levels; by column name, or by position if names are
        not text. A column with a single level keeps the squared loss.

    Raises
    ------
    InvalidInputError
        If a column has more than two unordered levels, or holds neither numbers nor levels.
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
                fix="make it an ordered categorical (an Enum in Polars), or one boolean column per level",
            )
        levels[series.name] = own
        seen = series.drop_nulls().n_unique() if len(own) else 0
        if seen > 1:
            losses[series.name if named else j] = "ordinal" if len(own) > 2 else "logistic"
    return levels, losses


def _levels_of(series: Any) -> tuple[tuple[Any, ...], bool]:
    """Return the levels of a non-numeric column, and whether they are ordered."""
    import narwhals as nw

    if series.dtype == nw.Boolean:
        return YES_NO, True
    if isinstance(series.dtype, nw.Enum):
        found = tuple(getattr(series.dtype, "categories", ()))
        if all(isinstance(level, str | int | float | bool) for level in found):
            return found, True
    elif series.dtype in (nw.Categorical, nw.String, nw.Object, nw.Unknown):
        cells = [x for x in series.to_list() if x is not None and x == x]
        if all(isinstance(x, bool | np.bool_) for x in cells):  # also if all cells are missing
            return YES_NO, True
        if all(isinstance(x, str) for x in cells):
            return tuple(sorted(set(cells))), False
    elif series.null_count() == len(series):
        return YES_NO, True
    raise InvalidInputError(
        f"column {series.name!r} holds neither numbers nor levels", str(series.dtype), fix="drop or encode it"
    )


def chosen_losses(asked: Losses, auto: bool, suited: Mapping[Any, str], levels: Levels) -> Losses:
    """Return the requested losses; columns of levels that are not named get the loss that suits them.

    Parameters
    ----------
    asked : str or mapping
    auto : bool
        Whether the loss was left at "auto".
    suited : mapping
        From `read_levels`.
    levels : Levels
    """
    from lowland.completion.column_kinds import LEVELS

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
    """Return a frame with its levels as numbers, NaN if missing; anything else unchanged."""
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
                f"the levels of the fit are {', '.join(map(repr, levels[name][:6]))}",
                "leave the cell missing, or fit again",
            )
        numbers = [np.nan if gap else codes[x] for x, gap in zip(cells, missing, strict=True)]
        made.append(nw.new_series(name, numbers, nw.Float64, backend=wrapped.implementation))
    return wrapped.with_columns(*made).to_native()


def decode(frame: Any, filled: Matrix, levels: Levels) -> Any:
    """Return a frame with its missing cells filled, levels by name; for other input, return the array."""
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
        else:  # losses for numbers may predict values outside the levels
            places = np.clip(np.round(filled[at, j]), 0, len(own) - 1).astype(int)
            cells = [own[k] for k in places.tolist()]
        made.append(series.scatter(at.tolist(), cells))
    return wrapped.with_columns(*made).to_native()


def _wrapped(frame: Any) -> Any:
    """Return a data frame wrapped by narwhals, or None for anything else."""
    import narwhals as nw

    try:
        wrapped = nw.from_native(frame, eager_only=True, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise InvalidInputError(
            "two columns have the same name", str(error).splitlines()[0], fix="rename one of them"
        ) from error
    return wrapped if isinstance(wrapped, nw.DataFrame) else None
