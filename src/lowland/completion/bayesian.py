"""Bayesian completion of a table by variational sweeps and Gibbs draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.bayes.posterior import Posterior
from lowland.bayes.side_prior import SidePrior
from lowland.completion.bayesian_objective import BayesianCompletion
from lowland.completion.bayesian_settings import BayesianSettings, has_grades
from lowland.completion.cells import TableCells
from lowland.completion.features import FeatureMap, check_covariates
from lowland.completion.kept_fit import KeptFit
from lowland.completion.posterior_model import LearntPrior, PosteriorModel
from lowland.completion.scaling import Scaling
from lowland.completion.settings import row_weights
from lowland.completion.table_labels import TableLabels
from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.observations import Observations
from lowland.core.records import SearchResult
from lowland.core.status import StopReason
from lowland.kernels.moments import Moments
from lowland.search import DecreaseBelow, Gibbs, Iterations, Variational, run
from lowland.search.loop import Callback, Checkpoint, Snapshot
from lowland.sensing.input_checks import check_scale

SideCovariates = tuple[Matrix | None, Matrix | None]

# strength of the Wishart prior: grades are noisier than measured numbers
GRADES_SCALE, NUMBERS_SCALE = 0.5, 0.05
# root mean square of the initial factors, in units of the prior
FIRST_SIZE = 0.5
# sweeps with a common noise level before each column gets its own: learnt too early, noise levels absorb
# signal, and on small tables with few strong factors the fit ends far from the best
SETTLING = 8


@final
@dataclass(frozen=True, eq=False)
class BayesianFit:
    """A fitted Bayesian completion.

    Parameters
    ----------
    model : PosteriorModel
        The model that predicts.
    search : SearchResult
        The variational sweeps.
    sampling : SearchResult or None
        The Gibbs sweeps, if there were any.
    objective : BayesianCompletion
    observations : Observations
    settings : BayesianSettings
        Resolved settings, without "auto".
    """

    model: PosteriorModel
    search: SearchResult
    sampling: SearchResult | None
    objective: BayesianCompletion
    observations: Observations
    settings: BayesianSettings

    @property
    def stop_reason(self) -> StopReason:
        """Why the last search ended: the Gibbs draws if there were any, else the sweeps."""
        return (self.sampling or self.search).stop_reason


def fit_bayesian(
    observations: Observations,
    settings: BayesianSettings,
    *,
    rng: np.random.Generator,
    covariates: SideCovariates = (None, None),
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
    before: BayesianFit | None = None,
) -> BayesianFit:
    """Fit a table.

    Parameters
    ----------
    observations : Observations
    settings : BayesianSettings
    rng : numpy.random.Generator
        For the start and the draws.
    covariates : pair of ndarray or None, shapes (m, c) and (n, c)
        Covariates of rows and of columns, without missing values.
    callbacks, checkpoint, resume
        As in `lowland.search.run`.
    before : BayesianFit, optional
        A fit of an earlier state of the table to start from; its rows and columns come first.

    Returns
    -------
    BayesianFit

    Raises
    ------
    InvalidInputError
        If the table is empty, or settings or covariates do not fit it.
    """
    if not observations.size:
        raise InvalidInputError("the table is empty", "no observed cell", fix="pass a table with data")
    check_scale(observations.values)
    settings = settings.resolve(observations)
    m, n = observations.shape
    covariates = (
        check_covariates(covariates[0], m, "row_covariates"),
        check_covariates(covariates[1], n, "column_covariates"),
    )
    maps = tuple(
        FeatureMap.of(own, length if settings.pattern else 0)
        for own, length in zip(covariates, (n, m), strict=True)
    )
    scaling = Scaling.of(observations, settings.scale)
    objective = make_objective(observations, settings, scaling, (maps[0], maps[1]), covariates)
    start = None if before is None else _extended(before, objective)
    theta = _first_point(objective, rng) if start is None else start.theta
    if start is None and settings.noise == "column":
        settled = run(objective.with_common_noise(), Variational(), theta, stop=Iterations(SETTLING), rng=rng)
        if settled.stop_reason is StopReason.INTERRUPTED:
            raise KeyboardInterrupt  # there is nothing worth keeping yet
        start = settled.state
    stop = DecreaseBelow(settings.tolerance * observations.size) | Iterations(settings.max_iterations)
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
    if settings.draws and search.stop_reason is not StopReason.INTERRUPTED:
        sampling = run(
            objective,
            Gibbs(posterior, settings.burn_in),
            search.theta,
            stop=Iterations(settings.burn_in + settings.draws),
            rng=rng,
            callbacks=callbacks,
            checkpoint=checkpoint,
            resume=resume if gibbs_at else None,
        )
    model = _model_of(objective, posterior, sampling, scaling, (maps[0], maps[1]), observations)
    # solve for the rows once more, so that folding in a known row reproduces its fit
    model = replace(model, rows=model.fold_in(observations, covariates[0]))
    return BayesianFit(model, search, sampling, objective, observations, settings)


def restore_fit(model: PosteriorModel, kept: KeptFit) -> BayesianFit:
    """Return the fit that a model and what was kept of its fit describe."""
    settings = BayesianSettings(**kept.settings)
    m, n = kept.observations.shape
    maps = (
        replace(model.row_prior.mapping, partners=n if settings.pattern else 0),
        replace(model.column_prior.mapping, partners=m if settings.pattern else 0),
    )
    objective = make_objective(kept.observations, settings, model.scaling, maps, kept.covariates)
    theta = objective.point(model.rows.means, model.columns.means)
    search = replace(kept.search, theta=theta)
    return BayesianFit(model, search, kept.sampling, objective, kept.observations, settings)


def make_objective(
    table: Observations,
    settings: BayesianSettings,
    scaling: Scaling,
    maps: tuple[FeatureMap, FeatureMap],
    covariates: SideCovariates,
) -> BayesianCompletion:
    """Return the probabilistic model of a table with resolved settings."""
    dtype = table.values.dtype
    if settings.rank is None:
        raise InvalidInputError("the rank is not resolved", "None")
    strength = GRADES_SCALE if has_grades(table.values) else NUMBERS_SCALE
    values = scaling.apply(table.values, table.columns)
    cells = TableCells.of(table.rows, table.columns, values, table.shape, table.weights)
    width = settings.rank + settings.biases
    rows, columns = (
        SidePrior(maps[side].design(cells, side, covariates[side]), width, strength, dtype) for side in (0, 1)
    )
    return BayesianCompletion(
        cells,
        rank=settings.rank,
        biases=settings.biases,
        priors=(rows, columns),
        column_noise=settings.noise == "column",
    )


def _first_point(objective: BayesianCompletion, rng: np.random.Generator) -> Vector:
    r = objective.model.rank
    sides = []
    for length in objective.cells.shape:
        side = np.zeros((length, objective.width), objective.dtype)
        side[:, :r] = FIRST_SIZE * rng.standard_normal((length, r))
        sides.append(side)
    return objective.point(*sides)


def _extended(before: BayesianFit, objective: BayesianCompletion) -> Posterior:
    """Return the posterior of an earlier fit, extended to a table that may have more rows and columns."""
    blank = objective.first_posterior(np.zeros(objective.size, objective.dtype))
    own = []
    for known, new in zip((before.model.rows, before.model.columns), objective.moments(blank), strict=True):
        k = known.means.shape[0]
        own.append(
            Moments(
                np.vstack([known.means, new.means[k:]]), np.vstack([known.covariances, new.covariances[k:]])
            )
        )
    (row_precision, row_coefficients, _), (column_precision, column_coefficients, _) = (
        prior.fit(side) for prior, side in zip(objective.priors, own, strict=True)
    )
    tau = blank.column_precisions.copy()
    tau[: before.model.shape[1]] = before.model.column_precisions
    return replace(
        blank,
        theta=objective.point(own[0].means, own[1].means),
        row_covariances=own[0].covariances,
        column_covariances=own[1].covariances,
        row_precision=row_precision,
        column_precision=column_precision,
        row_coefficients=row_coefficients,
        column_coefficients=column_coefficients,
        noise_precision=before.model.noise_precision,
        column_precisions=tau,
    )


def _model_of(
    objective: BayesianCompletion,
    posterior: Posterior,
    sampling: SearchResult | None,
    scaling: Scaling,
    maps: tuple[FeatureMap, FeatureMap],
    table: Observations,
) -> PosteriorModel:
    rows, columns = objective.moments(posterior)
    kept = () if sampling is None else sampling.state.kept
    left, right = (np.empty((len(kept), *own.means.shape), objective.dtype) for own in (rows, columns))
    for k, theta in enumerate(kept):
        left[k], right[k] = objective.sides(theta)
    return PosteriorModel(
        Moments(np.ascontiguousarray(rows.means), rows.covariances),
        Moments(np.ascontiguousarray(columns.means), columns.covariances),
        bool(objective.model.biases),
        posterior.noise_precision,
        posterior.column_precisions,
        LearntPrior(posterior.row_precision, posterior.row_coefficients, maps[0]),
        LearntPrior(posterior.column_precision, posterior.column_coefficients, maps[1]),
        scaling,
        TableLabels.of(table),
        left,
        right,
        row_weights(table),
    )
