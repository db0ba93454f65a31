"""Find the rows and columns of a table that are sums or statistics of others, by names and by values."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.core.cells.labels import LabelColumn
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Remedy, Words, nearest
from lowland.files.columns.shares import Shares, find_shares
from lowland.files.columns.summary_names import (
    ASKED,
    COMMON,
    LEFT,
    NAMELESS,
    SUM,
    Says,
    kind_of,
    kind_said,
    nameless,
)
from lowland.files.columns.table_totals import Totals
from lowland.files.columns.totals import COLUMNS, ROWS, Summary, find_summaries, skipping

# cells of the table of a list, with missing ones, in which sums are looked for
LARGEST = 4_000_000
# lines without any word that may be sums, at most
MOST_NAMELESS = 5
SETTINGS = ("as_data", "as_is", "as_total")


@final
@dataclass(frozen=True)
class FoundSums:
    """What a fit has found of the columns of a table, by their names.

    Parameters
    ----------
    sums : mapping of str to tuple of str
        Columns that are sums of others, with their parts.
    shares : tuple of (tuple of str, float)
        Columns that add up to one number, with that number.
    """

    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shares: tuple[tuple[tuple[str, ...], float], ...] = ()

    @classmethod
    def of(cls, totals: Totals | None) -> FoundSums:
        """Return what is found in a table."""
        if totals is None:
            return cls()
        name = totals.names.__getitem__
        return cls(
            {name(one.place): tuple(map(name, one.parts.tolist())) for one in totals.columns},
            tuple((tuple(map(name, one.parts.tolist())), one.whole) for one in totals.shares),
        )

    def among(self, names: Sequence[str], height: int) -> tuple[list[Summary], list[Shares]]:
        """Return them in a table with columns of these names."""
        places, everywhere = {name: k for k, name in enumerate(names)}, np.ones(height, bool)
        sums = [
            Summary(places[name], np.array([places[part] for part in parts]), everywhere)
            for name, parts in self.sums.items()
            if name in places
        ]
        shares = [Shares(np.array([places[part] for part in parts]), whole) for parts, whole in self.shares]
        return sums, shares

    @classmethod
    def from_data(cls, header: Mapping[str, Any]) -> FoundSums:
        """Return what `as_data` has written."""
        return cls(
            {name: tuple(parts) for name, parts in header.get("sums", {}).items()},
            tuple((tuple(parts), float(whole)) for parts, whole in header.get("shares", ())),
        )

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "sums": {name: list(parts) for name, parts in self.sums.items()},
            "shares": [[list(parts), whole] for parts, whole in self.shares],
        }

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Raise if a setting by column names a sum, which takes no part in the fit.

        Raises
        ------
        InvalidInputError
        """
        for setting, given in settings.items():
            named = [name for name in given if name in self.sums] if isinstance(given, Mapping) else []
            if named:
                parts = ", ".join(map(repr, self.sums[named[0]]))
                raise InvalidInputError(
                    Words(Option(setting), " names a column that is the sum of others"),
                    f"{named[0]!r}, the sum of {parts}",
                    fix=Remedy("name its parts", Words("make it data by ", Option("as_data", [named[0]]))),
                )

    def __bool__(self) -> bool:
        return bool(self.sums or self.shares)


def called_lines(
    columns: Mapping[str, NDArray[Any] | LabelColumn], said: Says, names: Collection[str] = ()
) -> list[str]:
    """Return the name in each line that says what the line is, "" where there is none.

    Parameters
    ----------
    columns : mapping of str to ndarray or LabelColumn
        Columns of words, of which the first may name the rows.
    said : Says
        What a person says of rows: names that are those of columns too are rows in the first column only.
    names : collection of str
        Of columns.
    """
    asked = {*said.as_data, *said.as_is, *said.as_total}
    called, least, blank = np.zeros(0, object), np.zeros(0, int), np.zeros(0, bool)
    for k, column in enumerate(columns.values()):
        words, codes = (
            (column.names, column.codes)
            if isinstance(column, LabelColumn)
            else np.unique(column, return_inverse=True)
        )
        if words.dtype.kind != "U":
            continue
        if not called.size:
            called, least = np.full(codes.size, "", object), np.full(codes.size, len(_RANKS))
            # in a column of words that repeat a blank is no name that is left out
            counts = np.bincount(codes, minlength=words.size)
            blank = np.full(codes.size, (counts[np.char.strip(words) != ""] <= 1).all())
        here = asked if k == 0 else asked.difference(names)
        ranks = np.array([_rank(word, here) for word in words.tolist()], int)[codes]
        called[ranks < least] = words[codes][ranks < least]
        least = np.minimum(least, ranks)
        blank &= np.char.strip(words)[codes] == ""
    lines = np.flatnonzero(blank)
    if lines.size <= MOST_NAMELESS < blank.size:
        called[lines] = [nameless(line) for line in lines.tolist()]
    return [str(name) for name in called.tolist()]


