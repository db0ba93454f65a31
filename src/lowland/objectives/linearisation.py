"""The recovery objective at one point: products with its Jacobian, Gauss-Newton matrix and Hessian."""

from __future__ import annotations

from functools import cached_property
from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.protocols import LinearMap
from lowland.core.work import matrix_work, touch
from lowland.kernels.dense_rows import is_large, normal_pass
from lowland.objectives.jacobian_matrices import direct_jacobian, is_shorter
from lowland.objectives.problem import RecoveryProblem

# products at one point that take less time than forming its Jacobian
FEW = 16


@final
class RecoveryLinearisation:
    """Predictions, slopes and the ambient gradient at a point, each computed at most once.

    Parameters
    ----------
    objective : RecoveryProblem
    theta : ndarray, shape (size,)
        The point; it must not be changed afterwards.
    """

    objective: RecoveryProblem
    theta: Vector

    def __init__(self, objective: RecoveryProblem, theta: Vector) -> None:
        self.objective, self.theta = objective, theta
        self.predictions: Vector = objective.predict(theta)
        self._products = 0

    @cached_property
    def value(self) -> float:
        """The objective."""
        return self.objective.data_value_at(self.theta, self.predictions) + sum(
            penalty.value(self.theta) for penalty in self.objective.penalties
        )

    @property
    def residual(self) -> Vector:
        """Predictions minus data, shape (p,)."""
        return self.predictions - self.objective.y

    @cached_property
    def ambient(self) -> LinearMap:
        """Gradient of the data term in X."""
        objective = self.objective
        return objective.adjoint(objective.weighted(objective.loss.slope(self.predictions, objective.y)))

    @cached_property
    def gradient(self) -> Vector:
        """The gradient, shape (size,)."""
        total = self.objective.model.pull(self.theta, self.ambient)
        for penalty in self.objective.penalties:
            total = total + penalty.gradient(self.theta)
        return total

    def jacobian_product(self, direction: Vector) -> Vector:
        """Return the derivative of the predictions along a direction, shape (p,)."""
        return self.objective.measurement.measure(self.objective.model.push(self.theta, direction))

    def jacobian_transpose(self, weights: Vector) -> Vector:
        """Return the adjoint of `jacobian_product`, shape (size,)."""
        return self.objective.model.pull(self.theta, self.objective.adjoint(weights))

    def jacobian(self) -> Any:
        """Return the Jacobian of the predictions if the measurement gives it directly, else None."""
        return direct_jacobian(self.objective, self.theta)

    @cached_property
    def normal_matrix(self) -> Matrix:
        """J^T W J of a squared loss, as a matrix of shape (size, size)."""
        weights = self.objective.weighted(np.ones(self.predictions.size))
        jacobian = self.jacobian()
        if jacobian is None:
            units = np.eye(self.theta.size, dtype=self.theta.dtype)
            images = (weights * self.jacobian_product(unit) for unit in units)
            return np.stack([self.jacobian_transpose(image) for image in images], axis=1)
        touch(jacobian.shape[0] * float(jacobian.shape[1]) ** 2 / 24)
        gram = jacobian.T @ (jacobian * weights[:, None])
        return gram if isinstance(gram, np.ndarray) else np.asarray(gram.toarray())

    def gauss_newton_product(self, direction: Vector) -> Vector:
        """Return (J^T diag(curvature) J + penalty Hessian) times a direction."""
        objective = self.objective
        total = self._normal_product(direction)
        for penalty in objective.penalties:
            total = total + penalty.hessian_product(self.theta, direction)
        return total

    @cached_property
    def _curvature(self) -> Vector:
        return self.objective.weighted(self.objective.loss.curvature(self.predictions, self.objective.y))

    def _normal_product(self, direction: Vector) -> Vector:
        """Return J^T diag(curvature) J times a direction, for stored matrices in one pass over a table."""
        objective, nothing = self.objective, np.zeros_like(self._curvature)
        self._products += 1
        if objective.one_pass is None:
            return self.jacobian_transpose(self._curvature * self.jacobian_product(direction))
        if self._products <= FEW or not is_shorter(objective):
            change = objective.model.push(self.theta, direction)
            ambient = objective.one_pass.normal_pass(change, nothing, self._curvature)[1]
            return objective.model.pull(self.theta, ambient)
        table = self._formed
        touch(2 * matrix_work(table.size))
        if not is_large(table, direction, self._curvature):
            return np.asarray((self._curvature * (table @ direction)) @ table)
        return normal_pass(table, np.arange(len(table)), direction, nothing, self._curvature)[1]

    @cached_property
    def _formed(self) -> Matrix:
        """The Jacobian of stored matrices, for many products at one point."""
        return np.ascontiguousarray(self.jacobian())

    def second_matrix(self) -> Matrix | None:
        """Return the part of the Hessian due to the model's curvature as a matrix, or None if unavailable."""
        return self.objective.model.second_derivative(np.asarray(self.ambient.toarray()))

    def hessian_product(self, direction: Vector) -> Vector:
        """Return the exact Hessian times a direction."""
        second = self.objective.model.pull_derivative(self.theta, direction, self.ambient)
        return self.gauss_newton_product(direction) + second
