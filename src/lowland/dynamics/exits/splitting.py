"""Mean exit times too long to wait for: adaptive multilevel splitting of excursions from a basin.

A path leaves the neighbourhood of the minimum again and again, passes a surface around it, and nearly
always falls back. The mean exit time is the expected number of excursions times their mean length. The
probability that one ends in the exit set is estimated by splitting: the paths that made least progress are
replaced by copies of others, cut where these first pass the farthest point of the replaced path, until all
have left.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.results.shown import Shown
from lowland.dynamics.exits.excursions import Walkers
from lowland.dynamics.exits.survival import MeanTime

# rounds discarded so that paths do not depend on where they began, and paths that are observed in parallel
_FORGOTTEN, _OBSERVED = 5, 200
# probability above which excursions are too correlated for their mean number to be its inverse
_RARE = 0.01
_NOT_RARE = (
    "exits are not rare: successive excursions are correlated, and the mean may be biased; "
    "simulate exits directly with escape_times"
)
# share of excursions that leave above which direct simulation is better
_MANY = 0.5


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False, repr=False)
class SplittingStudy(Shown):
    """A mean exit time, estimated by splitting.

    Parameters
    ----------
    probabilities : ndarray, shape (runs,)
        Probability that an excursion ends in the exit set, as estimated by each independent run.
    excursions : ndarray, shape (runs,)
        Mean length of excursions that fell back, including the wait before each, for each run.
    wait, last : float
        Mean time from home to the surface, and from there to the exit set for those that left.
    gradient_calls : int
        Steps of all paths.
    seconds : float
    step_size : float

    Examples
    --------
    >>> from lowland.dynamics import HalfSpace, Overdamped, split_escape
    >>> study = split_escape(
    ...     "double_well", [-1.0], exit=HalfSpace([1.0], 0.7), dynamics=Overdamped(0.05, beta=20),
    ...     n_walkers=100, n_runs=4, n_excursions=200, rng=0,
    ... )
    >>> low, high = study.interval(0.99)
    >>> low < 724 < high, study.direct_calls > study.gradient_calls  # 724: the exact mean of `mean_exit_time`
    (True, True)
    """

    probabilities: Vector
    excursions: Vector
    wait: float
    last: float
    gradient_calls: int
    seconds: float
    step_size: float

    @property
    def mean(self) -> float:
        """Estimate of the mean exit time."""
        return self.estimate().mean

    @property
    def direct_calls(self) -> float:
        """Gradient evaluations that direct simulation would need for the same error."""
        e = self.estimate()
        exits = (e.mean / max(e.standard_error, np.finfo(float).tiny)) ** 2
        return exits * e.mean / self.step_size

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return a confidence interval, from the spread of the runs and of the excursions."""
        estimate = self.estimate(level=level)
        return estimate.lower, estimate.upper

    def estimate(self, *, level: float = 0.95) -> MeanTime:
        """Return the mean exit time with its interval.

        The probabilities of the runs are averaged, not their inverses: the probabilities are unbiased.
        """
        from scipy.special import stdtrit

        n = self.probabilities.size
        p, length = float(self.probabilities.mean()), float(self.excursions.mean())
        if p == 0:
            return MeanTime(float("inf"), float("inf"), 0.0, float("inf"), level, "no path left")
        mean = length * (1 / p - 1) + self.wait + self.last  # all excursions but the last fall back
        spread = self.excursions / length - self.probabilities / p
        error = float(spread.std(ddof=1) / np.sqrt(n))
        factor = float(np.exp(stdtrit(n - 1, (1 + level) / 2) * error))
        return MeanTime(mean, mean * error, mean / factor, mean * factor, level, f"splitting, {n} runs")

    def _lines(self) -> list[str]:
        e = self.estimate()
        lines = [
            f"mean exit time {e} ({e.method})",
            f"excursions have mean length {self.excursions.mean():.4g} and leave with probability "
            f"{self.probabilities.mean():.4g}",
            f"{self.gradient_calls:.4g} gradient evaluations in {self.seconds:.3g} s; direct simulation "
            f"would need {self.direct_calls:.4g} for the same error",
        ]
        return lines if self.probabilities.mean() < _RARE else [*lines, _NOT_RARE]


@final
@dataclass(frozen=True, eq=False)
class Splitting:
    """How excursions are split.

    Parameters
    ----------
    home, surface : float
        Progress at which a path has fallen back, and at which an excursion begins.
    n_walkers, n_runs, n_excursions : int
        Paths per run, independent runs, and excursions observed for their length.
    """

    home: float
    surface: float
    n_walkers: int
    n_runs: int
    n_excursions: int


