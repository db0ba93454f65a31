"""Damped Gauss-Newton (Levenberg-Marquardt), matrix-free by conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.needs import LINEARISATION, Need
from lowland.search.stepper import Info


@final
@dataclass(frozen=True, eq=False)
class GaussNewtonState:
    """The point, its value, the damping in units of the mean curvature, and the value with nothing fitted."""

    theta: Vector
    value: float
    damping: float
    reference: float


@final
@dataclass(frozen=True)
class GaussNewton:
    """Steps solve (J^T W J + penalty + mu I) d = -gradient inexactly; only descents are accepted.

    Parameters
    ----------
    damping : float
        Initial mu, as a fraction of the mean curvature along the gradient.
    max_inner : int
        Conjugate-gradient iterations of a step.
    max_tries : int
        Dampings tried before the search counts as stalled.

    Notes
    -----
    An inner iteration costs one product with the Jacobian and one with its transpose. The inner
    tolerance tightens with the gradient, so convergence is superlinear where the residual
    vanishes.

    References
    ----------
    J. Nocedal, S. Wright, Numerical Optimization, 2006, chapters 7 and 10.
    """

    damping: float = 1e-2
    max_inner: int = 300
    max_tries: int = 12
    name: ClassVar[str] = "gauss_newton"
    needs: ClassVar[tuple[Need, ...]] = (LINEARISATION,)
    promises_descent: ClassVar[bool] = True

    def init(self, objective: Any, theta: Vector, rng: np.random.Generator) -> tuple[GaussNewtonState, Info]:
        """Evaluate the start."""
        value, gradient = objective.value_and_gradient(theta)
        nothing = float(objective.value(np.zeros_like(theta)))
        reference = nothing if np.isfinite(nothing) else value
        state = GaussNewtonState(theta, value, self.damping, reference)
        return state, Info(value, float(np.linalg.norm(gradient)))

    def step(
        self, objective: Any, state: GaussNewtonState, rng: np.random.Generator
    ) -> tuple[GaussNewtonState, Info]:
        """Try dampings until the objective falls."""
        at = objective.linearise(state.theta)
        gradient = at.gradient
        norm = float(np.linalg.norm(gradient))
        if norm == 0:
            return state, Info(state.value, 0.0, stalled="the gradient is exactly zero")
        curvature = float(gradient @ at.gauss_newton_product(gradient)) / norm**2
        damping, total = state.damping, 0
        for _ in range(self.max_tries):
            shift = damping * curvature if curvature > 0 else damping
            tolerance = min(0.1, max(1e-10, _forcing(state)))
            product = _shifted(at.gauss_newton_product, shift)
            direction, inner = conjugate_gradients(product, -gradient, tolerance, self.max_inner)
            total += inner
            theta = state.theta + direction
            value = objective.value(theta)
            predicted = -float(gradient @ direction) - 0.5 * float(
                direction @ at.gauss_newton_product(direction)
            )
            if value < state.value:
                gain = (state.value - value) / max(predicted, np.finfo(float).tiny)
                damping *= 0.1 if gain > 0.75 else 0.5 if gain > 0.25 else 2.0
                new = GaussNewtonState(theta, value, max(damping, 1e-15), state.reference)
                return new, Info(value, norm, {"inner": total, "damping": damping})
            damping *= 10
        message = "no damped Gauss-Newton step lowers the objective"
        return state, Info(state.value, norm, {"inner": total, "damping": damping}, stalled=message)

    def restore(self, objective: Any, fields: Mapping[str, Any]) -> GaussNewtonState:
        """Return the saved state."""
        return GaussNewtonState(**fields)


def _forcing(state: GaussNewtonState) -> float:
    # relative residual: small residuals deserve accurate steps
    return float(np.sqrt(state.value / state.reference)) if state.reference > 0 else 0.1


def _shifted(product: Callable[[Vector], Vector], shift: float) -> Callable[[Vector], Vector]:
    return lambda d: product(d) + d.dtype.type(shift) * d


def conjugate_gradients(
    product: Callable[[Vector], Vector], right: Vector, tolerance: float, limit: int
) -> tuple[Vector, int]:
    """Solve a positive definite system from zero until the residual falls by `tolerance`.

    Parameters
    ----------
    product : callable
        Multiplies by the matrix.
    right : ndarray, shape (size,)
    tolerance : float
        Relative to the norm of `right`.
    limit : int
        Most iterations.

    Returns
    -------
    ndarray, int
        The solution and the number of iterations. On curvature that is not positive (rounding)
        the iterate so far is returned.
    """
    x, residual = np.zeros_like(right), right.copy()
    direction, square = residual.copy(), float(residual @ residual)
    target = (tolerance**2) * square
    count = 0
    while square > target and count < limit:
        image = product(direction)
        curvature = float(direction @ image)
        count += 1
        if not curvature > 0:
            break
        size = residual.dtype.type(square / curvature)
        x += size * direction
        residual -= size * image
        new = float(residual @ residual)
        direction = residual + residual.dtype.type(new / square) * direction
        square = new
    return x, count
