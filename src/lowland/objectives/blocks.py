"""Least squares over one factor with the other fixed: exact minimisation where the loss is squared."""

from __future__ import annotations

from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.powers import BlockSolver
from lowland.core.promises.protocols import MajorisedLoss
from lowland.core.work import rows_work, singular_value_work, touch
from lowland.kernels.sparse_tables.sparse import subtract_gathered
from lowland.kernels.systems.rows import default_form, solve_rows
from lowland.kernels.systems.rows_nonnegative import solve_rows_nonnegative
from lowland.losses import BiasRidge, Ridge, Squared
from lowland.measure import Dense, Entries
from lowland.models import General
from lowland.objectives.problem import RecoveryProblem
from lowland.objectives.unlisted import Unlisted, side_gram

# most halvings of the step of a line whose objective would rise
HALVINGS = 12
SIDES = ("rows", "columns")


def make_block_solver(objective: RecoveryProblem) -> BlockSolver | None:
    """Return the block solver of an objective, or None if its blocks are not least-squares problems."""
    model, measurement = objective.model, objective.measurement
    penalised = all(isinstance(p, Ridge | BiasRidge | Unlisted) for p in objective.penalties)
    if not penalised or not isinstance(model, General):
        return None
    if objective.is_nonnegative and isinstance(objective.loss, Squared) and isinstance(measurement, Entries):
        return NonnegativeBlocks(objective, model, measurement)
    if not isinstance(objective.loss, Squared):
        majorised = isinstance(objective.loss, MajorisedLoss) and "global" not in model.biases
        if majorised and isinstance(measurement, Entries):
            return ReweightedBlocks(objective, model, measurement)
        return None
    if isinstance(measurement, Entries):
        return EntryBlocks(objective, model, measurement)
    if isinstance(measurement, Dense) and not model.biases:
        return DenseBlocks(objective, model, measurement)
    return None


def block_coordinates(model: General, name: str) -> NDArray[np.bool_]:
    """Return which coordinates belong to "rows", "columns" or the "offset"."""
    m, n, r = *model.shape, model.rank
    rows, columns = (float(name == side) for side in SIDES)
    left, right = np.full((m, r), rows), np.full((n, r), columns)
    marked = model.pack(left, right, np.full(m, rows), np.full(n, columns), float(name == "offset"))
    return np.asarray(marked != 0)


