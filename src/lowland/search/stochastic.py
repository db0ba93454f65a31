"""Mini-batch gradient descent with the perturbation and projection of Bhojanapalli et al. (2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_choice
from lowland.core.promises.powers import HasBatchGradient, HasResidual
from lowland.search.stepper import Info


@final
@dataclass(frozen=True, eq=False)
class StochasticState:
    """Point, velocity, value at the end of the last epoch, and the scales fixed at the start."""

    theta: Vector
    velocity: Vector
    value: float
    step_size: float
    radius: float
    reference_value: float
    reference_gradient: float


@public("lowland.search")
@final
@dataclass(frozen=True)
class Stochastic:
    """theta <- Proj(theta - step (batch gradient + perturbation)); one step is one epoch.

    Parameters
    ----------
    batch_size : int or None
        Measurements per batch; by default a tenth of all, at least 16.
    step_size : float or None
        Constant step; by default a fraction of the inverse curvature of a batch, measured at the
        start of every epoch by power iteration.
    momentum : float
        Heavy-ball momentum, 0 <= momentum < 1.
    perturbation : float
        Length of the random direction added to each gradient, as a fraction of the gradient's
        length at the start; 0 for none.
    perturbation_law : {"residual", "constant"}
        Whether that length shrinks with the square root of the objective, or stays. "constant" is the
        published algorithm; it stalls at an error set by that length.
    radius : float or None
        Points are projected onto this ball; by default of twice the norm of the start or of
        a point at the scale of the data, whichever is larger.

    References
    ----------
    S. Bhojanapalli, B. Neyshabur, N. Srebro, Global optimality of local search for low rank
    matrix recovery, NIPS 2016; R. Ge et al., Escaping from saddle points, COLT 2015.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import Stochastic
    >>> case = ll.datasets.planted_sensing(60, 5, 1, rng=0)
    >>> solver = Stochastic(batch_size=20, perturbation=0.01)
    >>> fit = ll.recover(case.measurement, case.y, rank=1, structure="psd", solver=solver, rng=0)
    >>> bool(np.allclose(fit.matrix(), case.truth))
    True
    """

    batch_size: int | None = None
    step_size: float | None = None
    momentum: float = 0.0
    perturbation: float = 0.0
    perturbation_law: str = "residual"
    radius: float | None = None
    name: ClassVar[str] = "stochastic"
    needs: ClassVar[tuple[type[Any], ...]] = (HasBatchGradient, HasResidual)
    promises_descent: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_choice("perturbation_law", self.perturbation_law, ("residual", "constant"))
        if not 0 <= self.momentum < 1:
            raise InvalidInputError("momentum must be at least 0 and below 1", repr(self.momentum))

    def init(
        self, objective: HasBatchGradient, theta: Vector, rng: np.random.Generator
    ) -> tuple[StochasticState, Info]:
        """Measure the scales of the problem at the start."""
        value, gradient = objective.value_and_gradient(theta)
        zero_value = objective.value(np.zeros_like(theta))
        length = float(np.linalg.norm(theta))
        radius = self.radius or 2 * max(length, _length_from_data(objective, theta, rng))
        state = StochasticState(
            theta,
            np.zeros_like(theta),
            value,
            self.step_size or 0.0,
            radius,
            max(zero_value, np.finfo(float).tiny),
            float(np.linalg.norm(gradient)),
        )
        return state, Info(value, state.reference_gradient)

    def step(
        self, objective: HasBatchGradient, state: StochasticState, rng: np.random.Generator
    ) -> tuple[StochasticState, Info]:
        """Run one epoch: every measurement once, in random order."""
        count = objective.batch_gradient.size
        batch_size = min(count, self.batch_size or max(16, count // 10))
        order = rng.permutation(count)
        size = self.step_size or self._measured_step(objective, state.theta, order[:batch_size], rng)
        theta, velocity = state.theta, state.velocity
        dtype = theta.dtype.type
        for low in range(0, count, batch_size):
            # sorted batches read memory in order
            gradient = objective.batch_gradient(theta, np.sort(order[low : low + batch_size]))
            if self.perturbation:
                gradient = gradient + dtype(self._perturbation_length(state)) * _unit(theta, rng)
            velocity = dtype(self.momentum) * velocity - dtype(size) * gradient
            theta = _project(theta + velocity, state.radius)
        value = objective.value(theta)
        new = StochasticState(
            theta,
            velocity,
            value,
            size,
            state.radius,
            state.reference_value,
            state.reference_gradient,
        )
        return new, Info(value, None, {"step_size": size})

    def _perturbation_length(self, state: StochasticState) -> float:
        length = self.perturbation * state.reference_gradient
        if self.perturbation_law == "constant":
            return length
        return length * min(1.0, float(np.sqrt(state.value / state.reference_value)))

    def _measured_step(
        self, objective: HasBatchGradient, theta: Vector, batch: Indices, rng: np.random.Generator
    ) -> float:
        # largest curvature of the batch's quadratic model, by power iteration on gradient differences
        batch = np.sort(batch)
        base = objective.batch_gradient(theta, batch)
        span = 1e-4 * max(float(np.linalg.norm(theta)), 1e-8)
        direction, largest = _unit(theta, rng), 0.0
        for _ in range(6):
            change = objective.batch_gradient(theta + theta.dtype.type(span) * direction, batch) - base
            largest = float(np.linalg.norm(change)) / span
            if not largest > 0:
                return 1.0
            direction = change / theta.dtype.type(largest * span)
        return 0.5 / largest * (1 - self.momentum)


def _unit(theta: Vector, rng: np.random.Generator) -> Vector:
    direction = rng.standard_normal(theta.size).astype(theta.dtype)
    return direction / np.linalg.norm(direction)


def _project(theta: Vector, radius: float) -> Vector:
    length = float(np.linalg.norm(theta))
    return theta if length <= radius else theta * theta.dtype.type(radius / length)


def _length_from_data(objective: HasBatchGradient, theta: Vector, rng: np.random.Generator) -> float:
    # predictions grow with the square of the point, so a random direction scaled to the size of
    # the data shows the norm of a suitable point
    direction = _unit(theta, rng)
    zero = np.zeros_like(theta)
    at = objective.linearise(zero)
    spread = float(np.linalg.norm(objective.linearise(direction).predictions - at.predictions))
    target = float(np.linalg.norm(at.residual))
    return float(np.sqrt(target / spread)) * float(np.sqrt(2)) if spread > 0 else float(np.linalg.norm(theta))
