"""Mean exit times too long to wait for: adaptive multilevel splitting of excursions from a basin.

A path leaves the neighbourhood of the minimum again and again, passes a surface around it, and nearly
always falls back. The mean exit time is the expected number of excursions times their mean length. The
probability that one ends in the exit set is estimated by splitting: the paths that made least progress are
replaced by copies of others, cut where these first pass the farthest point of the replaced path, until all
have left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.dynamics.kernels.ensembles import LARGEST_COORDINATE
from lowland.dynamics.kernels.integrators import step_batch
from lowland.dynamics.laws import Dynamics
from lowland.dynamics.potentials import Potential
from lowland.dynamics.survival import MeanTime

ReactionCoordinate = Callable[[Matrix], Vector]
Steps = NDArray[np.intp]
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


@final
class Passage(NamedTuple):
    """A point where a path was farther than ever before: coordinate, steps taken, and state."""

    place: float
    step: int
    state: Vector


@final
@dataclass(frozen=True, eq=False)
class SplittingStudy:
    """A mean exit time from splitting.

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

    def __str__(self) -> str:
        e = self.estimate()
        return (
            f"mean exit time {e} ({e.method})\n"
            f"excursions have mean length {self.excursions.mean():.4g} and leave with probability "
            f"{self.probabilities.mean():.4g}\n"
            f"{self.gradient_calls:.4g} gradient evaluations in {self.seconds:.3g} s; direct simulation "
            f"would need {self.direct_calls:.4g} for the same error"
        ) + ("" if self.probabilities.mean() < _RARE else f"\n{_NOT_RARE}")

    def _repr_html_(self) -> str:
        return f"<pre>{self}</pre>"


