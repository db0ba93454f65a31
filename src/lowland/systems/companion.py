"""The penalised problem beside a Bayesian fit: what a certificate can speak of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.core.observations import Observations
from lowland.objectives.side_prior import unpack_lower
from lowland.systems.bayesian_completion import BayesianFit
from lowland.systems.completion import CompletionFit, certified, fit_completion
from lowland.systems.completion_settings import CompletionSettings

# what is asked of a companion: whether its search has settled to the last digit is not
CLAIMS = ("globally_optimal", "convex_optimal", "locally_unique", "determined_by_data", "uniquely_determined")


def fit_companion(fit: BayesianFit, rng: np.random.Generator, *, effort: str = "quick") -> CompletionFit:
    """Fit and judge the penalised problem of the same rank whose penalty the posterior implies.

    Parameters
    ----------
    fit : BayesianFit
    rng : numpy.random.Generator
        For its start.
    effort : {"quick", "standard", "thorough"}
        How far to go in judging.

    Returns
    -------
    CompletionFit
        Of the same table; in the unit of the fit where columns were scaled by themselves.

    Notes
    -----
    With the mean variances s_U and s_V of factors on the two sides and the mean variance s of the noise,
    the nuclear norm's weight is s / sqrt(s_U s_V), and that of the biases' squares s / s_b.
    """
    model, r = fit.model, fit.model.rank
    spreads = [
        np.mean(side.means.astype(np.float64) ** 2, axis=0)
        + _mean_diagonal(side.covariances, side.means.shape[1])
        for side in (model.rows, model.columns)
    ]
    left, right = (float(spread[:r].mean()) for spread in spreads)
    unit = 1.0 if fit.settings.scale == "column" else float(model.scaling.spreads[0])
    noise = float(np.mean(1 / (model.noise_precision * model.column_precisions)))
    penalty = unit * noise / np.sqrt(left * right)
    bias_penalty = 0.0
    if model.biased:
        bias_penalty = 2 * noise / float(spreads[0][r] + spreads[1][r])
    settings = CompletionSettings(r, model.biased, penalty, bias_penalty=bias_penalty)
    found = fit_completion(_table_of(fit), settings, rng=rng, certify=False)
    return certified(found, rng, effort, CLAIMS)


def _mean_diagonal(covariances: np.ndarray, width: int) -> np.ndarray:
    mean = covariances.mean(axis=0, dtype=np.float64)
    return np.diag(unpack_lower(mean[None], width)[0])


def _table_of(fit: BayesianFit) -> Observations:
    table = fit.observations
    if fit.settings.scale != "column":
        return table
    return replace(table, values=fit.model.scaling.apply(table.values, table.columns))
