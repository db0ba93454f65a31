"""Paths between two surfaces, compiled: each ends where its distance to the exit set reaches a bound.

A path's noise depends on its number and its own steps alone, so the same path can be run again up to any
point of it; nothing has to be recorded on the way.
"""

from __future__ import annotations

import numpy as np

from lowland.dynamics.kernels.langevin import any_far, is_lost, take_step, write_distances
from lowland.dynamics.kernels.step_normals import fill_normals
from lowland.kernels.compiler import njit

# status of a path, and of a lane without one
MOVING, ENDED, DIVERGED, EMPTY = 0, 1, 2, 3


@njit(forceinline=True, error_model="numpy")
def _note_ends(state, kept, distance, bounds, limit, step, status, nearest, taken):
    """Record the nearest approach of each lane, and the state of those that end; return how many move on."""
    x, v, g = state
    d, lanes = x.shape
    moving = 0
    for t in range(lanes):
        if is_lost(x, v, g, t, limit) and status[t] == 0:
            status[t] = 2
        if status[t] != 0:
            continue
        nearest[t] = min(nearest[t], distance[t])
        if bounds[0][t] < distance[t] < bounds[1][t]:
            moving += 1
            continue
        status[t], taken[t] = 1, step + 1
        for i in range(d):
            for part in range(3):
                kept[part][i, t] = state[part][i, t]
    return moving


@njit(forceinline=True, error_model="numpy")
def _ends(distance, near, far, status, nearest):
    """Return whether any lane ends, and record the nearest approach of the others: without a branch."""
    count = np.int32(0)
    for t in range(status.size):
        inside = (near[t] < distance[t]) & (distance[t] < far[t])
        count += np.int32(1) if (status[t] == 0) & ~inside else np.int32(0)
        nearest[t] = min(nearest[t], distance[t]) if status[t] == 0 else nearest[t]
    return count > 0


@njit(cache=True, nogil=True, error_model="numpy")
def advance_between(gradient, parameters, state, kept, ids, blocks, steps, rule, turning, exits, key, ends):
    """Advance some blocks of paths until each has left the shell between two distances.

    Parameters
    ----------
    gradient : compiled C function
    parameters : ndarray
        Its parameters.
    state, kept : tuple of ndarray, shape (blocks, d, lanes)
        Positions, velocities and gradients, changed in place, and those of each path where it ended.
    ids : ndarray of uint32, shape (blocks, lanes)
        Numbers of the paths.
    blocks, steps : tuple of int
        Half-open ranges of the blocks to work on, and of the steps to take.
    rule, turning : tuple
        As `lowland.dynamics.kernels.langevin.advance` takes them.
    exits : tuple
        Kind of exit set, its vector and level, and the largest coordinate that does not count as divergence.
    key : uint64
    ends : tuple of ndarray, shape (blocks, lanes)
        Distances at or below, and at or above which a path ends; its status, the nearest approach and the
        steps taken, changed in place.
    """
    scheme, coef, _, width, together = rule
    first, second, weight = turning
    kind, vector, level, limit = exits
    near, far, status, nearest, taken = ends
    d, lanes = state[0].shape[1:]
    noise = np.empty((together * width, lanes), np.float32)
    turned, distance = np.empty((d, lanes)), np.empty(lanes)
    for b in range(blocks[0], blocks[1]):
        x, v, g = state[0][b], state[1][b], state[2][b]
        for s in range(steps[0], steps[1]):
            place = s % together
            if place == 0 or s == steps[0]:
                fill_normals(noise, ids[b], (s - place) * width, 0, key)
            part = noise[place * width : (place + 1) * width]
            take_step(gradient, parameters, x, v, g, part, scheme, coef, first, second, weight, turned)
            write_distances(x, kind, vector, level, distance)
            if any_far(x, limit) or _ends(distance, near[b], far[b], status[b], nearest[b]):
                current = (x, v, g)
                last = (kept[0][b], kept[1][b], kept[2][b])
                if not _note_ends(
                    current, last, distance, (near[b], far[b]), limit, s, status[b], nearest[b], taken[b]
                ):
                    break
