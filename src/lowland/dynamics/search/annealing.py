"""Annealed Langevin dynamics as a solver: walkers at falling temperature, and the best of their points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import whole_number
from lowland.core.promises.objectives import Objective
from lowland.dynamics.kernels.integrators import step_batch
from lowland.dynamics.laws import Dynamics, Overdamped, Underdamped
from lowland.search.stepper import Info

KINDS = ("underdamped", "non_reversible", "overdamped")
# fraction of the step that the curvature at the start allows; curvature grows away from it
_CAUTION = 0.25
# a walker counts as diverged when its objective exceeds the start's by this factor
_LOST = 1e3
_POWER_STEPS = 12


@final
@dataclass(frozen=True, eq=False)
class LangevinState:
    """Best walker's point and value, all walkers, and the position in the schedule."""

    theta: Vector
    value: float
    positions: Matrix
    velocities: Matrix
    gradients: Matrix
    reference: float
    step_size: float
    phase: int


@public("lowland.dynamics")
@final
@dataclass(frozen=True)
class Langevin:
    """Annealed Langevin dynamics: each step of the search moves every walker at one, falling temperature.

    Parameters
    ----------
    kind : {"underdamped", "non_reversible", "overdamped"}
        With inertia (BAOAB); with the gradient rotated within pairs of coordinates; or the reversible
        diffusion.
    n_walkers : int
    n_steps : int
        Steps of each walker per temperature, at one gradient each.
    n_phases : int
        Number of temperatures, falling geometrically; the search ends as stalled after the last.
    hot, cold : float
        First and last temperature, relative to the energy at the start per coordinate.
    turn : float
        Strength of the rotation for "non_reversible".

    Notes
    -----
    A walker that diverges goes back to the best point, and all continue with half the step. The search ends
    near a minimum, and a descent has to finish it, as ``solver="langevin"`` does. Without bad minima any
    descent does better; with a few, restarts of a descent do.

    References
    ----------
    X. Gao, M. Gurbuzbalaban, L. Zhu, Breaking reversibility accelerates Langevin dynamics for non-convex
    optimization, NeurIPS 2020.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.datasets import false_minimum
    >>> from lowland.search import Iterations, run
    >>> instance, false = false_minimum(0.6)
    >>> F = ll.recover(instance.measurement, instance.y, rank=1, structure="psd", rng=0).objective
    >>> solver, rng = ll.dynamics.Langevin(n_phases=40), np.random.default_rng(0)
    >>> run(F, solver, false.ravel(), stop=Iterations(40), rng=rng).value < 0.01 * F.value(false.ravel())
    True
    """

    kind: str = "underdamped"
    n_walkers: int = 4
    n_steps: int = 20
    n_phases: int = 60
    hot: float = 1.0
    cold: float = 1e-4
    turn: float = 1.0
    name: ClassVar[str] = "langevin"
    needs: ClassVar[tuple[type[Any], ...]] = ()
    promises_descent: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInputError("kind is unknown", repr(self.kind), fix=f"use one of {', '.join(KINDS)}")
        for name in ("n_walkers", "n_steps", "n_phases"):
            whole_number(getattr(self, name), name, 1)
        if not 0 < self.cold <= self.hot < np.inf:
            raise InvalidInputError(
                "temperatures must be positive, and cold at most hot",
                f"hot {self.hot}, cold {self.cold}",
            )

    def init(
        self, objective: Objective, theta: Vector, rng: np.random.Generator
    ) -> tuple[LangevinState, Info]:
        """Place all walkers at the start; measure the curvature there by power iteration."""
        value, gradient = objective.value_and_gradient(theta)
        curvature = _largest_curvature(objective, theta, rng)
        limit = 2 / np.sqrt(curvature) if self.kind == "underdamped" else 2 / curvature
        positions = np.tile(theta, (self.n_walkers, 1))
        gradients = np.tile(self._turned(gradient), (self.n_walkers, 1))
        state = LangevinState(
            theta,
            float(value),
            positions,
            np.zeros_like(positions),
            gradients,
            _energy_scale(float(value), gradient, curvature),
            _CAUTION * float(limit),
            0,
        )
        return state, Info(value, float(np.linalg.norm(gradient)))

    def step(
        self, objective: Objective, state: LangevinState, rng: np.random.Generator
    ) -> tuple[LangevinState, Info]:
        """Move all walkers at the next temperature."""
        if state.phase >= self.n_phases:
            return state, Info(state.value, stalled="the schedule of temperatures has ended")
        dynamics = self._dynamics(state)
        x, v, g = state.positions, state.velocities, state.gradients

        def gradient(points: Matrix) -> Matrix:
            return np.stack([self._turned(objective.gradient(point)) for point in points])

        with np.errstate(all="ignore"):  # divergence is checked below
            for _ in range(self.n_steps):
                noise = rng.standard_normal(x.shape).astype(x.dtype)
                x, v, g = (part.astype(x.dtype) for part in step_batch(dynamics, x, v, g, noise, gradient))
                if not np.all(np.isfinite(x)):
                    break
            values = np.array([objective.value(point) for point in x])
        lost = ~(values < _LOST * max(state.reference, abs(state.value)))
        step_size = state.step_size
        if lost.any():
            x, v, g, values = _sent_back(state, lost, x, v, g, values, gradient)
            step_size /= 2
        best = int(np.argmin(values))
        following = LangevinState(
            x[best].copy(), float(values[best]), x, v, g, state.reference, step_size, state.phase + 1
        )
        return following, Info(
            float(values[best]), measures={"temperature": 1 / dynamics.beta, "lost": float(lost.sum())}
        )

    def restore(self, objective: Objective, fields: Mapping[str, Any]) -> LangevinState:
        """Return the saved state."""
        return LangevinState(**fields)

    def _dynamics(self, state: LangevinState) -> Dynamics:
        share = state.phase / max(self.n_phases - 1, 1)
        level = self.hot * (self.cold / self.hot) ** share
        beta = state.theta.size / (level * state.reference)
        if self.kind != "underdamped":
            return Overdamped(state.step_size, beta)
        # velocities decorrelate over some ten steps
        return Underdamped(state.step_size, beta, friction=0.1 / state.step_size)

    def _turned(self, gradient: Vector) -> Vector:
        """Return (I + J) times a gradient, where J couples neighbouring coordinates."""
        if self.kind != "non_reversible":
            return gradient
        turned = gradient.copy()
        even = 2 * (gradient.size // 2)
        turned[0:even:2] += self.turn * gradient[1:even:2]
        turned[1:even:2] -= self.turn * gradient[0:even:2]
        return turned


def _sent_back(
    state: LangevinState,
    lost: Any,
    x: Matrix,
    v: Matrix,
    g: Matrix,
    values: Vector,
    gradient: Callable[[Matrix], Matrix],
) -> tuple[Matrix, Matrix, Matrix, Vector]:
    """Return the walkers, with those that diverged reset to the last best point at zero velocity."""
    x, v, g, values = x.copy(), v.copy(), g.copy(), values.copy()
    x[lost], v[lost], values[lost] = state.theta, 0, state.value
    g[lost] = gradient(state.theta[None])[0]
    return x, v, g, values


def _energy_scale(value: float, gradient: Vector, curvature: float) -> float:
    """Return the size of the objective at the start, or the gain of a descent step if that is zero."""
    scale = abs(value) or float(np.linalg.norm(gradient)) ** 2 / curvature
    return scale or 1.0


def _largest_curvature(objective: Objective, theta: Vector, rng: np.random.Generator) -> float:
    """Return an estimate of the largest absolute eigenvalue of the Hessian."""
    direction = rng.standard_normal(theta.size).astype(theta.dtype)
    size = 0.0
    for _ in range(_POWER_STEPS):
        direction = direction / np.linalg.norm(direction)
        product = objective.hessian_product(theta, direction)
        size = float(np.linalg.norm(product))
        if size == 0:
            return 1.0
        direction = product
    return size
