"""Mean exit times too long to wait for: adaptive multilevel splitting of excursions from a basin.

A path leaves the neighbourhood of the minimum again and again, passes a surface around it, and nearly
always falls back. The mean exit time is the number of excursions that it takes times their mean length; the
probability that one ends in the exit set is found by splitting: those that came least far are replaced by
copies of others, cut where these first pass the farthest point of the replaced one, until all have left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from lowland.core.arrays import Matrix, Vector
from lowland.core.dynamics import Dynamics
from lowland.core.errors import InvalidInputError
from lowland.kernels.integrators import step_batch
from lowland.landscape.survival import MeanTime

Progress = Callable[[Matrix], Vector]


@final
@dataclass(frozen=True, eq=False)
class SplittingStudy:
    """A mean exit time from splitting.

    Parameters
    ----------
    probabilities : ndarray, shape (runs,)
        That an excursion ends in the exit set, as each independent run has it.
    excursions : ndarray
        Lengths of excursions that fell back, the wait before each included.
    gradient_calls : int
        Steps of all paths.
    seconds : float
    step_size : float
    """

    probabilities: Vector
    excursions: Vector
    gradient_calls: int
    seconds: float
    step_size: float

    @property
    def mean(self) -> float:
        """Estimate of the mean exit time."""
        return self.estimate().mean

    @property
    def direct_calls(self) -> float:
        """Gradient evaluations that waiting for exits would take for the same error."""
        e = self.estimate()
        exits = (e.mean / max(e.standard_error, np.finfo(float).tiny)) ** 2
        return exits * e.mean / self.step_size

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return a confidence interval, from the spread of the runs and of the excursions."""
        estimate = self.estimate(level=level)
        return estimate.lower, estimate.upper

    def estimate(self, *, level: float = 0.95) -> MeanTime:
        """Return the mean exit time with its interval.

        The probabilities of the runs are averaged, not their inverses: they are unbiased.
        """
        n, m = self.probabilities.size, self.excursions.size
        p, length = float(self.probabilities.mean()), float(self.excursions.mean())
        mean = length / p
        error = np.hypot(
            self.probabilities.std(ddof=1) / np.sqrt(n) / p, self.excursions.std(ddof=1) / np.sqrt(m) / length
        )
        factor = float(np.exp(student.ppf((1 + level) / 2, n - 1) * error))
        return MeanTime(
            mean, mean * float(error), mean / factor, mean * factor, level, f"splitting, {n} runs"
        )

    def __str__(self) -> str:
        e = self.estimate()
        return (
            f"mean exit time {e.mean:.6g}, {100 * e.level:g} % interval {e.lower:.6g} to {e.upper:.6g} "
            f"({e.method})\n"
            f"an excursion of mean length {self.excursions.mean():.4g} leaves with probability "
            f"{self.probabilities.mean():.4g}\n"
            f"{self.gradient_calls:.4g} gradient evaluations in {self.seconds:.3g} s; waiting for exits "
            f"would take {self.direct_calls:.4g} for the same error"
        )

    def _repr_html_(self) -> str:
        return f"<pre>{self}</pre>"


