"""Decide by evidence whether a table is long (row, column, value) or wide, and what names its rows.

A long list names each of its cells once: lines that were drawn at random from its rows and columns would
repeat some pair soon. A wide table repeats pairs of values of its first two columns just as often as chance
has it. The names of columns, where they are those of lists, decide before any count; what neither decides is
asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices
from lowland.core.cells.labels import LabelColumn
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Remedy, Words
from lowland.files.column_names import COLUMNS, ROWS, TIMES, VALUES, bare_name, is_quantity, words_of
from lowland.files.numerals import MISSING, Numerals
from lowland.files.table_format import AS_LIST

# text such as "007" is a name, although it looks like a number
_PADDED = re.compile(r"[+-]?0\d.*")
_DIGITS = re.compile(r"\d+")
# repeated pairs that chance must be expected to make before their absence says anything
EXPECTED = 5.0
# the columns of a list of ratings with times and without a header, and the most grades that raters give
UNNAMED, GRADES = ["1", "2", "3", "4"], 10
LINES = 10_000
NO_REPEAT = "because no pair of its first two columns repeats"


@final
@dataclass(frozen=True, eq=False)
class Profile:
    """What the first lines of a column hold.

    Parameters
    ----------
    kind : {"whole", "real", "text", "blank"}
    codes : ndarray of int, shape (p,)
        Position of each line's cell among the distinct ones.
    distinct : int
    numbers : ndarray or None
        The numbers, if they are numbers.
    number_share : float
        Share of the distinct cells of a column of text that are numbers.
    padded, gaps : bool
        Whether all cells are whole numbers, some of which begin with zeros; whether a cell is missing.
    words : sequence of str
        The distinct cells of a column of text, in the order of their codes.
    """

    kind: str
    codes: Indices
    distinct: int
    numbers: NDArray[Any] | None
    number_share: float = 0.0
    padded: bool = False
    gaps: bool = False
    words: Sequence[str] = ()

    @property
    def is_distinct(self) -> bool:
        """Whether no cell occurs twice."""
        return self.distinct == self.codes.size

    @property
    def may_name(self) -> bool:
        """Whether the cells can be labels: words or whole numbers."""
        return self.kind in ("whole", "text")

    @property
    def is_number(self) -> bool:
        """Whether the cells are numbers, some perhaps missing."""
        return self.kind in ("whole", "real")


@final
@dataclass(frozen=True)
class Decision:
    """How a table is laid out.

    Parameters
    ----------
    layout : {"long", "wide"}
    roles : tuple of str
        Long: names of the row, column and value columns. Wide: the name of the column of row labels, or none.
    why : str
        What decided, in a few words; "" if it was asked for.
    unused : tuple of str, of a long table
    as_is : mapping of str to str
        Columns of a wide table that take no part in a fit, with what they hold.
    dates, time : mapping of str to str, and str
        Columns of a wide table that hold dates, with how (`files.columns.dates`), and which orders the rows.
        Of a long table, the column that says when cells were observed, and how if it holds dates.
    totals, codes, panel : tuple of str
        Columns of a wide table: of words of totals and the like, of digits such as "01", of unit and time of
        a panel.
    """

    layout: str
    roles: tuple[str, ...]
    why: str = ""
    unused: tuple[str, ...] = ()
    as_is: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    time: str = ""
    totals: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    panel: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns whose cells are kept as they are written."""
        if self.layout == "long":
            return (*self.roles[:2], *([self.time] if self.time else []))
        read = (name for name in (self.time, *self.totals, *self.panel) if name in self.as_is)
        return tuple(dict.fromkeys((*self.roles, *read, *self.codes)))


def is_padded(text: str) -> bool:
    """Return whether a cell begins with a zero before other digits."""
    return _PADDED.fullmatch(text.strip()) is not None


def are_padded(texts: Sequence[str]) -> bool:
    """Return whether all cells but blank ones are whole numbers, some of which begin with zeros."""
    return any(map(is_padded, texts)) and all(_DIGITS.fullmatch(text.strip() or "0") for text in texts)


def profile(column: NDArray[Any] | LabelColumn) -> Profile:
    """Return what the first lines of a typed column hold."""
    if isinstance(column, LabelColumn):
        used, codes = np.unique(column.codes[:LINES], return_inverse=True)
        if column.names.dtype.kind == "i":
            return Profile("whole", codes, used.size, column.names[column.codes[:LINES]])
        return _of_words(codes, [str(word) for word in column.names[used].tolist()])
    some = column[:LINES]
    names, codes = np.unique(some, return_inverse=True)
    if some.dtype.kind not in "iufb":
        return _of_words(codes, [str(name) for name in names.tolist()])
    finite = some[np.isfinite(some)]
    whole = bool(finite.size) and bool((finite == np.floor(finite)).all())
    kind = "whole" if whole else "real" if finite.size else "blank"
    return Profile(kind, codes, names.size, some, gaps=finite.size < some.size)


