"""Completion of a table: alternating minimisation, a Newton finish, a model that predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.certify import Settings
from lowland.certify import certify as judge
from lowland.core.arrays import Vector, check_rank
from lowland.core.errors import InvalidInputError
from lowland.core.findings import Certificate
from lowland.core.observations import Observations
from lowland.core.records import SearchResult
from lowland.core.status import StopReason
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives import RecoveryObjective, make_objective
from lowland.search import (
    Alternating,
    GradientBelow,
    Iterations,
    RelativeDecreaseBelow,
    TrustRegion,
    ValueBelow,
    make_start,
    run,
)
from lowland.search.loop import Callback, Checkpoint, Snapshot
from lowland.systems.completion_model import CompletionModel, extended_point, model_of
from lowland.systems.completion_settings import (
    BIASES,
    PENALTY_WEIGHTS,
    CompletionSettings,
    mean_counts,
    side_weights,
)
from lowland.systems.premises import check_scale
from lowland.systems.solvers import exact_value, warmed_alternating

# a Newton finish sharpens the certificate; beyond this many observations times unknowns a
# row, and a fifth of it for a quick judgement, it would cost more than the fit
FINISH_WORK = 300_000


@final
@dataclass(frozen=True, eq=False)
class CompletionFit:
    """A fitted completion: the model, the search and what is proved."""

    model: CompletionModel
    search: SearchResult
    certificate: Certificate | None
    objective: RecoveryObjective
    observations: Observations
    settings: CompletionSettings
    theta: Vector

    @property
    def stop_reason(self) -> StopReason:
        """Why the search ended."""
        return self.search.stop_reason


def completion_objective(observations: Observations, settings: CompletionSettings) -> RecoveryObjective:
    """Return the objective of a completion, in the precision of the observations."""
    rank = check_rank(settings.rank, observations.shape)
    if not observations.size:
        raise InvalidInputError("the table is empty", "no observed cell", fix="pass a table with data")
    entries = Entries(
        observations.rows, observations.columns, observations.shape, dtype=observations.values.dtype
    )
    check_scale(observations.values)
    model = General(observations.shape, rank, BIASES if settings.biases else ())
    if settings.penalty_weights not in PENALTY_WEIGHTS:
        raise InvalidInputError(
            "penalty_weights is unknown", repr(settings.penalty_weights), fix='use "uniform" or "counts"'
        )
    return make_objective(
        entries,
        observations.values,
        model,
        weights=observations.weights,
        ridge=settings.penalty,
        bias_ridge=settings.bias_penalty,
        side_weights=side_weights(observations, settings.penalty_weights, mean_counts(observations)),
    )


def fit_completion(  # noqa: PLR0913
    observations: Observations,
    settings: CompletionSettings,
    *,
    rng: np.random.Generator,
    certify: bool = True,
    effort: str = "standard",
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
    before: CompletionFit | None = None,
) -> CompletionFit:
    """Fit a table.

    Parameters
    ----------
    observations : Observations
    settings : CompletionSettings
    rng : numpy.random.Generator
        For the random start.
    effort : {"quick", "standard", "thorough"}
        How far to go in judging.
    certify : bool
        Whether to judge the answer; small tables then get a Newton finish too.
    callbacks, checkpoint, resume
        As in `lowland.search.run`; they concern the sweeps.
    before : CompletionFit, optional
        A fit of an earlier state of the table to go on from.

    Returns
    -------
    CompletionFit

    Notes
    -----
    A sweep costs O(p r^2 + (m + n) r^3). The rows are solved once more at the end, so that
    folding a known row in again gives what was fitted.
    """
    Settings.for_effort(effort)  # an unknown one is an error before any work
    objective = completion_objective(observations, settings)
    if before is None:
        theta, stepper = make_start(objective, "random", rng), warmed_alternating(objective, rng)
    else:
        theta, stepper = extended_point(before.model, objective), Alternating()
    after = stepper.warm_up(objective.ridge)
    stop = RelativeDecreaseBelow(settings.tolerance, after=after) | Iterations(settings.max_iterations)
    if not objective.ridge:
        stop = ValueBelow(exact_value(objective)) | stop
    search = run(
        objective,
        stepper,
        theta,
        stop=stop,
        rng=rng,
        callbacks=callbacks,
        checkpoint=checkpoint,
        resume=resume,
    )
    theta = search.theta
    if objective.block_solver is not None:
        theta = objective.block_solver.solve(theta, "rows")
    model = model_of(objective, theta, observations, settings)
    fit = CompletionFit(model, search, None, objective, observations, settings, theta)
    return (
        certified(fit, rng, effort) if certify and search.stop_reason is not StopReason.INTERRUPTED else fit
    )


def certified(fit: CompletionFit, rng: np.random.Generator, effort: str = "standard") -> CompletionFit:
    """Return a fit with its certificate, small ones after a Newton finish."""
    objective, search, theta = fit.objective, fit.search, fit.theta
    most = FINISH_WORK // 5 if effort == "quick" else FINISH_WORK
    if fit.observations.size * (fit.settings.rank + 2) <= most:
        search = _finish(objective, search, rng)
        theta = search.theta
        if objective.block_solver is not None:
            theta = objective.block_solver.solve(theta, "rows")
    model = model_of(objective, theta, fit.observations, fit.settings)
    return replace(
        fit, model=model, search=search, theta=theta, certificate=judge(objective, theta, effort=effort)
    )


def _finish(objective: RecoveryObjective, search: SearchResult, rng: np.random.Generator) -> SearchResult:
    stop = GradientBelow(1e-9) | RelativeDecreaseBelow(1e-12) | Iterations(30)
    better = run(objective, TrustRegion(), search.theta, stop=stop, rng=rng)
    # the sweeps' reason stays: the finish only adds digits
    return replace(
        search,
        theta=better.theta,
        value=better.value,
        seconds=search.seconds + better.seconds,
        solver=f"{search.solver}, then {better.solver}",
    )
