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
    """Return the lines that follow from known ones: each with as many cells in known lines as unknowns.

    Each line is counted once, when it becomes known.
    """
    known, counts = [rows.copy(), columns.copy()], [np.zeros(len(rows), int), np.zeros(len(columns), int)]
    new = [np.flatnonzero(rows), np.flatnonzero(columns)]
    while new[0].size or new[1].size:
        counts[0] += seen[:, new[1]].sum(axis=1)
        counts[1] += seen[new[0]].sum(axis=0)
        for side in (0, 1):
            new[side] = np.flatnonzero((counts[side] >= needed[side]) & ~known[side])
            known[side][new[side]] = True
    return known[0], known[1]


def parts(seen: Mask) -> tuple[Indices, Indices]:
    """Return, for rows and columns, the smallest line of the connected part that each belongs to.

    Labels are passed along cells, and then to whatever has the same label.
    """
    m, n = seen.shape
    i, j = np.nonzero(seen)
    labels = np.arange(m + n)
    while True:
        low = np.minimum(labels[i], labels[m + j])
        moved = labels.copy()
        for end in (i, m + j):
            np.minimum.at(moved, end, low)
            np.minimum.at(moved, labels[end], low)
        while not np.array_equal(moved, moved[moved]):
            moved = moved[moved]
        if np.array_equal(moved, labels):
            return labels[:m], labels[m:]
        labels = moved


def is_same_partition(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Whether two labellings split positions into the same groups."""
    if one.shape != other.shape:
        return False
    pairs = {*zip(one.tolist(), other.tolist(), strict=True)}
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))
