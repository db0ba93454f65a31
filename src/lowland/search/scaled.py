"""Scaled gradient descent: each factor's gradient divided by the Gram matrix of its partner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.promises.powers import HasScaledGradient
from lowland.search.gradient import DECREASE, MOST_HALVINGS
from lowland.search.stepper import Info


@final
@dataclass(frozen=True, eq=False)
class ScaledState:
    """The point, its value and gradient, the next trial step, and the value at the start."""

    theta: Vector
    value: float
    gradient: Vector
    step_size: float
    reference: float


@public("lowland.search")
@final
@dataclass(frozen=True)
class Scaled:
    """Descent along the gradient of U times (V^H V + lambda I)^-1, and the reverse.

    In this metric all singular values are approached at the same rate, whatever the condition
    number of the solution. The damping lambda keeps the metric finite if factors have redundant
    columns; it follows the residual, so that it fades as the fit becomes exact.

    Parameters
    ----------
    damping : float
        lambda is this fraction of the mean eigenvalue of the Gram matrices, times the square root of
        the objective relative to the start; 0 is the undamped method.
    step_size : float
        First trial step; later ones are twice the last accepted step.

    References
    ----------
    T. Tong, C. Ma, Y. Chi, Accelerating ill-conditioned low-rank matrix estimation via scaled
    gradient descent, JMLR 2021; G. Zhang, S. Fattahi, R. Zhang, Preconditioned gradient descent
    for overparameterized nonconvex Burer-Monteiro factorization, JMLR 2023.

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.search import Gradient, Scaled, ValueBelow
    >>> case = ll.datasets.planted_completion((20, 20), 2, 5, rng=2, condition=10)
    >>> plan = dict(rank=2, stop=ValueBelow(1e-12), certify=False, rng=0)
    >>> solvers = Scaled(), Gradient()
    >>> scaled, plain = (ll.recover(case.measurement, case.y, solver=s, **plan).search for s in solvers)
    >>> scaled.converged and plain.converged, scaled.iterations < plain.iterations
    (True, True)
    """

    damping: float = 0.1
    step_size: float = 0.1
    name: ClassVar[str] = "scaled"
    needs: ClassVar[tuple[type[Any], ...]] = (HasScaledGradient,)
    promises_descent: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.damping >= 0:
            raise InvalidInputError("damping must be at least 0", repr(self.damping))

    def init(
        self, objective: HasScaledGradient, theta: Vector, rng: np.random.Generator
    ) -> tuple[ScaledState, Info]:
        """Evaluate the start."""
        value, gradient = objective.value_and_gradient(theta)
        state = ScaledState(theta, value, gradient, self.step_size, value)
        return state, Info(value, float(np.linalg.norm(gradient)))

    def step(
        self, objective: HasScaledGradient, state: ScaledState, rng: np.random.Generator
    ) -> tuple[ScaledState, Info]:
        """Take one step, halved until the objective falls enough."""
        fit = state.value / state.reference if state.reference > 0 else 0.0
        share = self.damping * float(np.sqrt(max(fit, 0.0)))
        direction = objective.scaled(state.theta, state.gradient, share)
        slope = float(direction @ state.gradient)
        size = state.step_size
        for _ in range(MOST_HALVINGS):
            theta = state.theta - state.theta.dtype.type(size) * direction
            value, gradient = objective.value_and_gradient(theta)
            if value <= state.value - DECREASE * size * slope and value < state.value:
                new = ScaledState(theta, value, gradient, 2 * size, state.reference)
                return new, Info(value, float(np.linalg.norm(gradient)), {"step_size": size})
            size /= 2
        message = "no step along the scaled gradient lowers the objective"
        return state, Info(state.value, float(np.linalg.norm(state.gradient)), stalled=message)
