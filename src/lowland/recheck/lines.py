"""What observed cells reach: connected lines, complete blocks, and all that follows by linear equations."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices

Mask: TypeAlias = NDArray[np.bool_]


def seen_cells(cells: tuple[Indices, Indices], shape: tuple[int, int]) -> Mask:
    """Return a table that is true where a cell is observed."""
    seen = np.zeros(shape, bool)
    seen[cells] = True
    return seen


def closure(seen: Mask, rows: Mask, columns: Mask, needed: tuple[int, int]) -> tuple[Mask, Mask]:
    """Return the lines that follow from known ones: each with as many cells in known lines as unknowns."""
    rows, columns = rows.copy(), columns.copy()
    while True:
        before = int(rows.sum() + columns.sum())
        rows |= (seen & columns).sum(axis=1) >= needed[0]
        columns |= (seen & rows[:, None]).sum(axis=0) >= needed[1]
        if int(rows.sum() + columns.sum()) == before:
            return rows, columns


def parts(seen: Mask) -> tuple[Indices, Indices]:
    """Return, for rows and columns, the smallest line of the connected part that each belongs to."""
    m, n = seen.shape
    rows, columns = np.arange(m), m + np.arange(n)
    while True:
        low_rows = np.minimum(rows, np.where(seen, columns, m + n).min(axis=1, initial=m + n))
        low_columns = np.minimum(columns, np.where(seen, low_rows[:, None], m + n).min(axis=0, initial=m + n))
        if np.array_equal(low_rows, rows) and np.array_equal(low_columns, columns):
            return rows, columns
        rows, columns = low_rows, low_columns


def is_same_partition(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Whether two labellings split positions into the same groups."""
    if one.shape != other.shape:
        return False
    pairs = {*zip(one.tolist(), other.tolist(), strict=True)}
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))
