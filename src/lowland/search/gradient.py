"""Gradient descent with Barzilai-Borwein steps, safeguarded by a line search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.brief import briefly
from lowland.core.doors import public
from lowland.core.promises.objectives import Objective
from lowland.search.stepper import Info

# the fraction of the linear decrease that a step must reach; trial steps before a search counts as stalled
DECREASE, MOST_HALVINGS = 1e-4, 60


@briefly
@final
@dataclass(frozen=True, eq=False)
class GradientState:
    """Point, value and gradient there, and the length of the next trial step."""

    theta: Vector
    value: float
    gradient: Vector
    step_size: float


@public("lowland.search")
@final
@dataclass(frozen=True)
class Gradient:
    """Steepest descent; every accepted step satisfies the Armijo condition.

    Parameters
    ----------
    rule : {"barzilai_borwein", "armijo"}
        Choice of the first trial step: from the change of the gradient, or twice the last accepted
        step.

    References
    ----------
    J. Barzilai, J. Borwein, Two-point step size gradient methods, IMA J. Numer. Anal. 1988.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import Gradient
    >>> case, plan = ll.datasets.planted_sensing(60, 5, 1, rng=0), dict(rank=1, structure="psd", rng=0)
    >>> rules = "barzilai_borwein", "armijo"
    >>> fast, slow = (ll.recover(case.measurement, case.y, solver=Gradient(rule), **plan) for rule in rules)
    >>> bool(np.allclose(fast.matrix(), case.truth)), fast.search.iterations < slow.search.iterations
    (True, True)
    """

    rule: str = "barzilai_borwein"
    name: ClassVar[str] = "gradient"
    needs: ClassVar[tuple[type[Any], ...]] = ()
    promises_descent: ClassVar[bool] = True

    def init(
        self, objective: Objective, theta: Vector, rng: np.random.Generator
    ) -> tuple[GradientState, Info]:
        """Evaluate the start; the first step changes the point by a hundredth of its length."""
        value, gradient = objective.value_and_gradient(theta)
        norm = float(np.linalg.norm(gradient))
        length = 0.01 * max(float(np.linalg.norm(theta)), float(np.finfo(theta.dtype).eps))
        return GradientState(theta, value, gradient, length / norm if norm else 1.0), Info(value, norm)

    def step(
        self, objective: Objective, state: GradientState, rng: np.random.Generator
    ) -> tuple[GradientState, Info]:
        """Take one step along the negative gradient."""
        square = float(state.gradient.astype(np.float64) @ state.gradient)
        size = state.step_size
        for _ in range(MOST_HALVINGS):
            theta = state.theta - theta_type(state.theta, size) * state.gradient
            value, gradient = objective.value_and_gradient(theta)
            if value <= state.value - DECREASE * size * square and value < state.value:
                following = self._next_size(theta - state.theta, gradient - state.gradient, size)
                norm = float(np.linalg.norm(gradient))
                return GradientState(theta, value, gradient, following), Info(
                    value, norm, {"step_size": size}
                )
            size /= 2
        return state, Info(
            state.value, square**0.5, stalled="no step along the gradient lowers the objective"
        )

    def _next_size(self, step: Vector, change: Vector, size: float) -> float:
        if self.rule == "armijo":
            return 2 * size
        curvature = float(step @ change)
        # concave along the step: there is no curvature to use, so lengthen
        return float(step @ step) / curvature if curvature > 0 else 4 * size


def theta_type(theta: Vector, number: float) -> Any:
    """Return a number in the precision of the point, so that float32 stays float32."""
    return theta.dtype.type(number)
