"""Damped Gauss-Newton with a ridge that is set by the residual and fades with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.brief import briefly
from lowland.core.doors import public
from lowland.core.promises.fits import HasPrecisions
from lowland.core.promises.powers import HasResidual
from lowland.search.newton.conjugate_gradients import conjugate_gradients, shifted
from lowland.search.newton.gauss_newton import FIRST_DAMPING, MOST_TRIES, value_of_nothing
from lowland.search.newton.residual_variance import residual_variance
from lowland.search.stepper import Info

# the variance is twice the objective over the number of measurements beyond the degrees of freedom, or over
# this share of all measurements if that is more
SURPLUS = 0.25
# the largest K, as a share of the curvature along the gradient, so that no component dies out
STRONGEST = 0.1
# conjugate-gradient iterations per step
MOST_INNER = 300


@briefly
@final
@dataclass(frozen=True, eq=False)
class EmpiricalBayesState:
    """The point in canonical form, its value, the damping, and the value with nothing fitted."""

    theta: Vector
    value: float
    damping: float
    reference: float


@public("lowland.search")
@final
@dataclass(frozen=True)
class EmpiricalBayes:
    """Steps on the objective plus sum K theta^2 / 2, with K updated after each from point and residual.

    K is the noise variance implied by the residual, divided by the second moment of the rows of each
    component: the weights of a Gaussian prior estimated from the data. Large components are
    shrunk little, small ones more, and all of them less the better the fit: an exact fit is a
    fixed point. Near the information limit this prevents fits that nearly match the measurements
    but are far off elsewhere.

    Notes
    -----
    Costs as much as Gauss-Newton steps. If a residual remains, so does the prior, and the result is
    not a minimum of the objective: polish it with another solver.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import EmpiricalBayes, GaussNewton, Iterations
    >>> case = ll.datasets.planted_completion((30, 20), 2, 1.5, rng=0, least=3)
    >>> plan = dict(rank=2, stop=Iterations(25), certify=False, rng=0)
    >>> solvers = EmpiricalBayes(), GaussNewton()
    >>> fits = [ll.recover(case.measurement, case.y, solver=s, **plan) for s in solvers]
    >>> [bool(np.allclose(fit.matrix(), case.truth, atol=1e-4)) for fit in fits]
    [True, False]
    """

    name: ClassVar[str] = "empirical_bayes"
    needs: ClassVar[tuple[type[Any], ...]] = (HasResidual, HasPrecisions)
    promises_descent: ClassVar[bool] = False

    def init(
        self, objective: HasPrecisions, theta: Vector, rng: np.random.Generator
    ) -> tuple[EmpiricalBayesState, Info]:
        """Evaluate the start."""
        value = objective.value(theta)
        reference = value_of_nothing(objective, theta, value)
        state = EmpiricalBayesState(objective.canonical(theta), value, FIRST_DAMPING, reference)
        return state, Info(value, None, {"inner": 0.0, "damping": FIRST_DAMPING})

    def step(
        self, objective: HasPrecisions, state: EmpiricalBayesState, rng: np.random.Generator
    ) -> tuple[EmpiricalBayesState, Info]:
        """Try dampings until objective and prior together fall."""
        theta, at = state.theta, objective.linearise(state.theta)
        square = float(at.gradient @ at.gradient)
        if square == 0:
            return state, Info(state.value, 0.0, stalled="the gradient is exactly zero")
        curvature = float(at.gradient @ at.gauss_newton_product(at.gradient)) / square
        prior = self._prior(objective, theta, state.value, curvature)
        gradient, before = at.gradient + prior * theta, at.value + 0.5 * float(theta @ (prior * theta))
        fit = state.value / state.reference if state.reference > 0 else 0.0
        tolerance = min(1e-3, max(1e-10, float(np.sqrt(max(fit, 0.0)))))
        damping, inner = state.damping, 0
        for _ in range(MOST_TRIES):
            shift = prior + theta.dtype.type(damping * curvature)
            product = shifted(at.gauss_newton_product, shift)
            direction, inner = conjugate_gradients(product, -gradient, tolerance, MOST_INNER)
            new = theta + direction
            after = objective.value(new) + 0.5 * float(new @ (prior * new))
            if after < before:
                break
            damping = max(5 * damping, 1e-8)
        else:
            message = "no damped step lowers the sum of objective and prior"
            return state, Info(
                state.value, float(np.sqrt(square)), {"inner": 0.0, "damping": damping}, message
            )
        curved = float(direction @ (at.gauss_newton_product(direction) + prior * direction))
        predicted = -float(gradient @ direction) - 0.5 * curved
        gain = (before - after) / max(predicted, np.finfo(float).tiny)
        damping *= 0.2 if gain > 0.75 else 0.5 if gain > 0.25 else 2.0
        point = objective.canonical(new)
        value = objective.value(point)
        following = EmpiricalBayesState(point, value, max(damping, 1e-14), state.reference)
        return following, Info(value, float(np.sqrt(square)), {"inner": float(inner), "damping": damping})

    def _prior(self, objective: HasPrecisions, theta: Vector, value: float, curvature: float) -> Vector:
        variance = residual_variance(objective, 2 * value, SURPLUS)
        prior = objective.precisions(theta) * theta.dtype.type(variance)
        limited: Vector = np.minimum(prior, theta.dtype.type(STRONGEST * curvature))
        return limited
