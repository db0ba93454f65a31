"""The known cells of a tensor by the rows of one mode, and what is computed of them row by row.

The rows of a mode are those of a table whose columns are the combinations of the other modes, with the
products of their factors' rows as partners: the kernels of tables solve them. No row's numbers depend on
other rows, so that the same cells give the same bits in memory and in blocks on the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.block import Arrays, CellBlock, sort_cells
from lowland.cells.sides import Blocks, LocalBlocks, PerLine
from lowland.cells.sums import line_errors
from lowland.core.arrays import Matrix, Vector, fibre_numbers
from lowland.kernels.sparse_tables.sparse import multiply_rows
from lowland.kernels.systems.rows import Noise, default_form, solve_rows
from lowland.kernels.systems.rows_nonnegative import solve_rows_nonnegative


@final
@dataclass(frozen=True, eq=False)
class SlicePrecisions:
    """Precisions of the cells by the slices of one mode, relative to each other.

    Parameters
    ----------
    mode : int
    values : ndarray, shape (I_n,)
    """

    mode: int
    values: Vector

    def of_others(self, mode: int, others: NDArray[np.integer]) -> Vector:
        """Return those of cells given by their positions in all modes but another one, shape (k, N - 1)."""
        precisions: Vector = self.values[others[:, self.mode - (self.mode > mode)]]
        return precisions


@final
@dataclass(frozen=True, eq=False)
class Unfolding:
    """The known cells of a tensor by the rows of one mode, wherever they are.

    Parameters
    ----------
    mode : int
    blocks : Blocks
        Partners of cells are combinations of the other modes.
    """

    mode: int
    blocks: Blocks

    @classmethod
    def of(
        cls,
        positions: NDArray[np.int64],
        values: Vector,
        weights: Vector | None,
        mode: int,
        shape: tuple[int, ...],
    ) -> Unfolding:
        """Return the unfolding of a list of cells."""
        lengths = (*shape[:mode], *shape[mode + 1 :])
        numbers, width = fibre_numbers(positions, mode, shape), prod(lengths)
        combinations = None
        if len(values) < width:  # few of them occur
            used, numbers = np.unique(numbers, return_inverse=True)
            combinations, width = np.stack(np.unravel_index(used, lengths), axis=1), used.size
        lines = np.ascontiguousarray(positions[:, mode])
        by_line, _ = sort_cells(lines, numbers, (shape[mode], width))
        listed = by_line.holding(values, None if weights is None else weights.astype(np.float64))
        return cls(mode, LocalBlocks(replace(listed, combinations=combinations)))

    def sums(self) -> tuple[Vector, Vector]:
        """Return the weighted sums and sums of squares of each row's values, shape (rows,)."""
        sums, squares = self.blocks.map(row_sums)
        return sums, squares

    def scaled(self, centre: float, unit: float) -> Unfolding:
        """Return the same cells with other values: their distances from a centre, in a unit."""
        return replace(self, blocks=self.blocks.change(_moved, centre, unit))

    def solve(
        self,
        factors: Sequence[Matrix],
        precision: Matrix,
        shift: Matrix,
        noise: Noise,
        slices: SlicePrecisions | None = None,
    ) -> Matrix:
        """Return draws of the mode's rows, given the factors of the other modes, shape (rows, r)."""
        shifts = PerLine(shift) if shift.ndim == 2 else shift
        (rows,) = self.blocks.map(_drawn, self.mode, factors, precision, shifts, noise, slices)
        return rows

    def errors(self, factors: Sequence[Matrix]) -> Vector:
        """Return the weighted squared errors of each row, shape (rows,)."""
        (errors,) = self.blocks.map(_errors, self.mode, factors, PerLine(factors[self.mode]))
        return errors

    def problem(self, factors: Sequence[Matrix]) -> RowProblem:
        """Return the least-squares problem of the mode's rows, given the factors of the other modes."""
        assert isinstance(self.blocks, LocalBlocks)
        return RowProblem(self.mode, self.blocks.block, _design(self.blocks.block, self.mode, factors))


