"""Cells held out of a table together with what a fit without them says, to judge what is added to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.refinement.missing_alike import hidden_cells
from lowland.core.arrays import Indices, Matrix, Vector

# hold-outs, of a share of the observed cells each: at least so many, and more until so many cells are held
# out, or so many times
HOLD_OUTS, SHARE, HELD_OUT, MOST_HOLD_OUTS = 3, 0.1, 300, 8
# with fewer held-out cells a column is not refined
FEWEST = 8

# a table, NaN where missing, to predictions of all cells and their standard errors
Complete = Callable[[Matrix], tuple[Matrix, Matrix]]


@final
@dataclass(frozen=True, eq=False)
class HoldOut:
    """A table without some of its cells, completed by a fit that has not seen them."""

    holes: Matrix
    low: Matrix
    at: tuple[NDArray[np.intp], NDArray[np.intp]]
    truth: Vector
    spreads: Vector


def count_of(cells: int) -> int:
    """Return how many hold-outs a table of so many observed cells needs."""
    return min(max(HOLD_OUTS, round(HELD_OUT / (SHARE * cells))), MOST_HOLD_OUTS)


def hold_out(
    table: Matrix, complete: Complete, rng: np.random.Generator, groups: Indices, singles: float = 0.0
) -> HoldOut:
    """Return a table without some cells: every row keeps one, every column a few.

    They are missing as cells of the table are, and of the others a share of singles is drawn one by one.
    """
    first = np.searchsorted(groups, np.unique(groups))  # one column for each group
    by_group = hidden_cells(~np.isnan(table[:, first]), SHARE, rng)
    hidden = by_group[:, np.searchsorted(groups[first], groups)]
    if singles:
        hidden |= ~np.isnan(table) & (rng.random(table.shape) < singles)
    left = ~np.isnan(table) & ~hidden
    hidden[~left.any(axis=1)] = False
    hidden[:, left.sum(axis=0) < FEWEST] = False
    rows, columns = np.nonzero(hidden)
    at = (rows, columns)
    holes = np.where(hidden, np.nan, table)
    low, spreads = complete(holes)
    return HoldOut(holes, low, at, table[at], spreads[at])


def errors_of(trials: Sequence[HoldOut], tables: Sequence[Matrix]) -> Vector:
    """Return the errors of tables on the cells held out, of all hold-outs."""
    return np.concatenate(
        [table[trial.at] - trial.truth for trial, table in zip(trials, tables, strict=True)]
    )
