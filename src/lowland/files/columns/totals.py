"""Rows and columns that are sums of others: found by their names and by their sums.

A total says nothing that its parts do not say, and is no draw from what they are drawn from: as a row like
others it spoils a fit. What is missing in it follows from its parts, and where it is known, they follow it.
Means, extremes and counts of rows are found in the same way; nothing follows from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.files.columns.row_statistics import mean_of, statistic_in
from lowland.files.columns.summary_names import ASKED, LEFT, NAMELESS, SUM

# columns that must make a row likely where none is complete, of at least as many parts
FEWEST_LIKELY, FEWEST_PARTS = 3, 3
# known cells of a sum without a name
FEWEST_KNOWN = 2
# share of the parts that must be known where no line is complete
KNOWN = 0.5
# as many times the largest known part may a part be that is missing: if nothing else tells, and if others do
LARGER, MUCH_LARGER = 3.0, 10.0
DECIMALS, THOUSANDS = 6, 9
# other totals to either side up to which the lines are tried as parts
BORDERS = 6
# unconfirmed lines that are looked at once more, and named ones from which on statistics are of one block
MOST_AGAIN, MANY = 200, 50


@final
@dataclass(frozen=True, eq=False)
class Summary:
    """A line that says something of others, most often their sum.

    Parameters
    ----------
    place : int
        Of the line.
    parts : ndarray of int
        Places of the others.
    where : ndarray of bool
        For which cells of the line that holds, missing ones among them: some are means, or sums of known
        cells.
    kind : str
        "sum", a statistic, or "left" for a line that takes no part because that was asked for.
    cells : ndarray or None
        What the missing cells of a statistic hold.
    """

    place: int
    parts: Indices
    where: NDArray[np.bool_]
    kind: str = SUM
    cells: Vector | None = None


@final
@dataclass(frozen=True)
class Side:
    """How rows, or columns, are confirmed to be sums.

    Parameters
    ----------
    fewest : int
        Cells that must be sums of parts that are not all zero.
    share : float
        Of the complete cells: those that must be sums.
    are_rows : bool
        Whether the columns differ: some cells of a sum may be means, or have no evidence but that they are
        likely. Otherwise the line may also be the sum of its neighbours.
    """

    fewest: int
    share: float
    are_rows: bool


ROWS, COLUMNS = Side(1, 0.5, are_rows=True), Side(3, 0.9, are_rows=False)
# of rows without a name, whose numbers alone tell
STRICT = Side(1, 1.0, are_rows=True)


def find_summaries(
    table: Matrix, kinds: Sequence[str], side: Side, names: Sequence[str] = ()
) -> list[Summary]:
    """Return the lines that are what their names say: sums of other lines, or statistics of them.

    Parameters
    ----------
    table : ndarray, shape (m, n)
        Its rows are the lines, those of the other side if that is the side; NaN where a cell is missing, or
        is no number.
    kinds : sequence of str, shape (m,)
        What each line is called; "" for others.
    side : Side
    names : sequence of str, optional
        Of the lines: those of one name may each be the sum of lines with which they have a cell in common.
    """
    named = np.array([kind != "" for kind in kinds], bool)
    found = {
        place: Summary(place, np.zeros(0, np.intp), np.zeros(table.shape[1], bool), LEFT)
        for place in np.flatnonzero([kind == LEFT for kind in kinds]).tolist()
    }
    wanted = [place for place in np.flatnonzero(named).tolist() if place not in found]
    alike, blocks = _alike(table, named, names), _Blocks(table, named, side)
    for place in wanted:
        _look(blocks, place, kinds[place], alike.get(place, []), side, found)
    # beside what is found, little evidence suffices, and lines that are only called so are parts
    supported = any(one.kind != LEFT for one in found.values())
    asked = [place for place in wanted if kinds[place] == ASKED]
    taken = np.isin(np.arange(len(table)), [*found, *asked])
    for place in [place for place in wanted if place not in found][:MOST_AGAIN]:
        taken[place] = True
        _look(_Blocks(table, taken, side), place, kinds[place], [], side, found, supported=supported)
        taken[place] = place in found or place in asked
    for place in asked:
        if place not in found and side.are_rows:
            _as_asked(table, place, np.flatnonzero(~taken), found)
    return [found[place] for place in sorted(found)]


@final
class _Blocks:
    """The blocks of plain lines that another may be the sum of, and what they add up to.

    Parameters
    ----------
    table : ndarray, shape (m, n)
    named : ndarray of bool, shape (m,)
        Lines that are no parts.
    side : Side
    """

    def __init__(self, table: Matrix, named: NDArray[np.bool_], side: Side) -> None:
        self.table, self.named = table, named.copy()
        # columns of words, which hold no number, are no parts
        self.plain = np.flatnonzero(~named if side.are_rows else ~named & ~np.isnan(table).all(axis=1))
        cells = table[self.plain]
        known = np.where(np.isnan(cells), 0.0, cells)
        # sums from the first plain line on: what a block adds up to is the difference of two of them
        self.sums, self.sizes, self.counts = (
            np.concatenate([np.zeros((1, table.shape[1])), np.cumsum(each, axis=0)])
            for each in (known, np.abs(known), ~np.isnan(cells))
        )
        self.counting = (known >= 0).all(axis=0)

    def beside(self, place: int, side: Side, least: int, *, may_add_up: bool) -> Iterator[Indices]:
        """Yield all plain lines, those up to another total on either side, and neighbours of columns."""
        named, plain = self.named, self.plain
        before = [-1, *np.flatnonzero(named[:place])[: -BORDERS - 1 : -1].tolist()]
        after = [*(place + 1 + np.flatnonzero(named[place + 1 :])[:BORDERS]).tolist(), named.size]
        here = int(np.searchsorted(plain, place))
        ends = [(0, plain.size), *((int(np.searchsorted(plain, border)), here) for border in before)]
        ends += [(here, int(np.searchsorted(plain, border))) for border in after]
        if not side.are_rows:
            first, last = (int(np.searchsorted(plain, border)) for border in (before[:2][-1], after[0]))
            ends += _neighbours(first, here, last)
        if not may_add_up and named.sum() > MANY:
            ends = ends[2:3]
        for start, stop in dict.fromkeys(ends):
            if stop - start >= least and (not may_add_up or self._may_add_up(place, start, stop)):
                yield plain[start:stop]

    def _may_add_up(self, place: int, start: int, stop: int) -> bool:
        """Return whether a closer look at a block can find that a line is its sum."""
        value = self.table[place]
        sums, sizes, counts = (each[stop] - each[start] for each in (self.sums, self.sizes, self.counts))
        slack = 0.011 * sizes + 1e-9 * self.sizes[-1]
        known = ~np.isnan(value)
        if (np.abs(value - sums) <= slack)[known].any():
            return True
        if (counts[known] == stop - start).any():
            return False
        return bool((~self.counting | (value >= sums - slack))[known & (counts > 0)].all())


def _look(
    blocks: _Blocks,
    place: int,
    kind: str,
    alike: Sequence[Indices],
    side: Side,
    found: dict[int, Summary],
    *,
    supported: bool = False,
) -> None:
    """Add a line to those that are found, if it is what its name says."""
    table, sums_up = blocks.table, kind in (SUM, ASKED, NAMELESS)
    for parts in (*alike, *blocks.beside(place, side, least=1 if supported else 2, may_add_up=sums_up)):
        if sums_up:
            sums = _adding if kind == NAMELESS else _confirmed
            where = sums(table, place, parts, side)
            if where is not None:
                found[place] = Summary(place, parts, where)
        elif side.are_rows:
            known = statistic_in(table[place], table[parts], kind, supported=supported)
            if known is not None:
                found[place] = Summary(place, parts, known[0], kind, known[1])
        if place in found:
            return


def _alike(table: Matrix, named: NDArray[np.bool_], names: Sequence[str]) -> dict[int, list[Indices]]:
    """Return by line the plain ones with the same cell, such as the year, where it tells lines apart."""
    lines: dict[str, list[int]] = {}
    for place in np.flatnonzero(named).tolist() if names else ():
        lines.setdefault(names[place], []).append(place)
    plain, alike = np.flatnonzero(~named), dict[int, list[Indices]]()
    for places in lines.values():
        for column in table.T if len(places) > 1 else ():
            keys = column[places]
            if (
                np.isnan(keys).any()
                or np.unique(keys).size < keys.size
                or not np.isin(keys, column[plain]).all()
            ):
                continue
            for place, key in zip(places, keys.tolist(), strict=True):
                parts = plain[column[plain] == key]
                if parts.size > 1:
                    alike.setdefault(place, []).append(parts)
    return alike


def _as_asked(table: Matrix, place: int, plain: Indices, found: dict[int, Summary]) -> None:
    """Add a row that a person calls a total, if nothing tells that it is none."""
    known = ~np.isnan(table[plain])
    if plain.size and not (known.all(axis=0) & ~np.isnan(table[place]) & known.any(axis=0)).any():
        found[place] = Summary(place, plain, np.isnan(table[place]) | _plausible(table, place, plain))


def _neighbours(first: int, here: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield the next two, three, ... lines on either side of a total, by their places among plain ones."""
    for count in range(2, max(here - first, last - here) + 1):
        if count <= here - first:
            yield here - count, here
        if count <= last - here:
            yield here, here + count


