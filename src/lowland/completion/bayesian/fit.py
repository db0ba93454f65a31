"""Bayesian completion of a table by variational sweeps and Gibbs draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.bayesian.gaussian.between import Between
from lowland.completion.bayesian.gaussian.objective import GaussianRows
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.bayesian.objective import BayesianCompletion
from lowland.completion.bayesian.settings import BRIEF, BayesianSettings
from lowland.completion.bayesian.starting.start import make_objective
from lowland.completion.bayesian.sweeps import BayesianFit, fit_cells
from lowland.completion.cells.summary import TableSummary
from lowland.completion.tables.kept_fit import KeptFit
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.running.interrupt import in_full
from lowland.search.loop import Callback, Checkpoint, Snapshot


def fit_bayesian(  # noqa: PLR0913
    observations: Observations,
    settings: BayesianSettings,
    *,
    rng: np.random.Generator,
    covariates: SideCovariates = (None, None),
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
    before: BayesianFit | None = None,
    between: Between | None = None,
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
    between : Between, optional
        Some of the cells, which a Gaussian of any covariance draws between two numbers; factors take the
        number that is listed.

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
    fit = fit_cells(
        TableCells.of(observations),
        TableLabels.of(observations),
        settings,
        rng=rng,
        covariates=covariates,
        callbacks=callbacks,
        checkpoint=checkpoint,
        resume=resume,
        before=None if before is None else before.model,
        between=between,
    )
    return replace(fit, table=observations)


def brief_fit(
    table: Observations, settings: BayesianSettings, covariates: SideCovariates, rng: np.random.Generator
) -> BayesianFit:
    """Return a fit with few draws, in full or not at all, which settings are compared by."""
    brief = replace(settings, draws=0, gaussian_draws=BRIEF)
    return in_full(lambda: fit_bayesian(table, brief, rng=rng, covariates=covariates))


def brief_model(
    table: Observations, settings: BayesianSettings, covariates: SideCovariates, rng: np.random.Generator
) -> PosteriorModel:
    """Return the model of a fit with few draws."""
    return brief_fit(table, settings, covariates, rng).model


def restore_fit(model: PosteriorModel, kept: KeptFit) -> BayesianFit:
    """Return the fit that a model and what was kept of its fit describe."""
    settings = BayesianSettings.of(kept.settings)
    m, n = kept.observations.shape
    maps = (
        replace(model.row_prior.mapping, partners=n if settings.pattern else 0),
        replace(model.column_prior.mapping, partners=m if settings.pattern else 0),
    )
    cells = TableCells.of(kept.observations)
    graded = TableSummary.of(cells).graded
    scaled = cells.scaled(model.scaling.centres, model.scaling.spreads)
    objective: BayesianCompletion | GaussianRows
    if settings.full:
        objective, theta = GaussianRows(scaled), model.rows.means.ravel()
    else:
        objective = make_objective(scaled, settings, maps, kept.covariates, graded=graded)
        theta = objective.point(model.rows.means, model.columns.means)
    search = replace(kept.search, theta=theta)
    return BayesianFit(model, search, kept.sampling, objective, settings, kept.observations)
