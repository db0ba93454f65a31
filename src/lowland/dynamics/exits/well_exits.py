"""Exits from a ball around the minimum of a quadratic well, without a step size.

In a quadratic well the law of a path at any times is normal and known in closed form, and so is the law
of what lies between two times, given both ends. Paths are drawn at coarse times first. An interval in which
a path may have left in between is halved again and again, each midpoint drawn from its law given the ends,
until a crossing is seen or can be excluded. What remains are chances below 1e-9 per interval, and the finest
intervals: there paths without inertia cross with the probability of a Brownian bridge, whose boundary is flat
at that size, and paths with inertia are nearly straight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.memory import check_fits
from lowland.dynamics.laws import Dynamics, Underdamped

# deviations beyond which a normal coordinate in between is excluded, and the room beside the looked-at times
SURE, ROOM = 7.0, 1.25
# parts of an interval at whose ends the path in between is bounded
PARTS = 8
# size, relative to the radius, of what is left open in the finest intervals: spread of a path, and time
FINEST_WITHOUT, FINEST_WITH, FINEST_TIME = 2e-3, 1e-4, 0.02
# times at which paths are drawn first before a time is over, unless they turn faster
LOOKS = 16
# numbers drawn together
MOST_NUMBERS = 1_000_000

Flags = NDArray[np.bool_]


@final
@dataclass(frozen=True, eq=False)
class LinearLaw:
    """A linear diffusion dz = -drift z dt + noise: its state is the position, or position and velocity.

    Parameters
    ----------
    drift : ndarray, shape (s, s)
    diffusion : ndarray, shape (s, s)
        Covariance of the noise per time.
    dimension : int
        Number d of coordinates of the position, the first of the state.
    """

    drift: Matrix
    diffusion: Matrix
    dimension: int

    @classmethod
    def of(cls, dynamics: Dynamics, hessian: Matrix) -> LinearLaw:
        """Return the law of a dynamics in the well of a Hessian, whatever its step."""
        d, noise = len(hessian), 2 / dynamics.beta
        zero, one = np.zeros((d, d)), np.eye(d)
        if isinstance(dynamics, Underdamped):
            friction = dynamics.friction
            drift = np.block([[zero, -one], [hessian, friction * one]])
            return cls(drift, noise * friction * np.block([[zero, zero], [zero, one]]), d)
        J = dynamics.antisymmetric
        return cls(hessian if J is None else hessian + J @ hessian, noise * one, d)

    def over(self, time: float) -> Passage:
        """Return the law of the state after a time that is short beside the law's own times."""
        from scipy.linalg import expm

        s = len(self.drift)
        # C. Van Loan, Computing integrals involving the matrix exponential, 1978
        both = expm(time * np.block([[-self.drift, self.diffusion], [np.zeros((s, s)), self.drift.T]]))
        transition = np.asarray(both[:s, :s])
        covariance = np.asarray(both[:s, s:]) @ transition.T
        return Passage(transition, (covariance + covariance.T) / 2)


@final
@dataclass(frozen=True, eq=False)
class Passage:
    """The state after some time: transition times the state before, plus normal noise of a covariance.

    Parameters
    ----------
    transition, covariance : ndarray, shape (s, s)
    """

    transition: Matrix
    covariance: Matrix

    def then(self, after: Passage) -> Passage:
        """Return the law after this time and then another."""
        T = after.transition
        return Passage(T @ self.transition, after.covariance + T @ self.covariance @ T.T)


