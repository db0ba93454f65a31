"""The fit of a table of few columns by one Gaussian of any covariance, and the model that it gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.full_gaussian import FullGaussian
from lowland.completion.bayesian_settings import BayesianSettings
from lowland.completion.cell_blocks import known_cells, left_out_scores
from lowland.completion.cells import TableCells
from lowland.completion.features import FeatureMap
from lowland.completion.gaussian_objective import GaussianDraw, GaussianRows
from lowland.completion.learnt_prior import LearntPrior
from lowland.completion.posterior_model import PosteriorModel
from lowland.completion.scaling import Scaling
from lowland.completion.table_labels import TableLabels
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.records import SearchResult
from lowland.core.status import StopReason
from lowland.kernels.blas_threads import one_blas_thread
from lowland.kernels.moments import Moments
from lowland.search import Augmentation, Iterations, run
from lowland.search.loop import Callback, Checkpoint, Snapshot

# share of the largest noise that leaves the rest of the covariance positive definite
NOISE_SHARE = 0.9
# rows that scores are taken from at most, rows and scores that are enough, and how many are kept
MOST_SCORED, LEAST_SCORED, KEPT_SCORES = 2_000, 100, 999
# share of the rows that the covariance may follow for the scores to tell what new errors are like
MOST_FOLLOWED = 0.3
# levels beyond which intervals are at least those of a normal law
NOT_NARROWED = 0.8
# most numbers of completed tables that are kept, and least number of tables
KEPT_NUMBERS, LEAST_TABLES = 250_000, 20


def fit_gaussian(  # noqa: PLR0913
    scaled: TableCells,
    scaling: Scaling,
    labels: TableLabels,
    settings: BayesianSettings,
    *,
    target: Matrix | None,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
) -> tuple[PosteriorModel, SearchResult, GaussianRows]:
    """Fit scaled cells by data augmentation; other parameters are those of `fit_bayesian`.

    Parameters
    ----------
    scaled : TableCells
        Each column centred and scaled by itself; without weights.
    scaling : Scaling
    labels : TableLabels
    settings : BayesianSettings
        Resolved.
    target : ndarray, shape (n, n), or None
        Mean of the covariance's prior, I if None.

    Returns
    -------
    PosteriorModel
    SearchResult
    GaussianRows
        The objective.
    """
    tables = max(LEAST_TABLES, KEPT_NUMBERS // (scaled.shape[0] * scaled.shape[1]))
    thin = settings.sweeps_per_draw * max(1, settings.gaussian_draws // tables)
    objective = GaussianRows(scaled, thin, target)
    sweeps, burn_in = settings.gaussian_sweeps
    with one_blas_thread():  # the same bits whatever its number of threads
        search = run(
            objective,
            Augmentation(burn_in),
            np.zeros(objective.size, objective.dtype),  # every missing cell at the mean of its column
            stop=Iterations(sweeps),
            rng=rng,
            callbacks=callbacks,
            checkpoint=checkpoint,
            resume=resume,
        )
        state = search.state
        if not state.kept and search.stop_reason is StopReason.INTERRUPTED:
            raise KeyboardInterrupt  # there is nothing worth keeping yet
        state = state if state.kept else objective.keep(state)
        model = gaussian_model(objective, state, scaling, labels, rng, shaped=not settings.grouped)
        return model, search, objective


def gaussian_model(
    objective: GaussianRows,
    state: GaussianDraw,
    scaling: Scaling,
    labels: TableLabels,
    rng: np.random.Generator,
    *,
    shaped: bool,
) -> PosteriorModel:
    """Return the model of the kept draws.

    Its rows are the table without noise and its columns the coordinate axes. Of the mean covariance C of the
    draws, a diagonal D is called noise, D_j = c / (C^-1)_jj with c nearly as large as C - D >= 0 allows: how
    large it is changes no prediction of a missing cell, since the sum of both stays C. Missing cells have the
    mean of their conditional means over the draws, whose spread is added to their variance.
    """
    kept, dtype = state.kept, objective.dtype
    gaussian = FullGaussian.of(state.mean_sum / kept, state.covariance_sum / kept)
    noise = _noise_of(gaussian)
    signal = FullGaussian.of(gaussian.mean, gaussian.covariance - np.diag(noise))
    p, precisions = objective.width, (1 / noise).astype(dtype)
    axes = Moments(np.eye(p, dtype=dtype), np.zeros((p, p * (p + 1) // 2), dtype))
    blank = FeatureMap.of(None, 0)
    prior = LearntPrior(signal.precision, signal.mean[None].astype(dtype), blank)
    solved = prior.moments(
        objective.cells, None, axes, noise_precision=1.0, biased=False, precisions=precisions
    )
    (known,) = objective.cells.map(0, known_cells, p)
    rows = _with_spread(solved, state, known)
    return PosteriorModel(
        rows,
        axes,
        False,
        1.0,
        precisions,
        prior,
        LearntPrior(np.eye(p), np.zeros((1, p), dtype), blank),
        scaling,
        labels,
        _observed_anew(rows, precisions, state, known, rng),
        np.zeros((0, p, p), dtype),
        np.ones(objective.count),
        axes=True,
        error_scores=_scores(objective, state, gaussian) if shaped else np.zeros(0),
    )


def _scores(objective: GaussianRows, state: GaussianDraw, gaussian: FullGaussian) -> Vector:
    """Return ascending errors of cells predicted from their rows, over standard errors; none of few rows.

    The Gaussian has seen the cells, by which their errors are smaller than those of others: by the root of
    what it leaves of the rows, as in a regression. How much it follows them is the trace of the scatter of
    rows over that with the prior, at most the number of columns.
    """
    from scipy.special import ndtri

    m, p = objective.count, objective.width
    if m < LEAST_SCORED:
        return np.zeros(0)
    rows = state.theta.reshape(-1, p).astype(np.float64)
    centred = rows - rows.mean(axis=0)
    scatter, root = centred.T @ centred, np.eye(p) if objective.root is None else objective.root
    followed = float(np.trace(np.linalg.solve(scatter + state.excess * root @ root.T, scatter)))
    every = max(1, m // MOST_SCORED)
    (scores,) = objective.cells.map(0, left_out_scores, gaussian.covariance, gaussian.mean, every)
    if scores.size < LEAST_SCORED or followed > MOST_FOLLOWED * m:
        return np.zeros(0)
    seen = scores / np.sqrt(1 - followed / m)
    # as many quantiles as tell intervals apart
    count = min(seen.size, KEPT_SCORES)
    shares = (np.arange(count) + 1) / (count + 1)
    found = np.quantile(seen, shares)
    # where missing cells lie in runs, errors are larger than those of cells whose neighbours are known: wide
    # intervals are not narrowed
    return np.asarray(np.where(shares > NOT_NARROWED, np.maximum(found, ndtri((1 + shares) / 2)), found))


def _noise_of(gaussian: FullGaussian) -> Vector:
    """Return the variances of noise, nearly the largest that leave a positive definite rest."""
    own = np.diag(gaussian.precision)
    scaled = gaussian.covariance * np.sqrt(np.outer(own, own))
    noise: Vector = NOISE_SHARE * float(np.linalg.eigvalsh(scaled)[0]) / own
    return noise


def _observed_anew(
    signal: Moments,
    precisions: Vector,
    state: GaussianDraw,
    known: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Matrix:
    """Return draws of new observations of all cells, shape (tables, m, p).

    Missing cells are those of the kept tables, which share their doubt about the distribution between rows;
    known ones are drawn given the rest of their row.
    """
    count, (m, p) = len(state.tables), known.shape
    tables = np.stack(state.tables).reshape(count, m, p).astype(np.float64)
    variances = signal.covariances[:, _diagonal(p)].astype(np.float64) + 1 / precisions.astype(np.float64)
    spread = np.sqrt(variances[known])
    tables[:, known] = signal.means[known] + spread * rng.standard_normal((count, spread.size))
    return tables.astype(signal.means.dtype)


def _with_spread(rows: Moments, state: GaussianDraw, known: Matrix) -> Moments:
    """Return rows whose missing cells have the mean of the draws, and in their variance its spread."""
    means, p = state.means / state.kept, state.means.shape[1]
    spread = np.where(known, 0.0, np.maximum(state.squares / state.kept - means**2, 0.0))
    covariances = rows.covariances.astype(np.float64)
    covariances[:, _diagonal(p)] += spread
    dtype = rows.means.dtype
    return Moments(np.where(known, rows.means, means).astype(dtype), covariances.astype(dtype))


def _diagonal(p: int) -> Indices:
    """Return the places of the diagonal in a packed lower triangle."""
    each = np.arange(p)
    return each * (each + 3) // 2
