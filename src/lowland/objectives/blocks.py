"""Exact minimisation over one factor with the other fixed."""

from __future__ import annotations

from functools import cached_property
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.protocols import BlockSolver
from lowland.kernels.rows import solve_rows
from lowland.kernels.sparse import subtract_gathered
from lowland.losses import BiasRidge, Ridge, Squared
from lowland.measure import Dense, Entries
from lowland.models import General
from lowland.objectives.problem import RecoveryProblem


def make_block_solver(objective: RecoveryProblem) -> BlockSolver | None:
    """Return the block solver of an objective, or None where its blocks are not quadratic."""
    model, measurement = objective.model, objective.measurement
    penalised = all(isinstance(p, Ridge | BiasRidge) for p in objective.penalties)
    quadratic = isinstance(objective.loss, Squared) and penalised
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
        # free row or column biases include a global one
        included = {"row", "column"} & set(model.biases) and not objective.bias_ridge
        offset = ("offset",) if "global" in model.biases and not included else ()
        self.names: tuple[str, ...] = ("rows", "columns", *offset)

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
        values = self.objective.sorted_data[side][0]
        if self.model.biases:
            values = subtract_gathered(values, partner_bias + dtype.type(offset), indices)
        free_bias = ("row", "column")[side] in self.model.biases
        if free_bias:
            partner = np.hstack([partner, np.ones((partner.shape[0], 1), dtype)])
        precision = np.diag([ridge] * r + [self.objective.bias_ridge] * free_bias)
        weights = self._weights[side]
        solved = solve_rows(partner, starts, indices, values, weights=weights, precision=precision)
        bias = solved[:, r] if free_bias else np.zeros(solved.shape[0], dtype)
        return solved[:, :r], bias

    @cached_property
    def _weights(self) -> list[Vector | None]:
        """Weights of cells in the order of rows and of columns, over those of their side in the ridge.

        Dividing a row's normal equations by its weight leaves the same ridge for all rows.
        """
        weights: list[Vector | None] = [side[1] for side in self.objective.sorted_data]
        if self.objective.side_weights is None:
            return weights
        pattern, out = self.measurement.pattern, list[Vector | None]()
        for starts, own, sides in zip(
            (pattern.row_starts, pattern.column_starts), weights, self.objective.side_weights, strict=True
        ):
            divided = np.repeat(1 / sides, np.diff(starts))
            out.append((divided if own is None else own * divided).astype(self.objective.dtype))
        return out

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