# what a name may be, from what tells most: a line has the first of these
_RANKS = ("asked", "a total", "a statistic", "what people are called, too")


def _rank(word: str, asked: Collection[str]) -> int:
    """Return how much a word tells of its line, 0 most; `len(_RANKS)` if nothing."""
    kind = kind_of(word)
    if word in asked or not kind:
        return 0 if word in asked else len(_RANKS)
    return 3 if word.lower() in COMMON else 1 if kind == SUM else 2


def check_names(said: Says, names: Collection[str], called: Collection[str], where: str) -> None:
    """Raise if a person says something of a column or row that a table does not have.

    Raises
    ------
    InvalidInputError
    """
    there = dict.fromkeys(name for name in (*names, *called) if name)
    for setting in SETTINGS:
        unknown = [name for name in getattr(said, setting) if str(name) not in there]
        if unknown:
            raise InvalidInputError(
                Words(Option(setting), f" names a column or row that {where} does not have"),
                repr(unknown[0]),
                fix=f"name one that it has: {nearest(str(unknown[0]), there)}",
            )


def unconfirmed(called: Sequence[str], said: Says, totals: Totals | None) -> list[str]:
    """Return the names of rows that are called sums or statistics, and are data.

    Names that people and places have, too, are no reason for a word.
    """
    rows = set() if totals is None else {one.place for one in totals.rows}
    names = dict.fromkeys(name for k, name in enumerate(called) if k not in rows)
    said_of = {name: kind_said(name, said) for name in names if name and name.lower() not in COMMON}
    return [name for name, kind in said_of.items() if kind not in ("", NAMELESS)]


def find_totals(
    columns: Mapping[str, NDArray[Any]],
    called: Sequence[str],
    said: Says,
    *,
    levels: Collection[str] = (),
    fitted: FoundSums | None = None,
) -> Totals | None:
    """Return which rows and columns of a table say something of others; None if none does.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (m,)
        Numbers, NaN where missing.
    called : sequence of str, shape (m,)
        Names of rows, as of `called_lines`; or empty.
    said : Says
        What a person says of columns and rows.
    levels : collection of str
        Columns whose numbers stand for levels.
    fitted : FoundSums, optional
        What a fit has found of columns; by default it is found.

    Raises
    ------
    InvalidInputError
        If a person calls a line a total that is none.
    """
    if not columns:
        return None
    names = tuple(columns)
    cells = np.stack([np.asarray(column, float) for column in columns.values()], axis=1)
    are_levels = np.array([name in levels for name in names])
    numbers = np.where(are_levels, np.nan, cells)
    kinds = [kind_said(name, said) if name else "" for name in called]
    rows = _rows(numbers, kinds, called) if any(kinds) else []
    if fitted is None:
        sides = [
            kind if kind in (SUM, ASKED) and name not in levels else ""
            for name, kind in ((name, kind_said(name, said)) for name in names)
        ]
        sums = find_summaries(numbers.T, sides, COLUMNS) if any(sides) else []
        _check_found([name for name, kind in zip(names, sides, strict=True) if kind == ASKED], sums, names)
        barred = are_levels | np.array([name in said.as_data for name in names])
        barred[[one.place for one in sums]] = True
        plain = np.isin(np.arange(len(cells)), [one.place for one in rows], invert=True)
        shares = find_shares(numbers[plain], barred)
        _check_found([name for name, kind in zip(called, kinds, strict=True) if kind == ASKED], rows, called)
    else:
        sums, shares = fitted.among(names, len(cells))
    belonging = _belonging(rows, sums, numbers, names)
    for one in rows:
        one.where[are_levels] = False
        if one.kind == SUM and kinds[one.place] != ASKED:
            blank = np.isnan(numbers[one.place])
            skips = skipping(numbers, one.place, one.parts).any()
            full = ~np.isnan(numbers[one.parts]).any(axis=0)
            one.where[blank & ~(belonging & (full | (not skips)))] = False
    if not (rows or sums or shares):
        return None
    titles = tuple(called[one.place] for one in rows)
    return Totals(cells, names, tuple(rows), tuple(sums), titles, tuple(shares), levels)


