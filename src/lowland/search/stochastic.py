"""Mini-batch gradient descent with the perturbation and projection of Bhojanapalli et al. (2016)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_choice
from lowland.core.promises.powers import HasBatchGradient, HasResidual
from lowland.search.stepper import Info

# length of noise that falls with the residual, as a share of the usual gradient at the scale of the data
FALLING_NOISE, RANDOM_POINTS = 0.01, 3
# the same of constant noise, per relative error at which the search stalls by it, and that error
STALLED_NOISE, USUAL_ACCURACY = 0.3, 0.01
# falling noise is cut to a tenth where this many passes have not lowered the objective by this share: beside
# a minimum with spare columns gradients are smaller than it
PATIENCE, PROGRESS, TENTH = 30, 0.01, 0.1


@final
@dataclass(frozen=True, eq=False)
class StochasticState:
    """Point, velocity, value at the end of the last epoch, and the scales fixed at the start."""

    theta: Vector
    velocity: Vector
    value: float
    step_size: float
    radius: float
    noise: float
    reference_value: float
    least: float
    since: int


@public("lowland.search")
@final
@dataclass(frozen=True)
class Stochastic:
    """theta <- Proj(theta - step (batch gradient + noise)); one step is one epoch.

    With noise it leaves every saddle, since noise pushes it off where gradients of batches vanish; `recover`
    calls it "sgd" then, and "stochastic" without.

    Parameters
    ----------
    batch_size : int or None
        Measurements per batch; by default a tenth of all, at least 16.
    step_size : float or None
        Constant step; by default a fraction of the inverse curvature of a batch, measured at the
        start of every epoch by power iteration.
    momentum : float
        Heavy-ball momentum, 0 <= momentum < 1.
    perturbation : float or "auto"
        Length of the random vector added to each gradient, in units of the gradient; 0 for none. "auto"
        is a hundredth of the length of the gradient at random points at the scale of the data, or what
        `accuracy` asks for.
    perturbation_law : {"residual", "constant"}
        Whether that length falls, for exact ends, or stays. "residual": with the square root of the
        objective, and to a tenth whenever thirty passes have not lowered the objective. "constant" is the
        published algorithm; it stalls at an error set by that length.
    accuracy : float, optional
        Relative error of the matrix, to an order of magnitude, at which constant noise of "auto" length
        may stall; by default a hundredth.
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
    >>> plan = dict(rank=1, structure="psd", solver=Stochastic(perturbation="auto"), rng=0)
    >>> fit = ll.recover(case.measurement, case.y, start=np.zeros((5, 1)), **plan)  # a saddle
    >>> bool(np.allclose(fit.matrix(), case.truth))
    True
    """

    batch_size: int | None = None
    step_size: float | None = None
    momentum: float = 0.0
    perturbation: float | str = 0.0
    perturbation_law: str = "residual"
    accuracy: float | None = None
    radius: float | None = None
    needs: ClassVar[tuple[type[Any], ...]] = (HasBatchGradient, HasResidual)
    promises_descent: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_choice("perturbation_law", self.perturbation_law, ("residual", "constant"))
        if not 0 <= self.momentum < 1:
            raise InvalidInputError("momentum must be at least 0 and below 1", repr(self.momentum))
        is_number = not isinstance(self.perturbation, str)
        if not (0 <= float(self.perturbation) < np.inf if is_number else self.perturbation == "auto"):
            raise InvalidInputError('perturbation must be a length or "auto"', repr(self.perturbation))
        if self.accuracy is None:
            return
        if is_number or self.perturbation_law != "constant":
            raise InvalidInputError(
                "accuracy is that of constant noise whose length is chosen by it",
                f"perturbation {self.perturbation!r}, perturbation_law {self.perturbation_law!r}",
                fix="leave it out, or choose constant noise of automatic length",
            )
        if not 0 < self.accuracy < 1:
            raise InvalidInputError("accuracy must lie between 0 and 1", repr(self.accuracy))

    @property
    def name(self) -> str:
        """How results call it: with noise "sgd", without "stochastic"."""
        return "sgd" if self.perturbation else "stochastic"

    def init(
        self, objective: HasBatchGradient, theta: Vector, rng: np.random.Generator
    ) -> tuple[StochasticState, Info]:
        """Measure the scales of the problem at the start."""
        value, gradient = objective.value_and_gradient(theta)
        zero_value = objective.value(np.zeros_like(theta))
        length = _length_from_data(objective, theta, rng)
        radius = self.radius or 2 * max(float(np.linalg.norm(theta)), length)
        state = StochasticState(
            theta,
            np.zeros_like(theta),
            value,
            self.step_size or 0.0,
            radius,
            self._noise(objective, theta, length, rng),
            max(zero_value, np.finfo(float).tiny),
            value,
            0,
        )
        return state, Info(value, float(np.linalg.norm(gradient)))

    def step(
        self, objective: HasBatchGradient, state: StochasticState, rng: np.random.Generator
    ) -> tuple[StochasticState, Info]:
        """Run one epoch: every measurement once, in random order."""
        count = objective.batch_gradient.size
        batch_size = min(count, self.batch_size or max(16, count // 10))
        order = rng.permutation(count)
        size = self.step_size or self._measured_step(objective, state.theta, order[:batch_size], rng)
        theta, velocity, noise = state.theta, state.velocity, state.noise
        if self.perturbation_law == "residual":
            noise *= min(1.0, float(np.sqrt(max(state.value, 0.0) / state.reference_value)))
        dtype = theta.dtype.type
        for low in range(0, count, batch_size):
            # sorted batches read memory in order
            gradient = objective.batch_gradient(theta, np.sort(order[low : low + batch_size]))
            if noise:
                gradient = gradient + dtype(noise) * _unit(theta, rng)
            velocity = dtype(self.momentum) * velocity - dtype(size) * gradient
            theta = _project(theta + velocity, state.radius)
        value = objective.value(theta)
        since = 0 if value < (1 - PROGRESS) * state.least else state.since + 1
        new = replace(
            state,
            theta=theta,
            velocity=velocity,
            value=value,
            step_size=size,
            noise=state.noise * (TENTH if self._is_noise_idle(since) else 1),
            least=min(value, state.least),
            since=since,
        )
        return new, Info(value, None, {"step_size": size, "noise": noise})

    def _is_noise_idle(self, passes: int) -> bool:
        return self.perturbation_law == "residual" and passes > 0 and passes % PATIENCE == 0

    def _noise(
        self, objective: HasBatchGradient, theta: Vector, length: float, rng: np.random.Generator
    ) -> float:
        """Return the length of the noise, in units of the gradient."""
        if not isinstance(self.perturbation, str):
            return float(self.perturbation)
        points = [theta.dtype.type(length) * _unit(theta, rng) for _ in range(RANDOM_POINTS)]
        usual = float(np.mean([np.linalg.norm(objective.gradient(point)) for point in points]))
        if self.perturbation_law == "residual":
            return FALLING_NOISE * usual
        return STALLED_NOISE * (USUAL_ACCURACY if self.accuracy is None else self.accuracy) * usual

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
