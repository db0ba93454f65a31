"""A path of objectives, each searched from the end of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.records import SearchResult
from lowland.core.status import StopReason
from lowland.search.loop import Callback, run
from lowland.search.stepper import Stepper
from lowland.search.stops import StopRule


def run_path(
    objectives: Sequence[Any],
    stepper: Stepper,
    theta: Vector,
    *,
    stop: StopRule,
    last_stop: StopRule,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
) -> list[SearchResult]:
    """Search a path of objectives of one size, for instance with a shrinking penalty.

    Parameters
    ----------
    objectives : sequence of Objective
        The path; the last one is the problem that matters.
    stepper : Stepper
    theta : ndarray, shape (size,)
        Start of the first search.
    stop, last_stop : StopRule
        When to stop on the way, and at the last objective.
    rng : numpy.random.Generator
    callbacks : sequence of callable
        As in `run`.

    Returns
    -------
    list of SearchResult
        One for each objective searched; an interrupted path ends early.
    """
    results: list[SearchResult] = []
    for k, objective in enumerate(objectives):
        rule = last_stop if k == len(objectives) - 1 else stop
        results.append(run(objective, stepper, theta, stop=rule, rng=rng, callbacks=callbacks))
        if results[-1].stop_reason in (StopReason.INTERRUPTED, StopReason.NON_FINITE):
            break
        theta = results[-1].theta
    return results
