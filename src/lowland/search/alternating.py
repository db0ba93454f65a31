"""Alternating minimisation: each block of coordinates to its minimiser, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.needs import BLOCKS, Need
from lowland.search.stepper import Info


@final
@dataclass(frozen=True, eq=False)
class AlternatingState:
    """The point."""

    theta: Vector


@final
@dataclass(frozen=True)
class Alternating:
    """One step is a sweep over all blocks, each solved exactly."""

    name: ClassVar[str] = "alternating"
    needs: ClassVar[tuple[Need, ...]] = (BLOCKS,)
    promises_descent: ClassVar[bool] = True

    def init(self, objective: Any, theta: Vector, rng: np.random.Generator) -> tuple[AlternatingState, Info]:
        """Evaluate the start."""
        return AlternatingState(theta), Info(objective.value(theta))

    def step(
        self, objective: Any, state: AlternatingState, rng: np.random.Generator
    ) -> tuple[AlternatingState, Info]:
        """Sweep over the blocks."""
        theta = state.theta
        for name in objective.block_solver.names:
            theta = objective.block_solver.solve(theta, name)
        return AlternatingState(theta), Info(objective.value(theta))

    def restore(self, objective: Any, fields: Mapping[str, Any]) -> AlternatingState:
        """Return the saved state."""
        return AlternatingState(**fields)
