"""Decide by evidence whether a table is long (row, column, value) or wide, and what names its rows.

A long list names each of its cells once: lines that were drawn at random from its rows and columns would
repeat some pair soon. A wide table repeats pairs of values of its first two columns just as often as chance
has it. The names of columns, where they are those of lists, decide before any count; what neither decides is
asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices
from lowland.core.errors import InvalidInputError
from lowland.core.labels import LabelColumn

_ROWS = """
user customer client reader viewer member patient subject respondent participant person student player who
rater reviewer account visitor sample row i
"""
_COLUMNS = """
item movie film product book article song track artist title isbn gene feature protein probe question variable
course game sku asin what column col j
"""
_VALUES = """
rating score star stars value val v count quantity qty amount expression intensity response measurement plays
grade
"""
ROWS, COLUMNS, VALUES = frozenset(_ROWS.split()), frozenset(_COLUMNS.split()), frozenset(_VALUES.split())
_TIMES = "timestamp time date datetime unixtime ts created createdat ratedat"
TIMES = frozenset(_TIMES.split())
# names of columns that number or name the lines of a wide table
_KEYS = """
id index idx key code no nr number year yr month week day date time timestamp zip row name label
"""
KEYS = frozenset(_KEYS.split())
# repeated pairs that chance must be expected to make before their absence says anything
EXPECTED = 5.0
LINES = 10_000


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
    """

    kind: str
    codes: Indices
    distinct: int
    numbers: NDArray[Any] | None

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
    unused : tuple of str
        Columns that a long table has besides.
    """

    layout: str
    roles: tuple[str, ...]
    why: str = ""
    unused: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns that hold labels."""
        return self.roles[:2] if self.layout == "long" else self.roles


def profile(column: NDArray[Any] | LabelColumn) -> Profile:
    """Return what the first lines of a typed column hold."""
    if isinstance(column, LabelColumn):
        used, codes = np.unique(column.codes[:LINES], return_inverse=True)
        kind = "whole" if column.names.dtype.kind == "i" else "text"
        numbers = column.names[column.codes[:LINES]] if kind == "whole" else None
        return Profile(kind if codes.size else "blank", codes, used.size, numbers)
    some = column[:LINES]
    names, codes = np.unique(some, return_inverse=True)
    if some.dtype.kind not in "iufb":
        kind = "text" if any(str(name) for name in names.tolist()) else "blank"
        return Profile(kind, codes, names.size, None)
    finite = some[np.isfinite(some)]
    whole = bool(finite.size) and bool((finite == np.floor(finite)).all())
    kind = "whole" if whole else "real" if finite.size else "blank"
    return Profile(kind, codes, names.size, some)


def decide(
    profiles: Mapping[str, Profile], asked: tuple[str | None, ...], layout: str, where: str
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
                fix="name one of these columns",
            )
    if layout == "wide":
        return Decision("wide", (asked[0],) if asked[0] else ())
    if layout == "long" or any(asked):
        return _long(_fill_roles(names, asked, where), "", names)
    by_name = named_roles(profiles)
    if by_name:
        return _long(by_name, "by the names of its columns", names)
    if len(names) >= 3 and profiles[names[0]].may_name and profiles[names[1]].may_name:
        return _by_repeats(profiles, where)
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


def words_of(name: str) -> frozenset[str]:
    """Return a name in lower case, and without what marks identifiers: "userId" and "user_id" are "user"."""
    plain = re.sub(r"[\W_]+", "", name.lower())
    return frozenset((plain, re.sub(r"(.)(id|ids|name|key|no|nr|index|idx|code|label)$", r"\1", plain)))


def named_roles(profiles: Mapping[str, Profile]) -> tuple[str, ...]:
    """Return the columns of row, column and value, if two or all of them are named so; or none."""
    found: dict[str, str] = {}
    for role, words in (("row", ROWS), ("column", COLUMNS), ("value", VALUES)):
        for name, one in profiles.items():
            fits = one.is_number if role == "value" else one.may_name
            if fits and words & words_of(name) and name not in found.values():
                found[role] = name
                break
    if len(found) == 3:
        return found["row"], found["column"], found["value"]
    others = [name for name in profiles if name not in found.values() and not TIMES & words_of(name)]
    if len(found) == 2 and len(others) == 1:  # the third is what is left
        missing = next(role for role in ("row", "column", "value") if role not in found)
        one = profiles[others[0]]
        if one.is_number if missing == "value" else one.may_name:
            found[missing] = others[0]
    if len(found) < 3 or profiles[found["row"]].is_distinct:
        return ()
    return found["row"], found["column"], found["value"]


