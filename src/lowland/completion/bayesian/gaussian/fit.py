"""The fit of a table of few columns by one Gaussian of any covariance, and the model that it gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.full_gaussian import FullGaussian
from lowland.bayes.truncated import TruncatedNormal
from lowland.cells.labels import TableLabels
from lowland.cells.sides import TableCells
from lowland.cells.sums import known_cells
from lowland.completion.bayesian.features import FeatureMap
from lowland.completion.bayesian.gaussian.between import Between
from lowland.completion.bayesian.gaussian.chain import run_chain
from lowland.completion.bayesian.gaussian.errors import GaussianErrors, gaussian_errors
from lowland.completion.bayesian.gaussian.objective import GaussianDraw, GaussianRows
from lowland.completion.bayesian.gaussian.watched import watched_cells
from lowland.completion.bayesian.learnt_prior import LearntPrior
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.bayesian.row_sizes import row_distances
from lowland.completion.bayesian.scaling import Scaling
from lowland.completion.bayesian.settings import BRIEF, BayesianSettings
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason
from lowland.kernels.blas_threads import one_blas_thread
from lowland.kernels.systems.moments import Moments
from lowland.search.loop import Callback, Checkpoint, Snapshot

# share of the largest noise that leaves the rest of the covariance positive definite
NOISE_SHARE = 0.9
# most numbers of completed tables that are kept, and least number of tables
KEPT_NUMBERS, LEAST_TABLES = 250_000, 20


def fit_gaussian(  # noqa: PLR0913
    scaled: TableCells,
    scaling: Scaling,
    labels: TableLabels,
    settings: BayesianSettings,
    *,
    targets: Sequence[Matrix | None],
    between: Between | None = None,
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
    targets : sequence of (ndarray, shape (n, n), or None)
        What the mean of the covariance's prior may be, I for None.
    between : Between, optional
        Scaled cells that are drawn between two numbers.

    Returns
    -------
    PosteriorModel
    SearchResult
    GaussianRows
        The objective.
    """
    tables = max(LEAST_TABLES, KEPT_NUMBERS // (scaled.shape[0] * scaled.shape[1]))
    thin = settings.sweeps_per_draw * max(1, settings.gaussian_draws // tables)
    (known,) = scaled.map(0, known_cells, scaled.shape[1])
    watched = watched_cells(known)
    # what a longer chain draws is averaged, but its tables are not kept
    most = -(-settings.gaussian_draws * settings.sweeps_per_draw // thin)
    objective = GaussianRows(scaled, thin, targets, between, watched=watched, most_tables=most)
    with one_blas_thread():  # the same bits whatever its number of threads
        search = run_chain(
            objective,
            settings,
            known,
            rng=rng,
            callbacks=callbacks,
            checkpoint=checkpoint,
            resume=resume,
        )
        state = search.state
        if not state.kept and search.stop_reason is StopReason.INTERRUPTED:
            raise KeyboardInterrupt  # there is nothing worth keeping yet
        state = state if state.kept else objective.keep(state)
        shaped, scored = not settings.grouped, settings.gaussian_draws > BRIEF
        model = gaussian_model(objective, state, scaling, labels, rng, shaped=shaped, scored=scored)
        return model, search, objective


def gaussian_model(
    objective: GaussianRows,
    state: GaussianDraw,
    scaling: Scaling,
    labels: TableLabels,
    rng: np.random.Generator,
    *,
    shaped: bool,
    scored: bool,
) -> PosteriorModel:
    """Return the model of the kept draws, whose intervals have quantiles of their own if it is scored.

    Its rows are the table without noise and its columns the coordinate axes. Of the mean covariance C of the
    draws, a diagonal D is called noise, D_j = c / (C^-1)_jj with c nearly as large as C - D >= 0 allows: how
    large it is changes no prediction of a missing cell, since the sum of both stays C. Missing cells have the
    mean of their conditional means over the draws, whose spread is added to their variance. Cells between two
    numbers have the law given all other cells of their row, as if they might lie anywhere; what is possible
    of it is for a layer to say.
    """
    kept, dtype = state.kept, objective.dtype
    gaussian = FullGaussian.of(state.mean_sum / kept, state.covariance_sum / kept)
    noise = _noise_of(gaussian)
    signal = FullGaussian.of(gaussian.mean, gaussian.covariance - np.diag(noise))
    p, precisions = objective.width, (1 / noise).astype(dtype)
    axes = Moments(np.eye(p, dtype=dtype), np.zeros((p, p * (p + 1) // 2), dtype))
    blank = FeatureMap.of(None, 0)
    prior = LearntPrior(signal.precision, signal.mean[None].astype(dtype), blank)
    cells = objective.cells
    solved = prior.moments(
        cells, None, axes, noise_precision=1.0, biased=False, shape=cells.shape, precisions=precisions
    )
    (known,) = objective.cells.map(0, known_cells, p)
    errors = GaussianErrors(np.ones(objective.count))
    if shaped:
        distances = row_distances(objective.cells, solved.means, prior.coefficients[0], precisions)
        errors = gaussian_errors(objective, state, gaussian, distances, known, scored=scored)
    between = objective.between
    exact = known if between is None else known & ~between.mask(known.shape)
    rows = _with_spread(solved, state, exact)
    if between is not None:
        rows = _given_others(rows, between, state, noise)
    rows = rows.times(errors.factors)
    drawn = _observed_anew(rows, precisions, state, exact, errors.factors, rng)
    if between is not None:
        _place_anywhere(drawn, between, state, errors.factors)
    return PosteriorModel(
        rows=rows,
        columns=axes,
        biased=False,
        noise_precision=1.0,
        column_precisions=precisions,
        row_prior=prior,
        column_prior=LearntPrior(np.eye(p), np.zeros((1, p), dtype), blank),
        scaling=scaling,
        labels=labels,
        row_draws=drawn,
        column_draws=np.zeros((0, p, p), dtype),
        row_weights=1 / errors.factors,
        axes=True,
        error_scores=errors.scores,
        row_scales=errors.scales,
    )


def _noise_of(gaussian: FullGaussian) -> Vector:
    """Return the variances of noise, nearly the largest that leave a positive definite rest."""
    diagonal = np.diag(gaussian.precision)
    scaled = gaussian.covariance * np.sqrt(np.outer(diagonal, diagonal))
    noise: Vector = NOISE_SHARE * float(np.linalg.eigvalsh(scaled)[0]) / diagonal
    return noise


def _observed_anew(
    signal: Moments,
    precisions: Vector,
    state: GaussianDraw,
    known: NDArray[np.bool_],
    factors: Vector,
    rng: np.random.Generator,
) -> Matrix:
    """Return draws of new observations of all cells, shape (tables, m, p).

    Missing cells are those of the kept tables, which share their doubt about the distribution between rows,
    at distances from their means that suit the size of the row; known ones are drawn given the rest of their
    row.
    """
    count, (m, p) = len(state.tables), known.shape
    tables = np.stack(state.tables).reshape(count, m, p).astype(np.float64)
    tables = signal.means + np.sqrt(factors)[:, None] * (tables - signal.means)
    noise = factors[:, None] / precisions.astype(np.float64)
    variances = signal.covariances[:, _diagonal(p)].astype(np.float64) + noise
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


def _given_others(rows: Moments, between: Between, state: GaussianDraw, noise: Vector) -> Moments:
    """Return rows whose cells between two numbers have the law given all other cells, without its noise."""
    means, covariances = rows.means.copy(), rows.covariances.astype(np.float64)
    centres, variances = _law_between(state)
    means[between.rows, between.columns] = centres
    for j in np.unique(between.columns).tolist():
        at = between.columns == j
        lines, own = between.rows[at], _places(j, means.shape[1])
        least = np.finfo(np.float64).tiny
        wanted = np.maximum(variances[at] - noise[j], least)
        # correlations stay, so that covariances keep their roots
        ratios = np.sqrt(wanted / np.maximum(covariances[lines, own[j]], least))
        covariances[lines[:, None], own] *= ratios[:, None]
        covariances[lines, own[j]] *= ratios
    return Moments(means, covariances.astype(rows.covariances.dtype))


def _law_between(state: GaussianDraw) -> tuple[Vector, Vector]:
    """Return means and variances of cells between two numbers given all others, over the draws."""
    centres, squares, variances = state.between / state.kept
    return centres, variances + np.maximum(squares - centres**2, 0.0)


def _place_anywhere(drawn: Matrix, between: Between, state: GaussianDraw, factors: Vector) -> None:
    """Put cells that were drawn between two numbers where their quantiles lie without these.

    A layer moves them back, as it moves draws of any other model.
    """
    centres, variances = _law_between(state)
    spreads, (m, p) = np.sqrt(variances), drawn.shape[1:]
    law = TruncatedNormal(centres, spreads, between.low, between.high)
    wide = spreads * np.sqrt(factors[between.rows])
    for k, table in enumerate(state.tables):
        numbers = table.reshape(m, p)[between.rows, between.columns].astype(np.float64)
        drawn[k, between.rows, between.columns] = centres + wide * law.scores(numbers)


def _places(j: int, p: int) -> Indices:
    """Return the places of line j of a symmetric matrix in a packed lower triangle."""
    low, high = np.minimum(np.arange(p), j), np.maximum(np.arange(p), j)
    return np.asarray(high * (high + 1) // 2 + low)


def _diagonal(p: int) -> Indices:
    """Return the places of the diagonal in a packed lower triangle."""
    each = np.arange(p)
    return each * (each + 3) // 2