def split_exits(walkers: Walkers, start: Vector, plan: Splitting, rng: np.random.Generator) -> SplittingStudy:
    """Estimate a mean exit time from the minimum `start` by splitting."""
    if not plan.home < plan.surface:
        raise InvalidInputError(
            "excursions must begin beyond the level at which they end",
            f"levels {plan.home!r} and {plan.surface!r}",
            fix="pass levels in ascending order",
        )
    begun = time.perf_counter()
    lengths, waits, entries = _excursions(walkers, start, plan, rng)
    # each run starts from its own paths, so that runs are independent
    groups = np.array_split(rng.permutation(entries.shape[1]), plan.n_runs)
    chosen = np.concatenate(
        [_draw_entries(entries[:, walkers_of_run], plan.n_walkers, rng) for walkers_of_run in groups]
    )
    probabilities, last = _split(walkers, chosen, plan, rng)
    step = walkers.dynamics.step_size
    return SplittingStudy(
        probabilities,
        np.array([lengths[:, walkers_of_run].mean() for walkers_of_run in groups]) * step,
        waits * step,
        last * step,
        walkers.calls,
        time.perf_counter() - begun,
        step,
    )


def _draw_entries(entries: NDArray[np.float64], count: int, rng: np.random.Generator) -> Matrix:
    flat = entries.reshape(-1, entries.shape[2])
    some: Matrix = flat[rng.integers(len(flat), size=count)]
    return some


def _excursions(
    walkers: Walkers, start: Vector, plan: Splitting, rng: np.random.Generator
) -> tuple[Matrix, float, NDArray[np.float64]]:
    """Return lengths of rounds from home to surface and back, mean steps up, and states at the surface.

    Their shapes are (rounds, paths), none (a number), and (rounds, paths, state).
    """
    n = max(_OBSERVED, plan.n_runs)
    at = walkers.begin(start, n)
    lengths, waits, entries = [], [], []
    for k in range(-(-plan.n_excursions // n) + _FORGOTTEN):
        up = walkers.until(at, -np.inf, plan.surface)
        down = walkers.until(walkers.at(up.ends), plan.home, np.inf)
        z, left = down.ends, np.isinf(down.farthest)
        if np.mean(left) > _MANY:
            raise InvalidInputError(
                "exits are too frequent for splitting",
                f"{np.mean(left):.0%} of excursions leave",
                fix="time exits directly with escape_times",
            )
        back = np.flatnonzero(~left)
        z[left] = z[back[rng.integers(back.size, size=int(np.sum(left)))]]
        if k >= _FORGOTTEN:
            steps = up.steps + down.steps
            lengths.append(np.where(left, steps[back].mean(), steps))
            waits.append(up.steps.mean())
            entries.append(up.ends)
        at = walkers.at(z)
    return np.stack(lengths).astype(float), float(np.mean(waits)), np.stack(entries)


def _split(
    walkers: Walkers, entries: Matrix, plan: Splitting, rng: np.random.Generator
) -> tuple[Vector, float]:
    """Return each run's estimate of the exit probability of an excursion, and the mean steps of exits.

    All runs are advanced together.
    """
    n = plan.n_walkers
    paths = walkers.until(walkers.at(entries), plan.home, np.inf)
    probabilities, active = np.ones(plan.n_runs), list(range(plan.n_runs))
    while active:
        lost, parents, levels = [], [], []
        for run in list(active):
            farthest = paths.farthest[run * n : (run + 1) * n]
            # a quarter and any ties are replaced; fewer at the end
            within = farthest[np.isfinite(farthest)]
            level = min(float(np.sort(farthest)[n // 4]), float(within.max(initial=-np.inf)))
            gone, kept = np.flatnonzero(farthest <= level), np.flatnonzero(farthest > level)
            probabilities[run] *= kept.size / n
            if not (gone.size and kept.size):
                active.remove(run)
                continue
            lost.append(run * n + gone)
            parents.append(run * n + kept[rng.integers(kept.size, size=gone.size)])
            levels.append(np.full(gone.size, level))
        if lost:
            branches = walkers.branch(paths, np.concatenate(parents), np.concatenate(levels))
            paths.replace(np.concatenate(lost), walkers.until(branches, plan.home, np.inf))
    ends = paths.steps[np.isinf(paths.farthest)]
    return probabilities, float(ends.mean()) if ends.size else 0.0
