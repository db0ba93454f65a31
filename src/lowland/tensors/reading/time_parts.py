"""Parts of times: years, days, hours and others, with all levels between the first and the last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import InvalidInputError

Times = NDArray[np.datetime64]
# what makes times a grid of days and times of day: of each so many, and this share of all pairs
FEWEST_DAYS, FEWEST_TIMES, GRID = 3, 4, 0.6
# microseconds of an hour
HOUR = 3_600_000_000
_DAY, _MONDAY = np.timedelta64(1, "D"), np.datetime64("1970-01-05", "D")


def _since_midnight(times: Times) -> NDArray[Any]:
    return np.asarray((times - times.astype("M8[D]")).astype("m8[us]"), np.int64)


def _week(times: Times) -> NDArray[Any]:
    days = times.astype("M8[D]")
    return np.asarray(days - (days - _MONDAY) % np.timedelta64(7, "D"))


# a part's values, and the step between neighbouring levels; a time of day has the least one found
PARTS: dict[str, tuple[Callable[[Times], NDArray[Any]], Any]] = {
    "year": (lambda times: times.astype("M8[Y]").astype(np.int64) + 1970, 1),
    "month": (lambda times: times.astype("M8[M]").astype(np.int64) % 12 + 1, 1),
    "week": (_week, np.timedelta64(7, "D")),
    "day": (lambda times: times.astype("M8[D]"), _DAY),
    "yearday": (
        lambda times: (times.astype("M8[D]") - times.astype("M8[Y]").astype("M8[D]")) // _DAY + 1,
        1,
    ),
    "weekday": (lambda times: (times.astype("M8[D]") - _MONDAY) // _DAY % 7 + 1, 1),
    "hour": (lambda times: _since_midnight(times) // HOUR, 1),
    "time": (_since_midnight, None),
}


def times_of(labels: NDArray[Any], name: str) -> Times:
    """Return labels as times, as written: a time zone is left out.

    Raises
    ------
    InvalidInputError
        If a label is no date or time in ISO 8601.
    """
    if labels.dtype.kind == "M":
        return labels.astype("M8[us]")
    from datetime import datetime

    times = []
    for label in labels.tolist():
        try:
            text = str(label)
            read = datetime.fromisoformat(text if len(text) != len("2020-01") else f"{text}-01")
        except ValueError:
            raise InvalidInputError(
                f"{name} has labels that are no times",
                repr(label),
                fix="write times such as 2024-05-31 13:00, or fold by a number of labels",
            ) from None
        times.append(read.replace(tzinfo=None))
    return np.array(times, "M8[us]")


def ascending_times(labels: NDArray[Any]) -> Times | None:
    """Return labels as times if all are in ISO 8601, in ascending order; else None."""
    try:
        times = times_of(labels, "labels")
    except InvalidInputError:
        return None
    return times if (np.diff(times) > np.timedelta64(0, "us")).all() else None


def days_by_times(labels: NDArray[Any]) -> tuple[int, int] | None:
    """Return how many days and times of day labels are made of; None if they are no grid of both."""
    times = ascending_times(labels) if len(labels) >= FEWEST_DAYS * FEWEST_TIMES else None
    if times is None:
        return None
    days, hours = (len(np.unique(PARTS[part][0](times))) for part in ("day", "time"))
    full = len(labels) >= GRID * days * hours
    return (days, hours) if full and days >= FEWEST_DAYS and hours >= FEWEST_TIMES else None


def levels_of(part: str, times: Times) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the levels of a part, all from first to last if steps are equal, and that of each time."""
    if part not in PARTS:
        raise InvalidInputError("a part of times is unknown", repr(part), fix=f"use {', '.join(PARTS)}")
    values, step = PARTS[part]
    levels, codes = np.unique(values(times), return_inverse=True)
    if len(levels) > 1:
        step = np.diff(levels).min() if step is None else step
        every = levels[0] + step * np.arange(round((levels[-1] - levels[0]) / step) + 1)
        if np.isin(levels, every).all():  # unequal steps are left as they are
            levels, codes = every, np.searchsorted(every, levels)[codes]
    return (levels / HOUR if part == "time" else levels), codes
