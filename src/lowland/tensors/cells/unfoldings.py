"""The known cells of a tensor by the rows of one mode, and what is computed of them row by row.

The rows of a mode are those of a table whose columns are the combinations of the other modes, with the
products of their factors' rows as partners: the kernels of tables solve them. No row's numbers depend on
other rows, so that the same cells give the same bits in memory and in blocks on the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Protocol, Self, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.kernels.sparse_tables.sparse import multiply_rows, squared_errors
from lowland.kernels.systems.rows import Noise, default_form, solve_rows
from lowland.kernels.systems.rows_nonnegative import solve_rows_nonnegative


class Unfolding(Protocol):
    """The known cells by the rows of one mode, wherever they are."""

    def sums(self) -> tuple[Vector, Vector]:
        """Return the weighted sums and sums of squares of each row's values, shape (rows,)."""

    def scaled(self, centre: float, unit: float) -> Self:
        """Return the same cells with other values: their distances from a centre, in a unit."""

    def solve(
        self,
        factors: Sequence[Matrix],
        precision: Matrix,
        shift: Matrix,
        noise: Noise,
        slices: SlicePrecisions | None = None,
    ) -> Matrix:
        """Return draws of the mode's rows, given the factors of the other modes, shape (rows, r)."""

    def errors(self, factors: Sequence[Matrix]) -> Vector:
        """Return the weighted squared errors of each row, shape (rows,)."""


class RowCells(Protocol):
    """Cells of the rows of one mode, compressed, and the products that they are fitted by."""

    @property
    def mode(self) -> int:
        """The mode."""

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each row's cells begin, shape (rows + 1,)."""

    @property
    def columns(self) -> NDArray[np.int32]:
        """Row of the design of each cell."""

    @property
    def values(self) -> Vector:
        """Values of the cells, row by row."""

    @property
    def weights(self) -> Vector | None:
        """Weights of the cells, None if all are one."""

    def design(self, factors: Sequence[Matrix]) -> Matrix:
        """Return what the rows of the other factors make of each column, shape (columns, r)."""

    def best(self, factors: Sequence[Matrix], ridge: float, *, nonnegative: bool) -> Matrix:
        """Return the rows that fit best, given the factors of the other modes, shape (rows, r)."""


def fibre_numbers(positions: NDArray[np.int64], mode: int, shape: Sequence[int]) -> Indices:
    """Return the number of the fibre along a mode that each cell lies in, of all fibres in C order."""
    others = [k for k in range(len(shape)) if k != mode]
    places = tuple(positions[:, k] for k in others)
    return np.asarray(np.ravel_multi_index(places, [shape[k] for k in others]))


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
        found: Vector = self.values[others[:, self.mode - (self.mode > mode)]]
        return found


