"""All or some cells of a Tucker tensor: values, and forward and reverse derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.work import CALL, touch
from lowland.tensors.kernels.cells import (
    block_bounds,
    cell_tangents,
    cell_values,
    pull_cells,
    pull_cells_with_tangents,
)
from lowland.tensors.kernels.mode_products import (
    fold,
    mode_gram,
    mode_product,
    multiply_modes,
    unfold,
    visit_modes,
    visit_modes_with_tangents,
)
from lowland.tensors.tucker_tensor import TuckerTensor


class TensorMeasurement(Protocol):
    """The observed cells of a Tucker tensor, with their derivatives in core and factors."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""

    @property
    def size(self) -> int:
        """Number of observed cells."""

    def measure(self, at: TuckerTensor) -> Vector:
        """Return the observed cells, shape (p,)."""

    def push(self, at: TuckerTensor, change: TuckerTensor) -> Vector:
        """Return the derivatives of the cells along a change of core and factors."""

    def pull(self, at: TuckerTensor, weights: Vector) -> TuckerTensor:
        """Return the gradients of the weighted sum of the cells in core and factors."""

    def pull_derivative(self, at: TuckerTensor, change: TuckerTensor, weights: Vector) -> TuckerTensor:
        """Return the derivative of `pull` along a change, with the weights held fixed."""


@final
@dataclass(frozen=True)
class AllCells:
    """Every cell of a tensor, in C order.

    Parameters
    ----------
    shape : tuple of int

    Notes
    -----
    Values and derivatives cost O(r I_1 ... I_N) operations: products along modes, with contractions of the
    whole tensor shared between modes.
    """

    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape, dtype=np.int64))

    def _work(self, at: TuckerTensor) -> float:
        """Return the work of all cells: nearly all of it is the last product along a mode."""
        return CALL / 2 * len(self.shape) + self.size * (2 + max(at.ranks) / 12)

    def measure(self, at: TuckerTensor) -> Vector:
        """Return all cells, shape (p,)."""
        touch(self._work(at))
        return multiply_modes(at.core, at.factors).reshape(-1)

    def push(self, at: TuckerTensor, change: TuckerTensor) -> Vector:
        """Return the derivatives of all cells along a change."""
        touch(2 * self._work(at))
        value, slope = at.core, change.core
        for n in np.argsort(
            [factor.shape[0] / factor.shape[1] for factor in at.factors], kind="stable"
        ).tolist():
            slope = mode_product(slope, at.factors[n], n) + mode_product(value, change.factors[n], n)
            value = mode_product(value, at.factors[n], n)
        return slope.reshape(-1)

    def pull(self, at: TuckerTensor, weights: Vector) -> TuckerTensor:
        """Return the gradients of sum weights * cells in core and factors."""
        touch(2 * self._work(at))
        factors: list[Matrix] = list(at.factors)
        core = at.core

        def visit(n: int, part: Matrix) -> None:
            nonlocal core
            factors[n] = mode_gram(part, at.core, n).astype(at.core.dtype)
            if n == len(factors) - 1:
                core = mode_product(part, at.factors[n].T, n)

        visit_modes(weights.reshape(self.shape), at.factors, visit)
        return TuckerTensor(core, tuple(factors))

    def pull_derivative(self, at: TuckerTensor, change: TuckerTensor, weights: Vector) -> TuckerTensor:
        """Return the derivative of `pull` along a change, with the weights held fixed."""
        touch(4 * self._work(at))
        factors: list[Matrix] = list(at.factors)
        core = at.core

        def visit(n: int, part: Matrix, slope: Matrix) -> None:
            nonlocal core
            both = mode_gram(slope, at.core, n) + mode_gram(part, change.core, n)
            factors[n] = both.astype(at.core.dtype)
            if n == len(factors) - 1:
                core = mode_product(slope, at.factors[n].T, n) + mode_product(part, change.factors[n].T, n)

        visit_modes_with_tangents(weights.reshape(self.shape), at.factors, change.factors, visit)
        return TuckerTensor(core, tuple(factors))


@final
@dataclass(frozen=True, eq=False)
class SomeCells:
    """Listed cells of a tensor.

    Parameters
    ----------
    positions : ndarray of int64, shape (p, N)
        Sorted by the first index.
    shape : tuple of int

    Notes
    -----
    Values cost O(p r_2 ... r_N), derivatives a small multiple; memory beyond the data O(I_1 r_2 ... r_N).
    """

    positions: NDArray[np.int64]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.positions)

    @cached_property
    def _first(self) -> NDArray[np.int64]:
        return np.ascontiguousarray(self.positions[:, 0])

    def _bounds(self, grid: Matrix) -> NDArray[np.int64]:
        return block_bounds(self._first, grid.shape[1])

    def _work(self, at: TuckerTensor) -> float:
        """Return the work of the listed cells: each sums over the core with the first mode contracted."""
        return CALL + self.size * (4 + float(np.prod(at.ranks[1:])))

    def measure(self, at: TuckerTensor) -> Vector:
        """Return the listed cells, shape (p,)."""
        touch(self._work(at))
        grid = at.factors[0] @ unfold(at.core, 0)
        return cell_values(self.positions, grid, at.factors, self._bounds(grid))

    def push(self, at: TuckerTensor, change: TuckerTensor) -> Vector:
        """Return the derivatives of the listed cells along a change."""
        touch(2 * self._work(at))
        grids = self._grids(at, change)
        return cell_tangents(self.positions, grids, at.factors, change.factors, self._bounds(grids[0]))

    def pull(self, at: TuckerTensor, weights: Vector) -> TuckerTensor:
        """Return the gradients of sum weights * cells in core and factors."""
        touch(2 * self._work(at))
        flat = unfold(at.core, 0)
        grid = at.factors[0] @ flat
        on_grid, others = pull_cells(self.positions, weights, grid, at.factors, self._bounds(grid))
        core = fold(at.factors[0].T @ on_grid, 0, at.ranks)
        return TuckerTensor(core, (on_grid @ flat.T, *others))

    def pull_derivative(self, at: TuckerTensor, change: TuckerTensor, weights: Vector) -> TuckerTensor:
        """Return the derivative of `pull` along a change, with the weights held fixed."""
        touch(4 * self._work(at))
        grids = self._grids(at, change)
        bounds = self._bounds(grids[0])
        on_grid, slope, others = pull_cells_with_tangents(
            self.positions, weights, grids, at.factors, change.factors, bounds
        )
        flat, turned = unfold(at.core, 0), unfold(change.core, 0)
        core = fold(at.factors[0].T @ slope + change.factors[0].T @ on_grid, 0, at.ranks)
        return TuckerTensor(core, (slope @ flat.T + on_grid @ turned.T, *others))

    def _grids(self, at: TuckerTensor, change: TuckerTensor) -> tuple[Matrix, Matrix]:
        flat, turned = unfold(at.core, 0), unfold(change.core, 0)
        return at.factors[0] @ flat, change.factors[0] @ flat + at.factors[0] @ turned