@final
@dataclass(frozen=True, eq=False)
class RowProblem:
    """Least squares for the rows of one mode.

    Parameters
    ----------
    mode : int
    cells : CellBlock
        All rows, in memory.
    design : ndarray, shape (partners, r)
        What the other factors make of each partner.
    """

    mode: int
    cells: CellBlock
    design: Matrix

    def best(self, factors: Sequence[Matrix], ridge: float, *, nonnegative: bool) -> Matrix:
        """Return the rows that fit best, shape (rows, r).

        Parameters
        ----------
        factors : sequence of ndarray
            That of the mode itself is where nonnegative rows start from.
        ridge : float
            In units of the mean squares that the other modes give.
        nonnegative : bool
        """
        design, cells = self.design, self.cells
        rank = design.shape[1]
        mass = float(cells.values.size if cells.weights is None else cells.weights.sum())
        unit = ridge * float(np.mean(design**2)) * mass / max(cells.size, 1)
        unit = max(unit, float(np.finfo(design.dtype).tiny))
        parts = (design, cells.starts, cells.partners, cells.values)
        if nonnegative:
            return solve_rows_nonnegative(*parts, cells.weights, unit, np.maximum(factors[self.mode], 0))
        return solve_rows(
            *parts,
            weights=cells.weights,
            precision=unit * np.eye(rank),
            shift=np.zeros(rank, design.dtype),
            form=tensor_form(factors),
        )


def positions_of(block: CellBlock, mode: int) -> NDArray[np.int64]:
    """Return the positions of a stored block's cells in all modes, shape (p, modes)."""
    assert block.combinations is not None
    others = block.combinations[block.partners].astype(np.int64)
    return np.insert(others, mode, block.first + block.lines, axis=1)


def _design(block: CellBlock, mode: int, factors: Sequence[Matrix]) -> Matrix:
    """Return the products of the other modes' rows for each partner, shape (partners, r)."""
    others = [factor for k, factor in enumerate(factors) if k != mode]
    return all_products(others) if block.combinations is None else products(others, block.combinations)


def _moved(block: CellBlock, centre: float, unit: float) -> CellBlock:
    return replace(block, values=(block.values - centre) / unit)


def _drawn(
    block: CellBlock,
    mode: int,
    factors: Sequence[Matrix],
    precision: Matrix,
    shift: Matrix,
    noise: Noise,
    slices: SlicePrecisions | None,
) -> Arrays:
    """Return draws of a block's rows."""
    rows = solve_rows(
        _design(block, mode, factors),
        block.starts,
        block.partners,
        block.values,
        weights=block.weights if slices is None else _weighted(block, mode, slices, factors),
        precision=precision,
        shift=shift,
        noise=replace(noise, first=block.first),
        form=tensor_form(factors),
    )
    return (rows,)


def _errors(block: CellBlock, mode: int, factors: Sequence[Matrix], rows: Matrix) -> Arrays:
    return line_errors(block, _design(block, mode, factors), rows)


def _weighted(block: CellBlock, mode: int, slices: SlicePrecisions, factors: Sequence[Matrix]) -> Vector:
    """Return the weights of the cells times the precisions of their slices."""
    if slices.mode == mode:
        each: Vector = np.repeat(slices.values[block.first : block.first + block.size], block.counts)
    else:
        combinations = block.combinations
        if combinations is None:
            lengths = [len(factor) for k, factor in enumerate(factors) if k != mode]
            combinations = np.stack(np.unravel_index(np.arange(prod(lengths)), lengths), axis=1)
        each = slices.of_others(mode, combinations)[block.partners]
    return each if block.weights is None else each * block.weights


def tensor_form(factors: Sequence[Matrix]) -> str:
    """Return the form of the row kernel for a tensor with these factors."""
    return default_form(factors[0].shape[1], [len(factor) for factor in factors])


def row_sums(block: CellBlock) -> Arrays:
    """Return the weighted sums and sums of squares of rows' values, each from the first cell to the last."""
    values = block.values
    each = values if block.weights is None else block.weights * values
    table, places = np.column_stack([np.ones_like(values), values]), np.arange(values.size, dtype=np.int32)
    both = multiply_rows(block.starts, places, each, table)
    return both[:, 0], both[:, 1]


def products(factors: Sequence[Matrix], positions: NDArray[np.integer]) -> Matrix:
    """Return the products of one row per factor, shape (k, r), for positions of shape (k, factors)."""
    out: Matrix = factors[0][positions[:, 0]]
    for factor, places in zip(factors[1:], positions.T[1:], strict=True):
        out *= factor[places]
    return out


def all_products(factors: Sequence[Matrix]) -> Matrix:
    """Return the products of rows of some factors, for all combinations in C order (Khatri-Rao)."""
    rank = factors[0].shape[1]
    out = np.ones((1, rank))
    for factor in factors:
        out = (out[:, None, :] * factor[None]).reshape(-1, rank)
    return out