def _confirmed(table: Matrix, place: int, parts: Indices, side: Side) -> NDArray[np.bool_] | None:
    """Return for which cells a line is the sum of others; None if it is not.

    Missing cells of a column are sums like the others. Those of a row may have none that makes sense, and
    count as sums for `table_totals` to decide.
    """
    value, known = table[place], ~np.isnan(table[parts])
    full = known.all(axis=0) & ~np.isnan(value)
    right, told = np.zeros(value.size, bool), np.zeros(value.size, bool)
    right[full], told[full] = _adds_up(table[:, full], place, parts)
    # programs that add up skip what is blank: such a total says nothing of missing parts
    skipped = skipping(table, place, parts)
    where = np.isnan(value) | right | (_plausible(table, place, parts) & ~full)
    where[skipped] = False
    shown = right | (skipped & (known.sum(axis=0) > 1))
    checked = full | shown
    if not side.are_rows:  # known cells that leave nothing possible for missing ones speak against a sum
        checked |= ~np.isnan(value) & known.any(axis=0) & ~_plausible(table, place, parts)
    if checked.any():
        meant = shown | (full & mean_of(value, table[parts])) if side.are_rows else shown
        enough = (shown & (told | skipped)).sum() >= side.fewest
        return where if enough and meant[checked].mean() >= side.share else None
    return where if side is ROWS and _is_likely(table, place, parts) else None


