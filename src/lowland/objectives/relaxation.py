"""The convex relaxation of a penalised problem: the ridge on factors is a weighted nuclear norm."""

from __future__ import annotations

from functools import cached_property
from typing import final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.promises.protocols import LinearMap
from lowland.core.results.records import Factors
from lowland.core.rounding import gamma
from lowland.measure import Entries
from lowland.measure.operators import SumMap
from lowland.models import General, Psd
from lowland.models.general import balanced_factors
from lowland.objectives.problem import RecoveryProblem


@final
class Relaxation:
    """The nuclear norm of sqrt(a_i b_j) X_ij, for the ridge's weights a of rows and b of columns.

    Parameters
    ----------
    objective : RecoveryProblem
    """

    def __init__(self, objective: RecoveryProblem) -> None:
        self.objective = objective

    @cached_property
    def cell_scales(self) -> Vector | None:
        """1 / sqrt(a_i b_j) of each observed entry; None if all weights are one."""
        sides, entries = self.objective.side_weights, self.objective.measurement
        if sides is None or not isinstance(entries, Entries):
            return None
        by_row, by_column = sides
        scales: Vector = 1 / np.sqrt(by_row)[entries.rows] / np.sqrt(by_column)[entries.columns]
        return scales

    def nuclear_norm(self, theta: Vector) -> float:
        """Return the weighted nuclear norm of the low-rank part of a point."""
        model, sides = self.objective.model, self.objective.side_weights
        if sides is None or not isinstance(model, General):
            factors = model.canonical(theta)[: model.factor_size]
            return float(factors @ factors) * (1.0 if isinstance(model, Psd) else 0.5)
        by_row, by_column = (np.sqrt(side)[:, None] for side in sides)
        u, v, *_ = model.unpack(theta)
        left, right = balanced_factors(by_row * u, by_column * v)
        return 0.5 * float(np.sum(left**2) + np.sum(right**2))

    def adjoint(self, weights: Vector) -> LinearMap:
        """Return A*(weights) over the roots of the ridge's weights: the ridge bounds its spectral norm."""
        scales = self.cell_scales
        return self.objective.adjoint(weights if scales is None else weights * scales)

    def gradient(self, theta: Vector) -> LinearMap:
        """Return the gradient in X of all but the ridge, over the roots of the ridge's weights."""
        problem = self.objective
        slopes = self.adjoint(problem.weighted(problem.loss.slope(problem.predict(theta), problem.y)))
        if problem.unlisted is None:
            return slopes
        return SumMap((slopes, problem.unlisted.times(problem.matrix(theta))))

    def dual(self, theta: Vector, weights: Vector) -> LinearMap:
        """Return `adjoint(weights)`, with minus the slopes of a point at cells that are not listed."""
        problem = self.objective
        if problem.unlisted is None:
            return self.adjoint(weights)
        return SumMap((self.adjoint(weights), problem.unlisted.times(problem.matrix(theta), -1.0)))

    def dual_error(self, theta: Vector, weights: Vector) -> float:
        """Return a bound on the rounding of what `dual` adds to the adjoint, in Frobenius norm."""
        problem = self.objective
        if problem.unlisted is None:
            return 0.0
        added = problem.unlisted.times_error(problem.matrix(theta))
        return added + gamma(4) * float(np.linalg.norm(weights))

    def unlisted_square(self, theta: Vector) -> float:
        """Bound from above the weighted sum of squares of the cells of a point that are not listed."""
        unlisted = self.objective.unlisted
        return 0.0 if unlisted is None else 2 * (unlisted.value(theta) + unlisted.value_error(theta))

    def unlisted_along(self, theta: Vector, direction: Factors) -> tuple[float, float, float]:
        """Return slope and curvature of the term of such cells along a matrix, and their rounding."""
        unlisted = self.objective.unlisted
        none = (0.0, 0.0, 0.0)
        return none if unlisted is None else unlisted.along(self.objective.matrix(theta), direction)

    @property
    def unlisted_weight(self) -> float:
        """Weight of all cells that are not listed together."""
        problem, (m, n) = self.objective, self.objective.shape
        return 0.0 if problem.unlisted is None else problem.unlisted.strength * (m * n - problem.y.size)
