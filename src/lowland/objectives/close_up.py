"""A recovery seen from near its end: coordinates in which all components weigh alike, exact residuals."""

from __future__ import annotations

from functools import cached_property
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.error_free import close_residual
from lowland.losses import Squared
from lowland.objectives.problem import RecoveryProblem


def accurate_residual(problem: RecoveryProblem, theta: Vector) -> Vector | None:
    """Return predictions less data as if computed in twice the precision, None if that is not offered.

    It is for squares in double precision, without penalties, whose measuring numbers are known.
    """
    model = problem.model
    if model.has_unit_trace or model.biases or problem.penalties:
        return None
    if not isinstance(problem.loss, Squared) or problem.dtype != np.float64:
        return None
    predictions = problem.predict_closely(theta)
    return None if predictions is None else -close_residual(problem.y, predictions)[0]


def make_close_up(problem: RecoveryProblem, theta: Vector) -> CloseUp | None:
    """Return a problem near a balanced point, or None without accurate residuals or with a zero component."""
    sizes = np.linalg.norm(problem.matrix(theta).left, axis=0)
    if not (np.isfinite(sizes) & (sizes > 0)).all() or accurate_residual(problem, theta) is None:
        return None
    return CloseUp(problem, sizes)


@final
class CloseUp:
    """Half the squares of a recovery, in coordinates z = theta / scales.

    A change of a component moves the matrix by the size of the component on the other side, so the scale of
    each is the inverse of its size, rounded to a power of two, which costs no digit. Residuals are as if
    computed in twice the precision: those in plain arithmetic are the rounding of the largest component.

    Parameters
    ----------
    problem : RecoveryProblem
        With accurate residuals.
    sizes : ndarray, shape (r,)
        Norms of the columns of balanced factors, positive.
    """

    problem: RecoveryProblem
    scales: Vector
    penalties: tuple[Any, ...] = ()

    def __init__(self, problem: RecoveryProblem, sizes: Vector) -> None:
        self.problem = problem
        self.size, self.dtype = problem.size, problem.dtype
        self.y, self.weights, self.loss = problem.y, problem.weights, problem.loss
        by_number = np.repeat(2.0 ** -np.round(np.log2(sizes)), 2 if problem.model.is_complex else 1)
        self.scales = np.tile(by_number, problem.size // by_number.size)

    def inside(self, theta: Vector) -> Vector:
        """Return the coordinates of a point."""
        return np.asarray(theta / self.scales)

    def point(self, z: Vector) -> Vector:
        """Return the point of coordinates."""
        return np.asarray(z * self.scales)

    def value(self, z: Vector) -> float:
        """Return half the sum of squares."""
        return self.linearise(z).value

    def value_and_gradient(self, z: Vector) -> tuple[float, Vector]:
        """Return both."""
        at = self.linearise(z)
        return at.value, at.gradient

    def linearise(self, z: Vector) -> CloseUpLinearisation:
        """Return the problem at coordinates, for repeated products."""
        return CloseUpLinearisation(self, self.point(z))


@final
class CloseUpLinearisation:
    """The residual at a point, and products with its Jacobian in the coordinates."""

    def __init__(self, close_up: CloseUp, theta: Vector) -> None:
        self._seen, self._problem, self._theta = close_up, close_up.problem, theta

    @cached_property
    def residual(self) -> Vector:
        """Predictions less data, shape (p,)."""
        residual = accurate_residual(self._problem, self._theta)
        assert residual is not None  # `make_close_up`
        return residual

    @property
    def value(self) -> float:
        """Half the sum of squares."""
        return 0.5 * float(self.residual @ self._problem.weighted(self.residual))

    @cached_property
    def gradient(self) -> Vector:
        """The gradient, shape (size,)."""
        return self.jacobian_transpose(self._problem.weighted(self.residual))

    def jacobian_product(self, direction: Vector) -> Vector:
        """Return the derivative of the predictions along a direction, shape (p,)."""
        change = self._problem.model.push(self._theta, self._seen.scales * direction)
        return self._problem.measurement.measure(change)

    def jacobian_transpose(self, weights: Vector) -> Vector:
        """Return the adjoint of `jacobian_product`, shape (size,)."""
        pulled = self._problem.model.pull(self._theta, self._problem.adjoint(weights))
        return np.asarray(self._seen.scales * pulled)

    def gauss_newton_product(self, direction: Vector) -> Vector:
        """Return J^T W J times a direction."""
        return self.jacobian_transpose(self._problem.weighted(self.jacobian_product(direction)))
