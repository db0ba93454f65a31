"""Penalised completion of a table: alternating minimisation, refinement to more digits, a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.certificates import JUDGES, MATRIX_CLAIMS, JudgeSettings, judge
from lowland.certificates.judge import judges_of
from lowland.certificates.judging import claims_of
from lowland.certificates.stationarity import gradient_scale
from lowland.completion.penalised.model import CompletionModel
from lowland.completion.penalised.points import extended_point, model_of
from lowland.completion.penalised.rank_growth import fill_column
from lowland.completion.penalised.row_minimum import settle_rows
from lowland.completion.penalised.settings import (
    BIASES,
    PENALTY_WEIGHTS,
    CompletionSettings,
    mean_counts,
    side_weights,
)
from lowland.completion.tables.kept_fit import KeptFit
from lowland.core.arrays import Vector, check_rank
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason
from lowland.core.wording import Option, Words
from lowland.core.work import Budget, counted
from lowland.kernels.blas_threads import one_blas_thread
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives import RecoveryObjective, make_objective
from lowland.search import (
    Accelerated,
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
from lowland.search.sequence import refined
from lowland.search.stops import StopRule
from lowland.sensing.input_checks import check_scale
from lowland.sensing.searching.solvers import exact_value, warmed_alternating

# Newton steps after the sweeps sharpen the certificate; beyond this many observations times unknowns per row
# (a fifth of it for effort "quick"), accelerated sweeps are cheaper
FINISH_WORK = 150_000
# with other losses sweeps converge slowly, and Newton steps pay off for larger problems
FINISH_WORK_OTHERS = 3_000_000
# target gradient of the accelerated sweeps, as a fraction of the tolerance of the judges, and their maximum
# number; their work is limited to a multiple of that of the sweeps before, or to a fixed minimum
AIM, MOST_SWEEPS = 0.2, {"standard": 150, "thorough": 1000}
FINISH_SHARE, FINISH_LEAST = {"standard": 4.0, "thorough": 100.0}, 5e8
# cost of an accelerated sweep in units of the solve of one side
SWEEP = 4.0
# root mean square of the initial factors if losses are not squared
FIRST_SIZE = 0.3
# relative tolerance of sweeps with smoothed losses, which only provide a start
SMOOTHER_TOLERANCE = 1e-3


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


def problem_of(model: CompletionModel, observations: Observations) -> tuple[RecoveryObjective, Vector]:
    """Return the problem that a model solves on a table, and the model as a point of it, in float64."""
    settings = CompletionSettings(
        rank=model.rank,
        biases=model.biases,
        penalty=model.penalty,
        bias_penalty=model.bias_penalty,
        penalty_weights=model.penalty_weights,
        columns=model.columns,
        nonnegative=model.nonnegative,
        unlisted_weight=model.unlisted_weight,
        unlisted=model.unlisted,
    )
    objective = completion_objective(observations, settings)
    return objective, extended_point(model, objective, np.float64)


def restore_fit(model: CompletionModel, kept: KeptFit) -> CompletionFit:
    """Return the fit that a model and what was kept of its fit describe."""
    settings = CompletionSettings(**kept.settings, columns=model.columns)
    objective = completion_objective(kept.observations, settings)
    theta = extended_point(model, objective)
    search = replace(kept.search, theta=theta)
    return CompletionFit(model, search, None, objective, kept.observations, settings, theta)


def completion_objective(observations: Observations, settings: CompletionSettings) -> RecoveryObjective:
    """Return the objective of a completion, in the precision of the observations."""
    rank, columns = check_rank(settings.rank, observations.shape), settings.columns
    if not observations.size:
        raise InvalidInputError("the table is empty", "no observed cell", fix="pass a table with data")
    entries = Entries(
        observations.rows, observations.columns, observations.shape, dtype=observations.values.dtype
    )
    check_scale(observations.values)
    kept = BIASES if columns is None else columns.biases
    model = General(observations.shape, rank, kept if settings.biases else ())
    if settings.penalty_weights not in PENALTY_WEIGHTS:
        raise InvalidInputError(
            Words(Option("penalty_weights"), " is unknown"),
            repr(settings.penalty_weights),
            fix=Words("use ", Option("penalty_weights", "uniform", "counts")),
        )
    if columns is not None and not (
        settings.penalty > 0 and (settings.bias_penalty > 0 or not settings.biases)
    ):
        raise InvalidInputError(
            "penalties must be positive where losses are not all squared",
            f"penalty {settings.penalty:g}, bias penalty {settings.bias_penalty:g}",
            "without penalties the optimal factors for levels and counts may be infinite",
        )
    return make_objective(
        entries,
        observations.values - observations.values.dtype.type(settings.unlisted)
        if columns is None
        else columns.encode(observations),
        model,
        loss=None if columns is None else columns.loss(observations.columns),
        weights=observations.weights if columns is None else columns.weights(observations),
        penalty=settings.penalty,
        bias_penalty=settings.bias_penalty,
        side_weights=side_weights(observations, settings.penalty_weights, mean_counts(observations)),
        nonnegative=settings.nonnegative,
        unlisted=settings.unlisted_weight or None,
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
    settle: bool = True,
    unless: StopRule | None = None,
) -> CompletionFit:
    """Fit a table.

    Parameters
    ----------
    observations : Observations
    settings : CompletionSettings
    rng : numpy.random.Generator
        For the random start.
    effort : {"quick", "standard", "thorough"}
        How much work to spend on the certificate.
    certify : bool
        Whether to compute a certificate; the search is then refined to more digits.
    callbacks, checkpoint, resume
        As in `lowland.search.run`; they apply to the sweeps.
    before : CompletionFit, optional
        A fit of an earlier state of the table, or of a lower rank, to start from.
    settle : bool
        Whether to solve for the rows once more at the end, to the last digits, so that folding in a known row
        reproduces its fit. If losses are not squared this may take longer than the search.
    unless : StopRule, optional
        A further rule that ends the sweeps.

    Returns
    -------
    CompletionFit

    Notes
    -----
    A sweep costs O(p r^2 + (m + n) r^3).
    """
    JudgeSettings.for_effort(effort)  # raise for an unknown effort before any work
    objective = completion_objective(observations, settings)
    with one_blas_thread():  # the same bits whatever its number of threads
        if before is None:
            theta, stepper = _start(objective, rng), warmed_alternating(objective, rng)
            if resume is None:
                theta, stepper = _smoothed(observations, settings, stepper, theta, rng)
        else:
            theta, stepper = _continued(before, objective, rng), Alternating()
        after = stepper.warm_up(objective.penalty)
        stop = RelativeDecreaseBelow(settings.tolerance, after=after) | Iterations(settings.max_iterations)
        if not objective.penalty:
            stop = ValueBelow(exact_value(objective)) | stop
        stop = stop if unless is None else unless | stop
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
        theta = settle_rows(objective, search.theta) if settle else search.theta
    model = model_of(objective, theta, observations, settings)
    fit = CompletionFit(model, search, None, objective, observations, settings, theta)
    return (
        certify_fit(fit, rng, effort) if certify and search.stop_reason is not StopReason.INTERRUPTED else fit
    )


def _start(objective: RecoveryObjective, rng: np.random.Generator) -> Vector:
    """Return a random start; natural parameters of levels and counts are of order one."""
    if objective.loss.is_quadratic:
        start = make_start(objective, "random", rng)
        return np.abs(start) if objective.is_nonnegative else start
    theta = np.zeros(objective.size, objective.dtype)
    theta[: objective.factor_size] = FIRST_SIZE * rng.standard_normal(objective.factor_size)
    return np.abs(theta) if objective.is_nonnegative else theta


def _continued(before: CompletionFit, objective: RecoveryObjective, rng: np.random.Generator) -> Vector:
    """Return the start from an earlier fit, with new columns along the directions of steepest descent."""
    theta = extended_point(before.model, objective)
    for column in range(before.settings.rank, objective.rank):
        theta = fill_column(objective, theta, column, rng)
    return theta


def _smoothed(
    table: Observations,
    settings: CompletionSettings,
    stepper: Alternating,
    theta: Vector,
    rng: np.random.Generator,
) -> tuple[Vector, Alternating]:
    """Return the end of sweeps with smoothed losses, and the stepper to continue with."""
    for columns in settings.columns.smoother if settings.columns is not None else ():
        objective = completion_objective(table, replace(settings, columns=columns))
        stop = RelativeDecreaseBelow(SMOOTHER_TOLERANCE, after=stepper.warm_up(objective.penalty))
        theta, stepper = (
            run(objective, stepper, theta, stop=stop | Iterations(100), rng=rng).theta,
            Alternating(),
        )
    return theta, stepper


def certify_fit(
    fit: CompletionFit,
    rng: np.random.Generator,
    effort: str = "standard",
    claims: Sequence[str] = MATRIX_CLAIMS,
    *,
    fit_work: float | None = None,
) -> CompletionFit:
    """Return a fit with its certificate, refined by Newton steps if small, else by accelerated sweeps."""
    objective, search, theta = fit.objective, fit.search, fit.theta
    most = FINISH_WORK if fit.settings.columns is None else FINISH_WORK_OTHERS
    most = most // 5 if effort == "quick" else most
    if not objective.is_nonnegative:
        if fit.observations.size * (fit.settings.rank + 2) <= most:
            search = _finish(objective, search, rng)
        elif "stationary" in claims and effort in MOST_SWEEPS:
            objective = objective.in_double()
            search = _accelerated(objective, search, rng, effort)
        theta = settle_rows(objective, search.theta)
    model = model_of(objective, theta, fit.observations, fit.settings)
    # the certificate may take as long as the sweeps, whatever the refinement took
    spent = fit.search.work if fit_work is None else max(fit_work - search.work, 0.0)
    known = claims_of(judges_of(objective, JUDGES))
    claims = [claim for claim in claims if claim in known]
    settings = JudgeSettings.for_effort(effort)
    budget = settings.budget(spent)
    certificate = judge(objective, theta, JUDGES, claims=claims, settings=settings, budget=budget)
    return replace(fit, model=model, search=search, theta=theta, objective=objective, certificate=certificate)


def _finish(objective: RecoveryObjective, search: SearchResult, rng: np.random.Generator) -> SearchResult:
    stop = GradientBelow(1e-9) | RelativeDecreaseBelow(1e-12) | Iterations(30)
    with one_blas_thread():
        return refined(search, run(objective, TrustRegion(), search.theta, stop=stop, rng=rng))


def _accelerated(
    objective: RecoveryObjective, search: SearchResult, rng: np.random.Generator, effort: str
) -> SearchResult:
    """Return the search after double-precision sweeps that reduce the gradient to the judges' tolerance."""
    with counted() as one_side:
        theta = settle_rows(objective, search.theta.astype(np.float64))
    allowed = Budget(max(FINISH_SHARE[effort] * search.work, FINISH_LEAST))
    sweeps = allowed.times(SWEEP * one_side.spent, MOST_SWEEPS[effort])
    norm, scale = float(np.linalg.norm(objective.gradient(theta))), gradient_scale(objective, theta)
    aim = AIM * JudgeSettings.for_effort(effort).gradient_tolerance * scale
    if norm <= aim or not sweeps:
        return replace(search, theta=theta)
    stop = GradientBelow(aim / norm) | Iterations(sweeps)
    with one_blas_thread():
        return refined(search, run(objective, Accelerated(), theta, stop=stop, rng=rng))
