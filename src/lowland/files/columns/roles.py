"""Which columns of a table take no part in a fit: they are written as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words
from lowland.files.columns.dates import NUMBERS
from lowland.files.columns.identifiers import identifier
from lowland.files.evidence import Profile
from lowland.files.table_format import TableFormat

# levels without an order: most of a column, and cells for each on average; two words, and words that a table
# says are levels, need but repeat
MOST_WORDS, PER_WORD, REPEATED = 20, 5, 2
# where words are rarer: most of a column, cells for each on average, and words that are not rare
MOST_WITH_RARE, PER_RARE_WORD, FEWEST_COMMON = 100, 2, 2
EMPTY, IDENTIFIERS, TICKED = "no known cell", "identifiers", "or nothing: a mark"


def are_levels(words: int, cells: int, *, declared: bool = False) -> bool:
    """Return whether so many words in so many cells are levels: names differ from line to line."""
    return words <= MOST_WORDS and (REPEATED if words <= 2 or declared else PER_WORD) * words <= cells


def hold_levels(cells: Sequence[Any], *, declared: bool = False) -> bool:
    """Return whether the words of a column's known cells are levels, of which some may be rare."""
    counts = Counter(cells)
    if are_levels(len(counts), len(cells), declared=declared):
        return True
    common = sum(count >= PER_WORD for count in counts.values())
    few = len(counts) <= MOST_WITH_RARE and PER_RARE_WORD * len(counts) <= len(cells)
    return few and common >= FEWEST_COMMON


def numbers_that_name(
    profiles: Mapping[str, Profile], *, data: Collection[str] = (), first: str = ""
) -> dict[str, str]:
    """Return the columns of numbers that are no quantities, with what they hold.

    Parameters
    ----------
    profiles : mapping of str to Profile
        By name of column.
    data : collection of str
        Columns that are data whatever they look like.
    first : str
        The column that comes first in the table, if it may be one that names the lines.
    """
    reasons = {
        name: identifier(name, column, first=name == first)
        for name, column in profiles.items()
        if name not in data
    }
    return {name: f"{IDENTIFIERS}: {why}" for name, why in reasons.items() if why}


def ticked(column: Profile, missing: Collection[str] = ()) -> str:
    """Return what a column holds whose lines are marked, by one word or 1, or not: else "".

    A blank cell says that the mark does not apply, or is missing; nothing in the column tells which.
    """
    if column.numbers is not None:
        known = column.numbers[np.isfinite(column.numbers)]
        one = column.gaps and known.size > 1 and bool((known == 1).all())
        return f"1 {TICKED}" if one else ""
    words = {word.strip() for word in column.words}
    known_words = words.difference(missing, {""})
    return f"{known_words.pop()!r} {TICKED}" if words > known_words and len(known_words) == 1 else ""


def refuse_no_data(left: Mapping[Any, str], form: TableFormat, where: str) -> None:
    """Raise if a column that is to be data holds neither numbers nor levels.

    Parameters
    ----------
    left : mapping to str
        Columns that hold neither, with what they hold.
    form : TableFormat
    where : str
        Name of the table in messages.
    """
    for name in form.as_data:
        if name in left:
            raise InvalidInputError(
                f"column {name!r} of {where} cannot be data, as asked",
                left[name],
                "a fit takes numbers, and words where they are few and each stands in several lines",
                Words("do not name it by ", Option("as_data"), ", or write numbers"),
            )


def listed(as_is: Mapping[str, str]) -> str:
    """Return the names of columns with what they hold."""
    return ", ".join(f"{name!r} ({what})" for name, what in as_is.items())


def may_be_data(what: str) -> bool:
    """Return whether a column that takes no part, as it holds this, can be data when asked."""
    return what.startswith((IDENTIFIERS, *NUMBERS)) or what.endswith(TICKED)


def as_is_words(as_is: Mapping[str, str]) -> str:
    """Return what is said of the columns that take no part in a fit."""
    data = any(map(may_be_data, as_is.values()))
    return f"no data, written as they are: {listed(as_is)}" + (" (--as-data makes them data)" if data else "")
