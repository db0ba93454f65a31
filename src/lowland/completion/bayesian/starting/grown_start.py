"""Where the sweeps of a completion start: a fit that grew from one factor, by what its residuals still hold.

From a random start of many factors, sweeps of a mean-field posterior settle far from the best: some of the
factors that the data hold are lost among those that they do not, and their share is taken for noise. A fit
of one factor to which the leading directions of its residuals are added, a few at a time, finds them, and
says how many there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lowland.bayes.posterior import Posterior
from lowland.bayes.side_prior import unpack_lower
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.features import FeatureMap
from lowland.completion.bayesian.objective import BayesianCompletion
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.bayesian.starting.residual_structure import find_residual_structure
from lowland.completion.bayesian.starting.start import first_point, make_objective
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.results.status import StopReason
from lowland.core.running.stages import stage
from lowland.kernels.systems.moments import Moments
from lowland.kernels.systems.stacked_systems import lower_triangle
from lowland.search import Iterations, run
from lowland.search.stops import ChangeBelow
from lowland.search.variational import Variational

# factors at most, if the rank is not given; beyond so many numbers of all lines' covariances fewer
HIGHEST_RANK, MOST_NUMBERS = 64, 30_000_000
# most cells of tables whose fits grow
LARGEST = 5_000_000
# factors added at once: at most, or a share of those there are; and at least, as a share
STEP, LARGEST_SHARE, LEAST_SHARE = 8, 1 / 2, 1 / 8
# how far directions must stand out from noise, as long as factors are few, and beyond: each takes its share
# of the cells to be learnt
GATE, MANY, HIGHER_GATE = 1.05, 16, 1.1
# change of predictions below which a fit on the way is done, and its sweeps at most
WAY_TOLERANCE, WAY_SWEEPS = 0.02, 30
# variances of the entries of new factors, in units of their mean squares
NEW_VARIANCE = 0.02

Grown = tuple[BayesianCompletion, Posterior]


def grow(cells: TableCells, settings: BayesianSettings, graded: bool, rank: int | None) -> Grown | None:
    """Return a fit with the factors that the data hold, without features and with one noise level.

    Parameters
    ----------
    cells : TableCells
        Scaled.
    settings : BayesianSettings
        Resolved.
    graded : bool
        Whether values are grades.
    rank : int or None
        Factors at most; None means 64, fewer of tables with many rows and columns.

    Returns
    -------
    pair of BayesianCompletion and Posterior, or None
        None if the data hold no more than one factor that can be told from noise, or are too many.
    """
    if cells.size > LARGEST:
        return None
    most = min(*cells.shape, HIGHEST_RANK if rank is None else rank)
    if rank is None:
        most = min(most, max(1, min(cells.shape) // 2), int(np.sqrt(2 * MOST_NUMBERS / sum(cells.shape))))
    blank = (FeatureMap.of(None, 0), FeatureMap.of(None, 0))

    def of_rank(count: int) -> BayesianCompletion:
        plain = replace(settings, rank=count, pattern=False, calibrated=False, noise="common")
        return make_objective(cells, plain, blank, (None, None), graded=graded)

    groups = None if settings.groups is None else np.array(settings.groups)
    with stage("factors that stand out from noise"):
        return _grow(of_rank, most, groups)


def _grow(of_rank: Callable[[int], BayesianCompletion], most: int, groups: Indices | None) -> Grown | None:
    count, rng = 1, np.random.default_rng(0)  # the same start for all
    objective = of_rank(count)
    posterior = _swept(objective, None, first_point(objective, rng))
    while count < most:
        rows, columns = objective.sides(posterior.theta)
        step = min(max(STEP, int(LARGEST_SHARE * count)), most - count)
        lifted = objective.model.lift(posterior.theta)
        constant = [np.ones((len(side), 1), side.dtype) for side in (rows, columns)]
        known = np.hstack([rows[:, :count], constant[0]]), np.hstack([columns[:, :count], constant[1]])
        least, gate = max(1, int(LEAST_SHARE * count)), HIGHER_GATE if count >= MANY else GATE
        structure = find_residual_structure(
            objective.cells,
            (lifted.left, lifted.right),
            known,
            gate=gate,
            most=step,
            least=least,
            groups=groups,
        )
        if structure is None:
            break
        m, n = objective.cells.shape
        # directions have length one; entries of both sides become alike
        size, tilt = np.sqrt(structure.strengths), (m / n) ** 0.25
        added = structure.left * (size * tilt), structure.right * (size / tilt)
        count += structure.strengths.size
        wider = of_rank(count)
        start = with_factors(posterior, objective, wider, added, NEW_VARIANCE)
        objective, posterior = wider, _swept(wider, start, start.theta)
    return None if count == 1 else (objective, posterior)


def padded(grown: Grown, objective: BayesianCompletion, rng: np.random.Generator) -> Posterior:
    """Return a grown fit as a start of a model with at least as many factors, the others at random.

    These are as large as those there are: what the data do not hold, sweeps take out again.
    """
    grown_objective, posterior = grown
    count = grown_objective.model.rank
    sides = grown_objective.sides(posterior.theta)
    added = []
    for side in sides:
        size = np.sqrt(np.mean(side[:, :count].astype(np.float64) ** 2))
        added.append(size * rng.standard_normal((len(side), objective.model.rank - count)))
    return with_factors(posterior, grown_objective, objective, (added[0], added[1]), 1.0)


def with_factors(
    posterior: Posterior,
    before: BayesianCompletion,
    objective: BayesianCompletion,
    added: tuple[Matrix, Matrix],
    variance: float,
) -> Posterior:
    """Return the posterior of a model with more factors, and maybe features.

    Parameters
    ----------
    posterior : Posterior
    before, objective : BayesianCompletion
        The model that it is of, and the one with more factors.
    added : pair of ndarray, shapes (m, q) and (n, q)
        The new factors' means.
    variance : float
        Their variances, in units of their mean squares.
    """
    count = before.model.rank
    sides = []
    for side, new in zip(before.moments(posterior), added, strict=True):
        means = np.hstack([side.means[:, :count], new, side.means[:, count:]]).astype(objective.dtype)
        spread = variance * float(np.mean(new**2)) if new.size else 0.0
        sides.append(Moments(means, _widened(side.covariances, count, new.shape[1], spread)))
    return posterior_of(objective, (sides[0], sides[1]), posterior.noise_precision, None)


def posterior_of(
    objective: BayesianCompletion, sides: tuple[Moments, Moments], noise: float, tau: Vector | None
) -> Posterior:
    """Return the posterior with given rows, columns and noise, and priors learnt from these.

    Parameters
    ----------
    objective : BayesianCompletion
    sides : pair of Moments
    noise : float
        Precision.
    tau : ndarray, shape (n,), or None
        Of columns, in units of it; None means 1.
    """
    blank = objective.first_posterior(np.zeros(objective.size, objective.dtype))
    (row_precision, row_coefficients, _), (column_precision, column_coefficients, _) = (
        prior.fit(side) for prior, side in zip(objective.priors, sides, strict=True)
    )
    return replace(
        blank,
        theta=objective.point(sides[0].means, sides[1].means),
        row_covariances=sides[0].covariances,
        column_covariances=sides[1].covariances,
        row_precision=row_precision,
        column_precision=column_precision,
        row_coefficients=row_coefficients,
        column_coefficients=column_coefficients,
        noise_precision=noise,
        column_precisions=blank.column_precisions if tau is None else tau,
    )


def _swept(objective: BayesianCompletion, start: Posterior | None, theta: Vector) -> Posterior:
    stop = ChangeBelow(WAY_TOLERANCE) | Iterations(WAY_SWEEPS)
    search = run(objective, Variational(start), theta, stop=stop, rng=np.random.default_rng(0))
    if search.stop_reason is StopReason.INTERRUPTED:
        raise KeyboardInterrupt  # there is nothing worth keeping yet
    posterior: Posterior = search.state
    return posterior


def _widened(packed: Matrix, count: int, added: int, variance: float) -> Matrix:
    """Return packed covariances with independent entries inserted after the first `count`."""
    before = int(np.sqrt(2 * packed.shape[1]))
    width = before + added
    kept = np.r_[:count, count + added : width]
    full = np.zeros((len(packed), width, width), packed.dtype)
    full[:, kept[:, None], kept] = unpack_lower(packed, before)
    new = np.arange(count, count + added)
    full[:, new, new] = variance
    rows, columns = lower_triangle(width)
    return np.ascontiguousarray(full[:, rows, columns])
