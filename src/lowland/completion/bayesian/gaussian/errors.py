"""How far predictions of a Gaussian of any covariance are off: how rows differ in size, and errors' shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.full_gaussian import FullGaussian
from lowland.bayes.row_scales import RowScales
from lowland.completion.bayesian.gaussian.objective import GaussianDraw, GaussianRows
from lowland.completion.cells.blocks import hidden_scores
from lowland.core.arrays import Vector

# rows that scores are taken from at most, rows and scores that are enough, and how many are kept
MOST_SCORED, LEAST_SCORED, KEPT_SCORES = 2_000, 100, 999
# share of the rows that the covariance may follow for the scores to tell what new errors are like
MOST_FOLLOWED = 0.3


@final
@dataclass(frozen=True, eq=False)
class GaussianErrors:
    """What a table says of the errors of its Gaussian.

    Parameters
    ----------
    factors : ndarray, shape (m,)
        By what variances of each row are multiplied.
    scales : RowScales or None
        Gives factors of new rows; None if rows look like draws from one Gaussian, or are too few.
    scores : ndarray, shape (k,)
        Ascending errors of cells predicted without them, over their standard errors; none of few rows.
    """

    factors: Vector
    scales: RowScales | None = None
    scores: Vector = field(default_factory=lambda: np.zeros(0))


def gaussian_errors(
    objective: GaussianRows,
    state: GaussianDraw,
    gaussian: FullGaussian,
    distances: Vector,
    known: NDArray[np.bool_],
    *,
    scored: bool,
) -> GaussianErrors:
    """Return what the cells say of the errors of a Gaussian that was fitted to them.

    Parameters
    ----------
    objective : GaussianRows
    state : GaussianDraw
    gaussian : FullGaussian
        The mean of its draws.
    distances : ndarray, shape (m,)
        Of rows, squared Mahalanobis.
    known : ndarray of bool, shape (m, p)
    scored : bool
        Whether scores are asked for, which take half the time of a short fit of a small table.

    Notes
    -----
    For the scores, those cells of a row are hidden that another row lacks: where cells are missing in runs,
    errors are those of runs. The Gaussian has seen the cells, by which their errors are smaller than those of
    others: by the root of what it leaves of the rows, as in a regression. How much it follows them is the
    trace of the scatter of rows over that with the prior, at most the number of columns.
    """
    m, p = objective.count, objective.width
    alike, holes = np.ones(m), ~known[~known.all(axis=1)]
    if m < LEAST_SCORED or not len(holes):
        return GaussianErrors(alike)
    rows = state.theta.reshape(-1, p).astype(np.float64)
    centred = rows - rows.mean(axis=0)
    scatter, root = centred.T @ centred, objective.roots[state.target]
    root = np.eye(p) if root is None else root
    followed = float(np.trace(np.linalg.solve(scatter + state.excess * root @ root.T, scatter)))
    if followed > MOST_FOLLOWED * m:
        return GaussianErrors(alike)
    every = max(1, m // MOST_SCORED)
    counts = known.sum(axis=1)
    scales = RowScales.learn(distances[::every], counts[::every])
    factors = alike if scales is None else scales.factors(distances, counts)
    if not scored:
        return GaussianErrors(factors, scales)
    # rows that lack the same often stand side by side: what others lack comes in any order
    masks = np.random.default_rng(0).permutation(holes)
    shared = (gaussian.covariance, gaussian.mean, masks, scales, every)
    (scores,) = objective.cells.map(0, hidden_scores, *shared)
    if scores.size < LEAST_SCORED:
        return GaussianErrors(factors, scales)
    seen = scores / np.sqrt(1 - followed / m)
    # as many quantiles as tell intervals apart
    count = min(seen.size, KEPT_SCORES)
    return GaussianErrors(factors, scales, np.quantile(seen, (np.arange(count) + 1) / (count + 1)))