def _by_repeats(profiles: Mapping[str, Profile], where: str) -> Decision:
    """Decide by how often pairs of the first two columns' values repeat."""
    names = list(profiles)
    first, second, third = (profiles[name] for name in names[:3])
    few = len(names) == 3
    if first.is_distinct or (few and not third.is_number and third.kind != "text"):
        return Decision("wide", ())
    if few and first.kind == "text" and second.kind == "text":
        return Decision("long", tuple(names), "because two of its columns are words")
    expected, seen = _repeats(first, second)
    if len(names) == 4 and expected >= EXPECTED and seen <= 0.1 * expected and _are_times(profiles[names[3]]):
        why = "because no pair of its first two columns repeats, and the fourth holds times"
        return _long(tuple(names[:3]), why, names)
    if few and seen <= 0.1 * expected and (expected >= EXPECTED or (first.kind == "text" and not seen)):
        return Decision("long", tuple(names), "because no pair of its first two columns repeats")
    if expected >= EXPECTED and seen >= 0.5 * expected:
        return Decision("wide", ())
    if not few and (first.kind == "text" or expected < EXPECTED or seen > 0.1 * expected):
        return Decision("wide", ())
    raise InvalidInputError(
        f"{where} may be a long table or a wide one",
        f"columns {', '.join(names[:6])}{' ...' if len(names) > 6 else ''}: {names[0]!r} and {names[1]!r} "
        "may name the row and the column of a cell, or be data",
        fix="say which: layout 'long', with the columns of row, column and value, or layout 'wide'",
    )


def _are_times(column: Profile) -> bool:
    """Return whether a column holds seconds or milliseconds since 1970, of the years 1980 to 2050."""
    if column.kind != "whole" or column.numbers is None:
        return False
    low, high = float(np.nanmin(column.numbers)), float(np.nanmax(column.numbers))
    return any(3.15e8 * unit <= low and high <= 2.53e9 * unit for unit in (1, 1_000))


def _repeats(first: Profile, second: Profile) -> tuple[float, int]:
    """Return how many pairs of lines agree in both columns: as chance has it, and as they do."""
    lines = first.codes.size
    chances = [((np.bincount(one.codes) / lines) ** 2).sum() for one in (first, second)]
    _, counts = np.unique(first.codes * (second.distinct + 1) + second.codes, return_counts=True)
    pairs = lines * (lines - 1) / 2
    return float(pairs * chances[0] * chances[1]), int((counts * (counts - 1) // 2).sum())


def names_rows(name: str, column: Profile, where: str) -> tuple[bool, str]:
    """Return whether the first column of a wide table holds labels rather than data, and what decided.

    Raises
    ------
    InvalidInputError
        If it cannot be told.
    """
    if column.kind == "text":
        return True, ""
    if not column.is_number or not column.is_distinct or column.codes.size < 2:
        return False, ""
    assert column.numbers is not None
    told = bool((KEYS | ROWS) & words_of(name)) or re.fullmatch(r"unnamed:?\s*\d*", name.lower()) is not None
    if told and column.kind == "whole":
        return True, f"its column {name!r} names the rows"
    steps = np.diff(column.numbers.astype(float))
    if not ((steps > 0).all() or (steps < 0).all()) or steps.size < 2:
        return False, ""
    even = np.abs(steps - steps.mean()).max() <= 1e-6 * np.abs(column.numbers).max()
    if told or (even and steps.size >= 3):
        return True, f"its column {name!r} names the rows"
    if column.kind == "whole" and steps.size >= 5:
        raise InvalidInputError(
            f"the first column of {where} may name the rows or be data",
            f"column {name!r} holds {column.numbers[0]:g}, {column.numbers[1]:g}, {column.numbers[2]:g}, ...",
            fix="say which: row labels yes or no",
        )
    return False, ""
