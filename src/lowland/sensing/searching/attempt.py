"""What the searches of one attempt of a recovery share: randomness, the stop rule, callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.records import SearchResult
from lowland.objectives import RecoveryObjective
from lowland.search import run
from lowland.search.loop import Callback
from lowland.search.stepper import Stepper
from lowland.search.stops import StopRule
from lowland.sensing.searching.solvers import default_stop


@final
@dataclass(frozen=True, eq=False)
class AttemptInputs:
    """What the searches of an attempt share.

    Parameters
    ----------
    rng : numpy.random.Generator
    stop : StopRule or None
        The user's rule, if there is one.
    callbacks : sequence of callable
    before : sequence of SearchResult
        Results of earlier attempts.
    """

    rng: np.random.Generator
    stop: StopRule | None = None
    callbacks: Sequence[Callback] = ()
    before: Sequence[SearchResult] = ()

    def run(
        self,
        objective: RecoveryObjective,
        stepper: Stepper[Any],
        theta: Vector,
        default: StopRule | None = None,
    ) -> SearchResult:
        """Search until the user's rule fires, or without one the given default or that of the stepper."""
        rule = self.stop or default or default_stop(objective, stepper)
        return run(objective, stepper, theta, stop=rule, rng=self.rng, callbacks=self.callbacks)