@final
@dataclass(frozen=True, eq=False)
class Interval:
    """What lies within an interval of a length, given the states z at both ends.

    Parameters
    ----------
    whole : Passage
        From one end to the other.
    middle : ndarray, shape (s, 2 s)
        The mean of the state halfway is this times the two states.
    root : ndarray, shape (s, s)
        The covariance of the state halfway is this times its transpose.
    bulges : ndarray, shape (parts, d, 2 s)
        Of the mean position from the straight line between the ends, at some times, in the same way.
    spread : float
        Largest standard deviation of the position in any direction at these times.
    """

    whole: Passage
    middle: Matrix
    root: Matrix
    bulges: NDArray[np.float64]
    spread: float

    @classmethod
    def of(cls, part: Passage, dimension: int) -> Interval:
        """Return the laws within an interval from that of the states after one of its parts."""
        passages = [part]
        for _ in range(PARTS - 1):
            passages.append(passages[-1].then(part))
        whole, size = passages[-1], len(part.transition)
        straight, bulges, spread = np.eye(size)[:dimension], [], 0.0
        means, rests = [], []
        for k in range(1, PARTS):
            before, after = passages[k - 1], passages[PARTS - k - 1]
            gain = np.linalg.solve(whole.covariance, after.transition @ before.covariance).T
            mean = np.hstack([before.transition - gain @ whole.transition, gain])
            rest = before.covariance - gain @ after.transition @ before.covariance
            share = k / PARTS
            bulges.append(mean[:dimension] - np.hstack([(1 - share) * straight, share * straight]))
            spread = max(spread, float(np.linalg.eigvalsh((rest + rest.T)[:dimension, :dimension])[-1]) / 2)
            means.append(mean)
            rests.append(rest)
        half = PARTS // 2 - 1
        return cls(whole, means[half], _root(rests[half]), np.array(bulges), float(np.sqrt(spread)))

    def may_leave(self, ends: Matrix, radius: float) -> Flags:
        """Return which paths may leave a ball between two ends within it, shape (n, 2 s)."""
        d, size = self.bulges.shape[1], ends.shape[1] // 2
        farthest = np.maximum(_norms(ends[:, :d]), _norms(ends[:, size : size + d]))
        sure = farthest + SURE * self.spread
        open_to = np.flatnonzero(sure + ROOM * self._steepest * _norms(ends) >= radius)
        bulge = np.linalg.norm(np.einsum("pij,nj->npi", self.bulges, ends[open_to]), axis=2).max(axis=1)
        may = np.zeros(len(ends), bool)
        may[open_to] = sure[open_to] + ROOM * bulge >= radius
        return may

    @property
    def _steepest(self) -> float:
        return float(np.linalg.norm(self.bulges, 2, axis=(1, 2)).max())


def _root(covariance: Matrix) -> Matrix:
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _norms(rows: Matrix) -> Vector:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows)))


def intervals_of(law: LinearLaw, longest: float, radius: float) -> list[Interval]:
    """Return the laws within intervals of a length, of half of it, and so on to the finest needed."""
    inertia, halvings = len(law.drift) > law.dimension, 0
    finest = FINEST_WITH if inertia else FINEST_WITHOUT

    def spread(time: float) -> float:
        return Interval.of(law.over(time / PARTS), law.dimension).spread

    time = longest
    while spread(time) > finest * radius or (inertia and time > FINEST_TIME / _fastest(law)):
        time, halvings = time / 2, halvings + 1
    part, found = law.over(time / PARTS), []
    for _ in range(halvings + 1):
        found.append(Interval.of(part, law.dimension))
        part = part.then(part)
    return found[::-1]


def _fastest(law: LinearLaw) -> float:
    return float(np.abs(np.linalg.eigvals(law.drift)).max())


