"""Columns of dates: how they are written, by the evidence of their cells, and the same dates in ISO 8601."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.labels import LabelColumn
from lowland.files.column_names import TIMES, parts_of, words_of
from lowland.files.evidence import Profile
from lowland.files.numerals import MISSING
from lowland.files.table_format import ORDERS

# how dates are written, and what is said of such a column
WORDS = {
    "iso": "dates",
    "named": "dates",
    "ymd": "dates",
    "dmy": "dates, day first",
    "mdy": "dates, month first",
    "month": "months",
    "digits": "dates, yyyymmdd",
    "short digits": "dates, yymmdd",
    "month digits": "months, yyyymm",
    "minute digits": "times, yyyymmddhhmm",
    "second digits": "times, yyyymmddhhmmss",
    "serial": "dates, days since 1899-12-30",
    "seconds": "times, seconds since 1970",
    "milliseconds": "times, milliseconds since 1970",
}
UNCLEAR = "unclear"
# months, quarters and years differ in length by less than this factor
LONGEST_MONTH = 31 / 28
# distinct numbers that can be dates, if of six digits, and distinct dates whose one direction is their order
FEWEST, FEWEST_SHORT, FEWEST_ONE_WAY = 3, 5, 5
# digits of dates that are whole numbers, and how they are read
_DIGITS = {
    "digits": (8, "%Y%m%d"),
    "short digits": (6, "%y%m%d"),
    "month digits": (6, "%Y%m"),
    "minute digits": (12, "%Y%m%d%H%M"),
    "second digits": (14, "%Y%m%d%H%M%S"),
}
# what is said of dates that are numbers, and may be data
NUMBERS = tuple(WORDS[form] for form in (*_DIGITS, "serial", "seconds", "milliseconds"))
# how names of columns of dates end, and the years 1970 to 2050 in days as spreadsheets count them
_DATES = frozenset(["date", "dates", "datetime", "datum", "fecha", "data"])
_FIRST_DAY, _SERIAL = datetime(1899, 12, 30), (25_569, 55_153)
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?"
_TIME = rf"(?:(?:T|,? +){_CLOCK} ?(?P<half>[AaPp]\.?[Mm]\.?)?)?"
_WEEK = re.compile(r"(\d{4})-?W(\d{2})(?:-?([1-7]))?")
_MONTH_FIRST, _YEAR_FIRST = re.compile(r"(\d{1,2})[./-](\d{4})"), re.compile(r"(\d{4})[./](\d{1,2})")
_POINTED = re.compile(r"(0[1-9]|1[0-2])\.(1[89]|20)\d\d|(1[89]|20)\d\d\.(0[1-9]|1[0-2])")
_ISO = re.compile(r"\d{4}-\d{2}(-\d{2}([ T]\d{2}:\d{2}.*)?)?|\d{4}-?Q[1-4]")
# the zone of times, which is the same in all lines of most tables
_ZONE = re.compile(r" ?(UTC|GMT|Z)([+-]\d{1,2}(:\d{2})?)?$")
_THREE = re.compile(r"(?P<a>\d{1,4})(?P<mark>[./-])(?P<b>\d{1,2})(?P=mark)(?P<c>\d{4}|\d{1,2})" + _TIME)
_MONTH = r"(?P<month>[A-Za-z]{3,9})\.?"
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?,? +)?"
_NAMED = (
    re.compile(
        _WEEKDAY
        + r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?[ -]+"
        + _MONTH
        + r"[ ,-]+(?P<year>\d{4}|\d{2})"
        + _TIME
    ),
    re.compile(_WEEKDAY + _MONTH + r"[ -]+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?[ -]+(?P<year>\d{4})" + _TIME),
    re.compile(r"(?P<year>\d{4})[ -]" + _MONTH + r"(?:[ -](?P<day>\d{1,2}))?" + _TIME),
    re.compile(_MONTH + r"[ -](?P<year>\d{4})"),
)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
# years of dates that are written as one number, and the first two-digit year of the last century
_YEARS, _LAST_CENTURY = (1800, 2100), 69
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# the years 1980 to 2050 in seconds since 1970
_SECONDS = (3.15e8, 2.53e9)
_NOON = 12


def find_dates(name: str, column: Profile, asked: str | None = None) -> str:
    """Return how the dates of a column are written: a key of `WORDS`, `UNCLEAR`, or "" if it holds none.

    Parameters
    ----------
    name : str
        Of the column.
    column : Profile
    asked : {"dmy", "mdy", "ymd"}, optional
        The order of day, month and year where they are numbers.
    """
    if column.numbers is not None:
        return _of_numbers(name, column)
    known = [word for word in column.words if word.strip() not in MISSING]
    if column.kind != "text" or not known:
        return ""
    for form in ("iso", "named", "month"):
        if all(_READERS[form](word) is not None for word in known):
            return form
    return _order_of(column, known, asked)


def as_iso(cells: NDArray[Any] | LabelColumn, form: str) -> NDArray[Any] | None:
    """Return the dates of a column as text in ISO 8601; None if a cell is none.

    Parameters
    ----------
    cells : ndarray, shape (p,), or LabelColumn
    form : str
        How they are written, a key of `WORDS`.
    """
    names, codes = (
        (cells.names, cells.codes)
        if isinstance(cells, LabelColumn)
        else np.unique(cells, return_inverse=True)
    )
    if names.dtype.kind == "f" and np.isnan(names).any():
        return None
    read = _READERS[form]
    texts = [read(_shown(name)) for name in names.tolist()]
    if any(text is None for text in texts):
        return None
    return np.asarray(np.array(texts, dtype=str)[codes])


def are_pointed_months(cells: Sequence[str]) -> bool:
    """Return whether all cells but blank ones are months, such as 01.2023, which look like numbers."""
    known = {text for cell in cells if (text := cell.strip())}
    return len(known) >= FEWEST_SHORT and all(map(_POINTED.fullmatch, known))


def _shown(name: Any) -> str:
    """Return a cell as it is written, whole numbers without a point."""
    return str(int(name)) if isinstance(name, float) and name.is_integer() else str(name)


def _of_numbers(name: str, column: Profile) -> str:
    """Return how numbers are dates."""
    assert column.numbers is not None
    known = column.numbers[np.isfinite(column.numbers)] if column.gaps else column.numbers
    distinct = np.unique(known)
    if distinct.size < FEWEST:
        return ""
    low, high = float(distinct[0]), float(distinct[-1])
    dated = not _DATES.isdisjoint(parts_of(name)[-1:])
    if dated and _SERIAL[0] <= low and high <= _SERIAL[1]:
        return "serial"
    if column.kind != "whole":
        return ""
    for form, (length, _) in _DIGITS.items():
        few = distinct.size < FEWEST_SHORT and not dated
        if (length <= len("yymmdd") and few) or not 10.0 ** (
            length - 1 - column.padded
        ) <= high < 10.0**length:
            continue
        texts = [str(int(one)).zfill(length) for one in distinct.tolist()]
        if all(_READERS[form](text) is not None for text in texts):
            return form
    steps = np.diff(known.astype(float))
    # numbers that count by one number lines, unless they are called times
    even = steps.size >= FEWEST and abs(steps[0]) > 1 and bool((steps == steps[0]).all())
    if (TIMES | {"epoch"}) & words_of(name) or (even and not column.gaps):
        for form, unit in (("seconds", 1), ("milliseconds", 1_000)):
            if _SECONDS[0] * unit <= low and high <= _SECONDS[1] * unit:
                return form
    return ""


def _order_of(column: Profile, known: Sequence[str], asked: str | None) -> str:
    """Return in which order day, month and year stand where all of them are numbers."""
    fitting = [form for form in ORDERS if all(_READERS[form](word) is not None for word in known)]
    if not fitting or len(fitting) == 1:
        return "".join(fitting)
    if asked in fitting:
        return asked
    if "dmy" in fitting and all("." in word.split()[0] for word in known):  # points stand behind the day
        return "dmy"
    steps = {form: _steps(column, form) for form in fitting}
    one_way = [form for form in fitting if (steps[form] >= 0).all() or (steps[form] <= 0).all()]
    if len(one_way) == 1 and len(known) >= FEWEST_ONE_WAY:
        return one_way[0]
    even = [form for form in one_way if _are_even(steps[form])]
    return even[0] if len(even) == 1 and len(known) >= FEWEST else UNCLEAR


def _steps(column: Profile, form: str) -> NDArray[np.float64]:
    """Return the days from each line's date to the next."""
    read = _READERS[form]
    days = [
        np.nan if text is None else (datetime.fromisoformat(text) - datetime(1970, 1, 1)) / timedelta(days=1)
        for text in map(read, column.words)
    ]
    in_lines = np.array(days)[column.codes]
    return np.diff(in_lines[~np.isnan(in_lines)])


