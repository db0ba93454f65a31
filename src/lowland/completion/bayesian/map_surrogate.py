"""The penalised (MAP) problem that a posterior implies, which the certificate of a Bayesian fit is about."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import DTypeLike

from lowland.bayes.products import singular_factors
from lowland.bayes.side_prior import unpack_lower
from lowland.certificates import JudgeSettings
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.bayesian.settings import BayesianSettings, usual_rank
from lowland.completion.bayesian.sweeps import BayesianFit
from lowland.completion.penalised.fit import CompletionFit, certify_fit, completion_objective
from lowland.completion.penalised.points import model_of
from lowland.completion.penalised.row_minimum import settle_rows
from lowland.completion.penalised.settings import CompletionSettings
from lowland.core.arrays import Vector
from lowland.core.cells.observations import Observations
from lowland.core.results.records import SearchResult
from lowland.core.work import counted
from lowland.kernels.systems.moments import Moments
from lowland.models import General
from lowland.objectives import RecoveryObjective
from lowland.search import Alternating, Iterations, RelativeDecreaseBelow, run

# the claims that are judged; convergence of the search to the last digit is not among them
CLAIMS = ("globally_optimal", "convex_optimal", "locally_unique", "determined_by_data", "uniquely_determined")
# cost of a sweep in units of the solve of one side; minimum and maximum number of sweeps
SWEEP, LEAST_SWEEPS, MOST_SWEEPS = 2.5, 5, 500


def fit_map_surrogate(fit: BayesianFit, rng: np.random.Generator, *, effort: str = "quick") -> CompletionFit:
    """Fit and certify the penalised problem of the same rank whose penalty the posterior implies.

    If the posterior is one of Gaussian rows of any covariance, that of the usual rank.

    Parameters
    ----------
    fit : BayesianFit
    rng : numpy.random.Generator
        For the judges.
    effort : {"quick", "standard", "thorough"}
        Sets the work that may be spent, as a multiple of the work of the Bayesian fit; half goes to sweeps.

    Returns
    -------
    CompletionFit
        Fit of the same table; in the unit of the fit if each column was scaled by itself.

    Notes
    -----
    Sweeps start from the posterior means. With the mean variances s_U and s_V of the factors on the two
    sides, s_b of the biases and s of the noise, the weight of the nuclear norm is s / sqrt(s_U s_V), and that
    of the squared biases s / s_b.
    """
    model = usual_factors(fit.model) if fit.settings.full else fit.model
    settings = implied_settings(model, fit.settings)
    table = _table_of(fit)
    objective = completion_objective(table, settings)
    start = means_as_point(model, fit.settings, cast(General, objective.model), objective.dtype)
    fit_work = fit.search.work
    search = _swept(objective, start, effort, fit_work, rng)
    theta = settle_rows(objective, search.theta)
    penalised = model_of(objective, theta, table, settings)
    surrogate = CompletionFit(penalised, search, None, objective, table, settings, theta)
    return certify_fit(surrogate, rng, effort, CLAIMS, fit_work=fit_work)


def implied_settings(model: PosteriorModel, settings: BayesianSettings) -> CompletionSettings:
    """Return the penalised problem that a posterior of factors implies, in the unit of its fit."""
    r = model.rank
    spreads = [
        np.mean(side.means.astype(np.float64) ** 2, axis=0)
        + _mean_diagonal(side.covariances, side.means.shape[1])
        for side in (model.rows, model.columns)
    ]
    left, right = (float(spread[:r].mean()) for spread in spreads)
    unit, _ = _unit_and_centre(model, settings)
    noise = float(np.mean(1 / (model.noise_precision * model.column_precisions)))
    penalty = unit * noise / np.sqrt(left * right)
    bias_penalty = 0.0
    if model.biased:
        bias_penalty = 2 * noise / float(spreads[0][r] + spreads[1][r])
    return CompletionSettings(rank=r, biases=model.biased, penalty=penalty, bias_penalty=bias_penalty)


def usual_factors(model: PosteriorModel) -> PosteriorModel:
    """Return a model whose factors are the leading ones of a model with as many as columns."""
    r = usual_rank(*model.shape)
    dtype, triangle = model.rows.means.dtype, r * (r + 1) // 2
    sides = [
        Moments(side[:, :r].astype(dtype), np.zeros((len(side), triangle), dtype))
        for side in singular_factors(model.rows.means)
    ]
    return replace(model, rows=sides[0], columns=sides[1], axes=False)


def means_as_point(
    model: PosteriorModel, settings: BayesianSettings, general: General, dtype: DTypeLike
) -> Vector:
    """Return the posterior means as a point of the penalised problem."""
    r = model.rank
    unit, centre = _unit_and_centre(model, settings)
    rows, columns = (side.means for side in (model.rows, model.columns))
    biases = [unit * side[:, r] if model.biased else np.zeros(len(side)) for side in (rows, columns)]
    factors = [np.sqrt(unit) * side[:, :r] for side in (rows, columns)]
    theta = general.pack(factors[0], factors[1], biases[0], biases[1], centre)
    return theta.astype(dtype, copy=False)


def _unit_and_centre(model: PosteriorModel, settings: BayesianSettings) -> tuple[float, float]:
    """Return the unit and the centre of values, 1 and 0 where each column is scaled by itself."""
    if settings.scale == "column":
        return 1.0, 0.0
    return float(model.scaling.spreads[0]), float(model.scaling.centres[0])


def _swept(
    objective: RecoveryObjective, theta: Vector, effort: str, fit_work: float, rng: np.random.Generator
) -> SearchResult:
    """Return the search after as many sweeps as half of the work budget allows."""
    with counted() as first:
        settle_rows(objective, theta)
    budget = JudgeSettings.for_effort(effort).budget(fit_work)
    sweeps = max(budget.times(SWEEP * first.spent, MOST_SWEEPS, part=0.5), LEAST_SWEEPS)
    stop = RelativeDecreaseBelow(CompletionSettings.tolerance) | Iterations(sweeps)
    return run(objective, Alternating(), theta, stop=stop, rng=rng)


def _mean_diagonal(covariances: np.ndarray, width: int) -> np.ndarray:
    mean = covariances.mean(axis=0, dtype=np.float64)
    return np.diag(unpack_lower(mean[None], width)[0])


def _table_of(fit: BayesianFit) -> Observations:
    table = fit.observations
    if fit.settings.scale != "column":
        return table
    return replace(table, values=fit.model.scaling.apply(table.values, table.columns))
