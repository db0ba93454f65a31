"""Draws of what averages of filled cells are averages of: from a fit, or from a chain that runs beside it."""

from __future__ import annotations

import numpy as np

from lowland.bayes.monte_carlo import Draws
from lowland.completion.bayesian.gaussian.objective import GaussianRows
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.core.arrays import Indices
from lowland.kernels.blas_threads import one_blas_thread
from lowland.search.augmentation import Augmentation

# spread of the missing cells that a second chain starts with, in units of their columns: dispersed
DISPERSED = 2.0
# share of the draws in a prediction of factors, of which the rest is variational
OF_DRAWS = 0.5


def another_chain(
    objective: GaussianRows,
    settings: BayesianSettings,
    rows: Indices,
    columns: Indices,
    rng: np.random.Generator,
    kept: int | None = None,
) -> Draws:
    """Return conditional means of cells along a chain of a Gaussian of its own, shape (1, sweeps, cells).

    Predictions are averages of such means, not of draws, and their errors are those of such means.

    Parameters
    ----------
    objective : GaussianRows
        That of the fit.
    settings : BayesianSettings
        Those of the fit: as many sweeps are made, after as many that are not kept.
    rows, columns : ndarray of int, shape (cells,)
    rng : numpy.random.Generator
    kept : int, optional
        How many sweeps are kept, if that is another number than the settings say.

    Notes
    -----
    Costs the fit again. Missing cells start at random, twice as far from their means as columns reach.
    """
    sweeps, burn_in = settings.gaussian_sweeps
    sweeps = sweeps if kept is None else burn_in + kept
    stepper, means = Augmentation(burn_in), []
    start = DISPERSED * rng.standard_normal(objective.size)
    with one_blas_thread():
        state, _ = stepper.init(objective, start.astype(objective.dtype), rng)
        for _ in range(sweeps):
            before = state
            state, _ = stepper.step(objective, state, rng)
            if state.kept > before.kept:
                means.append((state.means - before.means)[rows, columns])
    return np.stack(means)[None]


def kept_draws(model: PosteriorModel, rows: Indices, columns: Indices) -> Draws:
    """Return what the draws of factors that were kept say of cells, shape (1, draws, cells).

    Half of a prediction is their average.
    """
    from lowland.bayes.products import product_means

    both = zip(model.row_draws, model.column_draws, strict=True)
    drawn = [product_means(left, right, (rows, columns), model.rank) for left, right in both]
    return OF_DRAWS * np.stack(drawn).astype(np.float64)[None]
