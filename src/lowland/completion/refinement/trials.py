"""Cells held out of a table together with what a fit without them says, to judge what is added to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.trials.contents import Contents
from lowland.trials.masks import Hiding, hide_alike, some_cells

# more trials than asked for are made until so many cells are held out, or so many times
HELD_OUT, MOST_TRIALS = 300, 8
# with fewer held-out cells a column is not refined
FEWEST = 8

# a table, NaN where missing, to predictions of all cells and their standard errors
Complete = Callable[[Matrix], tuple[Matrix, Matrix]]


@final
@dataclass(frozen=True, eq=False)
class Residuals:
    """A table without some of its cells, completed by a fit that has not seen them.

    Parameters
    ----------
    holes : ndarray, shape (m, n)
        The table, NaN where missing or hidden.
    low : ndarray, shape (m, n)
        What the fit says of all cells.
    at : pair of ndarray of int, shape (k,)
        The hidden cells.
    truth, spreads : ndarray, shape (k,)
        Their values, and standard errors of the fit.
    """

    holes: Matrix
    low: Matrix
    at: tuple[NDArray[np.intp], NDArray[np.intp]]
    truth: Vector
    spreads: Vector

    @classmethod
    def of(
        cls,
        table: Matrix,
        complete: Complete,
        hides: Hiding,
        rng: np.random.Generator,
        *,
        groups: Indices,
        singles: float = 0.0,
    ) -> Residuals:
        """Hide cells, of which every row keeps one and every column a few, and fit the others.

        They are missing as cells of the table are, and of the others a share of singles is drawn one by one.
        """
        known = ~np.isnan(table)
        first = np.searchsorted(groups, np.unique(groups))  # one column for each group
        by_group = hide_alike(table[:, first], hides.share, rng)
        hidden = by_group[:, np.searchsorted(groups[first], groups)]
        if singles:
            hidden[known] |= some_cells(Contents.of_array(table).random_cells(rng), singles)
        left = known & ~hidden
        hidden[~left.any(axis=1)] = False
        hidden[:, left.sum(axis=0) < FEWEST] = False
        at = np.nonzero(hidden)
        holes = np.where(hidden, np.nan, table)
        low, spreads = complete(holes)
        return cls(holes, low, (at[0], at[1]), table[at], spreads[at])


def count_of(hides: Hiding, table: Matrix) -> int:
    """Return how many trials a table needs: more of few cells."""
    cells = int(np.sum(~np.isnan(table)))
    return min(max(hides.times, round(HELD_OUT / (hides.share * cells))), MOST_TRIALS)


@final
class Trials:
    """Several trials, whose hidden cells are looked at together."""

    def __init__(self, parts: Sequence[Residuals]) -> None:
        self.parts = parts
        self.columns: Indices = np.concatenate([part.at[1] for part in parts])
        self.spreads: Vector = np.concatenate([part.spreads for part in parts])
        # of the fits
        self.errors: Vector = self.errors_of([part.low for part in parts])

    def errors_of(self, tables: Sequence[Matrix]) -> Vector:
        """Return the errors of tables, one for each trial, on the hidden cells."""
        return np.concatenate(
            [table[part.at] - part.truth for part, table in zip(self.parts, tables, strict=True)]
        )
