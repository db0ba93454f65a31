"""The chain of a Gaussian: as long as asked for, and longer where its averages have not settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.monte_carlo import FEWEST_DRAWS, SMALL, MonteCarlo, error_quantile
from lowland.completion.bayesian.gaussian.objective import GaussianDraw, GaussianRows
from lowland.completion.bayesian.settings import BRIEF, BayesianSettings
from lowland.core.arrays import Vector
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason
from lowland.core.work import rows_work
from lowland.search import Iterations, run
from lowland.search.augmentation import Augmentation
from lowland.search.gibbs import Drawn
from lowland.search.loop import Callback, Checkpoint, Snapshot
from lowland.search.stops import StopRule

# a chain goes on for as much work as it has taken, or for so many nominal nanoseconds; and to so many draws
LONGER, MOST_KEPT = 3e8, 800


def run_chain(
    objective: GaussianRows,
    settings: BayesianSettings,
    known: NDArray[np.bool_],
    *,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
) -> SearchResult:
    """Return the chain of a fit, whose state holds what was watched.

    Of more draws than settings are compared by, it goes on if the errors by chance of what is watched are not
    small: once, for as many draws as these errors ask for, or as the work allows.

    Parameters
    ----------
    objective : GaussianRows
    settings : BayesianSettings
    known : ndarray of bool, shape (m, p)
    rng : numpy.random.Generator
    callbacks, checkpoint, resume
        As in `lowland.search.run`.
    """
    sweeps, burn_in = settings.gaussian_sweeps
    planned = sweeps - burn_in
    whole = planned >= settings.gaussian_draws * settings.sweeps_per_draw
    stop: StopRule = Drawn(sweeps, settings.gaussian_draws) if whole else Iterations(sweeps)
    ends: list[Snapshot] = []

    def keep(snapshot: Snapshot) -> None:
        ends[:] = [snapshot]
        if checkpoint is not None:
            checkpoint(snapshot)

    # every missing cell at the mean of its column
    start, stepper = np.zeros(objective.size, objective.dtype), Augmentation(burn_in)
    search = run(
        objective, stepper, start, stop=stop, rng=rng, callbacks=callbacks, checkpoint=keep, resume=resume
    )
    state, work = search.state, search.work
    if not whole or settings.gaussian_draws <= BRIEF or search.stop_reason is not StopReason.DRAWN:
        return search
    goal = state.goal or _goal(objective, state, planned, known)
    if goal <= state.kept:
        return search
    longer = replace(ends[0], state={**ends[0].state, "goal": goal})
    stop = Drawn(burn_in + goal, settings.gaussian_draws)
    search = run(
        objective,
        stepper,
        start,
        stop=stop,
        rng=rng,
        callbacks=callbacks,
        checkpoint=checkpoint,
        resume=longer,
    )
    return replace(search, work=search.work + work)


def _goal(objective: GaussianRows, state: GaussianDraw, planned: int, known: NDArray[np.bool_]) -> int:
    """Return how many draws are to be kept."""
    if planned < FEWEST_DRAWS or not state.watched.size:
        return planned
    worst = error_quantile(
        MonteCarlo.of(state.watched[None]).error / _standard_errors(objective, state, known)
    )
    if not worst >= SMALL or not np.isfinite(worst):
        return planned
    per_draw = 2 * rows_work(objective.cells.size, objective.count + 1, objective.width)
    most = min(planned + max(planned, int(LONGER / per_draw)), MOST_KEPT)
    return max(planned, min(ceil(planned * (worst / SMALL) ** 2), most))


def _standard_errors(objective: GaussianRows, state: GaussianDraw, known: NDArray[np.bool_]) -> Vector:
    """Return standard errors of the watched cells: of the mean distribution, and of what is learnt of it."""
    rows, columns = objective.watched
    precision = np.linalg.inv(state.covariance_sum / state.kept)
    variances = state.watched.var(axis=0)
    for i in np.unique(rows).tolist():
        missing, at = np.flatnonzero(~known[i]), rows == i
        own = np.diag(np.linalg.inv(precision[np.ix_(missing, missing)]))
        variances[at] += own[np.searchsorted(missing, columns[at])]
    return np.asarray(np.sqrt(np.maximum(variances, np.finfo(float).tiny)))
