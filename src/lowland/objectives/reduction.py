"""A table's squared error as a function of one side alone, with the lines of the other eliminated.

Where U is the minimiser for V, the Hessian of the reduced function is S = B_v - C^T B_u^-1 C, with the
blocks of the whole Hessian: B_u and B_v have a small matrix per line, C couples the sides. Coordinates y,
V = F y with F F^T = B_v^-1, turn it into F^T S F = I - (F^T C^T B_u^-1 C F), whose eigenvalues are at most 1
and of which only a few are near zero: Lanczos iteration finds these fast, but is slow on the full Hessian.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np

from lowland.cells.block import CellBlock
from lowland.cells.sums import weighted_sums
from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.powers import BlockSolver
from lowland.core.work import CALL, matrix_work, rows_work, touch
from lowland.kernels.cross import cross_product, line_grams
from lowland.models import General
from lowland.objectives.blocks import EntryBlocks
from lowland.objectives.problem import RecoveryProblem

# fraction of its mean eigenvalue added to a line's matrix, so that lines with few cells have an inverse
FLOOR = 1e-12


def make_reduction(objective: RecoveryProblem, blocks: BlockSolver | None) -> Reduction | None:
    """Return the reduction of an objective, or None if lines are not least-squares problems."""
    if not isinstance(blocks, EntryBlocks) or objective.dtype != np.float64 or objective.unlisted is not None:
        return None
    return Reduction(objective, blocks)


@final
class Reduction:
    """Elimination of the longer side of a table; the other side, with the offset, is kept.

    Parameters
    ----------
    objective : RecoveryProblem
        Squared loss of observed entries, ridges only.
    blocks : EntryBlocks
    """

    objective: RecoveryProblem
    blocks: EntryBlocks
    model: General
    gone: _Side
    kept: _Side

    def __init__(self, objective: RecoveryProblem, blocks: EntryBlocks) -> None:
        self.objective, self.blocks, self.model = objective, blocks, blocks.model
        m, n = self.model.shape
        self.gone, self.kept = (_Side.of(blocks, side) for side in ((0, 1) if m >= n else (1, 0)))
        self.has_offset: bool = "offset" in blocks.names

    def at(self, theta: Vector, *, exact: bool = False) -> ReducedSide:
        """Return the reduced problem at a point; with `exact`, as if the point fitted the data exactly."""
        return ReducedSide(self, theta, exact)

    def without_offset(self, gauge: Matrix) -> Matrix:
        """Return the gauge directions that do not change an offset included in free biases.

        Such an offset is not a coordinate: it can always be exchanged for a bias and set to zero. The bias is
        then not free to change along the gauge, and must not be deflated with it.
        """
        if self.has_offset or "global" not in self.model.biases or not gauge.shape[1]:
            return gauge
        return np.asarray(gauge @ np.linalg.qr(gauge[-1:].T, mode="complete")[0][:, 1:])

    @property
    def size(self) -> int:
        """Number of kept coordinates."""
        lines = self.model.shape[self.kept.index]
        return lines * (self.model.rank + int(self.kept.biased)) + int(self.has_offset)

    @property
    def product_work(self) -> float:
        """Work of one product with the reduced Hessian."""
        cells, lines = self.gone.cells.partners.size, sum(self.model.shape)
        width = self.model.rank + 2
        return float(2 * CALL + 6.0 * cells * width + 3.0 * lines * width**2)

    @property
    def start_work(self) -> float:
        """Work before the first product."""
        cells, (m, n), width = self.gone.cells.partners.size, self.model.shape, self.model.rank + 1
        return 2 * rows_work(2 * cells, m + n, width) + matrix_work(2.0 * cells, width)


@final
@dataclass(frozen=True, eq=False)
class _Side:
    """Cells in the order of a side's lines, and the structure of its lines."""

    name: str
    index: int
    cells: CellBlock
    biased: bool
    ridges: Matrix

    @classmethod
    def of(cls, blocks: EntryBlocks, index: int) -> _Side:
        objective, cells, model = blocks.objective, blocks.measurement.pattern[index], blocks.model
        biased = ("row", "column")[index] in model.biases
        ridges = np.array([objective.penalty] * model.rank + [objective.bias_penalty] * biased, np.float64)
        by_line = (
            np.ones(model.shape[index]) if objective.side_weights is None else objective.side_weights[index]
        )
        cells = replace(cells, weights=objective.sorted_data[index][1])
        return cls(blocks.names[index], index, cells, biased, np.outer(by_line, ridges))

    def unknowns(self, model: General, theta: Vector) -> Matrix:
        """Return the unknowns of each line: factors, and a bias."""
        u, v, a, b, _ = model.unpack(theta)
        factors, bias = ((u, a), (v, b))[self.index]
        return np.hstack([factors, bias[:, None]]) if self.biased else factors

    def roots(self, partner: Matrix) -> Any:
        """Return L with L L^T the matrix of each line."""
        cells = self.cells
        touch(2 * rows_work(cells.partners.size, cells.starts.size, partner.shape[1]))
        grams = line_grams(cells.starts, cells.partners, partner, cells.weights)
        width = partner.shape[1]
        diagonal = grams[:, range(width), range(width)] + self.ridges
        lift = FLOOR * diagonal.mean(axis=1) + np.finfo(float).tiny
        grams[:, range(width), range(width)] = diagonal + lift[:, None]
        return np.linalg.cholesky(grams)


