"""Which column of a long table says when its cells were observed, or under what circumstances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.labels import LabelColumn
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words
from lowland.files.columns.dates import UNCLEAR, WORDS, as_iso, find_dates
from lowland.files.evidence import Decision, Profile, are_times

# what is asked for: a column of dates if there is one, or none
AUTO, NONE = "auto", "no"
# seconds since 1970 of the parts in which times are counted
_PARTS = {"seconds": 1.0, "milliseconds": 1e-3}


def with_context(
    made: Decision, profiles: Mapping[str, Profile], asked: str, order: str | None, where: str
) -> Decision:
    """Return how a long table is laid out, with the column of the context of its cells.

    Parameters
    ----------
    made : Decision
    profiles : mapping of str to Profile
        By name of column.
    asked : str
        "auto", "no", or the name of a column.
    order : {"dmy", "mdy", "ymd"} or None
        Of days, months and years in dates that are three numbers.
    where : str
        Name of the table in messages.

    Raises
    ------
    InvalidInputError
        If a named column does not exist, has another role, or its dates may be read in two ways.
    """
    if asked == NONE:
        return made
    if asked == AUTO:
        dates = {name: _dates_of(name, profiles[name], order) for name in made.unused}
        told = [name for name, form in dates.items() if form not in ("", UNCLEAR)]
        return _with(made, told[0], dates[told[0]]) if len(told) == 1 else made
    if asked not in made.unused:
        raise InvalidInputError(
            f"{where} has no column {asked!r} besides those of row, column and value",
            ", ".join(map(repr, made.unused)) or "no other column",
            fix=Words("name one of these by ", Option("context")),
        )
    form = _dates_of(asked, profiles[asked], order)
    if form == UNCLEAR:
        raise InvalidInputError(
            f"dates in {asked!r} may be read in two ways",
            "the first two of their numbers may be the day and the month",
            fix=Words("say ", Option("dates", "dmy", "mdy")),
        )
    return _with(made, asked, form)


def _with(made: Decision, name: str, form: str) -> Decision:
    unused = tuple(other for other in made.unused if other != name)
    return replace(made, unused=unused, time=name, dates={name: form})


def _dates_of(name: str, column: Profile, order: str | None) -> str:
    """Return how the dates of a column are written, also of a column of times without a name."""
    form = find_dates(name, column, order)
    if form or not name.isdigit() or not are_times(column):
        return form
    assert column.numbers is not None
    return "seconds" if float(np.nanmax(column.numbers)) < 1e11 else "milliseconds"


def words_of_context(decision: Decision, *, asked: bool) -> str:
    """Return what is said of the column of the context of cells."""
    name, form = decision.time, decision.dates.get(decision.time, "")
    told = f"{name!r} ({WORDS[form]}) says when" if form else f"{name!r} says when or how"
    how = "" if asked else " (--context no)"
    return f"{told} cells were observed, which is used if it helps{how}"


def context_cells(column: NDArray[Any] | LabelColumn, form: str) -> NDArray[Any] | None:
    """Return a column as dates, numbers or words; None if one of its cells is no such date.

    Parameters
    ----------
    column : ndarray or LabelColumn, shape (p,)
    form : str
        How its dates are written, "" if it holds none.
    """
    names, codes = (
        (column.names, column.codes)
        if isinstance(column, LabelColumn)
        else np.unique(column, return_inverse=True)
    )
    if names.dtype.kind in "iufM" and form in ("", *_PARTS):
        if names.dtype.kind != "M" and form:
            return (names * (1e6 * _PARTS[form])).astype("datetime64[us]")[codes]
        return np.asarray(names[codes])
    known = np.array([str(name).strip() not in ("", "nan", "NaT") for name in names.tolist()])
    if not form:
        return _numbers_or_words(names, known)[codes]
    return _dates(names, known, codes, form)


def _dates(
    names: NDArray[Any], known: NDArray[np.bool_], codes: NDArray[np.intp], form: str
) -> NDArray[Any] | None:
    some = names[known]
    told = as_iso(LabelColumn(np.arange(some.size), some), form)
    if told is None:
        return None
    dates = np.full(names.size, np.datetime64("NaT", "us"))
    try:
        dates[known] = [np.datetime64(text.removesuffix("+00:00"), "us") for text in told.tolist()]
    except ValueError:  # such as quarters
        return None
    return np.asarray(dates[codes])


def _numbers_or_words(names: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
    """Return distinct cells as numbers if all of them are, else as words."""
    try:
        numbers = np.full(names.size, np.nan)
        numbers[known] = names[known].astype(np.float64)
    except ValueError:
        return np.where(known, names.astype(str), "")
    return numbers