def _are_even(steps: NDArray[np.float64]) -> bool:
    """Return whether dates are days, weeks, months, quarters or years one after the other."""
    lengths = np.abs(steps)
    return bool(lengths.max(initial=0.0) <= LONGEST_MONTH * lengths.min(initial=np.inf))


def _iso(text: str) -> str | None:
    cell = _ZONE.sub("", text.strip())
    week = _WEEK.fullmatch(cell)
    if week is not None:
        cell = f"{week[1]}-W{week[2]}-{week[3] or 1}"
    elif not _ISO.fullmatch(cell):
        return None
    if "Q" in cell:
        return cell
    try:
        found = datetime.fromisoformat(cell if len(cell) > len("2020-01") else f"{cell}-01")
    except ValueError:
        return None
    return cell if week is None else f"{found:%Y-%m-%d}"


def _named(text: str) -> str | None:
    cell = text.strip()
    for pattern in _NAMED:
        match = pattern.fullmatch(cell)
        if match is None:
            continue
        parts = match.groupdict()
        word = parts["month"].lower()
        months = [
            k for k, name in enumerate(_MONTHS, 1) if word in (name, name[:3]) or word == "sept" == name[:4]
        ]
        if months:
            return _written(_year(parts["year"]), months[0], int(parts.get("day") or 1), parts)
    return None