def find_listed(seen: Observations, said: Says, where: str) -> tuple[Totals | None, list[str]]:
    """Return which labels of a list of cells are those of sums, and what is said of them.

    Parameters
    ----------
    seen : Observations
    said : Says
    where : str
        Name of the list in messages.
    """
    if seen.row_labels is None or seen.column_labels is None or seen.weights is not None:
        return None, []
    sides = seen.row_labels, seen.column_labels
    rows, columns = ([str(name) for name in np.asarray(names).tolist()] for names in sides)
    asked = {*said.as_data, *said.as_is, *said.as_total}
    called = [name if name in asked or kind_of(name) else "" for name in rows]
    check_names(said, columns, rows, where)
    if not (any(called) or any(map(kind_of, columns)) or asked) or seen.shape[0] * seen.shape[1] > LARGEST:
        return None, []
    table = seen.to_array()
    totals = find_totals({name: table[:, j] for j, name in enumerate(columns)}, called, said)
    return totals, words_of_totals(called, said, totals)


def words_of_totals(called: Sequence[str], said: Says, totals: Totals | None) -> list[str]:
    """Return what is said of rows and columns that are sums or statistics, and of those only called so."""
    plain = [
        f"{name!r} names a row that is not the {kind_of(name)} of others: data (--as-is {name!r})"
        for name in unconfirmed(called, said, totals)[:1]
    ]
    return plain + ([] if totals is None else totals.words)


def _rows(table: Matrix, kinds: Sequence[str], called: Sequence[str]) -> list[Summary]:
    """Return the rows that are sums or statistics of others, of which some may be left out as asked."""
    rows = find_summaries(table, kinds, ROWS, called)
    plain = [
        "" if kind == LEFT and not kind_of(name) else kind for kind, name in zip(kinds, called, strict=True)
    ]
    if plain == kinds:
        return rows
    here = {one.place for one in rows}
    more = [one for one in find_summaries(table, plain, ROWS) if one.place not in here]
    return sorted([*rows, *more], key=lambda one: one.place)


def _check_found(asked: Sequence[str], found: Sequence[Summary], names: Sequence[str]) -> None:
    """Raise if a line that a person calls a total is the sum of no others."""
    held = {names[one.place] for one in found}
    for name in asked:
        if name not in held:
            raise InvalidInputError(
                Words(Option("as_total"), " names what is not the sum of others"),
                repr(name),
                fix=Words("leave it as it is: ", Option("as_is", [name])),
            )


def _belonging(
    rows: Sequence[Summary], sums: Sequence[Summary], table: Matrix, names: Sequence[str]
) -> NDArray[np.bool_]:
    """Return in which columns a missing cell of a total is one: where another total, or a column alike, is.

    Columns are alike if they have a sum, or if their names differ by numbers only: years, "week 1", ...
    """
    belonging = np.zeros(len(names), bool)
    for one in rows:
        if one.kind == SUM:
            belonging |= one.where & ~np.isnan(table[one.place])
    stems: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        if re.search(r"\d", name):
            stems.setdefault(re.sub(r"\d+", "#", name), []).append(k)
    for alike in (*stems.values(), *([one.place, *one.parts.tolist()] for one in sums)):
        if belonging[alike].any():
            belonging[alike] = True
    return belonging
