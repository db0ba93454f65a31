"""The observed cells of a table by row and by column, wherever they are: all that sweeps ask of the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, final, runtime_checkable

import numpy as np

from lowland.cells.block import Arrays, CellBlock, sort_cells
from lowland.cells.labels import TableLabels
from lowland.cells.sums import gathered_sums, sampled_values, scaled_block
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.cells.observations import Observations
from lowland.kernels.sparse_tables.sparse_gram import add_pairs
from lowland.kernels.systems.moments import Moments


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

    def change(self, function: Callable[..., CellBlock], *arguments: Any) -> Blocks:
        """Return the blocks that a function of a block returns."""

    def thinned(self, counts: Indices, function: Callable[..., CellBlock], *arguments: Any) -> Blocks:
        """Return the blocks that a function returns, which leaves out cells; `counts` are those of lines."""

    def kept(self) -> Blocks:
        """Return the blocks with all changes made, where they would be made again for each request."""

    def add_pairs(self, weights: Vector, gram: Matrix, at: int) -> Matrix:
        """Return a matrix with the weighted pairs of all lines' partners added: `sparse_gram.add_pairs`."""


def shared_argument(argument: Any) -> Any:
    """Return an argument for several blocks: what kernels make of the other side's moments is made once."""
    if isinstance(argument, PerPartner) and isinstance(argument.value, Moments):
        return PerPartner(argument.value.for_many())
    return argument


@final
class LocalBlocks:
    """All lines of a side in one block in memory."""

    def __init__(self, block: CellBlock) -> None:
        self.block = block

    @property
    def counts(self) -> Indices:
        """Number of cells of each line."""
        return self.block.counts

    def map(self, function: Callable[..., Arrays], *arguments: Any) -> Arrays:
        """Return what the function returns for the block."""
        return function(self.block, *(whole_argument(argument) for argument in arguments))

    def change(self, function: Callable[..., CellBlock], *arguments: Any) -> LocalBlocks:
        """Return the block that the function returns."""
        return LocalBlocks(function(self.block, *(whole_argument(argument) for argument in arguments)))

    def thinned(self, counts: Indices, function: Callable[..., CellBlock], *arguments: Any) -> LocalBlocks:
        """Return the block that the function returns."""
        return self.change(function, *arguments)

    def kept(self) -> LocalBlocks:
        """Return the blocks, which are changed already."""
        return self

    def add_pairs(self, weights: Vector, gram: Matrix, at: int) -> Matrix:
        """Add the pairs in place."""
        add_pairs(self.block.starts, self.block.partners, weights, gram, at=at)
        return gram


def whole_argument(argument: Any) -> Any:
    """Return an argument for a block that holds all lines."""
    if isinstance(argument, PerLine):
        return argument.array
    return argument.value if isinstance(argument, PerPartner) else argument


def arguments_of_lines(arguments: Iterable[Any], first: int, last: int) -> list[Any]:
    """Return arguments for the block of lines first .. last - 1."""
    return [
        a.array[first:last] if isinstance(a, PerLine) and a.array is not None else whole_argument(a)
        for a in arguments
    ]


@briefly
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
    def of(cls, table: Observations) -> TableCells:
        """Sort the cells of a table in memory by row and by column."""
        both = sort_cells(table.rows, table.columns, table.shape)
        rows, columns = (LocalBlocks(side.holding(table.values, table.weights)) for side in both)
        return cls((rows, columns), table.shape, table.size, table.values.dtype, table.weights is not None)

    def before(self, partner: int) -> TableCells:
        """Return the cells in the first columns only; cells must be in memory."""
        if self.shape[1] <= partner:
            return self
        rows, columns = (side.block for side in self.sides if isinstance(side, LocalBlocks))
        first = replace(columns.where(columns.lines < partner), starts=columns.starts[: partner + 1])
        sides = (LocalBlocks(rows.where(rows.partners < partner)), LocalBlocks(first))
        return replace(self, sides=sides, shape=(self.shape[0], partner), size=first.values.size)

    def scaled(self, centres: Vector, spreads: Vector) -> TableCells:
        """Return the cells with the values of each column centred and divided."""
        by_column = PerPartner((centres, spreads))
        rows = self.sides[0].change(scaled_block, by_column)
        columns = self.sides[1].change(scaled_block, None, PerLine(centres), PerLine(spreads))
        return replace(self, sides=(rows, columns))

    def map(self, side: int, function: Callable[..., Arrays], *arguments: Any) -> Arrays:
        """Return what a function of a block returns for all lines of a side."""
        return self.sides[side].map(function, *arguments)

    def some_values(self, count: int) -> Vector:
        """Return about as many values, evenly spaced row by row; all if there are no more."""
        begins = np.concatenate([[0], np.cumsum(self.sides[0].counts)])[:-1]
        return self.map(0, sampled_values, max(1, self.size // count), PerLine(begins))[0]

    def gathered(self, side: int, table: Matrix) -> Matrix:
        """Return the sums of a table's rows over the partners of each line of a side."""
        return self.map(side, gathered_sums, PerPartner(table))[0]


@runtime_checkable
class CellTable(Protocol):
    """A table by its cells, wherever they are, and its labels."""

    @property
    def cells(self) -> TableCells:
        """The cells."""

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
