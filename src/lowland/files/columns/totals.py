"""Rows and columns that are sums of others: found by their names and by their sums.

A total says nothing that its parts do not say, and is no draw from what they are drawn from: as a row like
others it spoils a fit. What is missing in it follows from its parts, and where it is known, they follow it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector

# words that names of totals hold
_HELD = """
total totals subtotal subtotals totale totaal sum sums summe summen zwischensumme gesamt gesamtsumme insgesamt
somme suma ensemble
"""
# names of totals as they are
_WHOLE = "all alle overall world both together combined everything everyone all_countries both_sexes"
HELD, WHOLE = frozenset(_HELD.split()), frozenset(word.replace("_", " ") for word in _WHOLE.split())
# rows that must confirm a column, and columns that must make a row likely where none is complete
FEWEST, FEWEST_LIKELY = 3, 3
# share of complete lines that must be sums, and of parts that must be known where no line is complete
CONFIRMED, KNOWN = 0.9, 0.5
# share of the complete cells of a row that must be sums: others may be means
HALF = 0.5
# as many times the largest known part may a part be that is missing
LARGER = 3.0
DECIMALS = 6


@final
@dataclass(frozen=True, eq=False)
class Sum:
    """A line that is the sum of others.

    Parameters
    ----------
    place : int
        Of the line.
    parts : ndarray of int
        Places of the others.
    where : ndarray of bool
        For which cells of the line that holds: some are means, or sums of known cells.
    """

    place: int
    parts: Indices
    where: NDArray[np.bool_]


def is_total(name: str) -> bool:
    """Return whether a name is one of totals."""
    words = [word for word in re.split(r"[\W_\d]+", name.lower()) if word]
    return bool(HELD & set(words)) or " ".join(words) in WHOLE


def row_sums(table: Matrix, named: NDArray[np.bool_]) -> list[Sum]:
    """Return the rows that are named as totals and are the sums of other rows.

    Parameters
    ----------
    table : ndarray, shape (m, n)
        NaN where a cell is missing, or is no number.
    named : ndarray of bool, shape (m,)
        Which rows are named as totals.
    """
    found = []
    for place in np.flatnonzero(named).tolist():
        for parts in _blocks(named, place):
            where = _confirmed(table, place, parts)
            if where is not None:
                found.append(Sum(place, parts, where))
                break
    return found


def column_sums(table: Matrix, named: NDArray[np.bool_]) -> list[Sum]:
    """Return the columns that are named as totals and are the sums of other columns.

    Parameters
    ----------
    table : ndarray, shape (m, n)
        NaN where a cell is missing, or is no number.
    named : ndarray of bool, shape (n,)
        Which columns are named as totals.
    """
    found = []
    for place in np.flatnonzero(named).tolist():
        for parts in (*_blocks(named, place), *_neighbours(named, place)):
            full = ~np.isnan(table[:, [place, *parts]]).any(axis=1)
            right, told = _adds_up(table.T[:, full], place, parts)
            if (right & told).sum() >= FEWEST and right.mean() >= CONFIRMED:
                where = np.ones(len(table), bool)
                where[full] = right
                where[_skipping(table.T, place, parts)] = False
                found.append(Sum(place, parts, where))
                break
    return found


def _blocks(named: NDArray[np.bool_], place: int) -> Iterator[Indices]:
    """Yield the lines that a total may be the sum of: all, those above, or those next to it."""
    plain, before = np.flatnonzero(~named), np.flatnonzero(named[:place])
    after = np.flatnonzero(named[place + 1 :])
    since = before[-1] + 1 if before.size else 0
    until = place + 1 + after[0] if after.size else named.size
    seen = set()
    for parts in (plain, plain[plain < place], np.arange(since, place), np.arange(place + 1, until)):
        key = (parts.size, *parts[:1].tolist())
        if parts.size > 1 and key not in seen:
            seen.add(key)
            yield parts


def _neighbours(named: NDArray[np.bool_], place: int) -> Iterator[Indices]:
    """Yield the next two, three, ... lines on either side of a total."""
    left = 0
    while left < place and not named[place - left - 1]:
        left += 1
    right = 0
    while place + right + 1 < named.size and not named[place + right + 1]:
        right += 1
    for count in range(2, max(left, right) + 1):
        if count <= left:
            yield np.arange(place - count, place)
        if count <= right:
            yield np.arange(place + 1, place + 1 + count)


def _adds_up(table: Matrix, place: int, parts: Indices) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return of each column of complete cells whether parts add up but for rounding, and are not all zero."""
    sums, unit = table[parts].sum(axis=0), _units(table[[place, *parts]])
    size = np.abs(table[parts]).sum(axis=0)
    allowed = np.minimum(unit * np.sqrt(parts.size + 1), 0.01 * np.abs(sums)) + 1e-9 * size
    return np.asarray(np.abs(table[place] - sums) <= allowed), size > 0


def _skipping(table: Matrix, place: int, parts: Indices) -> NDArray[np.bool_]:
    """Return in which columns a known total is the sum of the known parts, although some are missing."""
    known = ~np.isnan(table[parts])
    gaps = np.flatnonzero(~np.isnan(table[place]) & known.any(axis=0) & ~known.all(axis=0))
    plain = table[:, gaps].copy()
    plain[parts] = np.where(known[:, gaps], plain[parts], 0.0)
    right, told = _adds_up(plain, place, parts)
    skipping = np.zeros(table.shape[1], bool)
    skipping[gaps] = right & told
    return skipping


def _units(table: Matrix) -> Vector:
    """Return the last decimal place in which numbers of each column are written."""
    units = np.full(table.shape[1], 10.0**-DECIMALS)
    for digits in range(DECIMALS - 1, -1, -1):
        whole = np.isclose(table, np.round(table, digits), rtol=1e-12, atol=1e-9).all(axis=0)
        units[whole] = 10.0**-digits
    return units


def _confirmed(table: Matrix, place: int, parts: Indices) -> NDArray[np.bool_] | None:
    """Return in which columns a row is the sum of others; None if it is not."""
    value, known = table[place], ~np.isnan(table[parts])
    full = known.all(axis=0) & ~np.isnan(value)
    where = np.ones(value.size, bool)
    # programs that add up skip what is blank: such a total says nothing of missing parts
    skipping = _skipping(table, place, parts)
    if skipping.any():
        where[skipping] = where[np.isnan(value)] = False
        if not full.any():
            return where
    if full.any():
        right, told = _adds_up(table[:, full], place, parts)
        where[full] = right
        return where if right.mean() >= HALF and (right & told).any() else None
    some = ~np.isnan(value) & known.any(axis=0)
    if parts.size < FEWEST or some.sum() < FEWEST_LIKELY or known[:, some].mean() < KNOWN:
        return None
    inner = np.where(known, table[parts], 0.0)[:, some]
    if inner.min() < 0:
        return None
    least, largest, missing = inner.sum(axis=0), inner.max(axis=0), (~known[:, some]).sum(axis=0)
    likely = (value[some] >= least * (1 - 1e-9)) & (value[some] <= least + missing * LARGER * largest)
    return where if likely.all() else None
