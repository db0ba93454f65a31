"""Data frames whose columns are not all numbers: levels, and columns that a fit leaves as they are."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, final

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.roles import frame_roles
from lowland.estimators.frames.wrapping import check_names, wrap_frame
from lowland.files.columns.dates import UNCLEAR
from lowland.files.columns.roles import EMPTY, are_levels
from lowland.files.columns.times import EITHER_FIRST
from lowland.files.evidence import Decision
from lowland.files.numerals import MISSING, Numerals, are_marks
from lowland.files.table_format import TableFormat

if TYPE_CHECKING:
    from lowland.completion.columns.losses import Losses
    from lowland.completion.encoded.levels import LevelKind

PLAIN = TableFormat()
# ordered levels by column name; a level is fitted as its position
Levels = dict[Any, tuple[Any, ...]]
YES_NO = (False, True)
# text such as "007" is a name, although it looks like a number
_NAMED_BY_DIGITS = re.compile(r"[+-]?0\d.*")


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
            ", ".join(f"{name!r}: {what}" for name, what in list(self.untouched.items())[:6]),
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


def read_kinds(frame: Any, form: TableFormat = PLAIN) -> FrameKinds:
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
    check_names(wrapped.columns)
    named = all(isinstance(name, str) for name in wrapped.columns)
    used = 0
    roles = frame_roles(wrapped, form) if named and wrapped.columns else Decision("wide", ())
    labels = roles.roles[0] if roles.roles else ""
    unclear = roles.dates.get(labels) == UNCLEAR
    for series in wrapped.iter_columns():
        kind, values = (EMPTY, ()) if _is_blank(series) else _kind_of(series)
        left = roles.as_is.get(series.name, "")
        if series.name == labels:
            left = f"labels of the rows, {EITHER_FIRST}" if unclear else "labels of the rows"
        if left and not _is_declared(series):
            kinds.untouched[series.name] = left
            continue
        if kind == "levels":
            kinds.levels[series.name] = values
            seen = series.drop_nulls().n_unique() if len(values) else 0
            if seen > 1:
                kinds.losses[series.name if named else used] = "ordinal" if len(values) > 2 else "logistic"
        elif kind != "numbers":
            kinds.untouched[series.name] = kind
            if values and _are_levels(series, values):
                kinds.words[series.name] = values
            continue
        used += 1
    if kinds.untouched and not used and not kinds.words:
        raise kinds.nothing_to_fit()
    declared = labels and labels not in kinds.untouched
    names, labels = tuple(wrapped.columns), "" if declared else labels
    time = roles.time, roles.dates.get(roles.time, "")
    return replace(kinds, names=names, labels=labels, time=time, roles=roles)


def _is_declared(series: Any) -> bool:
    """Return whether the kind of a column says that it holds levels."""
    import narwhals as nw

    return series.dtype in (nw.Boolean, nw.Categorical) or isinstance(series.dtype, nw.Enum)


def _kind_of(series: Any) -> tuple[str, tuple[Any, ...]]:
    """Return "numbers", or "levels" with them, or what else a column holds."""
    import narwhals as nw

    if series.dtype.is_numeric():
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
            cells = zip(series.to_list(), _gaps(series), strict=True)
        except (NotImplementedError, TypeError, ValueError):  # such as categories that are intervals
            return f"{series.dtype} of another kind", ()
        return _kind_of_cells([x for x, gap in cells if not gap])
    return str(series.dtype), ()


def _is_blank(series: Any) -> bool:
    """Return whether a column holds nothing."""
    if series.null_count() == len(series):
        return len(series) > 0
    return bool(series.dtype.is_float() and np.isnan(series.to_numpy().astype(np.float64)).all())


def missing_cells(series: Any, levels: Collection[Any] = ()) -> list[bool]:
    """Return which cells are missing: in columns of numbers or truth values the usual marks as well."""
    are_words = any(isinstance(level, str) for level in levels)
    return [
        gap or (not are_words and is_mark(cell))
        for cell, gap in zip(series.to_list(), _gaps(series, levels), strict=True)
    ]


def _gaps(series: Any, levels: Collection[Any] = ()) -> list[bool]:
    """Return which cells hold nothing: null, not a number, or blank, which may be a level of a category."""
    return [
        bool(gap) or (is_empty(cell) and cell not in levels)
        for cell, gap in zip(series.to_list(), series.is_null().to_list(), strict=True)
    ]


def is_empty(cell: Any) -> bool:
    """Return whether a cell holds nothing, whatever the rest of its column holds."""
    return (isinstance(cell, float) and cell != cell) or (isinstance(cell, str) and not cell.strip())


def is_mark(cell: Any) -> bool:
    """Return whether a cell means missing among numbers."""
    return isinstance(cell, str) and cell.strip() in MISSING


def _kind_of_cells(cells: list[Any]) -> tuple[str, tuple[Any, ...]]:
    """Return the same for a column of objects or text, by its cells that hold something."""
    if are_marks([x.strip() if isinstance(x, str) else str(x) for x in cells]):
        return EMPTY, ()
    known = [x for x in cells if not is_mark(x)]
    if known and all(isinstance(x, bool | np.bool_) for x in known):
        return "levels", YES_NO
    if known and all(_is_number(x) for x in known):
        return "numbers", ()
    if not all(isinstance(x, str) for x in cells):
        return "objects of several kinds", ()
    words = tuple(sorted(set(cells)))
    if len(words) <= 2 and are_levels(len(words), len(cells)):
        return "levels", words
    return f"{len(words)} words without an order", words


def _are_levels(series: Any, words: tuple[Any, ...]) -> bool:
    """Whether words are few enough to be levels: names differ from line to line."""
    return are_levels(len(words), len(series) - series.null_count())


def _is_number(cell: Any) -> bool:
    if isinstance(cell, str):
        return not _NAMED_BY_DIGITS.fullmatch(cell.strip()) and Numerals().number(cell) is not None
    return isinstance(cell, int | float | Decimal | np.number) and not isinstance(cell, bool | np.bool_)


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


def encode(frame: Any, levels: Levels, untouched: Collection[Any] = ()) -> Any:
    """Return the fitted columns of a frame as numbers, NaN if missing; anything else unchanged."""
    import narwhals as nw

    wrapped = wrap_frame(frame)
    if wrapped is None:
        return frame
    check_names(wrapped.columns)
    left = wrapped.drop([name for name in wrapped.columns if name in untouched]) if untouched else wrapped
    made = []
    for series in left.iter_columns():
        if series.name in levels:
            numbers = _codes(series, levels[series.name])
        elif series.dtype.is_numeric() or series.dtype == nw.Boolean:
            continue
        else:
            numbers = as_numbers(series)
        made.append(nw.new_series(series.name, numbers, nw.Float64, backend=wrapped.implementation))
    return left.with_columns(*made).to_native() if made or untouched else frame


def _codes(series: Any, levels: tuple[Any, ...]) -> list[float]:
    """Return levels as their positions."""
    codes = {level: float(k) for k, level in enumerate(levels)}
    cells = series.to_list()
    missing = missing_cells(series, levels)
    unknown = {x for x, gap in zip(cells, missing, strict=True) if not gap and x not in codes}
    if unknown:
        raise InvalidInputError(
            f"column {series.name!r} has a level that the fit does not know",
            repr(next(iter(unknown))),
            f"the levels of the fit are {', '.join(map(repr, levels[:6]))}",
            "leave the cell missing, or fit again",
        )
    return [np.nan if gap else codes[x] for x, gap in zip(cells, missing, strict=True)]


def as_numbers(series: Any) -> list[float]:
    """Return objects and text that hold numbers as numbers."""
    numbers = []
    for cell, gap in zip(series.to_list(), missing_cells(series), strict=True):
        number = Numerals().number(cell) if isinstance(cell, str) else cell
        if gap:
            numbers.append(np.nan)
        elif number is not None and _is_number(cell):
            numbers.append(float(number))
        else:
            raise InvalidInputError(
                f"column {series.name!r} held numbers in the fit",
                repr(cell),
                fix="pass numbers, or fit again",
            )
    return numbers
