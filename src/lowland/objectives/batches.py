"""Unbiased gradients from a subset of the measurements."""

from __future__ import annotations

from typing import final

from lowland.core.arrays import Indices, Vector
from lowland.core.promises.protocols import LinearMap, Subsettable
from lowland.losses import Squared
from lowland.measure import RealParts
from lowland.measure.real_parts import pairs
from lowland.objectives.problem import RecoveryProblem


def make_batches(objective: RecoveryProblem) -> MeasurementBatches | None:
    """Return the mini-batch gradients of a problem, or None if its measurement cannot be split."""
    measurement = objective.measurement
    if isinstance(measurement, RealParts) and not measurement.can_subset:
        return None
    return MeasurementBatches(objective, measurement) if isinstance(measurement, Subsettable) else None


@final
class MeasurementBatches:
    """Gradient of p/|batch| times the data term of a batch, plus the penalties in full.

    A batch of complex numbers holds both parts of each.

    Parameters
    ----------
    objective : RecoveryProblem
    measurement : Subsettable
        Its measurement.
    """

    objective: RecoveryProblem

    def __init__(self, objective: RecoveryProblem, measurement: Subsettable) -> None:
        self.objective, self._whole = objective, measurement
        self._in_pairs = isinstance(measurement, RealParts) and measurement.both
        self.size: int = objective.measurement.size // (2 if self._in_pairs else 1)

    def __call__(self, theta: Vector, batch: Indices) -> Vector:
        """Return the gradient estimate at theta, shape (size,)."""
        objective, factors = self.objective, self.objective.model.lift(theta)
        share = self.objective.dtype.type(self.size / batch.size)
        if self._in_pairs:
            batch = pairs(batch)
        y = objective.y[batch]
        if objective.one_pass is not None and isinstance(objective.loss, Squared):
            weights = share * objective.weights_at(batch)
            ambient: LinearMap = objective.one_pass.normal_pass(factors, y, weights, batch)[1]
        else:
            part = self._whole.subset(batch)
            slope = objective.loss.subset(batch).slope(part.measure(factors), y)
            ambient = part.adjoint(share * objective.weights_at(batch) * slope)
        total = objective.model.pull(theta, ambient)
        for penalty in objective.penalties:
            total = total + penalty.gradient(theta)
        return total
