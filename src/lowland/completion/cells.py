"""The observed cells of a table by row and by column, wherever they are: all that sweeps ask of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np

from lowland.completion.cell_blocks import Arrays, CellBlock, gathered_sums
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.kernels.sort import sort_both_ways
from lowland.kernels.sparse_gram import add_pairs


@final
@dataclass(frozen=True, eq=False)
class PerLine:
    """An argument with one entry per line, of which a block gets its own."""

    array: Any


@final
@dataclass(frozen=True, eq=False)
class PerPartner:
    """An argument with one entry per line of the other side, of which a block reads those of its cells."""

    value: Any


class Blocks(Protocol):
    """One side's lines, cut into blocks."""

    @property
    def counts(self) -> Indices:
        """Number of cells of each line."""

    def map(self, function: Callable[..., Arrays], *arguments: Any) -> Arrays:
        """Return what a function of a block returns for all blocks, joined in the order of lines."""

    def add_pairs(self, weights: Vector, gram: Matrix, at: int) -> Matrix:
        """Return a matrix with the weighted pairs of all lines' partners added: `sparse_gram.add_pairs`."""


@final
class LocalBlocks:
    """All lines of a side in one block in memory."""

    def __init__(self, block: CellBlock) -> None:
        self.block = block

    @property
    def counts(self) -> Indices:
        """Number of cells of each line."""
        return np.diff(self.block.starts)

    def map(self, function: Callable[..., Arrays], *arguments: Any) -> Arrays:
        """Return what the function returns for the block."""
        return function(self.block, *(plain(argument) for argument in arguments))

    def add_pairs(self, weights: Vector, gram: Matrix, at: int) -> Matrix:
        """Add the pairs in place."""
        add_pairs(self.block.starts, self.block.partners, weights, gram, at=at)
        return gram


def plain(argument: Any) -> Any:
    """Return an argument for a block that holds all lines."""
    if isinstance(argument, PerLine):
        return argument.array
    return argument.value if isinstance(argument, PerPartner) else argument


@final
@dataclass(frozen=True, eq=False)
class TableCells:
    """The cells of a table, its rows (side 0) and its columns (side 1) in blocks.

    Parameters
    ----------
    sides : pair of Blocks
    shape : tuple of int
        Shape (m, n) of the table.
    size : int
        Number of cells.
    dtype : dtype
        Precision of their values.
    weighted : bool
        Whether cells have weights.
    """

    sides: tuple[Blocks, Blocks]
    shape: tuple[int, int]
    size: int
    dtype: np.dtype[Any]
    weighted: bool

    @classmethod
    def of(
        cls, rows: Indices, columns: Indices, values: Vector, shape: tuple[int, int], weights: Vector | None
    ) -> TableCells:
        """Sort cells in memory by row and by column."""
        row_starts, row_order, partners, *by_column = sort_both_ways(rows, columns, shape)
        sides = []
        for starts, order, own in ((row_starts, row_order, partners), by_column):
            ordered = None if weights is None else weights[order]
            sides.append(LocalBlocks(CellBlock(0, starts, own, values[order], ordered)))
        return cls((sides[0], sides[1]), shape, values.size, values.dtype, weights is not None)

    def map(self, side: int, function: Callable[..., Arrays], *arguments: Any) -> Arrays:
        """Return what a function of a block returns for all lines of a side."""
        return self.sides[side].map(function, *arguments)

    def gathered(self, side: int, table: Matrix) -> Matrix:
        """Return the sums of a table's rows over the partners of each line of a side."""
        return self.map(side, gathered_sums, PerPartner(table))[0]
