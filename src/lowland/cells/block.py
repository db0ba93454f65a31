"""`CellBlock`: known cells sorted by one side of a table, or by one mode of a tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.brief import briefly
from lowland.kernels.sort import sort_both_ways

Arrays = tuple[NDArray[Any], ...]

# cells of which temporary arrays are made at once
TOGETHER = 1_000_000


@briefly
@final
@dataclass(frozen=True, eq=False)
class CellBlock:
    """Cells of consecutive lines (rows, columns, or slices of a mode), each line's by ascending partner.

    Parameters
    ----------
    first : int
        Position of the first line in the table.
    starts : ndarray of int64, shape (lines + 1,)
        Cells of the k-th line lie at starts[k] .. starts[k + 1].
    partners : ndarray of int32, shape (p,)
        Position of each cell on the other side; of a tensor, number of its combination of the other modes.
    values : ndarray, shape (p,)
        Values, or of cells that `sort_cells` has sorted, their places in the list.
    weights : ndarray, shape (p,), or None
        Positive; None means 1.
    combinations : ndarray of int, shape (partners, modes - 1), or None
        Of a tensor: positions in the other modes of each partner; None if partners are all combinations, in
        C order.
    """

    first: int
    starts: NDArray[np.int64]
    partners: NDArray[np.int32]
    values: Matrix
    weights: Vector | None = None
    combinations: NDArray[np.integer[Any]] | None = None

    @property
    def size(self) -> int:
        """Number of lines."""
        return self.starts.size - 1

    @property
    def counts(self) -> Indices:
        """Number of cells of each line."""
        return np.diff(self.starts)

    @property
    def lines(self) -> Indices:
        """The line of each cell, counted from the block's first one."""
        return np.repeat(np.arange(self.size), self.counts)

    def holding(self, values: Matrix, weights: Vector | None = None) -> CellBlock:
        """Return the cells with values and weights of the list that was sorted."""
        ordered = None if weights is None else weights[self.values]
        return replace(self, values=values[self.values], weights=ordered)

    def where(self, kept: NDArray[np.bool_]) -> CellBlock:
        """Return the block with some of its cells only."""
        return replace(
            self,
            starts=np.concatenate([[0], np.cumsum(kept)])[self.starts].astype(np.int64),
            partners=self.partners[kept],
            values=self.values[kept],
            weights=None if self.weights is None else self.weights[kept],
        )

    def stretches(self) -> Iterator[tuple[slice, Indices]]:
        """Yield about `TOGETHER` cells of whole lines and the line of each: temporary arrays hold no more."""
        ends = np.arange(0, self.starts[-1] + TOGETHER, TOGETHER)
        bounds = np.unique([0, *np.searchsorted(self.starts, ends, side="right") - 1, self.size])
        for first, last in pairwise(bounds.tolist()):
            lines = np.repeat(np.arange(first, last), np.diff(self.starts[first : last + 1]))
            yield slice(self.starts[first], self.starts[last]), lines


def sort_cells(rows: Indices, columns: Indices, shape: tuple[int, int]) -> tuple[CellBlock, CellBlock]:
    """Return listed cells, which may repeat, by row and by column; their values are places in the list.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (p,)
    shape : tuple of int
    """
    row_starts, row_order, row_partners, starts, order, partners = sort_both_ways(rows, columns, shape)
    return CellBlock(0, row_starts, row_partners, row_order), CellBlock(0, starts, partners, order)
