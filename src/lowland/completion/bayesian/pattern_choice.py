"""Whether the pattern of observed cells is a feature of grades, and with what ridge, by cells held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.bayes.products import product_means
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.features import PATTERN_RIDGE, SideCovariates
from lowland.completion.bayesian.prior_learning import PriorTrial
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.bayesian.starting.start import feature_maps, first_point, make_objective
from lowland.search import Iterations, run
from lowland.search.variational import Variational
from lowland.trials.choices import OTHER_RIDGE, PATTERN
from lowland.trials.gains import Gain

# ridges that are compared with no pattern at all; the second where its Gram matrix costs little
RIDGES, CHEAP = (PATTERN_RIDGE, 10.0), 2_000
# rank and sweeps of the comparison: what the pattern tells, few factors show
RANK, SWEEPS = 4, 6


def choose_pattern(
    scaled: TableCells, settings: BayesianSettings, covariates: SideCovariates
) -> tuple[BayesianSettings, PriorTrial | None]:
    """Return the settings with or without the pattern, and its ridge, as cells held out favour.

    Parameters
    ----------
    scaled : TableCells
        Grades, centred and scaled.
    settings : BayesianSettings
        Resolved, with the pattern, and calibrated.
    covariates : pair of ndarray or None

    Returns
    -------
    BayesianSettings
    PriorTrial or None
        The cells held out with the pattern that was chosen, if any, whose features took most of the time.
    """
    ridges = RIDGES if min(scaled.shape) <= CHEAP else RIDGES[:1]
    candidates = [replace(settings, pattern_ridge=ridge) for ridge in ridges]
    errors, trials = zip(*(_error(scaled, candidate, covariates) for candidate in candidates), strict=True)
    best = int(np.argmin(errors))
    if not OTHER_RIDGE.takes(Gain.between(errors[0], errors[best])):
        best = 0
    without = replace(settings, pattern=False)
    if not PATTERN.takes(Gain.between(_error(scaled, without, covariates)[0], errors[best])):
        return without, None
    return candidates[best], trials[best]


def _error(
    scaled: TableCells, settings: BayesianSettings, covariates: SideCovariates
) -> tuple[float, PriorTrial]:
    """Return the root mean square error of a small fit on cells held out, and these."""
    assert settings.rank is not None
    small = replace(settings, rank=min(RANK, settings.rank), noise="common")
    maps = feature_maps(small, scaled.shape, covariates)
    objective = make_objective(scaled, small, maps, covariates, graded=True)
    rng = np.random.default_rng(0)  # the same start for all
    search = run(objective, Variational(), first_point(objective, rng), stop=Iterations(SWEEPS), rng=rng)
    assert objective.trial is not None
    held, (left, right) = objective.trial.held, objective.sides(search.state.theta)
    errors = product_means(left, right, held.at, objective.model.rank) - held.values
    return float(np.sqrt(np.average(errors**2, weights=held.weights))), objective.trial