def _three(form: str) -> Callable[[str], str | None]:
    """Return how dates of three numbers in this order are read."""

    def read(text: str) -> str | None:
        match = _THREE.fullmatch(_ZONE.sub("", text.strip()))
        if match is None:
            return None
        part = dict(zip(form, (match["a"], match["b"], match["c"]), strict=True))
        if len(part["y"]) not in (2, 4) or max(len(part["d"]), len(part["m"])) > len("31"):
            return None
        return _written(_year(part["y"]), int(part["m"]), int(part["d"]), match.groupdict())

    return read


def _year(text: str) -> int:
    """Return a year, of two digits perhaps."""
    year = int(text)
    if len(text) > len("23"):
        return year
    return year + (1900 if year >= _LAST_CENTURY else 2000)


def _written(year: int, month: int, day: int, parts: dict[str, str | None]) -> str | None:
    """Return a date, perhaps with its time, as text in ISO 8601; None if there is no such day."""
    hour, half = int(parts.get("hour") or 0), (parts.get("half") or "").lower()
    if half:
        hour = hour % _NOON + (_NOON if half[0] == "p" else 0)
    try:
        read = datetime(year, month, day, hour, int(parts.get("minute") or 0), int(parts.get("second") or 0))
    except ValueError:
        return None
    return read.isoformat() if parts.get("hour") else f"{read:%Y-%m-%d}"


def _month(text: str) -> str | None:
    """Return a month that is written as two numbers, as ISO 8601 has it."""
    cell = text.strip()
    first, last = _MONTH_FIRST.fullmatch(cell), _YEAR_FIRST.fullmatch(cell)
    month, year = first.groups() if first else reversed(last.groups()) if last else ("0", "0")
    good = 1 <= int(month) <= len(_MONTHS) and _YEARS[0] <= int(year) < _YEARS[1]
    return f"{year}-{int(month):02d}" if good else None


def _digits(form: str) -> Callable[[str], str | None]:
    """Return how dates are read that are whole numbers."""
    length, how = _DIGITS[form]

    def read(text: str) -> str | None:
        cell = text.strip()
        if not re.fullmatch(rf"\d{{{length}}}", cell):
            return None
        try:
            found = datetime.strptime(cell, how)
        except ValueError:
            return None
        if not _YEARS[0] <= found.year < _YEARS[1]:
            return None
        return (
            f"{found:%Y-%m}" if "d" not in how else found.isoformat() if "H" in how else f"{found:%Y-%m-%d}"
        )

    return read


def _serial(text: str) -> str | None:
    """Return a day, perhaps with its time, that spreadsheets count."""
    try:
        found = _FIRST_DAY + timedelta(days=float(text))
    except (ValueError, OverflowError):
        return None
    return f"{found:%Y-%m-%d}" if float(text).is_integer() else found.isoformat(timespec="seconds")


def _since_1970(unit: int) -> Callable[[str], str | None]:
    """Return how times are read that count seconds, or parts of one."""

    def read(text: str) -> str | None:
        try:
            return (_EPOCH + timedelta(seconds=int(text) / unit)).isoformat()
        except (ValueError, OverflowError):
            return None

    return read


_READERS: dict[str, Callable[[str], str | None]] = {
    "iso": _iso,
    "named": _named,
    **{form: _three(form) for form in ORDERS},
    "month": _month,
    **{form: _digits(form) for form in _DIGITS},
    "serial": _serial,
    "seconds": _since_1970(1),
    "milliseconds": _since_1970(1_000),
}