@final
class EntryBlocks:
    """Blocks of completion: each row of a factor has its own small normal equations.

    A free bias is solved together with its row: the coefficient of a column of ones in the other factor.
    Where cells that are not listed count as zeros, all cells of a line do so with their small weight in one
    Gram matrix, and the listed ones have what remains of their weight.

    Parameters
    ----------
    objective : RecoveryProblem
    model : General
    measurement : Entries
    """

    objective: RecoveryProblem
    model: General
    measurement: Entries

    def __init__(self, objective: RecoveryProblem, model: General, measurement: Entries) -> None:
        self.objective, self.model, self.measurement = objective, model, measurement
        # free row or column biases include a global one
        included = {"row", "column"} & set(model.biases) and not objective.bias_penalty
        offset = ("offset",) if "global" in model.biases and not included else ()
        self.names: tuple[str, ...] = ("rows", "columns", *offset)

    def coordinates(self, name: str) -> NDArray[np.bool_]:
        """Return which coordinates of a point block `name` sets, shape (size,)."""
        return block_coordinates(self.model, name)

    def solve(self, theta: Vector, name: str, *, penalty: float | None = None) -> Vector:
        """Return the point with block `name` at its minimiser, with another penalty if one is given."""
        penalty = self.objective.penalty if penalty is None else penalty
        if name == "offset":
            return self._solve_offset(theta)
        side = ("rows", "columns").index(name)
        return self.fit_side(theta, side, *self._targets[side], penalty)

    @cached_property
    def _targets(self) -> list[tuple[Vector, Vector | None]]:
        """Targets and weights of cells in row and in column order, less what all cells of a line have."""
        unlisted, out = self.objective.unlisted, list[tuple[Vector, Vector | None]]()
        for (values, _), weights in zip(self.objective.sorted_data, self.side_weights, strict=True):
            if unlisted is None:
                out.append((values, weights))
                continue
            whole = np.ones_like(values) if weights is None else weights
            rest = whole - values.dtype.type(unlisted.strength)
            out.append((values * (whole / rest), rest))
        return out

    def fit_side(
        self, theta: Vector, side: int, values: Vector, weights: Vector | None, penalty: float
    ) -> Vector:
        """Return the point with one side at the minimiser of weighted squares, cells in its order.

        Parameters
        ----------
        theta : ndarray, shape (size,)
        side : {0, 1}
            Rows or columns.
        values, weights : ndarray, shape (p,)
            Targets of the predictions, and their weights, divided by the weights of their side.
        penalty : float
        """
        u, v, a, b, c = self.model.unpack(theta)
        if side == 0:
            new, bias = self._solve_side(0, v, b, c, values, weights, penalty)
            return self.model.pack(new, v, bias, b, c)
        new, bias = self._solve_side(1, u, a, c, values, weights, penalty)
        return self.model.pack(u, new, a, bias, c)

    def _solve_side(
        self,
        side: int,
        partner: Matrix,
        partner_bias: Vector,
        offset: float,
        values: Vector,
        weights: Vector | None,
        penalty: float,
    ) -> tuple[Matrix, Vector]:
        cells, r, dtype = self.measurement.pattern[side], self.model.rank, partner.dtype
        starts, indices = cells.starts, cells.partners
        if self.model.biases:
            values = subtract_gathered(values, partner_bias + dtype.type(offset), indices)
        free_bias = ("row", "column")[side] in self.model.biases
        if free_bias:
            partner = np.hstack([partner, np.ones((partner.shape[0], 1), dtype)])
        precision = np.diag([penalty] * r + [self.objective.bias_penalty] * free_bias)
        if self.objective.unlisted is not None:
            precision = precision + side_gram(self.objective.unlisted, partner)
        touch(rows_work(indices.size, starts.size, partner.shape[1], single=dtype.itemsize == 4))
        form = default_form(partner.shape[1], self.measurement.shape)
        solved = solve_rows(partner, starts, indices, values, weights=weights, precision=precision, form=form)
        bias = solved[:, r] if free_bias else np.zeros(solved.shape[0], dtype)
        return solved[:, :r], bias

    @cached_property
    def side_weights(self) -> list[Vector | None]:
        """Weights of cells in row order and in column order, divided by the ridge weights of their side.

        Dividing a row's normal equations by its weight leaves the same ridge for all rows.
        """
        weights: list[Vector | None] = [side[1] for side in self.objective.sorted_data]
        if self.objective.side_weights is None:
            return weights
        out, both = list[Vector | None](), zip(self.measurement.pattern, weights, strict=True)
        for (cells, by_cell), sides in zip(both, self.objective.side_weights, strict=True):
            divided = np.repeat(1 / sides, cells.counts)
            out.append((divided if by_cell is None else by_cell * divided).astype(self.objective.dtype))
        return out

    def _solve_offset(self, theta: Vector) -> Vector:
        # with one unknown the step is the weighted mean of the residual
        residual = self.objective.y - self.objective.predict(theta)
        theta = theta.copy()
        theta[-1] += np.average(residual, weights=self.objective.weights)
        return theta