@final
class _Walkers:
    """Paths that run until they fall back or leave, each with the record of its farthest points.

    A state is position, velocity and gradient side by side.
    """

    def __init__(
        self, gradient: Callable[[Matrix], Matrix], dynamics: Dynamics, progress: Progress, most_steps: int
    ) -> None:
        self.gradient, self.dynamics, self.progress = gradient, dynamics, progress
        self.most_steps, self.calls = most_steps, 0

    def step(self, z: Matrix, rng: np.random.Generator) -> Matrix:
        """Return the states a step later."""
        x, v, g = np.split(z, 3, axis=1)
        noise = rng.standard_normal((len(z), x.shape[1] * self.dynamics.noises))
        self.calls += len(z)
        return np.hstack(step_batch(self.dynamics, x, v, g, noise, self.gradient))

    def begin(self, start: Vector, n: int, rng: np.random.Generator) -> Matrix:
        """Return paths at a point, with velocities of the invariant law."""
        x = np.tile(start, (n, 1))
        v = np.zeros_like(x)
        if self.dynamics.has_velocity:
            v = rng.standard_normal(x.shape) / np.sqrt(self.dynamics.beta)
        return np.hstack([x, v, self.gradient(x)])

    def place(self, z: Matrix) -> Vector:
        """Return the progress of states."""
        return np.array(self.progress(z[:, : z.shape[1] // 3]), dtype=float)  # never a view

    def until(
        self, z: Matrix, low: float, high: float, rng: np.random.Generator
    ) -> tuple[Matrix, NDArray[np.bool_], NDArray[np.intp], list[list[tuple[float, Vector]]]]:
        """Run until progress falls to `low` or rises to `high`; return ends, who rose, steps, and records."""
        n = len(z)
        z, place = z.copy(), self.place(z)
        best, steps = place.copy(), np.zeros(n, np.intp)
        records = [[(float(p), point.copy())] for p, point in zip(place, z, strict=True)]
        moving = np.flatnonzero((place > low) & (place < high))
        for _ in range(self.most_steps):
            if not moving.size:
                return z, place >= high, steps, records
            z[moving] = self.step(z[moving], rng)
            place[moving] = self.place(z[moving])
            steps[moving] += 1
            for k in moving[place[moving] > best[moving]]:
                best[k] = place[k]
                records[k].append((float(place[k]), z[k].copy()))
            moving = moving[(place[moving] > low) & (place[moving] < high)]
        raise InvalidInputError(
            "paths neither fall back nor leave",
            f"after {self.most_steps} steps",
            fix="check the three levels",
        )


@final
@dataclass(frozen=True, eq=False)
class Splitting:
    """How excursions are split.

    Parameters
    ----------
    progress : callable
        Takes points (n, d), returns how far they are on the way out (n,).
    levels : tuple of float
        Progress at which a path has fallen back, at which an excursion begins, and at which it has left.
    n_walkers, n_runs, n_excursions : int
        Paths of a run, independent runs, and excursions observed for their length.
    most_steps : int
        Steps of a path before the levels are thought to be wrong.
    """

    progress: Progress
    levels: tuple[float, float, float]
    n_walkers: int
    n_runs: int
    n_excursions: int
    most_steps: int = 1_000_000


def split_exits(
    potential: Any, start: Vector, dynamics: Dynamics, plan: Splitting, rng: np.random.Generator
) -> SplittingStudy:
    """Estimate a mean exit time from the minimum `start` by splitting."""
    home, surface, out = plan.levels
    if not home < surface < out:
        raise InvalidInputError("the three levels must rise", repr(plan.levels))
    begun = time.perf_counter()
    walkers = _Walkers(potential.bind(int(rng.integers(2**63))), dynamics, plan.progress, plan.most_steps)
    lengths, entries = _excursions(walkers, start, plan.levels, plan.n_excursions, rng)
    chosen = entries[rng.integers(len(entries), size=plan.n_walkers * plan.n_runs)]
    probabilities = _split(walkers, chosen, plan.n_runs, (home, out), rng)
    return SplittingStudy(
        probabilities,
        lengths,
        walkers.calls,
        time.perf_counter() - begun,
        dynamics.step_size,
    )


def _excursions(
    walkers: _Walkers, start: Vector, levels: tuple[float, float, float], count: int, rng: np.random.Generator
) -> tuple[Vector, Matrix]:
    """Return lengths of whole rounds, home to surface to home, and where the surface was passed."""
    home, surface, out = levels
    n = min(count, 200)
    z = walkers.begin(start, n, rng)
    lengths, entries = [], []
    for k in range(-(-count // n) + 2):
        passed, _, up, _ = walkers.until(z, -np.inf, surface, rng)
        z, left, down, _ = walkers.until(passed, home, out, rng)
        if np.all(left):
            raise InvalidInputError("every excursion leaves", "nothing to split", fix="time exits directly")
        if k >= 2:  # the first rounds still know where they began
            lengths.append((up + down)[~left] * walkers.dynamics.step_size)
            entries.append(passed)
        z[left] = z[~left][rng.integers(int(np.sum(~left)), size=int(np.sum(left)))]
    return np.concatenate(lengths).astype(float), np.vstack(entries)


def _split(
    walkers: _Walkers, entries: Matrix, n_runs: int, ends: tuple[float, float], rng: np.random.Generator
) -> Vector:
    """Return each run's estimate of the probability that an excursion leaves; all runs step together."""
    home, out = ends
    n = len(entries) // n_runs
    records = walkers.until(entries, home, out, rng)[3]
    probabilities, active = np.ones(n_runs), list(range(n_runs))
    while active:
        lost, branches = [], []
        for run in list(active):
            farthest = np.array([record[-1][0] for record in records[run * n : (run + 1) * n]])
            # a quarter is replaced, ties besides; fewer at the end
            level = min(
                float(np.sort(farthest)[n // 4]), float(farthest[farthest < out].max(initial=-np.inf))
            )
            gone, kept = np.flatnonzero(farthest <= level), np.flatnonzero(farthest > level)
            probabilities[run] *= kept.size / n
            if not (gone.size and kept.size):
                active.remove(run)
                continue
            parents = kept[rng.integers(kept.size, size=gone.size)]
            lost += [run * n + k for k in gone]
            branches += [_passage(records[run * n + p], level) for p in parents]
        if lost:
            starts = np.stack([branch[-1][1] for branch in branches])
            grown = walkers.until(starts, home, out, rng)[3]
            for k, branch, rest in zip(lost, branches, grown, strict=True):
                records[k] = branch[:-1] + rest
    return probabilities


def _passage(record: list[tuple[float, Vector]], level: float) -> list[tuple[float, Vector]]:
    """Return a record up to the first point beyond a level."""
    first = next(k for k, (place, _) in enumerate(record) if place > level)
    return record[: first + 1]
