"""Newton's method in a trust region, by truncated conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.brief import briefly
from lowland.core.doors import public
from lowland.core.promises.powers import HasLinearisation, HasResidual
from lowland.search.newton.escape_from_saddle import step_off
from lowland.search.stepper import Info

GOOD, POOR, ENOUGH = 0.75, 0.25, 0.05
# the first radius, as a fraction of the norm of the start; radii tried before a search counts as stalled
FIRST_RADIUS, MOST_TRIES = 0.1, 30
# a step that gains less than this share of the objective may lie at a saddle
NEGLIGIBLE = 1e-13


@briefly
@final
@dataclass(frozen=True, eq=False)
class TrustRegionState:
    """The point, its value, and the radius within which the quadratic model is trusted."""

    theta: Vector
    value: float
    radius: float


@public("lowland.search")
@final
@dataclass(frozen=True)
class TrustRegion:
    """Steps minimise the exact quadratic model within a ball, using directions of negative curvature.

    Steps leave saddles along such directions; where the model offers almost nothing, even at an exact
    saddle, the lowest curvature is looked for by Lanczos iteration from a random vector. The model includes
    the second-order term that Gauss-Newton neglects, so convergence is superlinear even with a residual
    or a penalty.

    Parameters
    ----------
    max_inner : int
        Conjugate-gradient iterations per step; each costs a product with the Hessian.

    Notes
    -----
    The gradient is orthogonal to the directions that leave the matrix unchanged, and at a
    stationary point the Hessian maps them to zero, so iterations started from the gradient move
    within the horizontal space of the quotient by the gauge, without projections.

    References
    ----------
    T. Steihaug, The conjugate gradient method and trust regions in large scale optimization, SIAM
    J. Numer. Anal. 1983; J. Nocedal, S. Wright, Numerical Optimization, 2006, chapter 7.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import TrustRegion
    >>> case, saddle = ll.datasets.false_minimum(0.4)
    >>> plan = dict(rank=1, structure="psd", solver=TrustRegion(), start=saddle, rng=0)
    >>> fit = ll.recover(case.measurement, case.y, **plan)
    >>> bool(np.allclose(fit.matrix(), case.truth)), fit.search.iterations < 30
    (True, True)
    """

    max_inner: int = 300
    name: ClassVar[str] = "trust_region"
    needs: ClassVar[tuple[type[Any], ...]] = (HasResidual,)
    promises_descent: ClassVar[bool] = True

    def init(
        self, objective: HasLinearisation, theta: Vector, rng: np.random.Generator
    ) -> tuple[TrustRegionState, Info]:
        """Evaluate the start."""
        value, gradient = objective.value_and_gradient(theta)
        length = float(np.linalg.norm(theta)) or 1.0
        state = TrustRegionState(theta, value, FIRST_RADIUS * length)
        return state, Info(value, float(np.linalg.norm(gradient)))

    def step(
        self, objective: HasLinearisation, state: TrustRegionState, rng: np.random.Generator
    ) -> tuple[TrustRegionState, Info]:
        """Try radii until the objective falls."""
        at = objective.linearise(state.theta)
        gradient, radius = at.gradient, state.radius
        norm = float(np.linalg.norm(gradient))
        for k in range(MOST_TRIES):
            tolerance = min(0.1, float(np.sqrt(norm / (norm + radius))) * 0.1)
            step, predicted, at_edge, inner = truncated_newton(
                at.hessian_product, gradient, radius, tolerance, self.max_inner
            )
            if k == 0 and predicted <= NEGLIGIBLE * abs(state.value):
                lower = step_off(at.hessian_product, objective.value, state.theta, state.value, gradient, rng)
                if lower is not None:
                    new = TrustRegionState(*lower, float(np.linalg.norm(lower[0] - state.theta)))
                    return new, Info(new.value, None, {"inner": float(inner), "radius": new.radius})
                if norm == 0:
                    return state, Info(state.value, 0.0, stalled="the gradient is exactly zero")
            theta = state.theta + step
            value = objective.value(theta)
            gain = (state.value - value) / predicted if predicted > 0 else -1.0
            if gain > GOOD and at_edge:
                following = 2 * radius
            elif gain < POOR or not np.isfinite(gain):
                following = 0.25 * float(np.linalg.norm(step))
            else:
                following = radius
            if gain > ENOUGH or self._only_rounding(objective, theta, value, state.value, predicted, norm):
                new = TrustRegionState(theta, value, following)
                return new, Info(value, norm, {"inner": float(inner), "radius": radius})
            radius = following
        message = "no step within a trust region lowers the objective"
        return state, Info(state.value, norm, {"inner": 0.0, "radius": radius}, stalled=message)

    def _only_rounding(
        self,
        objective: HasLinearisation,
        theta: Vector,
        value: float,
        before: float,
        predicted: float,
        norm: float,
    ) -> bool:
        """Whether two values are equal up to rounding and the gradient is smaller at the new point."""
        noise = 10 * float(np.finfo(theta.dtype).eps) * abs(before)
        if not (predicted <= noise and value <= before + noise):
            return False
        return bool(np.linalg.norm(objective.gradient(theta)) < 0.5 * norm)


def truncated_newton(
    product: Callable[[Vector], Vector], gradient: Vector, radius: float, tolerance: float, limit: int
) -> tuple[Vector, float, bool, int]:
    """Minimise g.d + d.H d / 2 over |d| <= radius approximately.

    Parameters
    ----------
    product : callable
        Multiplies by the symmetric matrix H.
    gradient : ndarray, shape (size,)
    radius : float
    tolerance : float
        Of the residual, relative to the gradient.
    limit : int
        Largest number of iterations.

    Returns
    -------
    ndarray, float, bool, int
        The step, the decrease that the model predicts, whether the step ends on the boundary, and the
        number of iterations.
    """
    d, image = np.zeros_like(gradient), np.zeros_like(gradient)
    residual = -gradient
    search, square = residual.copy(), float(residual @ residual)
    target, count, at_edge = tolerance**2 * square, 0, False
    while square > target and count < limit:
        turned = product(search)
        curvature = float(search @ turned)
        count += 1
        length = square / curvature if curvature > 0 else np.inf
        if not np.isfinite(length) or np.linalg.norm(d + length * search) >= radius:
            length, at_edge = _to_edge(d, search, radius), True
        d = d + d.dtype.type(length) * search
        image = image + d.dtype.type(length) * turned
        if at_edge:
            break
        residual = residual - residual.dtype.type(length) * turned
        new = float(residual @ residual)
        search = residual + residual.dtype.type(new / square) * search
        square = new
    predicted = -float(gradient @ d) - 0.5 * float(d @ image)
    return d, predicted, at_edge, count


def _to_edge(d: Vector, search: Vector, radius: float) -> float:
    """Return the positive length at which d + length * search has norm `radius`."""
    a, b = float(search @ search), float(d @ search)
    c = float(d @ d) - radius**2
    root = float(np.sqrt(max(b * b - a * c, 0.0)))
    # the form without cancellation
    return -c / (b + root) if b > 0 else (root - b) / a