def _of_words(codes: Indices, words: Sequence[str]) -> Profile:
    """Return the profile of a column of text; of numbers, if all of its cells are numbers."""
    known = [word for word in words if word.strip() not in MISSING]
    if not known:
        return Profile("blank", codes, len(words), None, gaps=True)
    for numerals in (Numerals(), Numerals(decimal=",", thousands=".")):
        numbers = [numerals.number(word) for word in words]
        good = [number for number in numbers if number is not None and not np.isnan(number)]
        if len(good) >= 0.5 * len(known):
            break
    share = len(good) / len(known)
    if share == 1.0 and not any(map(is_padded, known)):
        read = np.array([np.nan if number is None else number for number in numbers])
        kind = "whole" if (np.floor(good) == good).all() else "real"
        return Profile(kind, codes, len(words), read[codes], gaps=len(known) < len(words))
    padded, gaps = are_padded(known), "" in words
    return Profile("text", codes, len(words), None, share, padded=padded, gaps=gaps, words=words)


def decide(
    profiles: Mapping[str, Profile],
    asked: tuple[str | None, ...],
    layout: str,
    where: str,
    *,
    whole: bool = True,
) -> Decision:
    """Return the layout of a table.

    Parameters
    ----------
    profiles : mapping of str to Profile
        By name of column.
    asked : tuple of str or None
        Names of the row, column and value columns that were asked for.
    layout : {"auto", "long", "wide"}
    where : str
        Name of the table in messages.
    whole : bool
        Whether these are all lines.

    Raises
    ------
    InvalidInputError
        If the layout cannot be told, or a column does not exist.
    """
    names = list(profiles)
    for name, role in zip(asked, ("row", "column", "value"), strict=True):
        if name is not None and name not in profiles:
            raise InvalidInputError(
                f"{where} has no column {name!r} for the {role}",
                f"columns {', '.join(names)}",
                fix=Words("name one of these columns by ", Option(role)),
            )
    if layout == "wide":
        return Decision("wide", (asked[0],) if asked[0] else ())
    if layout == "long" or any(asked):
        return _long(_fill_roles(names, asked, where), "", names)
    by_name = named_roles(profiles)
    if by_name:
        return _long(by_name, "by the names of its columns", names)
    if len(names) >= 3 and profiles[names[0]].may_name and profiles[names[1]].may_name:
        return _by_repeats(profiles, where, whole=whole)
    return Decision("wide", ())


def _long(roles: tuple[str, ...], why: str, names: Sequence[str]) -> Decision:
    return Decision("long", roles, why, tuple(name for name in names if name not in roles))


def _fill_roles(names: Sequence[str], asked: Sequence[str | None], where: str) -> tuple[str, ...]:
    """Return the columns of a long table: those asked for, then those that names tell, then in order."""
    if len(names) < 3:
        raise InvalidInputError(
            f"{where} is not a long table",
            f"{len(names)} columns",
            fix="give it a row, a column and a value column",
        )
    free = [name for name in names if name not in asked]
    chosen: list[str] = []
    for given, words in zip(asked, (ROWS, COLUMNS, VALUES), strict=True):
        name = given or next((name for name in free if words & words_of(name)), "")
        if given is None and name:
            free.remove(name)
        chosen.append(name)
    for k, name in enumerate(chosen):
        if not name:
            rest = [one for one in free if not TIMES & words_of(one)] or free
            chosen[k] = rest[0]
            free.remove(rest[0])
    if len(set(chosen)) < 3:
        raise InvalidInputError("row, column and value must be three different columns", ", ".join(chosen))
    return tuple(chosen)


def named_roles(profiles: Mapping[str, Profile]) -> tuple[str, ...]:
    """Return the columns of row, column and value, if two or all of them are named so; or none."""
    by_role: dict[str, str] = {}
    for role, words in (("row", ROWS), ("column", COLUMNS), ("value", VALUES)):
        name = _named(role, words, {k: one for k, one in profiles.items() if k not in by_role.values()})
        if name:
            by_role[role] = name
    if len(by_role) == 3:
        return by_role["row"], by_role["column"], by_role["value"]
    others = [name for name in profiles if name not in by_role.values() and not TIMES & words_of(name)]
    if len(by_role) == 2 and len(others) == 1:  # the third is what is left
        missing = next(role for role in ("row", "column", "value") if role not in by_role)
        one = profiles[others[0]]
        if one.is_number if missing == "value" else one.may_name:
            by_role[missing] = others[0]
    if len(by_role) < 3 or profiles[by_role["row"]].is_distinct:
        return ()
    return by_role["row"], by_role["column"], by_role["value"]