@final
class _Walkers:
    """Paths that run until they fall back or leave, each with a record of its farthest points.

    A state is position, velocity and gradient, concatenated.
    """

    def __init__(self, gradient: Callable[[Matrix], Matrix], dynamics: Dynamics, plan: Splitting) -> None:
        self.gradient, self.dynamics = gradient, dynamics
        self.coordinate, self.has_left, self.most_steps = plan.coordinate, plan.has_left, plan.most_steps
        self.calls = 0

    def step(self, z: Matrix, rng: np.random.Generator) -> Matrix:
        """Return the states after one step."""
        x, v, g = np.split(z, 3, axis=1)
        noise = rng.standard_normal((len(z), x.shape[1] * self.dynamics.noises))
        self.calls += len(z)
        return np.hstack(step_batch(self.dynamics, x, v, g, noise, self.gradient))

    def begin(self, start: Vector, n: int, rng: np.random.Generator) -> Matrix:
        """Return paths at a point, with velocities from the invariant law."""
        x = np.tile(start, (n, 1))
        v = np.zeros_like(x)
        if self.dynamics.has_velocity:
            v = rng.standard_normal(x.shape) / np.sqrt(self.dynamics.beta)
        return np.hstack([x, v, self.gradient(x)])

    def place(self, z: Matrix) -> Vector:
        """Return the coordinate of states, infinite where they have left."""
        x = z[:, : z.shape[1] // 3]
        if not np.all(np.abs(x) <= LARGEST_COORDINATE):
            raise InvalidInputError(
                "a path is no longer finite",
                f"step_size {self.dynamics.step_size:g}",
                fix="use a smaller step, or correct the gradient far from the minimum",
            )
        place = np.array(self.coordinate(x), dtype=float)  # never a view
        if place.shape != (len(x),):
            raise InvalidInputError(
                "coordinate must return one number per point", f"shape {place.shape} for {len(x)} points"
            )
        return np.where(self.has_left(x), np.inf, place)

    def until(
        self, z: Matrix, low: float, high: float, rng: np.random.Generator, steps: Steps | None = None
    ) -> tuple[Matrix, NDArray[np.bool_], Steps, list[list[Passage]]]:
        """Run until the coordinate falls to `low` or rises to `high`; return ends, who rose, steps, records.

        `steps` are those taken before. A record has the points at which a path was farther than ever before.
        """
        n = len(z)
        z, place = z.copy(), self.place(z)
        best, steps = place.copy(), np.zeros(n, np.intp) if steps is None else steps.copy()
        records = [[Passage(float(place[k]), int(steps[k]), z[k].copy())] for k in range(n)]
        moving = np.flatnonzero((place > low) & (place < high))
        for _ in range(self.most_steps):
            if not moving.size:
                return z, place >= high, steps, records
            z[moving] = self.step(z[moving], rng)
            place[moving] = self.place(z[moving])
            steps[moving] += 1
            for k in moving[place[moving] > best[moving]]:
                best[k] = place[k]
                records[k].append(Passage(float(place[k]), int(steps[k]), z[k].copy()))
            moving = moving[(place[moving] > low) & (place[moving] < high)]
        raise InvalidInputError(
            "some paths neither fall back nor leave", f"after {self.most_steps} steps", fix="check the levels"
        )


@final
@dataclass(frozen=True, eq=False)
class Splitting:
    """How excursions are split.

    Parameters
    ----------
    coordinate : callable
        Takes points (n, d), returns their progress towards the exit (n,).
    has_left : callable
        Takes points (n, d), returns which have left (n,).
    home, surface : float
        Progress at which a path has fallen back, and at which an excursion begins.
    n_walkers, n_runs, n_excursions : int
        Paths per run, independent runs, and excursions observed for their length.
    most_steps : int
        Steps of a path after which the levels are considered wrong.
    """

    coordinate: ReactionCoordinate
    has_left: Callable[[Matrix], NDArray[np.bool_]]
    home: float
    surface: float
    n_walkers: int
    n_runs: int
    n_excursions: int
    most_steps: int = 1_000_000


def split_exits(
    potential: Potential, start: Vector, dynamics: Dynamics, plan: Splitting, rng: np.random.Generator
) -> SplittingStudy:
    """Estimate a mean exit time from the minimum `start` by splitting."""
    if not plan.home < plan.surface:
        raise InvalidInputError(
            "excursions must begin beyond the level at which they end",
            f"levels {plan.home!r} and {plan.surface!r}",
            fix="pass levels in ascending order",
        )
    begun = time.perf_counter()
    walkers = _Walkers(potential.bind(int(rng.integers(2**63))), dynamics, plan)
    lengths, waits, entries = _excursions(walkers, start, plan, rng)
    # each run starts from its own paths, so that runs are independent
    own = np.array_split(rng.permutation(entries.shape[1]), plan.n_runs)
    chosen = np.concatenate(
        [_some(entries[:, walkers_of_run], plan.n_walkers, rng) for walkers_of_run in own]
    )
    probabilities, last = _split(walkers, chosen, plan, rng)
    return SplittingStudy(
        probabilities,
        np.array([lengths[:, walkers_of_run].mean() for walkers_of_run in own]) * dynamics.step_size,
        waits * dynamics.step_size,
        last * dynamics.step_size,
        walkers.calls,
        time.perf_counter() - begun,
        dynamics.step_size,
    )


def _some(entries: NDArray[np.float64], count: int, rng: np.random.Generator) -> Matrix:
    flat = entries.reshape(-1, entries.shape[2])
    some: Matrix = flat[rng.integers(len(flat), size=count)]
    return some


def _excursions(
    walkers: _Walkers, start: Vector, plan: Splitting, rng: np.random.Generator
) -> tuple[Matrix, float, NDArray[np.float64]]:
    """Return lengths of rounds from home to surface and back, mean steps up, and states at the surface.

    Their shapes are (rounds, paths), none (a number), and (rounds, paths, state).
    """
    n = max(_OBSERVED, plan.n_runs)
    z = walkers.begin(start, n, rng)
    lengths, waits, entries = [], [], []
    for k in range(-(-plan.n_excursions // n) + _FORGOTTEN):
        passed, _, up, _ = walkers.until(z, -np.inf, plan.surface, rng)
        z, left, down, _ = walkers.until(passed, plan.home, np.inf, rng)
        if np.mean(left) > _MANY:
            raise InvalidInputError(
                "exits are too frequent for splitting",
                f"{np.mean(left):.0%} of excursions leave",
                fix="time exits directly with escape_times",
            )
        back = np.flatnonzero(~left)
        z[left] = z[back[rng.integers(back.size, size=int(np.sum(left)))]]
        if k >= _FORGOTTEN:
            lengths.append(np.where(left, (up + down)[back].mean(), up + down))
            waits.append(up.mean())
            entries.append(passed)
    return np.stack(lengths).astype(float), float(np.mean(waits)), np.stack(entries)


def _split(
    walkers: _Walkers, entries: Matrix, plan: Splitting, rng: np.random.Generator
) -> tuple[Vector, float]:
    """Return each run's estimate of the exit probability of an excursion, and the mean steps of exits.

    All runs are advanced together.
    """
    n = plan.n_walkers
    records = walkers.until(entries, plan.home, np.inf, rng)[3]
    probabilities, active = np.ones(plan.n_runs), list(range(plan.n_runs))
    while active:
        lost: list[int] = []
        branches: list[list[Passage]] = []
        for run in list(active):
            farthest = np.array([record[-1].place for record in records[run * n : (run + 1) * n]])
            # a quarter and any ties are replaced; fewer at the end
            within = farthest[np.isfinite(farthest)]
            level = min(float(np.sort(farthest)[n // 4]), float(within.max(initial=-np.inf)))
            gone, kept = np.flatnonzero(farthest <= level), np.flatnonzero(farthest > level)
            probabilities[run] *= kept.size / n
            if not (gone.size and kept.size):
                active.remove(run)
                continue
            parents = kept[rng.integers(kept.size, size=gone.size)]
            lost += [run * n + int(k) for k in gone]
            branches += [_passage(records[run * n + p], level) for p in parents]
        if lost:
            starts = np.stack([branch[-1].state for branch in branches])
            taken = np.array([branch[-1].step for branch in branches])
            grown = walkers.until(starts, plan.home, np.inf, rng, taken)[3]
            for k, branch, rest in zip(lost, branches, grown, strict=True):
                records[k] = branch[:-1] + rest
    ends = [record[-1].step for record in records if np.isinf(record[-1].place)]
    return probabilities, float(np.mean(ends)) if ends else 0.0


def _passage(record: list[Passage], level: float) -> list[Passage]:
    """Return a record up to and including the first point beyond a level."""
    first = next(k for k, passage in enumerate(record) if passage.place > level)
    return record[: first + 1]
