"""Data augmentation: missing numbers are drawn given a distribution, and it given the completed data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.core.promises.powers import HasAugmentation
from lowland.search.stepper import Info


@final
@dataclass(frozen=True)
class Augmentation:
    """One step draws the missing numbers and then their distribution.

    Parameters
    ----------
    burn_in : int
        Number of initial sweeps that are not kept; after them, what each distribution says of the missing
        numbers is added up.

    References
    ----------
    M. A. Tanner, W. H. Wong, The calculation of posterior distributions by data augmentation, JASA 1987.
    """

    burn_in: int = 40
    name: ClassVar[str] = "augmentation"
    needs: ClassVar[tuple[type[Any], ...]] = (HasAugmentation,)
    promises_descent: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.burn_in < 0:
            raise InvalidInputError("burn_in must be at least 0", str(self.burn_in))

    def init(self, objective: HasAugmentation, theta: Vector, rng: np.random.Generator) -> tuple[Any, Info]:
        """Draw the distribution given a completed table."""
        state = objective.first_draw(theta, int(rng.integers(2**63)), rng)
        return state, Info(objective.energy(state), None)

    def step(self, objective: HasAugmentation, state: Any, rng: np.random.Generator) -> tuple[Any, Info]:
        """Draw both, and add up what is kept."""
        state = objective.draw(state, rng)
        if state.sweep > self.burn_in:
            state = objective.keep(state)
        return state, Info(objective.energy(state), None)