def _named(role: str, words: frozenset[str], profiles: Mapping[str, Profile]) -> str:
    """Return the one column that is named for a role, "" if there is none or more than one.

    A name as it is counts before one without its "id": "rating" before "rating_id", which is never a value.
    """
    fitting = [k for k, one in profiles.items() if (one.is_number if role == "value" else one.may_name)]
    exact = [name for name in fitting if bare_name(name) in words]
    if exact or role == "value":
        return exact[0] if len(exact) == 1 else ""
    near = [name for name in fitting if words & words_of(name)]
    return near[0] if len(near) == 1 else ""


def _by_repeats(profiles: Mapping[str, Profile], where: str, *, whole: bool) -> Decision:
    """Decide by how often pairs of the first two columns' values repeat."""
    names = list(profiles)
    first, second, third = (profiles[name] for name in names[:3])
    few, timed = len(names) == 3, len(names) == 4 and are_times(profiles[names[3]])
    expected, seen = repeats(first, second)
    listed = seen <= 0.1 * expected
    graded = third.distinct <= GRADES and not (first.is_distinct or second.is_distinct)
    rated = timed and seen == 0 and names == UNNAMED and graded
    if rated or (timed and listed and expected >= EXPECTED):
        why = "because no pair of its first two columns repeats, and the fourth holds times"
        return _long(tuple(names[:3]), why, names)
    # in a longer file, a list may be sorted by what does not change in its first lines
    if not whole and (first.distinct == 1 or second.distinct == 1) and _may_list(names, profiles):
        raise _unclear(names, where)
    if (few and are_times(third)) or (timed and seen == 0):
        raise _unclear(names, where)
    if first.is_distinct or (few and not third.is_number and third.kind != "text"):
        return Decision("wide", ())
    by_words = _by_words(first, second, names[1]) if few and first.kind == "text" else ""
    if by_words == "wide":
        return Decision("wide", ())
    if by_words:
        return Decision("long", tuple(names), by_words)
    if few and listed and expected >= EXPECTED:
        return Decision("long", tuple(names), NO_REPEAT)
    if repeat_by_chance(first, second):
        return Decision("wide", ())
    if not few and (first.kind == "text" or expected < 0.4 * EXPECTED or not listed):
        return Decision("wide", ())
    raise _unclear(names, where)


def _by_words(first: Profile, second: Profile, name: str) -> str:
    """Return why three columns, the first of words, list cells; "wide" if they do not, "" if it is unclear.

    A list has several cells in each of its columns, and numbers that name these are not measured.
    """
    expected, seen = repeats(first, second)
    if second.is_distinct or repeat_by_chance(first, second):
        return "wide"
    if second.kind == "text":
        return "because two of its columns are words"
    pairs = first.distinct * second.distinct
    if not seen and (expected >= EXPECTED or (first.distinct > 1 and pairs == first.codes.size)):
        return NO_REPEAT
    return "wide" if second.gaps or is_quantity(name) else ""


def repeat_by_chance(first: Profile, second: Profile) -> bool:
    """Return whether pairs of two columns repeat about as often as chance has it: they name no cells."""
    expected, seen = repeats(first, second)
    return expected >= EXPECTED and seen >= 0.5 * expected


def _may_list(names: Sequence[str], profiles: Mapping[str, Profile]) -> bool:
    """Return whether three or four columns may be labels, labels and numbers."""
    return len(names) in (3, 4) and profiles[names[2]].is_number


def _unclear(names: Sequence[str], where: str) -> InvalidInputError:
    return InvalidInputError(
        f"{where} may be a long table or a wide one",
        f"columns {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}: {names[0]!r} and {names[1]!r} "
        "may name the row and the column of a cell, or be data",
        fix=Remedy(
            Words("say ", Option("layout", "wide")),
            AS_LIST,
        ),
    )


def are_times(column: Profile) -> bool:
    """Return whether a column holds seconds or milliseconds since 1970, of the years 1980 to 2050."""
    if column.kind != "whole" or column.numbers is None:
        return False
    low, high = float(np.nanmin(column.numbers)), float(np.nanmax(column.numbers))
    return any(3.15e8 * unit <= low and high <= 2.53e9 * unit for unit in (1, 1_000))


def repeats(first: Profile, second: Profile) -> tuple[float, int]:
    """Return how many pairs of lines agree in both columns: as chance has it, and as they do."""
    lines = first.codes.size
    chances = [((np.bincount(one.codes) / lines) ** 2).sum() for one in (first, second)]
    _, counts = np.unique(first.codes * (second.distinct + 1) + second.codes, return_counts=True)
    pairs = lines * (lines - 1) / 2
    return float(pairs * chances[0] * chances[1]), int((counts * (counts - 1) // 2).sum())
