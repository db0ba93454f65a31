"""Unbiased gradients from a subset of the measurements."""

from __future__ import annotations

from typing import final

from lowland.core.arrays import Indices, Vector
from lowland.core.errors import UnsupportedError
from lowland.objectives.problem import RecoveryProblem


@final
class MeasurementBatches:
    """Gradient of p/|batch| times the data term of a batch, plus the penalties in full.

    Parameters
    ----------
    objective : RecoveryProblem
        Its measurement must support subsets.
    """

    def __init__(self, objective: RecoveryProblem) -> None:
        if objective.subsettable is None:
            raise UnsupportedError(
                "this measurement cannot be split into mini-batches", type(objective.measurement).__name__
            )
        self.objective, self._whole = objective, objective.subsettable
        self.size = objective.measurement.size

    def __call__(self, theta: Vector, batch: Indices) -> Vector:
        """Return the gradient estimate at theta, shape (size,)."""
        objective = self.objective
        part = self._whole.subset(batch)
        slope = objective.loss.subset(batch).slope(
            part.measure(objective.model.lift(theta)), objective.y[batch]
        )
        if objective.weights is not None:
            slope = objective.weights[batch] * slope
        total = objective.model.pull(theta, part.adjoint(slope * slope.dtype.type(self.size / batch.size)))
        for penalty in objective.penalties:
            total = total + penalty.gradient(theta)
        return total
