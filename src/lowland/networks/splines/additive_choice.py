"""Which inputs matter, and how often each one's spline bends: by held-out points, input by input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.running.progress import OnProgress, Reporter
from lowland.networks.splines.additive import (
    AdditiveSpline,
    Knots,
    centred,
    least_squares,
    moved,
    remainder,
    shrunk,
    straightened,
)
from lowland.networks.splines.knot_choice import (
    cross_interval,
    fewest_within_error,
    held_out_misses,
    paths_by_set,
    weights_by_set,
    with_knots,
)
from lowland.networks.splines.level_splines import paths_of
from lowland.trials.masks import folds_of

# fewer rows per input than this: inputs and knots are chosen anew without each fold, by so many folds within,
# as otherwise held-out errors are those of points that took part in a choice among many
NESTED, INNER = 20, 5
# most rounds over all inputs, and within a fold
CYCLES, CYCLES_WITHIN = 6, 3
# knots that are tried first: most inputs have no more
FEW = 2
# points per coefficient at least
POINTS = 3


@final
@dataclass(frozen=True, eq=False)
class AdditiveFit:
    """Sums of splines on all points and without each fold, of the chosen inputs and numbers of knots.

    Parameters
    ----------
    spline : AdditiveSpline
        On all points.
    by_fold : tuple of AdditiveSpline
    folds : ndarray of int, shape (n,)
        Fold of each point.
    misses : ndarray, shape (n,)
        Held-out absolute error of each point.
    cycles : int
    nested : bool
        Whether inputs and numbers of knots were chosen anew without each fold, or once for all.
    """

    spline: AdditiveSpline
    by_fold: tuple[AdditiveSpline, ...]
    folds: NDArray[np.intp]
    misses: Vector
    cycles: int
    nested: bool

    def interval(self, inputs: Matrix, level: float) -> tuple[Vector, Vector]:
        """Return CV+ intervals at points, shape (n, d)."""
        values = np.stack([spline(inputs) for spline in self.by_fold])
        return cross_interval(values, self.folds, self.misses, level)


def additive_fit(
    inputs: Matrix,
    targets: Vector,
    *,
    most_knots: int,
    folds: NDArray[np.intp],
    rng: np.random.Generator,
    on_progress: OnProgress | None = None,
) -> AdditiveFit:
    """Choose inputs and numbers of knots, and fit on all points and without each fold.

    Parameters
    ----------
    inputs : ndarray, shape (n, d)
        Each from -1 to 1, or constant.
    targets : ndarray, shape (n,)
    most_knots : int
        Per input.
    folds : ndarray of int, shape (n,)
        Fold of each row, from 0.
    rng : numpy.random.Generator
        For folds within.
    on_progress : callable, optional
    """
    (n, d), n_folds = inputs.shape, int(folds.max()) + 1
    nested = n < NESTED * d
    fits = (CYCLES + nested * n_folds * CYCLES_WITHIN) * d + n_folds + 1
    tell = Reporter(on_progress, fits, what="fits")
    chosen, cycles = _choice(inputs, targets, folds, most_knots, CYCLES, tell)
    bent, done = [], CYCLES * d
    for fold in range(n_folds):
        kept = folds != fold
        start = chosen
        if nested:
            left = int(kept.sum())
            inner = folds_of(left, min(INNER, left // 2), rng)
            later = partial(_after, tell, done)
            start, _ = _choice(inputs[kept], targets[kept], inner, most_knots, CYCLES_WITHIN, later)
            done += CYCLES_WITHIN * d
        bent.append(moved(inputs[kept], targets[kept], start).knots)
        done += 1
        tell(done)
    last, straight = moved(inputs, targets, chosen).knots, (np.zeros(0),) * d
    # whether the other inputs matter too, a little each, and knots at all, is for held-out points to say
    offers = [
        (last, bent),
        (straightened(last), [straightened(knots) for knots in bent]),
        (straight, [straight] * n_folds),
    ]
    tried = [_without_folds(inputs, targets, folds, knots) for _, knots in offers]
    squares = np.array([missed**2 for _, missed in tried])
    errors = squares.mean(axis=1)
    # a choice among fewer points finds less: fits on all points are better than its errors say
    best = fewest_within_error(squares, errors, np.full(n, 1 / n), n) if nested else int(errors.argmin())
    by_fold, misses = tried[best]
    spline = shrunk(inputs, targets, offers[best][0])
    tell(done + 1)
    return AdditiveFit(spline, by_fold, folds, misses, cycles, nested)


def _after(tell: Callable[[int], None], done: int, more: int) -> None:
    tell(done + more)


def _choice(
    inputs: Matrix,
    targets: Vector,
    folds: NDArray[np.intp],
    most_knots: int,
    most_cycles: int,
    tell: Callable[[int], None],
) -> tuple[AdditiveSpline, int]:
    """Return the sum of splines whose inputs and numbers of knots folds choose, and the rounds taken."""
    n, d = inputs.shape
    n_folds = int(folds.max()) + 1
    knots: list[Vector | None] = [np.zeros(0)] * d
    # all begins with a straight fit
    parts = centred(shrunk(inputs, targets, tuple(knots)).components(inputs))
    before, cycle = None, 0
    for cycle in range(1, most_cycles + 1):
        room = n // POINTS - 1
        for j in range(d):
            others = sum(1 + bends.size for k, bends in enumerate(knots) if k != j and bends is not None)
            rest = remainder(targets, parts, j)
            most = min(most_knots, room - others - 1)
            knots[j], parts[:, j] = _chosen(inputs[:, j], rest, folds, n_folds, most)
            tell((cycle - 1) * d + j + 1)
        parts = centred(least_squares(inputs, targets, tuple(knots)).components(inputs))
        counts = _counts(tuple(knots))
        if counts == before:
            break
        before = counts
    return least_squares(inputs, targets, tuple(knots)), cycle


def _without_folds(
    inputs: Matrix, targets: Vector, folds: NDArray[np.intp], knots: Sequence[Knots]
) -> tuple[tuple[AdditiveSpline, ...], Vector]:
    """Return the sums of splines without each fold, and held-out absolute errors."""
    splines, misses = [], np.empty(len(targets))
    for fold, bends in enumerate(knots):
        held = folds == fold
        spline = shrunk(inputs[~held], targets[~held], bends)
        splines.append(spline)
        misses[held] = np.abs(targets[held] - spline(inputs[held]))
    return tuple(splines), misses


def _counts(knots: Knots) -> list[int]:
    """Return numbers of knots, -1 for inputs that do not matter."""
    return [-1 if bends is None else bends.size for bends in knots]


def _chosen(
    x: Vector, rest: Vector, folds: NDArray[np.intp], n_folds: int, most: int
) -> tuple[Vector | None, Vector]:
    """Return the knots of an input's spline, None if it does not matter, and its values, their mean zero."""
    nothing = None, np.zeros(x.size)
    if most < 0 or np.ptp(x) == 0:
        return nothing
    even = np.full(x.size, 1 / x.size)
    sets = weights_by_set(even, folds, n_folds)
    means = np.array([rest[folds != fold].mean() for fold in range(n_folds)])
    for knots in (min(most, FEW), most):
        paths = [splines for splines, _ in paths_by_set(paths_of, x, rest, sets, knots)]
        numbers = [spline.knots.size for spline in paths[0]]
        misses = held_out_misses(x, rest, paths[1:], folds, numbers)
        squares = np.vstack([(rest - means[folds]) ** 2, misses**2])
        errors = squares.mean(axis=1)
        # paths whose errors rise again before their ends are long enough
        if int(errors.argmin()) < errors.size - 1:
            break
    best = fewest_within_error(squares, errors, even, x.size)
    if best == 0:
        return nothing
    spline = with_knots(paths[0], numbers[best - 1])
    values = spline(x)
    return spline.knots, values - values.mean()
