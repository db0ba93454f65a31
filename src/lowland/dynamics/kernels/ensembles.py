"""Many chains of Langevin dynamics at once: compiled where the potential is, NumPy where it is a function.

Chains are numbered, and their noise depends on the number alone, so chains that have ended can be dropped
and threads can share the rest without changing a bit of any other chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.dynamics.exit_sets import Ball, ExitSet, HalfSpace
from lowland.dynamics.kernels import langevin as compiled
from lowland.dynamics.kernels.integrators import step_batch
from lowland.dynamics.kernels.step_normals import (
    start_velocities,
    step_normals,
    step_uniforms,
    steps_together,
)
from lowland.dynamics.laws import Dynamics
from lowland.kernels.threads import even_bounds, run_chunks

RUNNING, LEFT, DIVERGED = compiled.RUNNING, compiled.LEFT, compiled.DIVERGED
# a larger coordinate counts as divergence
LARGEST_COORDINATE = 1e8
_NO_COUPLING = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


@final
@dataclass(frozen=True, eq=False)
class Chains:
    """State of all chains.

    Parameters
    ----------
    x, v, g : ndarray, shape (chains, d)
        Positions, velocities (zero where the dynamics has none) and gradients.
    ids : ndarray of uint32, shape (chains,)
    step : int
        Steps taken.
    status : ndarray of uint8, shape (chains,)
        `RUNNING`, `LEFT` or `DIVERGED`.
    times : ndarray, shape (chains,)
        When each chain left or diverged.
    """

    x: Matrix
    v: Matrix
    g: Matrix
    ids: NDArray[np.uint32]
    step: int
    status: NDArray[np.uint8]
    times: Vector

    def keep(self, mask: NDArray[np.bool_]) -> Chains:
        """Return some of the chains."""
        parts = (self.x, self.v, self.g, self.ids)
        x, v, g, ids = (part[mask] for part in parts)
        return Chains(x, v, g, ids, self.step, self.status[mask], self.times[mask])


@final
@dataclass(frozen=True, eq=False)
class Ensemble:
    """Dynamics, gradient and exit set that advance chains.

    Parameters
    ----------
    gradient : callable
        Takes and returns arrays of shape (chains, d).
    dynamics : Dynamics
    key : int
        Seed of all noise, below 2^64.
    value : callable, optional
        Energies of shape (chains,), needed by Metropolis-adjusted steps.
    compiled : object, optional
        The gradient as a C function of `lowland.dynamics.kernels.potentials`.
    parameters : ndarray
        Its parameters.
    exit : HalfSpace, Ball or callable, optional
        Where paths end. A function takes positions (chains, d) and returns booleans (chains,).
    bridge : bool
        Whether overdamped paths are tested for crossings between two steps, by the law of a Brownian bridge.
    """

    gradient: Callable[[Matrix], Matrix]
    dynamics: Dynamics
    key: int
    value: Callable[[Matrix], Vector] | None = None
    compiled: Any = None
    parameters: Vector | None = None
    exit: ExitSet | None = None
    bridge: bool = True

    def start(self, x: Matrix) -> Chains:
        """Return chains at given positions, shape (chains, d), with velocities from the invariant law."""
        x = np.array(x, dtype=float)
        n, d = x.shape
        ids = np.arange(n, dtype=np.uint32)
        v = np.zeros_like(x)
        if self.dynamics.has_velocity:
            v = start_velocities(ids, d, self.dynamics.beta, self.key)
        return Chains(x, v, self.gradient(x), ids, 0, np.zeros(n, np.uint8), np.full(n, np.nan))

    def advance(self, chains: Chains, steps: int) -> Chains:
        """Return the chains after some steps; those that end on the way idle from then on."""
        if self._runs_compiled():
            return self._advance_compiled(chains, steps)
        for _ in range(steps):
            chains = self._one_step(chains)
        return chains

    def _runs_compiled(self) -> bool:
        known_exit = self.exit is None or isinstance(self.exit, HalfSpace | Ball)
        return self.compiled is not None and known_exit and not self.dynamics.metropolis

    def _advance_compiled(self, chains: Chains, steps: int) -> Chains:
        n, d = chains.x.shape
        lanes, blocks = lanes_and_blocks(n, d)
        state = tuple(packed(part, blocks, lanes) for part in (chains.x, chains.v, chains.g))
        ids = padded(chains.ids, blocks, lanes, 0)
        status = padded(chains.status, blocks, lanes, compiled.EMPTY)
        times = padded(chains.times, blocks, lanes, np.nan)
        rule, turning = compiled_rule(self.dynamics, d), compiled_turning(self.dynamics)
        span, exits = (chains.step, chains.step + steps), self._exits(d)

        def work(low: int, high: int) -> None:
            compiled.advance(
                self.compiled,
                self.parameters,
                state,
                ids,
                (low, high),
                span,
                rule,
                turning,
                exits,
                np.uint64(self.key),
                status,
                times,
            )

        run_chunks(work, even_bounds(blocks, blocks * lanes * steps * d))
        x, v, g = (unpacked(part, n) for part in state)
        return Chains(x, v, g, chains.ids, chains.step + steps, status.reshape(-1)[:n], times.reshape(-1)[:n])

    def _exits(self, d: int) -> tuple[Any, ...]:
        if isinstance(self.exit, HalfSpace | Ball):
            return *compiled_exit(self.exit), self.bridge, LARGEST_COORDINATE
        return compiled.NOWHERE, np.zeros(d), 0.0, False, LARGEST_COORDINATE

    def _one_step(self, chains: Chains) -> Chains:
        """Return the chains after one step, in NumPy, for any potential and any exit set."""
        d = self.dynamics
        noise = step_normals(chains.ids, chains.step, d.noises * chains.x.shape[1], self.key)
        with np.errstate(all="ignore"):  # a divergence is flagged below
            x, v, g = step_batch(d, chains.x, chains.v, chains.g, noise, self.gradient)
            if d.metropolis:
                keep = self._refused(chains, x, g)
                x, g = np.where(keep, chains.x, x), np.where(keep, chains.g, g)
        status, times = chains.status.copy(), chains.times.copy()
        running = status == RUNNING
        bad = ~np.all(np.abs(x) <= LARGEST_COORDINATE, axis=1)
        left, when = self._crossed(chains, x)
        time = (chains.step + 1) * d.step_size
        times[running & bad] = time
        status[running & bad] = DIVERGED
        left &= running & ~bad
        status[left], times[left] = LEFT, when[left]
        x, v, g = (np.where(bad[:, None], 0.0, part) for part in (x, v, g))
        return Chains(x, v, g, chains.ids, chains.step + 1, status, times)

    def _refused(self, chains: Chains, x: Matrix, g: Matrix) -> NDArray[np.bool_]:
        """Return which proposals the Metropolis rule rejects, shape (chains, 1)."""
        h, beta = self.dynamics.step_size, self.dynamics.beta
        forward = np.sum((x - chains.x + h * chains.g) ** 2, axis=1)
        backward = np.sum((chains.x - x + h * g) ** 2, axis=1)
        assert self.value is not None
        rise = self.value(x) - self.value(chains.x)
        log_ratio = beta * ((forward - backward) / (4 * h) - rise)
        refused = np.log(step_uniforms(chains.ids, chains.step, self.key)) >= log_ratio
        return np.asarray(refused | np.isnan(log_ratio))[:, None]

    def _crossed(self, chains: Chains, x: Matrix) -> tuple[NDArray[np.bool_], Vector]:
        """Return which paths ended in this step, and when."""
        h, n = self.dynamics.step_size, len(x)
        ends = np.full(n, (chains.step + 1) * h)
        if self.exit is None:
            return np.zeros(n, bool), ends
        if not isinstance(self.exit, HalfSpace | Ball):
            return np.asarray(self.exit(x), bool), ends
        before, after = self.exit.distance(chains.x), self.exit.distance(x)
        left = after <= 0
        if self.dynamics.has_velocity:
            with np.errstate(all="ignore"):
                return left, (chains.step + before / (before - after)) * h
        if self.bridge:
            chance = step_uniforms(chains.ids, chains.step, self.key)
            left = left | (chance < bridge_chance(before, after, self.dynamics))
            ends = ends - h / 2
        return left, ends


def bridge_chance(before: Vector, after: Vector, dynamics: Dynamics) -> Vector:
    """Return how likely paths without inertia enter a set between two steps, from their distances to it."""
    depth = 2 * before * after / dynamics.coefficients[1] ** 2
    return np.asarray(np.exp(-np.maximum(depth, 0)))


def compiled_rule(dynamics: Dynamics, d: int) -> tuple[Any, ...]:
    """Return scheme, coefficients, time of a step, normals per step and steps drawn together."""
    width = d * dynamics.noises
    scheme, step = int(dynamics.scheme), float(dynamics.step_size)
    return scheme, dynamics.coefficients, step, width, steps_together(width)


def compiled_turning(dynamics: Dynamics) -> tuple[Any, Any, Any]:
    """Return rows, columns and values of the upper half of J, all empty without one."""
    J = dynamics.antisymmetric
    if J is None:
        return _NO_COUPLING
    first, second = np.nonzero(np.triu(J, 1))
    return first.astype(np.int64), second.astype(np.int64), np.ascontiguousarray(J[first, second])


def compiled_exit(exit: HalfSpace | Ball) -> tuple[int, Vector, float]:
    """Return the kind of an exit set, its vector and its level."""
    if isinstance(exit, HalfSpace):
        return compiled.HALF_SPACE, exit.normal, exit.level
    kind = compiled.INTO_BALL if exit.inside else compiled.OUT_OF_BALL
    return kind, exit.centre, float(exit.radius)


def lanes_and_blocks(n: int, d: int) -> tuple[int, int]:
    """Return how many chains stand side by side in a block, and how many blocks hold n chains."""
    lanes = compiled.WIDE if d <= compiled.FEW_COORDINATES and n > compiled.NARROW else compiled.NARROW
    return lanes, -(-n // lanes)


def packed(part: Matrix, blocks: int, lanes: int) -> NDArray[np.float64]:
    """Return (chains, d) as (blocks, d, lanes), zeros for lanes without a chain."""
    n, d = part.shape
    out = np.zeros((blocks * lanes, d))
    out[:n] = part
    return np.ascontiguousarray(out.reshape(blocks, lanes, d).transpose(0, 2, 1))


def unpacked(part: NDArray[np.float64], n: int) -> Matrix:
    """Return (blocks, d, lanes) as (chains, d), the first n of them."""
    return part.transpose(0, 2, 1).reshape(-1, part.shape[1])[:n]


def padded(numbers: NDArray[Any], blocks: int, lanes: int, filler: float) -> NDArray[Any]:
    """Return (chains,) as (blocks, lanes), filled up with one number."""
    out = np.full(blocks * lanes, filler, dtype=numbers.dtype)
    out[: numbers.size] = numbers
    return out.reshape(blocks, lanes)