@final
class NonnegativeBlocks:
    """Blocks of completion with nonnegative factors: each row is solved by coordinate descent.

    Parameters
    ----------
    objective : RecoveryProblem
    model : General
        Without biases.
    measurement : Entries
    """

    objective: RecoveryProblem
    model: General
    measurement: Entries
    names: tuple[str, ...] = ("rows", "columns")

    def __init__(self, objective: RecoveryProblem, model: General, measurement: Entries) -> None:
        self.objective, self.model, self.measurement = objective, model, measurement
        self._weights = EntryBlocks(objective, model, measurement).side_weights

    def coordinates(self, name: str) -> NDArray[np.bool_]:
        """Return which coordinates of a point block `name` sets, shape (size,)."""
        return block_coordinates(self.model, name)

    def solve(self, theta: Vector, name: str, *, penalty: float | None = None) -> Vector:
        """Return the point with block `name` at its minimiser, with another penalty if one is given."""
        side = self.names.index(name)
        penalty = self.objective.penalty if penalty is None else penalty
        return self.fit_side(theta, side, self.objective.sorted_data[side][0], self._weights[side], penalty)

    def fit_side(
        self, theta: Vector, side: int, values: Vector, weights: Vector | None, penalty: float
    ) -> Vector:
        """Return the point with one side at the minimiser of weighted squares, as `EntryBlocks` does."""
        u, v, *_ = self.model.unpack(theta)
        cells = self.measurement.pattern[side]
        starts, indices = cells.starts, cells.partners
        u, v = np.maximum(u, 0), np.maximum(v, 0)  # a start, or noise added to it, may violate the constraint
        factor, partner = (u, v) if side == 0 else (v, u)
        touch(4 * rows_work(indices.size, starts.size, partner.shape[1]))
        solved = solve_rows_nonnegative(partner, starts, indices, values, weights, penalty, factor)
        return self.model.pack(solved, v) if side == 0 else self.model.pack(u, solved)


@final
class ReweightedBlocks:
    """Blocks of completion with other losses: weighted squares that match the losses at the point.

    A step solves every line (row or column) of a side for the quadratic models of its cells; a line whose
    objective would rise takes only part of the step. No line's part of the objective ever rises, and a
    line that no longer changes is at its minimum, because its problem is convex.

    Parameters
    ----------
    objective : RecoveryProblem
        Its loss must have majorants.
    model : General
        Without a global bias.
    measurement : Entries
    """

    objective: RecoveryProblem
    model: General
    measurement: Entries
    names: tuple[str, ...] = ("rows", "columns")

    def __init__(self, objective: RecoveryProblem, model: General, measurement: Entries) -> None:
        self.objective, self.model, self.measurement = objective, model, measurement
        kind = NonnegativeBlocks if objective.is_nonnegative else EntryBlocks
        self._squares = kind(objective, model, measurement)
        self._loss: Any = objective.loss

    def coordinates(self, name: str) -> NDArray[np.bool_]:
        """Return which coordinates of a point block `name` sets, shape (size,)."""
        return block_coordinates(self.model, name)

    def solve(self, theta: Vector, name: str, *, penalty: float | None = None) -> Vector:
        """Return the point after one step of block `name`, with another penalty if one is given."""
        objective, loss, side = self.objective, self._loss, self.names.index(name)
        penalty = objective.penalty if penalty is None else penalty
        order, z = self.measurement.pattern[side].values, objective.predict(theta)
        curvature = loss.majorant(z, objective.y)
        targets = z - loss.slope(z, objective.y) / curvature
        weights = self._weighted(curvature, side)
        proposed = self._squares.fit_side(theta, side, targets[order], weights[order], penalty)
        return self._descended(theta, proposed, z, side, penalty)

    def _descended(self, theta: Vector, proposed: Vector, z: Vector, side: int, penalty: float) -> Vector:
        """Return the proposed point, with shorter steps for lines whose objective it would raise."""
        before = self._line_values(theta, z, side, penalty)
        most = before + 8 * np.finfo(theta.dtype).eps * np.abs(before)
        share = np.ones(before.size, theta.dtype)
        point = proposed
        for k in range(HALVINGS + 1):
            values = self._line_values(point, self.objective.predict(point), side, penalty)
            worse = ~(values <= most)
            if not worse.any():
                break
            share[worse] = 0 if k == HALVINGS else share[worse] / 2
            point = theta + self._spread(share, side) * (proposed - theta)
        return point

    def _line_values(self, theta: Vector, z: Vector, side: int, penalty: float) -> Vector:
        """Return each line's part of the objective, without the other side's penalties, shape (m or n,)."""
        objective, length = self.objective, self.model.shape[side]
        lines = (self.measurement.rows, self.measurement.columns)[side]
        with np.errstate(over="ignore"):
            losses = self._weighted(self._loss.value(z, objective.y), side).astype(np.float64)
        total = np.bincount(lines, losses, minlength=length)
        u, v, a, b, _ = self.model.unpack(theta)
        factors, biases = ((u, a), (v, b))[side]
        penalties = penalty * np.sum(factors.astype(np.float64) ** 2, axis=1)
        penalties += objective.bias_penalty * biases.astype(np.float64) ** 2
        summed: Vector = total + penalties / 2
        return summed

    def _weighted(self, values: Vector, side: int) -> Vector:
        """Return values times the weights of their cells, divided by the ridge weights of their lines."""
        weighted = self.objective.weighted(values)
        if self.objective.side_weights is None:
            return weighted
        lines = (self.measurement.rows, self.measurement.columns)[side]
        return weighted / self.objective.side_weights[side].astype(weighted.dtype)[lines]

    def _spread(self, share: Vector, side: int) -> Vector:
        """Return each line's share spread over its coordinates of a point, ones elsewhere."""
        ones = [np.ones(length, share.dtype) for length in self.model.shape]
        ones[side] = share
        left, right = (np.repeat(line[:, None], self.model.rank, axis=1) for line in ones)
        return self.model.pack(left, right, ones[0], ones[1])


