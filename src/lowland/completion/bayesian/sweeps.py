"""Variational sweeps and Gibbs draws over cells, wherever they are, and the model that they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.bayes.posterior import Posterior
from lowland.cells.labels import TableLabels
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.factor_covariance import along_columns, factor_covariance
from lowland.completion.bayesian.features import FeatureMap, SideCovariates, check_covariates
from lowland.completion.bayesian.gaussian.between import Between
from lowland.completion.bayesian.gaussian.fit import fit_gaussian
from lowland.completion.bayesian.gaussian.objective import GaussianRows
from lowland.completion.bayesian.learnt_prior import LearntPrior
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.bayesian.objective import BayesianCompletion
from lowland.completion.bayesian.pattern_choice import choose_pattern
from lowland.completion.bayesian.scaling import Scaling
from lowland.completion.bayesian.settings import MOST_CALIBRATED, USUAL_RANK, BayesianSettings
from lowland.completion.bayesian.starting.grown_start import grow, padded, posterior_of
from lowland.completion.bayesian.starting.start import feature_maps, first_point, make_objective
from lowland.completion.cells.summary import TableSummary
from lowland.core.arrays import Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason
from lowland.kernels.systems.moments import Moments
from lowland.search import Iterations, run
from lowland.search.gibbs import Drawn, Gibbs
from lowland.search.loop import Callback, Checkpoint, Snapshot
from lowland.search.stops import ChangeBelow, StopRule
from lowland.search.variational import Variational

# sweeps with a common noise level before each column gets its own: learnt too early, noise levels absorb
# signal, and on small tables with few strong factors the fit ends far from the best
SETTLING = 8


@final
@dataclass(frozen=True, eq=False)
class BayesianFit:
    """A posterior fitted to cells.

    Parameters
    ----------
    model : PosteriorModel
        The model that predicts.
    search : SearchResult
        The variational sweeps.
    sampling : SearchResult or None
        The Gibbs sweeps, if there were any.
    objective : BayesianCompletion or GaussianRows
    settings : BayesianSettings
        Resolved settings, without "auto".
    table : Observations or None
        The fitted table, if it is in memory.
    """

    model: PosteriorModel
    search: SearchResult
    sampling: SearchResult | None
    objective: BayesianCompletion | GaussianRows
    settings: BayesianSettings
    table: Observations | None = None

    @property
    def observations(self) -> Observations:
        """The fitted table, which is in memory."""
        assert self.table is not None
        return self.table

    @property
    def last_search(self) -> SearchResult:
        """The draws of factors if there were any, else the sweeps."""
        return self.sampling or self.search


def fit_cells(  # noqa: PLR0913
    cells: TableCells,
    labels: TableLabels,
    settings: BayesianSettings,
    *,
    rng: np.random.Generator,
    covariates: SideCovariates = (None, None),
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
    before: PosteriorModel | None = None,
    between: Between | None = None,
) -> BayesianFit:
    """Fit the cells of a table; parameters that are not listed are those of `fit_bayesian`.

    Parameters
    ----------
    cells : TableCells
        At least one, with their own values.
    labels : TableLabels
    before : PosteriorModel, optional
        The model of an earlier state of the table to start from.
    between : Between, optional
        Some of the cells, in the unit of the table.

    Returns
    -------
    BayesianFit
    """
    summary = TableSummary.of(cells)
    if settings.graded is not None:
        summary = replace(summary, graded=settings.graded)
    m, n = cells.shape
    plain = not cells.weighted and all(known is None for known in covariates)
    rank, asked, settings = settings.rank, settings.pattern, settings.resolve(summary, plain=plain)
    scaling = Scaling.of(summary, settings.scale)
    scaled = cells.scaled(scaling.centres, scaling.spreads)
    if settings.full:
        first = None if n <= USUAL_RANK else _factor_covariance(cells, summary, scaling, rng)
        model, search, gaussian = fit_gaussian(
            scaled,
            scaling,
            labels,
            settings,
            targets=(first, *along_columns(settings.column_places)),
            between=None if between is None else between.scaled(scaling.centres, scaling.spreads),
            rng=rng,
            callbacks=callbacks,
            checkpoint=checkpoint,
            resume=resume,
        )
        return BayesianFit(model, search, None, gaussian, settings)
    covariates = (
        check_covariates(covariates[0], m, "row_covariates"),
        check_covariates(covariates[1], n, "column_covariates"),
    )
    trial = None
    grown = grow(scaled, settings, summary.graded, rank) if before is None else None
    if grown is not None and rank is None:
        # of columns of levels, factors to spare only learn noise, which levels of a column share
        least = 1 if settings.grouped else settings.rank or 1
        settings = replace(settings, rank=max(least, grown[0].model.rank))
    maps = feature_maps(settings, scaled, covariates)
    if settings.pattern and asked is None and (settings.calibrated or scaled.size > MOST_CALIBRATED):
        settings, maps, trial = choose_pattern(scaled, settings, maps, covariates)
    objective = make_objective(scaled, settings, maps, covariates, graded=summary.graded, trial=trial)
    start = None if before is None else _extended(before, objective)
    if grown is not None:
        start = padded(grown, objective, rng)
    theta = first_point(objective, rng) if start is None else start.theta
    if start is None and settings.noise == "column":
        start = _settled(objective, theta, rng)
    stop = _stop(settings)
    gibbs_at = resume is not None and resume.solver == Gibbs.name
    search = run(
        objective,
        Variational(start),
        theta,
        stop=stop,
        rng=rng,
        callbacks=callbacks,
        checkpoint=checkpoint,
        resume=None if gibbs_at else resume,
    )
    posterior, sampling = search.state, None
    if settings.calibrated and not posterior.held:
        posterior = objective.with_all_cells(posterior)  # which no sweep has seen yet
    if settings.draws and search.stop_reason is not StopReason.INTERRUPTED:
        sampling = run(
            objective,
            Gibbs(posterior, settings.burn_in),
            search.theta,
            stop=Drawn(settings.burn_in + settings.draws, settings.draws),
            rng=rng,
            callbacks=callbacks,
            checkpoint=checkpoint,
            resume=resume if gibbs_at else None,
        )
    wandering = maps[0].wandering(posterior.row_coefficients, covariates[0])
    model = _model_of(objective, posterior, sampling, scaling, maps, labels, summary.row_weights, wandering)
    # solve for the rows once more, so that folding in a known row reproduces its fit
    rows = model.solved_rows(scaled, covariates[0])
    model = replace(model, rows=rows, inflation=settings.inflation)
    return BayesianFit(model, search, sampling, objective, settings)


def _factor_covariance(
    cells: TableCells, summary: TableSummary, scaling: Scaling, rng: np.random.Generator
) -> Matrix:
    """Return the covariance of rows, in the unit of a scaling, that a quick fit of factors gives."""
    usual = BayesianSettings(pattern=False, calibrated=False).resolve(summary)
    narrower, blank = Scaling.of(summary, usual.scale), FeatureMap.of(None, 0)
    scaled = cells.scaled(narrower.centres, narrower.spreads)
    objective = make_objective(scaled, usual, (blank, blank), (None, None), graded=summary.graded)
    theta = first_point(objective, rng)
    start = _settled(objective, theta, rng) if usual.noise == "column" else None
    search = run(objective, Variational(start), theta, stop=_stop(usual), rng=rng)
    unit = narrower.spreads / scaling.spreads
    return factor_covariance(objective, search.state) * np.outer(unit, unit)


def _settled(objective: BayesianCompletion, theta: Vector, rng: np.random.Generator) -> Posterior:
    """Return the posterior after the first sweeps with one noise level for all columns."""
    settled = run(objective.with_common_noise(), Variational(), theta, stop=Iterations(SETTLING), rng=rng)
    if settled.stop_reason is StopReason.INTERRUPTED:
        raise KeyboardInterrupt  # there is nothing worth keeping yet
    posterior: Posterior = settled.state
    return replace(posterior, change=1.0)


def _stop(settings: BayesianSettings) -> StopRule:
    """Return when variational sweeps end."""
    return ChangeBelow(settings.tolerance) | Iterations(settings.max_iterations)


def _extended(before: PosteriorModel, objective: BayesianCompletion) -> Posterior:
    """Return the posterior of an earlier fit, extended to a table that may have more rows and columns."""
    blank = objective.first_posterior(np.zeros(objective.size, objective.dtype))
    sides = []
    for known, new in zip((before.rows, before.columns), objective.moments(blank), strict=True):
        k = known.means.shape[0]
        sides.append(
            Moments(
                np.vstack([known.means, new.means[k:]]), np.vstack([known.covariances, new.covariances[k:]])
            )
        )
    tau = blank.column_precisions.copy()
    tau[: before.shape[1]] = before.column_precisions
    return posterior_of(objective, (sides[0], sides[1]), before.noise_precision, tau)


def _model_of(
    objective: BayesianCompletion,
    posterior: Posterior,
    sampling: SearchResult | None,
    scaling: Scaling,
    maps: tuple[FeatureMap, FeatureMap],
    labels: TableLabels,
    row_weights: Vector,
    wandering: Matrix | None,
) -> PosteriorModel:
    rows, columns = objective.moments(posterior)
    row_map, row_coefficients = maps[0].spread_out(posterior.row_coefficients)
    column_map, column_coefficients = maps[1].spread_out(posterior.column_coefficients)
    kept = () if sampling is None else sampling.state.kept
    left, right = (np.empty((len(kept), *side.means.shape), objective.dtype) for side in (rows, columns))
    for k, theta in enumerate(kept):
        left[k], right[k] = objective.sides(theta)
    return PosteriorModel(
        rows=Moments(np.ascontiguousarray(rows.means), rows.covariances),
        columns=Moments(np.ascontiguousarray(columns.means), columns.covariances),
        biased=bool(objective.model.biases),
        noise_precision=posterior.noise_precision,
        column_precisions=posterior.column_precisions,
        row_prior=LearntPrior(posterior.row_precision, row_coefficients, row_map, wandering),
        column_prior=LearntPrior(posterior.column_precision, column_coefficients, column_map),
        scaling=scaling,
        labels=labels,
        row_draws=left,
        column_draws=right,
        row_weights=row_weights,
    )