def _is_likely(table: Matrix, place: int, parts: Indices) -> bool:
    """Return whether a row may well be the sum of others, none of which is known in full.

    In three columns it is between what is known and what may be missing, or it is beyond all that a row is.
    """
    known = ~np.isnan(table[parts])
    some = ~np.isnan(table[place]) & known.any(axis=0)
    if parts.size < FEWEST_PARTS or not some.any() or known[:, some].mean() < KNOWN:
        return False
    largest = np.nanmax(table[parts][:, some], axis=0)
    if np.nanmin(table[parts][:, some]) < 0 or not _plausible(table, place, parts, larger=LARGER)[some].all():
        return False
    return bool(some.sum() >= FEWEST_LIKELY or (table[place, some] > LARGER * largest).all())


def _adding(table: Matrix, place: int, parts: Indices, _: Side) -> NDArray[np.bool_] | None:
    """Return for which cells a line without a name is the sum of others: of all that are known in it."""
    where, known = _confirmed(table, place, parts, STRICT), ~np.isnan(table[place])
    if where is None or parts.size < FEWEST_PARTS or known.sum() < FEWEST_KNOWN:
        return None
    return where if (where | skipping(table, place, parts))[known].all() else None


def _adds_up(table: Matrix, place: int, parts: Indices) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return of each column of complete cells whether parts add up but for rounding, and are not all zero."""
    sums, unit = table[parts].sum(axis=0), units(table[[place, *parts]])
    size = np.abs(table[parts]).sum(axis=0)
    allowed = np.minimum(unit * np.sqrt(parts.size + 1), 0.01 * size) + 1e-9 * size
    return np.asarray(np.abs(table[place] - sums) <= allowed), size > 0


def skipping(table: Matrix, place: int, parts: Indices) -> NDArray[np.bool_]:
    """Return in which columns a known total is the sum of the known parts, although some are missing."""
    known = ~np.isnan(table[parts])
    gaps = np.flatnonzero(~np.isnan(table[place]) & known.any(axis=0) & ~known.all(axis=0))
    plain = table[:, gaps].copy()
    plain[parts] = np.where(known[:, gaps], plain[parts], 0.0)
    right, told = _adds_up(plain, place, parts)
    skipping = np.zeros(table.shape[1], bool)
    skipping[gaps] = right & told
    return skipping


def _plausible(
    table: Matrix, place: int, parts: Indices, *, larger: float = MUCH_LARGER
) -> NDArray[np.bool_]:
    """Return in which columns a known total leaves for the missing parts what they may be: no mean does."""
    known = ~np.isnan(table[parts])
    plain = np.where(known, table[parts], 0.0)
    missing, largest = (~known).sum(axis=0), np.abs(plain).max(axis=0, initial=0.0)
    rest = table[place] - plain.sum(axis=0)
    most = missing * larger * largest
    counts = (plain >= 0).all(axis=0)
    slack = 1e-9 * np.abs(plain).sum(axis=0) + units(plain) * np.sqrt(parts.size + 1) * counts
    with np.errstate(invalid="ignore"):
        least = np.where(counts, -np.minimum(slack, 0.01 * plain.sum(axis=0)), -most)
        return np.asarray((rest >= least) & (rest <= most + slack) & known.any(axis=0))


def units(table: Matrix) -> Vector:
    """Return the last place in which numbers of each column are written: thousands, units, hundredths, ..."""
    units = np.full(table.shape[1], 10.0**-DECIMALS)
    for digits in range(DECIMALS - 1, -THOUSANDS, -1):
        whole = np.isclose(table, np.round(table, digits), rtol=1e-12, atol=1e-9).all(axis=0)
        if not whole.any():
            break
        units[whole] = 10.0**-digits
    return units
