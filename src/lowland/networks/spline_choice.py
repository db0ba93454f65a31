"""Choice of the step size by cross-validation, and the prediction intervals that it yields."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.core.progress import OnProgress
from lowland.networks.descent import Descent, Runs, choose, random_starts, zero_network
from lowland.networks.network import ReluNetwork, two_layer
from lowland.networks.stability import stability_report
from lowland.networks.stable_fit import StableFit

# number of held-out predictions sorted together
MOST_NUMBERS = 4_000_000
# runs whose loss exceeds the best one's by more than this fraction are left out of a mean
NEAR_BEST = 0.2


@final
@dataclass(frozen=True)
class DescentSettings:
    """Settings of the descent: neurons, runs, steps per run, and whether good runs are averaged."""

    width: int
    n_runs: int
    n_steps: int
    average: bool


@final
@dataclass(frozen=True, order=True)
class StepSize:
    """A step size, and whether the descent begins with smaller ones."""

    size: float
    warm_up: bool = False


@final
@dataclass(frozen=True, eq=False)
class CrossFit:
    """Fits that each leave out one fold, with the largest step size whose error is near the smallest.

    Parameters
    ----------
    step : StepSize
    errors : dict of StepSize to float
        Held-out mean squared error of each step tried.
    networks : tuple of ReluNetwork
        Network fitted without each fold, at the chosen step size.
    folds : ndarray of int, shape (n,)
        Fold of each point.
    misses : ndarray, shape (n,)
        Held-out absolute error of each point.
    """

    step: StepSize
    errors: dict[StepSize, float]
    networks: tuple[ReluNetwork, ...]
    folds: NDArray[np.intp]
    misses: Vector

    def interval(self, t: Vector, level: float) -> tuple[Vector, Vector]:
        """Return the CV+ interval at each t: quantiles of the folds' predictions minus and plus errors."""
        by_fold = np.stack([network(t) for network in self.networks])
        n = self.misses.size
        # the ceil((n + 1) level)-th smallest; infinite if there are not so many
        place = int(np.ceil((n + 1) * level)) - 1
        if place >= n:
            return np.full(t.size, -np.inf), np.full(t.size, np.inf)
        lower, upper = np.empty(t.size), np.empty(t.size)
        chunk = max(1, MOST_NUMBERS // n)
        for low in range(0, t.size, chunk):
            here = slice(low, low + chunk)
            predictions = by_fold[:, here][self.folds]
            upper[here] = np.partition(predictions + self.misses[:, None], place, axis=0)[place]
            lower[here] = np.partition(predictions - self.misses[:, None], n - 1 - place, axis=0)[
                n - 1 - place
            ]
        return lower, upper


def cross_fit(
    x: Vector,
    y: Vector,
    weights: Vector,
    steps: Sequence[StepSize],
    settings: DescentSettings,
    n_folds: int,
    rng: np.random.Generator,
    on_progress: OnProgress | None = None,
) -> CrossFit:
    """Descend for every step size with every fold left out, all runs together, and choose a step."""
    n_runs = settings.n_runs
    folds = rng.permutation(x.size) % n_folds
    order = np.argsort(x, kind="stable")
    cells = [(step, fold) for step in steps for fold in range(n_folds)]
    own = np.repeat([weights[order] * (folds[order] != fold) for _, fold in cells], n_runs, axis=0)
    left = own.sum(axis=1, keepdims=True)
    if left.min() <= 1e-12:
        raise InvalidInputError(
            "sample_weight is concentrated on a few points",
            "one fold has all of the weight",
            fix="use more even weights",
        )
    own /= left
    task = Descent(x[order], y[order][None], own, *_of_runs([step for step, _ in cells], n_runs))
    starts = random_starts(len(cells) * n_runs, settings.width, rng)
    runs, _ = task.run(starts, settings.n_steps, on_progress)
    found: dict[tuple[StepSize, int], ReluNetwork | None] = {}
    errors: dict[StepSize, Vector] = {}
    for place, (step, fold) in enumerate(cells):
        network = _combined(_part(runs, place * n_runs, n_runs), settings.average)
        found[step, fold] = network
        held = folds == fold
        miss = np.abs(y[held] - network(x[held])) if network is not None else np.full(held.sum(), np.inf)
        errors.setdefault(step, np.empty(x.size))[held] = miss
    means = {
        step: float(np.average(np.minimum(miss, 1e150) ** 2, weights=weights))
        for step, miss in errors.items()
    }
    best = _largest_within_error(means, errors, weights)
    networks = tuple(found[best, fold] or zero_network(settings.width) for fold in range(n_folds))
    return CrossFit(best, means, networks, folds, errors[best])


def _of_runs(steps: Sequence[StepSize], n_runs: int) -> tuple[Vector, NDArray[np.bool_]]:
    """Return step sizes and warm-ups of all runs, with the same number of runs for each step."""
    sizes, warm = np.array([step.size for step in steps]), np.array([step.warm_up for step in steps])
    return np.repeat(sizes, n_runs), np.repeat(warm, n_runs)


def _largest_within_error(
    means: dict[StepSize, float], errors: dict[StepSize, Vector], weights: Vector
) -> StepSize:
    """Return the largest step (fewest knots) whose error is within a standard error of the smallest."""
    best = min(means, key=lambda step: means[step])
    spread = np.average((errors[best] ** 2 - means[best]) ** 2, weights=weights) * np.sum(weights**2)
    return max(step for step in means if means[step] <= means[best] + np.sqrt(spread))


def fit_all(
    x: Vector, y: Vector, weights: Vector, step: StepSize, settings: DescentSettings, rng: np.random.Generator
) -> tuple[StableFit, ReluNetwork]:
    """Descend on all points; return the fit with the best run's network, and the mean of good runs."""
    n_runs = settings.n_runs
    started = time.perf_counter()
    order = np.argsort(x, kind="stable")
    own = np.repeat(weights[order][None], n_runs, axis=0)
    task = Descent(x[order], y[order][None], own, *_of_runs([step], n_runs))
    runs, message = task.run(random_starts(n_runs, settings.width, rng), settings.n_steps)
    best = choose(runs)
    network = runs.network(best)
    fit = StableFit(
        network,
        x,
        y,
        step.size,
        runs,
        best,
        runs.status.count("collapsed"),
        runs.status.count("diverged"),
        0,
        stability_report(network, x, y, step.size, weights=weights),
        time.perf_counter() - started,
        message,
    )
    return fit, _combined(runs, settings.average) or network


def _part(runs: Runs, start: int, count: int) -> Runs:
    here = slice(start, start + count)
    return Runs(runs.parameters[here], runs.losses[here], runs.status[here], runs.steps)


def _combined(runs: Runs, average: bool) -> ReluNetwork | None:
    """Return the best run's network, or the mean of those near it; None if every run exploded."""
    if all(word == "diverged" for word in runs.status):
        return None
    best = choose(runs)
    if not average:
        return runs.network(best)
    limit = (1 + NEAR_BEST) * runs.losses[best]
    good = [k for k in range(len(runs.losses)) if runs.losses[k] <= limit]
    w, b, v, c = (np.hstack(part) for part in zip(*(runs.network(k).univariate() for k in good), strict=True))
    return two_layer(w[:, None], b, v / len(good), float(c.mean()))
