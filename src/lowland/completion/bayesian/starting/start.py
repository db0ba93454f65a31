"""The probabilistic model of a table's cells with resolved settings, and where its sweeps begin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.bayes.side_prior import SidePrior
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.features import FeatureMap, SideCovariates
from lowland.completion.bayesian.objective import BayesianCompletion
from lowland.completion.bayesian.pattern_design import PATTERN_RIDGE
from lowland.completion.bayesian.prior_learning import PriorTrial
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.cells.held_out import hold_out
from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError

# strength of the Wishart prior: grades are noisier than measured numbers
GRADES_SCALE, NUMBERS_SCALE = 0.5, 0.05
# root mean square of the initial factors, in units of the prior
FIRST_SIZE = 0.5


def feature_maps(
    settings: BayesianSettings, cells: TableCells, covariates: SideCovariates
) -> tuple[FeatureMap, FeatureMap]:
    """Return the maps to the features of rows and of columns of a table."""
    m, n = cells.shape
    ridge = settings.pattern_ridge or PATTERN_RIDGE
    rows, columns = (
        FeatureMap.of(covariates, partners if settings.pattern else 0, ridge, order)
        for covariates, partners, order in zip(
            covariates, (n, m), (settings.row_order, settings.column_order), strict=True
        )
    )
    return rows.held_to_leading(cells, 0), columns.held_to_leading(cells, 1)


def make_objective(
    cells: TableCells,
    settings: BayesianSettings,
    maps: tuple[FeatureMap, FeatureMap],
    covariates: SideCovariates,
    *,
    graded: bool,
    trial: PriorTrial | None = None,
) -> BayesianCompletion:
    """Return the probabilistic model of scaled cells with resolved settings.

    Parameters
    ----------
    cells : TableCells
    settings : BayesianSettings
    maps : pair of FeatureMap
    covariates : pair of ndarray or None
    graded : bool
        Whether values are grades.
    trial : PriorTrial, optional
        That of another rank with the same features, instead of holding out cells again.
    """
    if settings.rank is None:
        raise InvalidInputError("the rank is not resolved", "None")
    strength, width = GRADES_SCALE if graded else NUMBERS_SCALE, settings.rank + settings.biases

    def priors(known: TableCells) -> tuple[SidePrior, SidePrior]:
        rows, columns = (
            SidePrior(maps[side].design(known, side, covariates[side]), width, strength, known.dtype)
            for side in (0, 1)
        )
        return rows, columns

    if trial is not None:
        trial = replace(trial, priors=(trial.priors[0].widened(width), trial.priors[1].widened(width)))
    elif settings.calibrated:
        others, held = hold_out(cells)
        trial = PriorTrial(others, priors(others), held)
    return BayesianCompletion(
        cells,
        rank=settings.rank,
        biases=settings.biases,
        priors=priors(cells),
        column_noise=settings.noise == "column",
        trial=trial,
    )


def first_point(objective: BayesianCompletion, rng: np.random.Generator) -> Vector:
    """Return a random start."""
    r = objective.model.rank
    sides = []
    for length in objective.cells.shape:
        side = np.zeros((length, objective.width), objective.dtype)
        side[:, :r] = FIRST_SIZE * rng.standard_normal((length, r))
        sides.append(side)
    return objective.point(*sides)
