"""Exact minimisation over one factor with the other fixed."""

from __future__ import annotations

from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.protocols import BlockSolver
from lowland.kernels.rows import solve_rows
from lowland.kernels.sparse import subtract_gathered
from lowland.losses import Ridge, Squared
from lowland.measure import Dense, Entries
from lowland.models import General
from lowland.objectives.problem import RecoveryProblem


def make_block_solver(objective: RecoveryProblem) -> BlockSolver | None:
    """Return the block solver of an objective, or None where its blocks are not quadratic."""
    model, measurement = objective.model, objective.measurement
    quadratic = isinstance(objective.loss, Squared) and all(isinstance(p, Ridge) for p in objective.penalties)
    if not quadratic or not isinstance(model, General):
        return None
    if isinstance(measurement, Entries):
        return EntryBlocks(objective, model, measurement)
    if isinstance(measurement, Dense) and not model.biases:
        return DenseBlocks(objective, model, measurement)
    return None


@final
class EntryBlocks:
    """Blocks of completion: every row of a factor has small normal equations of its own.

    A free bias is solved together with its row: it is the coefficient of a partner column of ones.

    Parameters
    ----------
    objective : RecoveryProblem
    model : General
    measurement : Entries
    """

    def __init__(self, objective: RecoveryProblem, model: General, measurement: Entries) -> None:
        self.objective, self.model, self.measurement = objective, model, measurement
        only_global = "global" in model.biases and not {"row", "column"} & set(model.biases)
        self.names: tuple[str, ...] = ("rows", "columns", "offset") if only_global else ("rows", "columns")

    def solve(self, theta: Vector, name: str, *, ridge: float | None = None) -> Vector:
        """Return the point with block `name` at its minimiser, with another ridge if one is given."""
        u, v, a, b, c = self.model.unpack(theta)
        ridge = self.objective.ridge if ridge is None else ridge
        if name == "offset":
            return self._solve_offset(theta)
        if name == "rows":
            new, bias = self._solve_side(0, v, b, c, ridge)
            return self.model.pack(new, v, bias, b, c)
        new, bias = self._solve_side(1, u, a, c, ridge)
        return self.model.pack(u, new, a, bias, c)

    def _solve_side(
        self, side: int, partner: Matrix, partner_bias: Vector, offset: float, ridge: float
    ) -> tuple[Matrix, Vector]:
        p, r, dtype = self.measurement.pattern, self.model.rank, partner.dtype
        starts, indices = (p.row_starts, p.row_columns) if side == 0 else (p.column_starts, p.column_rows)
        values, weights = self.objective.sorted_data[side]
        if self.model.biases:
            values = subtract_gathered(values, partner_bias + dtype.type(offset), indices)
        free_bias = ("row", "column")[side] in self.model.biases
        if free_bias:
            partner = np.hstack([partner, np.ones((partner.shape[0], 1), dtype)])
        precision = np.diag([ridge] * r + [0.0] * free_bias)
        solved = solve_rows(partner, starts, indices, values, weights=weights, precision=precision)
        bias = solved[:, r] if free_bias else np.zeros(solved.shape[0], dtype)
        return solved[:, :r], bias

    def _solve_offset(self, theta: Vector) -> Vector:
        # the residual's weighted mean is the step of the only unknown
        residual = self.objective.y - self.objective.predict(theta)
        theta = theta.copy()
        theta[-1] += np.average(residual, weights=self.objective.weights)
        return theta


@final
class DenseBlocks:
    """Blocks of sensing by given matrices: one dense least-squares problem a factor.

    Parameters
    ----------
    objective : RecoveryProblem
    model : General
    measurement : Dense

    Notes
    -----
    A block of m r unknowns costs O(p (m r)^2) and p m r numbers of memory.
    """

    names = ("rows", "columns")

    def __init__(self, objective: RecoveryProblem, model: General, measurement: Dense) -> None:
        self.objective, self.model = objective, model
        self._arrays = measurement.arrays

    def solve(self, theta: Vector, name: str, *, ridge: float | None = None) -> Vector:
        """Return the point with block `name` at its minimiser (of least norm where not unique)."""
        u, v, *_ = self.model.unpack(theta)
        ridge = self.objective.ridge if ridge is None else ridge
        if name == "rows":
            return self.model.pack(self._least_squares(self._arrays @ v, ridge).reshape(u.shape), v)
        turned = self._arrays.transpose(0, 2, 1) @ u
        return self.model.pack(u, self._least_squares(turned, ridge).reshape(v.shape))

    def _least_squares(self, design: Matrix, ridge: float) -> Vector:
        objective = self.objective
        flat = design.reshape(design.shape[0], int(np.prod(design.shape[1:])))
        y = objective.y
        if objective.weights is not None:
            root = np.sqrt(objective.weights)
            flat, y = flat * root[:, None], y * root
        if ridge:
            unknowns = flat.shape[1]
            flat = np.vstack([flat, np.sqrt(ridge) * np.eye(unknowns, dtype=flat.dtype)])
            y = np.concatenate([y, np.zeros(unknowns, y.dtype)])
        solution: Vector = np.linalg.lstsq(flat, y, rcond=None)[0]
        return solution
