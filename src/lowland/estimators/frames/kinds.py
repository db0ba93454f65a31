"""Data frames whose columns are not all numbers: levels, and columns that a fit leaves as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, final

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.held import (
    NOTHING_SAID,
    PLAIN,
    Written,
    are_values,
    as_numbers,
    find_written,
    holds_number,
    is_declared,
    is_mark,
    known_cells,
    missing_cells,
)
from lowland.estimators.frames.roles import frame_roles
from lowland.estimators.frames.wrapping import check_frame, wrap_frame
from lowland.files.beside_numbers import is_censored
from lowland.files.columns.dates import UNCLEAR
from lowland.files.columns.roles import EMPTY, are_levels, hold_levels, refuse_no_data
from lowland.files.columns.times import EITHER_FIRST
from lowland.files.evidence import Decision
from lowland.files.numerals import Numerals, are_marks
from lowland.files.table_format import TableFormat

if TYPE_CHECKING:
    from lowland.completion.columns.losses import Losses
    from lowland.completion.encoded.levels import LevelKind

# ordered levels by column name; a level is fitted as its position
Levels = dict[Any, tuple[Any, ...]]
YES_NO = (False, True)
TWO_WAYS = "text whose commas or points may be decimal marks, or stand between thousands"


@final
@dataclass(frozen=True)
class FrameKinds:
    """What the columns of a data frame hold; all empty for anything else.

    Parameters
    ----------
    levels : dict
        Levels of the columns that hold some, by name.
    losses : dict
        "logistic" for two levels, "ordinal" for ordered levels; by column name, or by position if names are
        not text. A column with a single level keeps the squared loss.
    untouched : dict of str
        Columns that hold neither numbers nor levels, with what they hold. They take no part in a fit.
    words : dict
        Levels without an order of the columns that hold some, by name: a few words.
    written : dict
        How columns of text write numbers, by name, where it is unusual.
    names : tuple
        All columns, in their order.
    labels : str
        The column, one of those untouched, that names the rows; "" if none does.
    time : pair of str
        The column of dates that says the order of the rows, and how they are written; "" if none does.
    roles : Decision
        What was decided of the columns.
    """

    levels: Levels = field(default_factory=dict)
    losses: dict[Any, str] = field(default_factory=dict)
    untouched: dict[Any, str] = field(default_factory=dict)
    words: Levels = field(default_factory=dict)
    written: dict[Any, Numerals] = field(default_factory=dict)
    names: tuple[Any, ...] = ()
    labels: Any = ""
    time: tuple[str, str] = ("", "")
    roles: Decision = Decision("wide", ())  # noqa: RUF009 - it cannot be changed

    def with_words(self) -> FrameKinds:
        """Return the kinds with levels without an order among the levels, and no longer untouched."""
        left = {name: what for name, what in self.untouched.items() if name not in self.words}
        return replace(self, levels={**self.levels, **self.words}, untouched=left)

    def without_words(self) -> FrameKinds:
        """Return the kinds for a fit that takes no levels without an order; raise if nothing is left."""
        if self.words and len(self.untouched) == len(self.names):
            raise self.nothing_to_fit()
        return self

    def nothing_to_fit(self) -> InvalidInputError:
        """Return the error of a frame without any column that a fit takes."""
        return InvalidInputError(
            "no column of the data frame holds numbers or levels",
            ", ".join(f"{name!r}: {what}" for name, what in list(self.untouched.items())[:6]) or "no columns",
            fix="pass a table of numbers; of a list of cells, Observations.from_frame",
        )

    def level_kinds(self) -> dict[int, LevelKind]:
        """Return the columns of at least two levels by their position among the fitted columns."""
        from lowland.completion.encoded.levels import LevelKind

        fitted = [name for name in self.names if name not in self.untouched]
        counts = {place: len(self.levels.get(name, ())) for place, name in enumerate(fitted)}
        return {
            place: LevelKind(count, count > 2 and fitted[place] not in self.words)
            for place, count in counts.items()
            if count > 1
        }


def read_kinds(frame: Any, form: TableFormat = NOTHING_SAID) -> FrameKinds:
    """Return what the columns of a frame hold.

    Parameters
    ----------
    frame : data frame or anything else
    form : TableFormat
        What a person says about columns.

    Raises
    ------
    InvalidInputError
        If no column holds numbers or levels.
    """
    kinds = FrameKinds()
    wrapped = wrap_frame(frame)
    if wrapped is None:
        return kinds
    check_frame(wrapped)
    named = all(isinstance(name, str) for name in wrapped.columns)
    used = 0
    roles = frame_roles(wrapped, form) if named and wrapped.columns else Decision("wide", ())
    left_out = _left_out(roles) if named else dict.fromkeys(_named_in(form, wrapped.columns), "as asked")
    written, doubtful = find_written(_texts(wrapped, left_out))
    for series in wrapped.iter_columns():
        numerals = written.get(series.name, PLAIN)
        kind, values = (EMPTY, ()) if _is_blank(series) else _kind_of(series, numerals)
        left = left_out.get(series.name, "")
        if left and not (is_declared(series) and left != "as asked"):
            kinds.untouched[series.name] = left
            continue
        if kind == "levels":
            kinds.levels[series.name] = values
            if len(set(known_cells(series))) > 1:
                kinds.losses[series.name if named else used] = "ordinal" if len(values) > 2 else "logistic"
        elif kind != "numbers":
            kinds.untouched[series.name] = TWO_WAYS if series.name in doubtful else kind
            if values and _hold_levels(series):
                kinds.words[series.name] = values
            continue
        elif series.name in written:
            kinds.written[series.name] = written[series.name]
        used += 1
    if not used and not kinds.words:
        raise kinds.nothing_to_fit()
    refuse_no_data(kinds.with_words().untouched, form, "the data frame")
    names = tuple(wrapped.columns)
    labels = next((name for name in roles.roles if name in kinds.untouched), "")
    time = roles.time, roles.dates.get(roles.time, "")
    return replace(kinds, names=names, labels=labels, time=time, roles=roles)


def _left_out(roles: Decision) -> dict[Any, str]:
    """Return the columns that hold neither numbers nor levels, by what they are called and hold together."""
    left = dict(roles.as_is)
    for labels in roles.roles:  # one or none, whose name may be ""
        unclear = roles.dates.get(labels) == UNCLEAR
        left[labels] = f"labels of the rows, {EITHER_FIRST}" if unclear else "labels of the rows"
    return left


def _named_in(form: TableFormat, names: Collection[Any]) -> list[Any]:
    """Return the columns that are left out, of a frame whose names are no text.

    Raises
    ------
    InvalidInputError
        If a column that was named does not exist.
    """
    for option, asked in (("as_data", form.as_data), ("as_is", form.as_is)):
        for name in asked:
            if name not in names:
                raise InvalidInputError(
                    f"{option} names a column that the data frame does not have",
                    repr(name),
                    fix=f"name one of {', '.join(map(repr, names))}",
                )
    return list(form.as_is)


def _texts(wrapped: Any, left_out: Collection[Any]) -> dict[Any, list[str]]:
    """Return the distinct cells of columns of text that may hold numbers."""
    import narwhals as nw

    some = [s for s in wrapped.iter_columns() if s.name not in left_out and s.dtype in (nw.String, nw.Object)]
    cells = {series.name: dict.fromkeys(x for x in series.to_list() if isinstance(x, str)) for series in some}
    for series in some:
        if any(map(is_censored, cells[series.name])):  # bounds are so among numbers, which need not be text
            numbers = (x for x in series.to_list() if isinstance(x, int | float) and x == x)
            cells[series.name] |= dict.fromkeys(map(str, numbers))
    return {name: list(own) for name, own in cells.items() if own}


def _kind_of(series: Any, numerals: Numerals) -> tuple[str, tuple[Any, ...]]:
    """Return "numbers", or "levels" with them, or what else a column holds."""
    import narwhals as nw

    if are_values(series) or series.dtype == nw.Decimal:
        return "numbers", ()
    if series.dtype == nw.Boolean:
        return "levels", YES_NO
    if isinstance(series.dtype, nw.Enum):
        categories = tuple(getattr(series.dtype, "categories", ()))
        if all(isinstance(level, str | int | float | bool) for level in categories):
            return "levels", categories
        return "categories that are neither text nor numbers", ()
    if series.dtype in (nw.Date, nw.Datetime):
        return "dates", ()
    if series.dtype in (nw.Categorical, nw.String, nw.Object, nw.Unknown):
        try:
            cells = known_cells(series)
        except (NotImplementedError, TypeError, ValueError):  # such as categories that are intervals
            return f"{series.dtype} of another kind", ()
        if series.dtype == nw.Categorical:
            return _kind_of_categories(cells)
        return _kind_of_cells(cells, numerals)
    return str(series.dtype), ()


def _kind_of_categories(cells: list[Any]) -> tuple[str, tuple[Any, ...]]:
    """Return the same for a column of categories without an order: levels, even if they are numbers."""
    if all(isinstance(x, bool | np.bool_) for x in cells):
        return "levels", YES_NO
    if not all(isinstance(x, str | int | float) for x in cells):
        return "categories that are neither text nor numbers", ()
    return _of_words(cells) if not are_marks([str(x).strip() for x in cells]) else (EMPTY, ())


def _is_blank(series: Any) -> bool:
    """Return whether a column holds nothing."""
    if series.null_count() == len(series):
        return len(series) > 0
    return bool(series.dtype.is_float() and np.isnan(series.to_numpy().astype(np.float64)).all())


def _kind_of_cells(cells: list[Any], numerals: Numerals) -> tuple[str, tuple[Any, ...]]:
    """Return the same for a column of objects or text, by its cells that hold something."""
    if are_marks([x.strip() if isinstance(x, str) else str(x) for x in cells]):
        return EMPTY, ()
    known = [x for x in cells if not is_mark(x)]
    if known and all(isinstance(x, bool | np.bool_) for x in known):
        return "levels", YES_NO
    if known and all(holds_number(x, numerals) for x in known):
        return "numbers", ()
    if not all(isinstance(x, str) for x in cells):
        types = {type(x).__name__ for x in cells}
        return f"objects of {f'type {types.pop()}' if len(types) == 1 else 'several kinds'}", ()
    other = [x for x in dict.fromkeys(known) if not holds_number(x, numerals)]
    words = [x.strip() for x in cells]  # as in files
    if other and 2 * len(other) <= len(set(known)) and not are_levels(len(set(words)), len(words)):
        return f"numbers, and text such as {other[0]!r}", ()
    return _of_words(words)


def _of_words(cells: list[Any]) -> tuple[str, tuple[Any, ...]]:
    """Return the same for a column of words, or of numbers that are none."""
    words = tuple(sorted(set(cells), key=lambda x: (isinstance(x, str), x)))
    if len(words) <= 2 and are_levels(len(words), len(cells)):
        return "levels", words
    return f"{len(words)} words without an order", words


def _hold_levels(series: Any) -> bool:
    """Whether words repeat often enough to be levels: names differ from line to line."""
    cells = [cell.strip() if isinstance(cell, str) else cell for cell in known_cells(series)]
    return hold_levels(cells, declared=is_declared(series))


def chosen_losses(asked: Losses, auto: bool, suited: Mapping[Any, str], levels: Levels) -> Losses:
    """Return the requested losses; columns of levels that are not named get the loss that suits them.

    Parameters
    ----------
    asked : str or mapping
    auto : bool
        Whether the loss was left at "auto".
    suited : mapping
        From `read_kinds`.
    levels : Levels
    """
    from lowland.completion.columns.kinds import LEVELS

    if isinstance(asked, str):
        if auto:
            return dict(suited) or asked
        words: Mapping[Any, str] = dict.fromkeys(levels, asked)
        chosen: Losses = asked
    else:
        words = {**suited, **asked}
        chosen = dict(words)
    for name, of_column in levels.items():
        if len(of_column) > 1 and of_column != YES_NO and words.get(name, LEVELS[0]) not in LEVELS:
            raise InvalidInputError(
                f"column {name!r} holds levels, which loss {words.get(name)!r} does not take",
                ", ".join(map(repr, of_column[:4])),
                fix='use "logistic" or "ordinal"',
            )
    return chosen


def encode(
    frame: Any, levels: Levels, untouched: Collection[Any] = (), written: Written = MappingProxyType({})
) -> Any:
    """Return the fitted columns of a frame as numbers, NaN if missing; anything else unchanged."""
    import narwhals as nw

    wrapped = wrap_frame(frame)
    if wrapped is None:
        return frame
    check_frame(wrapped)
    left = wrapped.drop([name for name in wrapped.columns if name in untouched]) if untouched else wrapped
    made = []
    for series in left.iter_columns():
        if series.name in levels:
            numbers = _codes(series, levels[series.name])
        elif are_values(series) or series.dtype == nw.Boolean:
            continue
        else:
            numbers = as_numbers(series, written.get(series.name, PLAIN))
        made.append(nw.new_series(series.name, numbers, nw.Float64, backend=wrapped.implementation))
    return left.with_columns(*made).to_native() if made or untouched else frame


def _codes(series: Any, levels: tuple[Any, ...]) -> list[float]:
    """Return levels as their positions."""
    import narwhals as nw

    codes = {level: float(k) for k, level in enumerate(levels)}
    cells = series.to_list()
    missing = missing_cells(series, levels)
    if not isinstance(series.dtype, nw.Categorical | nw.Enum):
        cells = [x.strip() if isinstance(x, str) and x not in codes else x for x in cells]
    unknown = [x for x, gap in zip(cells, missing, strict=True) if not (gap or (_is_plain(x) and x in codes))]
    if unknown:
        raise InvalidInputError(
            f"column {series.name!r} has a level that the fit does not know",
            repr(unknown[0]),
            f"the levels of the fit are {', '.join(map(repr, levels[:6]))}",
            "leave the cell missing, or fit again",
        )
    return [np.nan if gap else codes[x] for x, gap in zip(cells, missing, strict=True)]


def _is_plain(cell: Any) -> bool:
    """Return whether a cell may be a level: one value."""
    return isinstance(cell, str | int | float | np.generic)
