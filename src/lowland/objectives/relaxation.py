"""The convex relaxation of a penalised problem: the ridge on factors is a weighted nuclear norm."""

from __future__ import annotations

from functools import cached_property
from typing import final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.promises.protocols import LinearMap
from lowland.measure import Entries
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
        """Return the gradient of the data term in X, over the roots of the ridge's weights."""
        problem = self.objective
        return self.adjoint(problem.weighted(problem.loss.slope(problem.predict(theta), problem.y)))
