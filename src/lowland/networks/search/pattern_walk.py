"""A walk over activation regions: to the best point of each, then across its active boundaries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.promises.powers import HasRegions
from lowland.search.stepper import Info


@final
@dataclass(frozen=True, eq=False)
class PatternWalkState:
    """The best point of a region, its pattern, and how strongly the loss pulls across each boundary."""

    theta: Vector
    value: float
    pattern: Matrix
    pulls: Matrix


@public("lowland.networks")
@final
@dataclass(frozen=True)
class PatternWalk:
    """Walk from activation region to neighbouring region, to the best point of each.

    The optimum of a region touches the boundaries that keep the loss from decreasing further. Crossing them
    leads to a neighbour that contains the same point, so its optimum is no worse.

    Parameters
    ----------
    tolerance : float
        Relative decrease below which a neighbour counts as no better.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.networks import Relu, ReluObjective
    >>> from lowland.search import Iterations, run
    >>> x = np.linspace(-1, 1, 8)
    >>> network = ll.networks.ReluNetwork(([[1.0], [-1.0]], [1.0, 1.0]), ([0.1, 0.2], None))
    >>> F = ReluObjective(x, np.abs(x), Relu(network, "first"))
    >>> walk, start = ll.networks.PatternWalk(), F.model.point(network)
    >>> run(F, walk, start, stop=Iterations(20), rng=np.random.default_rng(0)).value < 1e-9 < F.value(start)
    True
    """

    tolerance: float = 1e-10
    name: ClassVar[str] = "pattern_walk"
    needs: ClassVar[tuple[type[Any], ...]] = (HasRegions,)
    promises_descent: ClassVar[bool] = True

    def init(
        self, objective: HasRegions, theta: Vector, rng: np.random.Generator
    ) -> tuple[PatternWalkState, Info]:
        """Read the pattern of the start; the first step goes to the best point of its region."""
        pattern = objective.regions.pattern(theta)
        state = PatternWalkState(theta, objective.value(theta), pattern, np.zeros(pattern.shape))
        return state, Info(state.value)

    def step(
        self, objective: HasRegions, state: PatternWalkState, rng: np.random.Generator
    ) -> tuple[PatternWalkState, Info]:
        """Cross all boundaries beyond which the loss falls at once, or else the steepest ones one by one."""
        if not state.pulls.any():  # go to the region's optimum, or if already there, get its multipliers
            theta, pulls = objective.regions.best(state.pattern)
            value = objective.value(theta)
            if value < state.value * (1 - self.tolerance):
                return PatternWalkState(theta, value, state.pattern, pulls), Info(value)
            state = replace(state, pulls=pulls)
        for flips in self._crossings(state.pulls):
            pattern = state.pattern ^ flips
            theta, pulls = objective.regions.best(pattern)
            value = objective.value(theta)
            if value < state.value * (1 - self.tolerance):
                crossed = float(flips.sum())
                return PatternWalkState(theta, value, pattern, pulls), Info(
                    value, measures={"crossed": crossed}
                )
        return state, Info(state.value, stalled="no neighbouring region has a better point")

    def _crossings(self, pulls: Matrix) -> list[Matrix]:
        """Return which boundaries to cross, in the order of trial."""
        if not pulls.any():
            return []
        strong = pulls > 1e-9 * pulls.max()
        order = np.argsort(-pulls, axis=None)[: int(strong.sum())]
        single = []
        for place in order[:20]:
            flips = np.zeros(pulls.shape, bool)
            flips.flat[place] = True
            single.append(flips)
        return [strong, *single]
