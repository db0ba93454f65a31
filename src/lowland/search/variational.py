"""Variational inference: each Gaussian block is optimised in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.promises.powers import HasAverages
from lowland.search.stepper import Info


@final
@dataclass(frozen=True)
class Variational:
    """One step is a sweep over rows, columns and noise, each averaged given the others.

    The state is the objective's posterior; the value is minus the evidence bound. Blocks are
    maximised exactly, so no sweep raises the value, unless the objective learns priors from other cells.

    Parameters
    ----------
    start : object, optional
        A posterior to continue from; by default the objective's initial one around the given point.
    """

    start: Any = None

    name: ClassVar[str] = "variational"
    needs: ClassVar[tuple[type[Any], ...]] = (HasAverages,)
    promises_descent: ClassVar[bool] = True

    def init(self, objective: HasAverages, theta: Vector, rng: np.random.Generator) -> tuple[Any, Info]:
        """Make one sweep: the bound is meaningful only once errors are known."""
        start = objective.first_posterior(theta) if self.start is None else self.start
        return self.step(objective, start, rng)

    def step(self, objective: HasAverages, state: Any, rng: np.random.Generator) -> tuple[Any, Info]:
        """Sweep over the blocks."""
        for name in objective.block_names:
            state = objective.average(state, name)
        measures = {
            "noise": state.noise_precision**-0.5,
            "change": state.change,
            "priors held": float(state.held),
        }
        return state, Info(objective.bound(state), None, measures)