def exit_intervals(
    dynamics: Dynamics,
    hessian: Matrix,
    start: Vector,
    *,
    radius: float,
    length: float,
    count: int,
    n_chains: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return in which of successive intervals of time paths first leave a ball around a quadratic minimum.

    Parameters
    ----------
    dynamics : Overdamped, NonReversible or Underdamped
        Its step size is not used.
    hessian : ndarray, shape (d, d)
        Symmetric positive definite.
    start : ndarray, shape (d,)
        Relative to the minimum, within the ball. Velocities start from the invariant law.
    radius : float
    length : float
        Of an interval.
    count : int
        Of intervals.
    n_chains : int
    rng : Generator

    Returns
    -------
    ndarray of int, shape (n_chains,)
        From 0 on; `count` for those that do not leave.
    """
    law = LinearLaw.of(dynamics, hessian)
    finer = int(np.ceil(length * _turning(law)) or 1)
    intervals = intervals_of(law, length / finer, radius)
    block = max(1, MOST_NUMBERS // (count * finer * len(law.drift)))
    left = [
        _first_exits(
            law,
            intervals,
            _states(law, dynamics, start, min(block, n_chains - k), rng),
            count * finer,
            radius,
            rng,
        )[0]
        for k in range(0, n_chains, block)
    ]
    return np.asarray(np.concatenate(left) // finer)


def exits_around(
    dynamics: Dynamics,
    hessian: Matrix,
    start: Vector,
    *,
    radius: float,
    soon: float,
    duration: float,
    n_chains: int,
    rng: np.random.Generator,
) -> tuple[int, int, int]:
    """Return how many paths leave a ball before a time, how many within a duration after it, and the rest.

    Parameters
    ----------
    dynamics, hessian, start, radius, n_chains, rng
        As in `exit_intervals`.
    soon : float
        The time; 0 if no path is to count as early.
    duration : float
        Positive.

    Returns
    -------
    early, late, stayed : int

    Raises
    ------
    TooLargeError
        If the times that are looked at do not fit in memory, of one path.
    """
    law = LinearLaw.of(dynamics, hessian)
    longest = min(soon / LOOKS if soon > 0 else 1 / _fastest(law), 1 / (_turning(law) or 1 / duration))
    counts = [int(np.ceil(time / longest)) for time in (soon, duration)]
    check_fits(8.0 * len(law.drift) * max(counts), "the path over all times", "use a shorter duration")
    spans = [
        (intervals_of(law, time / count, radius), count)
        for time, count in zip((soon, duration), counts, strict=True)
        if count
    ]
    block = max(1, MOST_NUMBERS // (max(counts) * len(law.drift)))
    gone = [0] * len(spans)
    for k in range(0, n_chains, block):
        states = _states(law, dynamics, start, min(block, n_chains - k), rng)
        for span, (intervals, count) in enumerate(spans):
            # what follows a time depends on the state at that time alone
            first, last = _first_exits(law, intervals, states, count, radius, rng)
            gone[span] += int(np.sum(first < count))
            states = last[first == count]
    early, late = gone if counts[0] else (0, *gone)
    return early, late, n_chains - early - late


def _turning(law: LinearLaw) -> float:
    """Return how fast paths turn: no turn may hide between two of the times that are looked at."""
    return float(np.abs(np.linalg.eigvals(law.drift).imag).max())


def _states(law: LinearLaw, dynamics: Dynamics, start: Vector, n: int, rng: np.random.Generator) -> Matrix:
    """Return n states at a position, shape (n, s)."""
    places = np.tile(start, (n, 1))
    velocities = rng.standard_normal((n, len(law.drift) - law.dimension)) / np.sqrt(dynamics.beta)
    return np.hstack([places, velocities])


def _first_exits(
    law: LinearLaw,
    intervals: list[Interval],
    state: Matrix,
    count: int,
    radius: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], Matrix]:
    """Return in which successive intervals of the first length paths first leave, and their last states."""
    n, size = state.shape
    d, whole = law.dimension, intervals[0].whole
    states, root = np.empty((count + 1, n, size)), _root(whole.covariance)
    states[0] = state
    for k in range(count):
        states[k + 1] = states[k] @ whole.transition.T + rng.standard_normal((n, size)) @ root.T
    out = _norms(states[1:, :, :d].reshape(-1, d)).reshape(count, n) >= radius
    first = np.where(out.any(axis=0), out.argmax(axis=0), count)
    at, path = np.nonzero(np.arange(count)[:, None] < first)
    ends = np.concatenate([states[at, path], states[at + 1, path]], axis=1)
    for interval in intervals:
        # those after a crossing that was seen do not matter
        use = (at < first[path]) & interval.may_leave(ends, radius)
        at, path, ends = at[use], path[use], ends[use]
        if interval is intervals[-1]:
            break
        middle = ends @ interval.middle.T + rng.standard_normal((len(ends), size)) @ interval.root.T
        gone = _norms(middle[:, :d]) >= radius
        np.minimum.at(first, path[gone], at[gone])
        kept = ~gone
        halves = (ends[kept, :size], middle[kept]), (middle[kept], ends[kept, size:])
        ends = np.concatenate([np.concatenate(half, axis=1) for half in halves])
        at, path = np.tile(at[kept], 2), np.tile(path[kept], 2)
    if size == d:
        spread = intervals[-1].whole.covariance[0, 0]
        depth = 2 * (radius - _norms(ends[:, :d])) * (radius - _norms(ends[:, d:])) / spread
        gone = rng.random(len(ends)) < np.exp(-depth)
        np.minimum.at(first, path[gone], at[gone])
    return np.asarray(first), states[-1]
