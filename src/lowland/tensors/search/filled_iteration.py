"""Orthogonal iteration on a tensor whose missing cells are filled with predictions, with momentum."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.search.stepper import Info
from lowland.tensors.capabilities import TensorFit
from lowland.tensors.search.orthogonal_iteration import improved, orthonormal_point


@final
@dataclass(frozen=True, eq=False)
class FilledIterationState:
    """A point with orthonormal factors and its value; the point before it; and the momentum, at least 1."""

    theta: Vector
    value: float
    before: Vector
    momentum: float


@final
@dataclass(frozen=True)
class FilledIteration:
    """Orthogonal iteration where cells are missing or weighted: fill them with predictions, then update.

    Notes
    -----
    Filling with the predictions of the last point makes a sweep a step of majorisation: it never increases
    the objective. Filling with predictions moved on along the last change (Nesterov's momentum) takes far
    fewer sweeps where much is missing; where that would increase the objective, the sweep is repeated
    without. A sweep costs some products with a dense tensor, whatever the number of known cells.

    References
    ----------
    B. Walczak, D. L. Massart, Dealing with missing data, Chemom. Intell. Lab. Syst. 2001.
    """

    name: ClassVar[str] = "filled_iteration"
    needs: ClassVar[tuple[type[Any], ...]] = (TensorFit,)
    promises_descent: ClassVar[bool] = True

    def init(
        self, objective: TensorFit, theta: Vector, rng: np.random.Generator
    ) -> tuple[FilledIterationState, Info]:
        """Make the factors of the start orthonormal, and evaluate it."""
        theta = orthonormal_point(objective, theta, self.name)
        state = FilledIterationState(theta, objective.value(theta), theta, 1.0)
        return state, Info(state.value)

    def step(
        self, objective: TensorFit, state: FilledIterationState, rng: np.random.Generator
    ) -> tuple[FilledIterationState, Info]:
        """Update all factors once."""
        at = objective.unpack(state.theta)
        now, factors = at.tensor(), at.factors
        momentum = (1 + sqrt(1 + 4 * state.momentum**2)) / 2
        theta, value = state.theta, inf
        if state.momentum > 1:
            ahead = (now - objective.unpack(state.before).tensor()) * ((state.momentum - 1) / momentum)
            theta = improved(_filled(now + ahead, objective), factors).point()
            value = objective.value(theta)
        if not value <= state.value:
            theta, momentum = improved(_filled(now, objective), factors).point(), (1 + sqrt(5)) / 2
            value = objective.value(theta)
        after = FilledIterationState(theta, value, state.theta, momentum)
        return after, Info(after.value)


def _filled(tensor: Matrix, objective: TensorFit) -> Matrix:
    """Return a tensor, overwritten, with its known cells moved to the data: lighter ones less far."""
    positions, weights = objective.data.positions, objective.weights
    share = 1 if weights is None else weights / weights.max()
    known = (slice(None),) if positions is None else tuple(positions.T)
    cells = tensor.reshape(-1) if positions is None else tensor
    cells[known] += share * (objective.y - cells[known])
    return cells.reshape(tensor.shape)
