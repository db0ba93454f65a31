"""Whether the pattern of observed cells is a feature of grades, and with what ridge, by cells held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.bayes.products import product_means
from lowland.cells.sides import TableCells
from lowland.cells.taken import some_rows
from lowland.completion.bayesian.features import FeatureMap, SideCovariates
from lowland.completion.bayesian.pattern_design import PATTERN_RIDGE
from lowland.completion.bayesian.prior_learning import PriorTrial
from lowland.completion.bayesian.settings import MOST_CALIBRATED, BayesianSettings
from lowland.completion.bayesian.starting.start import first_point, make_objective
from lowland.search import Iterations, run
from lowland.search.variational import Variational
from lowland.trials.choices import OTHER_RIDGE, PATTERN
from lowland.trials.gains import Gain

# ridges that are compared with no pattern at all; the second where its Gram matrix costs little
RIDGES, CHEAP = (PATTERN_RIDGE, 10.0), 2_000
# of larger tables a share of the rows is looked at, which has about as many cells
LOOKED_AT = 2_000_000
# rank and sweeps of the comparison: what the pattern tells, few factors show
RANK, SWEEPS = 4, 6


Maps = tuple[FeatureMap, FeatureMap]


def choose_pattern(
    scaled: TableCells, settings: BayesianSettings, maps: Maps, covariates: SideCovariates
) -> tuple[BayesianSettings, Maps, PriorTrial | None]:
    """Return the settings with or without the pattern, and its ridge, as cells held out favour.

    Parameters
    ----------
    scaled : TableCells
        Grades, centred and scaled.
    settings : BayesianSettings
        Resolved, with the pattern.
    maps : pair of FeatureMap
        To the features of rows and of columns, with the pattern.
    covariates : pair of ndarray or None

    Returns
    -------
    BayesianSettings
    pair of FeatureMap
    PriorTrial or None
        The cells held out with the pattern that was chosen, if any and if all are calibrated by them, whose
        features took most of the time.
    """
    some = scaled if scaled.size <= MOST_CALIBRATED else some_rows(scaled, LOOKED_AT / scaled.size)
    ridges = RIDGES if min(scaled.shape) <= CHEAP else RIDGES[:1]
    candidates = [_with_ridge(maps, ridge) for ridge in ridges]
    errors, trials = zip(
        *(_error(some, settings, candidate, covariates) for candidate in candidates), strict=True
    )
    best = int(np.argmin(errors))
    if not OTHER_RIDGE.takes(Gain.between(errors[0], errors[best])):
        best = 0
    without = _with_ridge(maps, None)
    if not PATTERN.takes(Gain.between(_error(some, settings, without, covariates)[0], errors[best])):
        return replace(settings, pattern=False), without, None
    chosen = replace(settings, pattern_ridge=ridges[best])
    return chosen, candidates[best], trials[best] if settings.calibrated else None


def _with_ridge(maps: Maps, ridge: float | None) -> Maps:
    return maps[0].with_pattern(ridge), maps[1].with_pattern(ridge)


def _error(
    scaled: TableCells, settings: BayesianSettings, maps: Maps, covariates: SideCovariates
) -> tuple[float, PriorTrial]:
    """Return the root mean square error of a small fit on cells held out, and these."""
    assert settings.rank is not None
    small = replace(settings, rank=min(RANK, settings.rank), noise="common", calibrated=True)
    objective = make_objective(scaled, small, maps, covariates, graded=True)
    rng = np.random.default_rng(0)  # the same start for all
    search = run(objective, Variational(), first_point(objective, rng), stop=Iterations(SWEEPS), rng=rng)
    assert objective.trial is not None
    held, (left, right) = objective.trial.held, objective.sides(search.state.theta)
    errors = product_means(left, right, held.at, objective.model.rank) - held.values
    return float(np.sqrt(np.average(errors**2, weights=held.weights))), objective.trial