@final
class ReducedSide:
    """The reduced problem at one point, in coordinates in which the block of each line is the identity.

    Parameters
    ----------
    reduction : Reduction
    theta : ndarray, shape (size,)
    exact : bool
        Whether residuals are taken as zero, which gives the Gauss-Newton matrix.
    """

    reduction: Reduction
    theta: Vector

    def __init__(self, reduction: Reduction, theta: Vector, exact: bool) -> None:
        self.reduction, self.theta = reduction, theta
        objective, model = reduction.objective, reduction.model
        residuals = objective.y * 0 if exact else objective.predict(theta) - objective.y
        weighted = objective.weighted(residuals)
        gone, kept = reduction.gone, reduction.kept
        self._residuals = weighted[gone.cells.values], weighted[kept.cells.values]
        x, y = gone.unknowns(model, theta), kept.unknowns(model, theta)
        # multipliers of each side's unknowns
        self._of_kept = _coefficients(x[:, : model.rank], kept.biased)
        self._of_gone = _coefficients(y[:, : model.rank], gone.biased)
        self.shape: tuple[int, ...] = y.shape

    @cached_property
    def _gone_inverses(self) -> Any:
        inverse = np.linalg.inv(self.reduction.gone.roots(self._of_gone))
        return np.swapaxes(inverse, 1, 2) @ inverse

    @cached_property
    def _kept_factors(self) -> Any:
        """L of each line of the kept side."""
        return self.reduction.kept.roots(self._of_kept)

    @cached_property
    def _kept_roots(self) -> Any:
        """F of each line, F F^T the inverse of its matrix."""
        return np.ascontiguousarray(np.swapaxes(np.linalg.inv(self._kept_factors), 1, 2))

    @cached_property
    def own_curvatures(self) -> tuple[float, float]:
        """Bounds from below and above on the eigenvalues of B_u and B_v."""
        sides = [self._gone_inverses, self._kept_roots @ np.swapaxes(self._kept_roots, 1, 2)]
        values = np.concatenate([np.linalg.eigvalsh(inverses).ravel() for inverses in sides])
        least, most = float(values.min()), float(values.max())
        if self.reduction.has_offset:
            spread, offset = self._offset.spread, self._offset.remaining
            most += (1 + float(np.sum(spread**2))) / offset
            whole = float(np.sum(self._offset.of_kept**2)) ** 0.5 + self._offset.weight
            return 1 / most, 1 / least + whole
        # an offset included in free biases is exchanged for them, but it has its own curvature
        included = self._offset.weight if "global" in self.reduction.model.biases else 0.0
        return 1 / most, 1 / least + included

    @cached_property
    def _offset(self) -> _Offset:
        cells = [side.cells for side in (self.reduction.gone, self.reduction.kept)]
        ones = np.ones(cells[0].partners.size)
        weights = [ones if side.weights is None else side.weights for side in cells]
        of_gone, of_kept = (
            weighted_sums(replace(side, values=values), table)[0]
            for side, values, table in zip(cells, weights, (self._of_gone, self._of_kept), strict=True)
        )
        spread = _by_line(self._kept_roots, _by_line(np.swapaxes(self._kept_roots, 1, 2), of_kept))
        weight = float(weights[0].sum())
        remaining = max(weight - float(np.sum(of_kept * spread)), np.finfo(float).tiny)
        return _Offset(of_gone, of_kept, weight, spread, remaining)

    def product(self, y: Vector) -> Vector:
        """Return the Hessian in the coordinates y times a vector."""
        change, offset = self._spread(y)
        kept, rank = self.reduction.kept.cells, self.reduction.model.rank
        touch(2 * CALL + 6.0 * kept.partners.size * (rank + 2))
        answer = self._answer(change, offset)
        back = cross_product(
            kept.starts, kept.partners, self._of_gone, self._of_kept, answer, 0.0, kept.weights,
            self._residuals[1], rank,
        )  # fmt: skip
        at_offset = float(np.sum(self._offset.of_gone * answer)) if self.reduction.has_offset else 0.0
        return y - self._turned(back, at_offset)

    def direction(self, y: Vector) -> Vector:
        """Return the direction in all unknowns, with the longer side following the kept one."""
        change, offset = self._spread(y)
        return self._packed(-self._answer(change, offset), change, offset)

    def coordinates(self, direction: Vector) -> Vector:
        """Return the coordinates y of a direction's kept side."""
        parts = self.reduction.model.unpack(direction)
        change = self.reduction.kept.unknowns(self.reduction.model, direction)
        if not self.reduction.has_offset:
            return _by_line(np.swapaxes(self._kept_factors, 1, 2), change).ravel()
        offset = parts[4]
        turned = _by_line(np.swapaxes(self._kept_factors, 1, 2), change + offset * self._offset.spread)
        return np.append(turned.ravel(), offset * np.sqrt(self._offset.remaining))

    def _answer(self, change: Matrix, offset: float) -> Matrix:
        """Return B_u^-1 C times a change of the kept side."""
        gone = self.reduction.gone.cells
        across = cross_product(
            gone.starts, gone.partners, self._of_kept, self._of_gone, change, offset, gone.weights,
            self._residuals[0], self.reduction.model.rank,
        )  # fmt: skip
        return _by_line(self._gone_inverses, across)

    def _spread(self, y: Vector) -> tuple[Matrix, float]:
        """Return F y: a change of the kept side, and of the offset."""
        change = _by_line(self._kept_roots, y[: np.prod(self.shape)].reshape(self.shape))
        if not self.reduction.has_offset:
            return change, 0.0
        offset = float(y[-1]) / np.sqrt(self._offset.remaining)
        return change - offset * self._offset.spread, offset

    def _turned(self, side: Matrix, at_offset: float) -> Vector:
        """Return F^T times a vector of the kept side and the offset."""
        turned = _by_line(np.swapaxes(self._kept_roots, 1, 2), side).ravel()
        if not self.reduction.has_offset:
            return turned
        last = (at_offset - float(np.sum(self._offset.spread * side))) / np.sqrt(self._offset.remaining)
        return np.append(turned, last)

    def _packed(self, gone: Matrix, kept: Matrix, offset: float) -> Vector:
        rank, sides = self.reduction.model.rank, [gone, kept]
        if self.reduction.gone.index == 1:
            sides.reverse()
        left, right = (side[:, :rank] for side in sides)
        a, b = (side[:, -1] if side.shape[1] > rank else np.zeros(len(side)) for side in sides)
        return self.reduction.model.pack(left, right, a, b, offset)


@final
@dataclass(frozen=True, eq=False)
class _Offset:
    """Coupling of the offset to both sides, its weight, and its remainder after elimination by B_v^-1."""

    of_gone: Matrix
    of_kept: Matrix
    weight: float
    spread: Matrix
    remaining: float


def _coefficients(factors: Matrix, biased: bool) -> Matrix:
    return np.hstack([factors, np.ones((len(factors), 1))]) if biased else factors


def _by_line(matrices: Any, vectors: Matrix) -> Matrix:
    return np.asarray(np.einsum("nij,nj->ni", matrices, vectors))
