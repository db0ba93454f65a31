"""Gibbs sampling: each Gaussian block is drawn given the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.core.promises.powers import HasDraws
from lowland.core.results.status import StopReason
from lowland.search.stepper import Info
from lowland.search.stops import Progress, StopRule


@final
@dataclass(frozen=True)
class Gibbs:
    """One step draws rows, columns and noise once each, with the priors of each side.

    Parameters
    ----------
    start : object, optional
        The posterior whose means and priors the chain starts from; by default the objective's initial one.
    burn_in : int
        Initial sweeps whose draws are discarded.
    """

    start: Any = None
    burn_in: int = 20
    name: ClassVar[str] = "gibbs"
    needs: ClassVar[tuple[type[Any], ...]] = (HasDraws,)
    promises_descent: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.burn_in < 0:
            raise InvalidInputError("burn_in must be at least 0", f"{self.burn_in}")

    def init(self, objective: HasDraws, theta: Vector, rng: np.random.Generator) -> tuple[Any, Info]:
        """Take the start as the first draw."""
        start = objective.first_posterior(theta) if self.start is None else self.start
        state = objective.first_draw(start, int(rng.integers(2**63)))
        return state, self._info(objective, state)

    def step(self, objective: HasDraws, state: Any, rng: np.random.Generator) -> tuple[Any, Info]:
        """Draw every block, and keep the draw if it is due."""
        for name in objective.block_names:
            state = objective.draw(state, name, rng)
        if state.sweep > self.burn_in:
            state = replace(state, kept=(*state.kept, state.theta))
        return state, self._info(objective, state)

    def _info(self, objective: HasDraws, state: Any) -> Info:
        return Info(objective.energy(state), None, {"noise": state.noise_precision**-0.5})


@final
@dataclass(frozen=True)
class Drawn(StopRule):
    """All draws that were asked for are there.

    Parameters
    ----------
    sweeps : int
        Those that are not kept, too.
    draws : int
    """

    sweeps: int
    draws: int

    @property
    def reason(self) -> StopReason:
        """DRAWN."""
        return StopReason.DRAWN

    @property
    def length(self) -> int:
        """All sweeps."""
        return self.sweeps

    def fired(self, progress: Progress) -> str:
        """Count the sweeps."""
        return f"all {self.draws:,} draws made" if progress.iteration >= self.sweeps else ""
