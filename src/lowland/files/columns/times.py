"""Which columns of a table hold dates, and which of them says the order of its rows."""

from __future__ import annotations

from collections.abc import Mapping

from lowland.core.cells.observations import Labels
from lowland.files.columns.dates import UNCLEAR, WORDS, as_iso, find_dates
from lowland.files.evidence import Decision, Profile
from lowland.files.frames import Columns

# why dates do not say the order of the rows
SEVERAL, EITHER_FIRST = "one of several such columns", "dates, day first or month first"


def dates_in(profiles: Mapping[str, Profile], asked: str | None) -> dict[str, str]:
    """Return the columns that hold dates, with how these are written, as `find_dates` has it.

    Parameters
    ----------
    profiles : mapping of str to Profile
        By name of column.
    asked : {"dmy", "mdy", "ymd"}, optional
    """
    found = {name: find_dates(name, column, asked) for name, column in profiles.items()}
    return {name: form for name, form in found.items() if form}


def order_of_rows(profiles: Mapping[str, Profile], dates: Mapping[str, str], labels: str) -> str:
    """Return the column of dates that says the order of the rows: their labels, or the only distinct one.

    Parameters
    ----------
    profiles : mapping of str to Profile
    dates : mapping of str to str
        From `dates_in`.
    labels : str
        The column that names the rows; "" if there is none.
    """
    told = [name for name, form in dates.items() if form != UNCLEAR and not profiles[name].gaps]
    if labels in told:
        return labels
    distinct = [name for name in told if profiles[name].is_distinct]
    return distinct[0] if len(distinct) == 1 else ""


def words_of_dates(form: str, column: Profile, *, is_order: bool) -> str:
    """Return what is said of a column of dates that is no data: how they are written, and why no order is."""
    if form == UNCLEAR:
        return EITHER_FIRST
    if is_order:
        return f"{WORDS[form]}, the order of the rows"
    why = "some missing" if column.gaps else SEVERAL if column.is_distinct else "which repeat"
    return f"{WORDS[form]}, {why}"


# what is said of an order of rows, with the option that says otherwise
NO_ORDER = ", if it helps (--row-order no)"


def row_times(columns: Columns, decision: Decision) -> Labels | None:
    """Return the date of each line in ISO 8601; None if no column says them all."""
    return as_iso(columns[decision.time], decision.dates[decision.time]) if decision.time else None


def words_of_times(columns: Columns, decision: Decision, *, found: bool) -> list[str]:
    """Return what is said of the dates of a table, with the options that say otherwise.

    Parameters
    ----------
    columns : dict of str to ndarray or LabelColumn
    decision : Decision
    found : bool
        Whether each row has a date.
    """
    words = []
    time, form = decision.time, decision.dates.get(decision.time, "")
    if time and found:
        other = {"dmy": "mdy", "mdy": "dmy"}.get(form)
        also = f"; --dates {other}" if other and as_iso(columns[time], other) is not None else ""
        words.append(f"rows are in the order of {time!r} ({WORDS[form]}{also}){NO_ORDER}")
    elif time:
        words.append(f"dates in {time!r} are not used: not every row has one")
    for name, one in decision.dates.items():
        if one == UNCLEAR:
            words.append(f"dates in {name!r} are not used: which number is the day? (--dates dmy or mdy)")
        elif decision.as_is.get(name, "").endswith(SEVERAL):
            words.append(
                f"dates in {name!r} are not used (--layout wide --row {name!r}: they order the rows)"
            )
    return words
