"""Choice among the minima of a path by cross-validation, and the prediction intervals that it yields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.running.progress import OnProgress, Reporter
from lowland.core.wording import Option, Words
from lowland.kernels.threads import thread_count
from lowland.networks.splines.linear_spline import LinearSpline
from lowland.networks.splines.minima_path import Minimum, Path, minima, spline_paths
from lowland.trials.choices import KNOTS

# number of held-out predictions sorted together
MOST_NUMBERS = 4_000_000


@final
@dataclass(frozen=True, eq=False)
class CrossFit:
    """Paths of minima on all points and with each fold left out, and the number of knots that they choose.

    Parameters
    ----------
    path : tuple of Minimum
        Minima on all points that are stable at the given step size, by number of knots.
    chosen : int
        Index of the chosen one.
    errors : ndarray, shape (len(path),)
        Held-out mean squared error of each.
    splines : tuple of LinearSpline
        Spline fitted without each fold, with as many knots as the chosen one, or fewer if there is no room.
    folds : ndarray of int, shape (n,)
        Fold of each point.
    misses : ndarray, shape (n,)
        Held-out absolute error of each point.
    """

    path: tuple[Minimum, ...]
    chosen: int
    errors: Vector
    splines: tuple[LinearSpline, ...]
    folds: NDArray[np.intp]
    misses: Vector

    def interval(self, t: Vector, level: float) -> tuple[Vector, Vector]:
        """Return the CV+ interval at each t: quantiles of the folds' predictions minus and plus errors."""
        by_fold = np.stack([spline(t) for spline in self.splines])
        return cross_interval(by_fold, self.folds, self.misses, level)


def cross_interval(
    by_fold: Matrix, folds: NDArray[np.intp], misses: Vector, level: float
) -> tuple[Vector, Vector]:
    """Return CV+ intervals, from what is predicted without each fold and held-out absolute errors.

    Parameters
    ----------
    by_fold : ndarray, shape (folds, m)
    folds : ndarray of int, shape (n,)
        Fold of each point.
    misses : ndarray, shape (n,)
    level : float
    """
    n, m = misses.size, by_fold.shape[1]
    # the ceil((n + 1) level)-th smallest; infinite if there are not so many
    place = int(np.ceil((n + 1) * level)) - 1
    if place >= n:
        return np.full(m, -np.inf), np.full(m, np.inf)
    lower, upper = np.empty(m), np.empty(m)
    chunk, last = max(1, MOST_NUMBERS // n), n - 1 - place
    for low in range(0, m, chunk):
        here = slice(low, low + chunk)
        predictions = by_fold[:, here][folds]
        upper[here] = np.partition(predictions + misses[:, None], place, axis=0)[place]
        lower[here] = np.partition(predictions - misses[:, None], last, axis=0)[last]
    return lower, upper


def cross_fit(
    x: Vector,
    y: Vector,
    weights: Vector,
    *,
    size: float,
    step_size: float | None,
    most_knots: int,
    folds: NDArray[np.intp],
    on_progress: OnProgress | None = None,
) -> CrossFit:
    """Follow the path of minima on all points and with every fold left out, and choose a number of knots.

    With a step size, only minima on all points at which gradient descent with that step stays are taken;
    without, all. Folds tell the error of as many knots, stable or not. `size` is how many points the weights
    count for.
    """
    by_set = weights_by_set(weights, folds, int(folds.max()) + 1)
    if by_set.sum(axis=1).min() <= 1e-12:
        raise InvalidInputError(
            "sample_weight is concentrated on a few points",
            "one fold has all of the weight",
            fix="use more even weights",
        )
    by_fit = paths_by_set(
        spline_paths, x, y, by_set, most_knots, Reporter(on_progress, len(by_set), what="fits")
    )
    path = _stable(minima(x, weights, *by_fit[0]), step_size or 0.0)
    without = [splines for splines, _ in by_fit[1:]]
    misses = held_out_misses(x, y, without, folds, [minimum.n_knots for minimum in path])
    errors = np.average(misses**2, axis=1, weights=weights)
    chosen = fewest_within_error(misses**2, errors, weights, size)
    chosen_splines = tuple(with_knots(fits, path[chosen].n_knots) for fits in without)
    return CrossFit(path, chosen, errors, chosen_splines, folds, misses[chosen])


def weights_by_set(weights: Vector, folds: NDArray[np.intp], n_folds: int) -> Matrix:
    """Return weights of all points, then without each fold, shape (1 + folds, n)."""
    return np.array([weights, *(weights * (folds != fold) for fold in range(n_folds))])


def paths_by_set(
    find: Callable[[Vector, Vector, Matrix, int], list[Path]],
    x: Vector,
    y: Vector,
    sets: Matrix,
    most_knots: int,
    tell: Callable[[int], None] = lambda _: None,
) -> list[Path]:
    """Return paths of splines and their losses for each set of weights, as many at a time as threads."""
    paths: list[Path] = []
    while len(paths) < len(sets):
        paths += find(x, y, sets[len(paths) : len(paths) + thread_count()], most_knots)
        tell(len(paths))
    return paths


def held_out_misses(
    x: Vector,
    y: Vector,
    without: Sequence[list[LinearSpline]],
    folds: NDArray[np.intp],
    numbers: Sequence[int],
) -> Matrix:
    """Return absolute errors of points by the splines without their fold, one row per number of knots."""
    misses = np.empty((len(numbers), x.size))
    for fold, fits in enumerate(without):
        held = folds == fold
        for k, most in enumerate(numbers):
            misses[k, held] = np.abs(y[held] - with_knots(fits, most)(x[held]))
    return misses


def with_knots(splines: list[LinearSpline], most: int) -> LinearSpline:
    """Return the spline with the largest number of knots up to a number."""
    return [spline for spline in splines if spline.knots.size <= most][-1]


def _stable(path: tuple[Minimum, ...], step_size: float) -> tuple[Minimum, ...]:
    """Return the minima that are stable at a step size."""
    kept = tuple(minimum for minimum in path if minimum.largest_step >= step_size)
    if not kept:
        raise InvalidInputError(
            Words(
                *(Option("step_size"), " is too large: "),
                "gradient descent would stay at no minimum with so few knots",
            ),
            f"{step_size:g}",
            # not more than the largest when it is rounded to three digits
            fix=f"give at most {0.995 * max(minimum.largest_step for minimum in path):.3g}",
        )
    return kept


def fewest_within_error(squares: Matrix, errors: Vector, weights: Vector, size: float) -> int:
    """Return the fewest knots whose error exceeds the smallest by no more than a standard error.

    That of the difference is taken, since both errors are those of the same points.
    """
    best = int(errors.argmin())
    above = squares - squares[best]
    spread = np.average((above - (errors - errors[best])[:, None]) ** 2, axis=1, weights=weights)
    (rule,), sizes = KNOTS.rules, np.sqrt(spread / size)
    return next(k for k, size in enumerate(sizes) if errors[k] <= errors[best] + rule.margin(size, 0.0))
