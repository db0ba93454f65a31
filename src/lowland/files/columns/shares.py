"""Columns that add up to one number in every row: percentages and shares of a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix
from lowland.files.columns.totals import units

# what shares add up to
WHOLES = (100.0, 1.0)
# complete rows that must add up, and their share; rows that are looked at first
FEWEST, SHARE, FIRST = 5, 0.95, 200
# columns among which shares are looked for, at most
MOST = 300


@final
@dataclass(frozen=True, eq=False)
class Shares:
    """Neighbouring columns that add up to one number.

    Parameters
    ----------
    parts : ndarray of int
        Their places.
    whole : float
    """

    parts: Indices
    whole: float


def find_shares(table: Matrix, barred: NDArray[np.bool_]) -> list[Shares]:
    """Return the runs of neighbouring columns that add up to 1 or 100, the longest of each start.

    Parameters
    ----------
    table : ndarray, shape (m, n)
        NaN where a cell is missing.
    barred : ndarray of bool, shape (n,)
        Columns that are no shares.
    """
    first = table[:FIRST]
    known = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        within = ((table >= 0) & (table <= max(WHOLES)) | ~known).all(axis=0)
    varied = np.array(
        [np.unique(column[here]).size > 1 for column, here in zip(table.T, known.T, strict=True)]
    )
    able = within & varied & ~barred
    if len(able) > MOST or able.sum() < 2 or len(table) < FEWEST:
        return []
    found, start = list[Shares](), 0
    while start < able.size:
        run = start
        while run < able.size and able[run]:
            run += 1
        one = _longest(table, first, start, run)
        if one is not None:
            found.append(one)
        start = start + 1 if one is None else int(one.parts[-1]) + 1
    return found


def _longest(table: Matrix, first: Matrix, start: int, end: int) -> Shares | None:
    """Return the longest run of columns from one on that add up to a whole; None if there is none."""
    sums = np.cumsum(first[:, start:end], axis=1)  # NaN from the first missing cell on
    for stop in range(end, start + 1, -1):
        reached = sums[:, stop - start - 1]
        for whole in WHOLES:
            with np.errstate(invalid="ignore"):
                near = np.abs(reached - whole) <= 0.02 * whole
            if near.sum() >= FEWEST and near.sum() >= SHARE * (~np.isnan(reached)).sum():
                parts = np.arange(start, stop)
                if _add_up(table[:, parts], whole):
                    return Shares(parts, whole)
    return None


def _add_up(cells: Matrix, whole: float) -> bool:
    """Return whether complete rows add up to a whole but for rounding."""
    full = cells[~np.isnan(cells).any(axis=1)].T
    right = (
        np.abs(full.sum(axis=0) - whole)
        <= np.minimum(0.51 * units(full) * np.sqrt(len(full) + 1), 0.02 * whole) + 1e-9 * whole
    )
    return bool(right.sum() >= FEWEST and right.mean() >= SHARE)
