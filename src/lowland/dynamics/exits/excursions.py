"""Paths that run until they fall back or leave, and their beginnings up to a level, to be continued anew.

Progress is a number that grows towards the exit set, infinite within it. Where gradient and exit set are
compiled, a path is run again up to the point that is wanted: its noise depends on its number and its steps
alone. Everywhere else (functions of points, noisy gradients, a progress of one's own) each path records the
points where it was farther than ever before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError, LowlandError
from lowland.dynamics.exit_sets import Ball, HalfSpace
from lowland.dynamics.kernels import excursions as compiled
from lowland.dynamics.kernels.ensembles import (
    LARGEST_COORDINATE,
    compiled_exit,
    compiled_rule,
    compiled_turning,
    lanes_and_blocks,
    packed,
    padded,
    unpacked,
)
from lowland.dynamics.kernels.integrators import step_batch
from lowland.dynamics.kernels.step_normals import start_velocities, step_normals
from lowland.dynamics.laws import Dynamics
from lowland.dynamics.potentials import Potential
from lowland.kernels.threads import even_bounds, run_chunks

ReactionCoordinate = Callable[[Matrix], Vector]
Steps = NDArray[np.intp]
Places = NDArray[np.intp]
Numbers = NDArray[np.uint32]
# steps of a path after which the levels are considered wrong
MOST_STEPS = 1_000_000
# compiled steps between two looks at which paths still move; doubled up to the second number
_FIRST_STEPS, _STEPS = 16, 1024


@final
class Starts(NamedTuple):
    """Where paths begin.

    Parameters
    ----------
    states : ndarray, shape (n, 3 d)
        Positions, velocities (zero where the dynamics has none) and gradients.
    places : ndarray, shape (n,)
        Progress towards the exit set.
    steps : ndarray of int, shape (n,)
        Steps taken before.
    """

    states: Matrix
    places: Vector
    steps: Steps

    def select(self, which: Places) -> Starts:
        """Return some of them."""
        return Starts(self.states[which], self.places[which], self.steps[which])


@final
class Passage(NamedTuple):
    """A point where a path was farther than ever before: progress, steps taken, and state."""

    place: float
    step: int
    state: Vector


@final
@dataclass(eq=False)
class Paths:
    """Paths that have ended.

    Parameters
    ----------
    starts : Starts
    ids : ndarray of uint32, shape (n,)
        Numbers of their streams of noise.
    ends : ndarray, shape (n, 3 d)
        States at the end.
    farthest : ndarray, shape (n,)
        Greatest progress, infinite for those that left.
    steps : ndarray of int, shape (n,)
        Steps taken, those before the start included.
    low : float
        Progress at which paths that fell back ended.
    records : list of list of Passage
        The points of each path where it was farther than ever before; empty where paths are run again.
    """

    starts: Starts
    ids: Numbers
    ends: Matrix
    farthest: Vector
    steps: Steps
    low: float
    records: list[list[Passage]]

    def replace(self, which: Places, others: Paths) -> None:
        """Put other paths in the place of some."""
        for mine, theirs in zip(self._arrays(), others._arrays(), strict=True):
            mine[which] = theirs
        if self.records:
            for k, record in zip(which, others.records, strict=True):
                self.records[k] = record

    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return (*self.starts, self.ids, self.ends, self.farthest, self.steps)


@final
class Walkers:
    """Paths of one dynamics in one landscape.

    Parameters
    ----------
    potential : Potential
    dynamics : Dynamics
    exit : HalfSpace or Ball
    progress : callable, optional
        Takes points (n, d), returns their progress (n,); minus the distance to the exit set by default.
    key : int
        Seed of all noise, below 2^63.
    """

    potential: Potential
    dynamics: Dynamics
    exit: HalfSpace | Ball
    progress: Callable[[Matrix], Vector] | None
    gradient: Callable[[Matrix], Matrix]
    key: int
    calls: int

    def __init__(
        self,
        potential: Potential,
        dynamics: Dynamics,
        exit: HalfSpace | Ball,
        progress: ReactionCoordinate | None,
        key: int,
    ) -> None:
        self.potential, self.dynamics, self.exit, self.progress = potential, dynamics, exit, progress
        self.gradient, self.key = potential.bind(key), key
        # else the points on the way are recorded
        self.repeatable: bool = potential.compiled is not None and progress is None
        self.calls, self._numbers = 0, 0

    def begin(self, start: Vector, n: int) -> Starts:
        """Return paths at a point, with velocities from the invariant law."""
        x = np.tile(start, (n, 1))
        v = np.zeros_like(x)
        if self.dynamics.has_velocity:
            v = start_velocities(self._new_numbers(n), start.size, self.dynamics.beta, self.key)
        return self.at(np.hstack([x, v, self.gradient(x)]))

    def at(self, states: Matrix) -> Starts:
        """Return paths that begin at states, no steps taken."""
        return Starts(states, self.place(states), np.zeros(len(states), np.intp))

    def place(self, states: Matrix) -> Vector:
        """Return the progress of states, infinite where they have left."""
        x = states[:, : states.shape[1] // 3]
        if not np.all(np.abs(x) <= LARGEST_COORDINATE):
            raise self._diverged()
        distance = self.exit.distance(x)
        place = -distance if self.progress is None else np.array(self.progress(x), dtype=float)
        if place.shape != (len(x),):
            raise InvalidInputError(
                "coordinate must return one number per point", f"shape {place.shape} for {len(x)} points"
            )
        return np.where(distance <= 0, np.inf, place)

    def until(self, starts: Starts, low: float, high: float) -> Paths:
        """Run until the progress falls to `low` or rises to `high`."""
        return self._follow(starts, self._new_numbers(len(starts.places)), low, high)

    def branch(self, paths: Paths, which: Places, levels: Vector) -> Starts:
        """Return the first points where some paths are beyond a level, each beyond its own."""
        if self.repeatable:
            beyond = np.nextafter(levels, np.inf)
            again = self._follow(paths.starts.select(which), paths.ids[which], paths.low, beyond)
            if np.any(again.farthest < beyond):
                raise LowlandError(
                    "a path that was run again did not reach its level",
                    f"potential {self.potential.name}",
                    fix="the compiled gradient must depend on the point alone",
                )
            return Starts(again.ends, again.farthest, again.steps)
        passages = [
            next(passage for passage in paths.records[k] if passage.place > level)
            for k, level in zip(which, levels, strict=True)
        ]
        places, steps, states = zip(*passages, strict=True)
        return Starts(np.stack(states), np.array(places), np.array(steps, np.intp))

    def _follow(self, starts: Starts, ids: Numbers, low: float, high: float | Vector) -> Paths:
        return (self._repeatable if self.repeatable else self._recorded)(starts, ids, low, high)

    def _recorded(self, starts: Starts, ids: Numbers, low: float, high: float | Vector) -> Paths:
        """Run paths of any gradient and any progress in NumPy, and record their farthest points."""
        z, place, steps = starts.states.copy(), starts.places.copy(), starts.steps.copy()
        best, d, highest = place.copy(), self.dynamics, np.broadcast_to(high, place.shape)
        records = [[Passage(*one)] for one in zip(place.tolist(), steps.tolist(), z.copy(), strict=True)]
        moving = np.flatnonzero((place > low) & (place < highest))
        for s in range(MOST_STEPS):
            if not moving.size:
                return Paths(starts, ids, z, best, steps, low, records)
            x, v, g = np.split(z[moving], 3, axis=1)
            noise = step_normals(ids[moving], s, d.noises * x.shape[1], self.key)
            z[moving] = np.hstack(step_batch(d, x, v, g, noise, self.gradient))
            self.calls += moving.size
            place[moving] = self.place(z[moving])
            steps[moving] += 1
            for k in moving[place[moving] > best[moving]]:
                best[k] = place[k]
                records[k].append(Passage(float(place[k]), int(steps[k]), z[k].copy()))
            moving = moving[(place[moving] > low) & (place[moving] < highest[moving])]
        raise _endless()

    def _repeatable(self, starts: Starts, ids: Numbers, low: float, high: float | Vector) -> Paths:
        """Run paths of a compiled gradient towards the exit set itself, many steps per call."""
        z, best, steps = starts.states.copy(), starts.places.copy(), starts.steps.copy()
        highest = np.broadcast_to(np.minimum(high, 0.0), best.shape)  # 0: the exit set
        moving, done, more = np.flatnonzero((best > low) & (best < highest)), 0, _FIRST_STEPS
        going = z[moving]
        while moving.size:
            if done >= MOST_STEPS:
                raise _endless()
            now = (done, done + more)
            near, far = -highest[moving], np.full(moving.size, -low)
            going, ended, nearest, taken = self._advance(going, ids[moving], now, near, far)
            best[moving] = np.maximum(best[moving], np.where(nearest <= 0, np.inf, -nearest))
            self.calls += int(np.where(ended, taken - done, more).sum())
            z[moving[ended]] = going[ended]
            steps[moving[ended]] += taken[ended]
            moving, going = moving[~ended], going[~ended]
            done, more = done + more, min(2 * more, _STEPS)
        return Paths(starts, ids, z, best, steps, low, [])

    def _advance(
        self, z: Matrix, ids: Numbers, span: tuple[int, int], near: Vector, far: Vector
    ) -> tuple[Matrix, NDArray[np.bool_], Vector, Steps]:
        """Return states after some steps or at the end, which ended, nearest distances, and steps taken."""
        n, d = len(z), z.shape[1] // 3
        lanes, blocks = lanes_and_blocks(n, d)
        state = tuple(packed(part, blocks, lanes) for part in np.split(z, 3, axis=1))
        kept = tuple(np.empty_like(part) for part in state)
        numbers = padded(ids, blocks, lanes, 0)
        status = padded(np.full(n, compiled.MOVING, np.uint8), blocks, lanes, compiled.EMPTY)
        nearest, taken = np.full((blocks, lanes), np.inf), np.zeros((blocks, lanes), np.intp)
        ends = (padded(near, blocks, lanes, 0.0), padded(far, blocks, lanes, 0.0), status, nearest, taken)
        exits = (*compiled_exit(self.exit), LARGEST_COORDINATE)
        rule, turning = compiled_rule(self.dynamics, d), compiled_turning(self.dynamics)
        gradient, parameters, key = self.potential.compiled, self.potential.parameters, np.uint64(self.key)

        def work(first: int, last: int) -> None:
            compiled.advance_between(
                gradient,
                parameters,
                state,
                kept,
                numbers,
                (first, last),
                span,
                rule,
                turning,
                exits,
                key,
                ends,
            )

        run_chunks(work, even_bounds(blocks, blocks * lanes * (span[1] - span[0]) * d))
        if np.any(status == compiled.DIVERGED):
            raise self._diverged()
        ended: NDArray[np.bool_] = status.reshape(-1)[:n] == compiled.ENDED
        going, at_end = (np.hstack([unpacked(part, n) for part in parts]) for parts in (state, kept))
        return np.where(ended[:, None], at_end, going), ended, nearest.reshape(-1)[:n], taken.reshape(-1)[:n]

    def _new_numbers(self, n: int) -> Numbers:
        first = self._numbers
        self._numbers += n
        return np.arange(first, first + n, dtype=np.uint32)

    def _diverged(self) -> InvalidInputError:
        return InvalidInputError(
            "a path is no longer finite",
            f"step_size {self.dynamics.step_size:g}",
            fix="use a smaller step, or correct the gradient far from the minimum",
        )


def _endless() -> InvalidInputError:
    return InvalidInputError(
        "some paths neither fall back nor leave", f"after {MOST_STEPS} steps", fix="check the levels"
    )