@final
@dataclass(frozen=True, eq=False)
class UnfoldedCells:
    """An unfolding in memory.

    Parameters
    ----------
    mode : int
    starts, columns, values, weights : ndarray
        Rows compressed.
    combinations : ndarray of int, shape (columns, modes - 1), or None
        Positions in the other modes of each column; None if all combinations are columns, in C order.
    """

    mode: int
    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: Vector
    weights: Vector | None
    combinations: Indices | None

    @classmethod
    def of(
        cls,
        positions: NDArray[np.int64],
        values: Vector,
        weights: Vector | None,
        mode: int,
        shape: tuple[int, ...],
    ) -> UnfoldedCells:
        """Return the unfolding of a list of cells."""
        lengths = (*shape[:mode], *shape[mode + 1 :])
        numbers = fibre_numbers(positions, mode, shape)
        combinations = None
        if len(values) < prod(lengths):  # few of them occur
            used, numbers = np.unique(numbers, return_inverse=True)
            combinations = np.stack(np.unravel_index(used, lengths), axis=1)
        order = np.lexsort((numbers, positions[:, mode]))
        counts = np.bincount(positions[:, mode], minlength=shape[mode])
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        ordered = None if weights is None else weights[order].astype(np.float64)
        return cls(mode, starts, numbers[order].astype(np.int32), values[order], ordered, combinations)

    def sums(self) -> tuple[Vector, Vector]:
        """Return the weighted sums and sums of squares of each row's values, shape (rows,)."""
        return row_sums(self.starts, self.values, self.weights)

    def scaled(self, centre: float, unit: float) -> UnfoldedCells:
        """Return the same cells with other values: their distances from a centre, in a unit."""
        return replace(self, values=(self.values - centre) / unit)

    def solve(
        self,
        factors: Sequence[Matrix],
        precision: Matrix,
        shift: Matrix,
        noise: Noise,
        slices: SlicePrecisions | None = None,
    ) -> Matrix:
        """Return draws of the mode's rows, given the factors of the other modes, shape (rows, r)."""
        return solve_rows(
            self.design(factors),
            self.starts,
            self.columns,
            self.values,
            weights=self.weights if slices is None else self._weighted(slices, factors),
            precision=precision,
            shift=shift,
            noise=noise,
            form=tensor_form(factors),
        )

    def best(self, factors: Sequence[Matrix], ridge: float, *, nonnegative: bool) -> Matrix:
        """Return the rows that fit best, given the factors of the other modes, shape (rows, r).

        Parameters
        ----------
        factors : sequence of ndarray
            That of the mode itself is where nonnegative rows start from.
        ridge : float
            In units of the mean squares that the other modes give.
        nonnegative : bool
        """
        return best_rows(self, factors, ridge, nonnegative=nonnegative)

    def errors(self, factors: Sequence[Matrix]) -> Vector:
        """Return the weighted squared errors of each row, shape (rows,)."""
        own, design = factors[self.mode], self.design(factors)
        return squared_errors(own, design, self.starts, self.columns, self.values, self.weights)

    def _weighted(self, slices: SlicePrecisions, factors: Sequence[Matrix]) -> Vector:
        """Return the weights of the cells times the precisions of their slices."""
        if slices.mode == self.mode:
            found: Vector = np.repeat(slices.values, np.diff(self.starts))
        else:
            combinations = self.combinations
            if combinations is None:
                lengths = [len(factor) for k, factor in enumerate(factors) if k != self.mode]
                combinations = np.stack(np.unravel_index(np.arange(prod(lengths)), lengths), axis=1)
            found = slices.of_others(self.mode, combinations)[self.columns]
        return found if self.weights is None else found * self.weights

    def design(self, factors: Sequence[Matrix]) -> Matrix:
        """Return the products of the other modes' rows for each column, shape (columns, r)."""
        others = [factor for k, factor in enumerate(factors) if k != self.mode]
        return all_products(others) if self.combinations is None else products(others, self.combinations)


def best_rows(cells: RowCells, factors: Sequence[Matrix], ridge: float, *, nonnegative: bool) -> Matrix:
    """Return the rows that fit best, as `UnfoldedCells.best`, of cells of any kind."""
    design, starts = cells.design(factors), cells.starts
    rank = design.shape[1]
    mass = float(cells.values.size if cells.weights is None else cells.weights.sum())
    unit = ridge * float(np.mean(design**2)) * mass / max(starts.size - 1, 1)
    unit = max(unit, float(np.finfo(design.dtype).tiny))
    if nonnegative:
        start = np.maximum(factors[cells.mode], 0)
        return solve_rows_nonnegative(design, starts, cells.columns, cells.values, cells.weights, unit, start)
    return solve_rows(
        design,
        starts,
        cells.columns,
        cells.values,
        weights=cells.weights,
        precision=unit * np.eye(rank),
        shift=np.zeros(rank, design.dtype),
        form=tensor_form(factors),
    )


def tensor_form(factors: Sequence[Matrix]) -> str:
    """Return the form of the row kernel for a tensor with these factors."""
    return default_form(factors[0].shape[1], [len(factor) for factor in factors])


def row_sums(starts: NDArray[np.int64], values: Vector, weights: Vector | None) -> tuple[Vector, Vector]:
    """Return the weighted sums and sums of squares of rows' values, each from the first cell to the last."""
    each = values if weights is None else weights * values
    table, places = np.column_stack([np.ones_like(values), values]), np.arange(values.size, dtype=np.int32)
    both = multiply_rows(starts, places, each, table)
    return both[:, 0], both[:, 1]


def products(factors: Sequence[Matrix], positions: NDArray[np.integer]) -> Matrix:
    """Return the products of one row per factor, shape (k, r), for positions of shape (k, factors)."""
    out: Matrix = factors[0][positions[:, 0]]
    for factor, own in zip(factors[1:], positions.T[1:], strict=True):
        out *= factor[own]
    return out


def all_products(factors: Sequence[Matrix]) -> Matrix:
    """Return the products of rows of some factors, for all combinations in C order (Khatri-Rao)."""
    rank = factors[0].shape[1]
    out = np.ones((1, rank))
    for factor in factors:
        out = (out[:, None, :] * factor[None]).reshape(-1, rank)
    return out