@final
class DenseBlocks:
    """Blocks of sensing by given matrices: one dense least-squares problem per factor.

    Parameters
    ----------
    objective : RecoveryProblem
    model : General
    measurement : Dense

    Notes
    -----
    A block of m r unknowns costs O(p (m r)^2) and p m r numbers of memory.
    """

    objective: RecoveryProblem
    model: General
    names: tuple[str, ...] = ("rows", "columns")

    def __init__(self, objective: RecoveryProblem, model: General, measurement: Dense) -> None:
        self.objective, self.model = objective, model
        self._arrays = measurement.arrays

    def coordinates(self, name: str) -> NDArray[np.bool_]:
        """Return which coordinates of a point block `name` sets, shape (size,)."""
        return block_coordinates(self.model, name)

    def solve(self, theta: Vector, name: str, *, penalty: float | None = None) -> Vector:
        """Return the point with block `name` at its minimiser (of least norm if not unique)."""
        u, v, *_ = self.model.unpack(theta)
        penalty = self.objective.penalty if penalty is None else penalty
        if name == "rows":
            return self.model.pack(self._least_squares(self._arrays @ v, penalty).reshape(u.shape), v)
        turned = self._arrays.transpose(0, 2, 1) @ u
        return self.model.pack(u, self._least_squares(turned, penalty).reshape(v.shape))

    def _least_squares(self, design: Matrix, penalty: float) -> Vector:
        objective = self.objective
        flat = design.reshape(design.shape[0], int(np.prod(design.shape[1:])))
        y = objective.y
        if objective.weights is not None:
            root = np.sqrt(objective.weights)
            flat, y = flat * root[:, None], y * root
        if penalty:
            unknowns = flat.shape[1]
            flat = np.vstack([flat, np.sqrt(penalty) * np.eye(unknowns, dtype=flat.dtype)])
            y = np.concatenate([y, np.zeros(unknowns, y.dtype)])
        touch(2 * singular_value_work(*flat.shape))
        solution: Vector = np.linalg.lstsq(flat, y, rcond=None)[0]
        return solution
