"""Langevin dynamics of many chains, compiled: blocks of chains side by side, many steps per call.

Arrays are (blocks, d, lanes). A path that has ended idles until its block is repacked. The same steps in
NumPy are in `lowland.dynamics.kernels.integrators`.
"""

from __future__ import annotations

import numpy as np

from lowland.dynamics.kernels.step_normals import fill_normals, uniform
from lowland.kernels.compiler import njit

# chains per block: calls cost some 0.3 microseconds per block and step, and a block must stay in cache
WIDE, NARROW, FEW_COORDINATES = 512, 64, 16
# exit sets
NOWHERE, HALF_SPACE, OUT_OF_BALL, INTO_BALL = 0, 1, 2, 3
# status of a chain
RUNNING, LEFT, DIVERGED, EMPTY = 0, 1, 2, 3
# crossings between two points on this side with probability below exp(-40) are ignored
_FAR = 40.0
# the distance of an idle lane
_AWAY = 1e300


@njit(cache=True, nogil=True, error_model="numpy")
def call_gradient(gradient, x, parameters, out):
    """Write the gradient of one block."""
    gradient(x, parameters, out)


@njit(forceinline=True, error_model="numpy")
def write_distances(x, kind, vector, level, out):
    """Write the distance of each lane to the exit set, negative within."""
    d, lanes = x.shape
    if kind == 1:
        for t in range(lanes):
            out[t] = level
        for i in range(d):
            for t in range(lanes):
                out[t] -= vector[i] * x[i, t]
        return
    for t in range(lanes):
        out[t] = 0.0
    for i in range(d):
        for t in range(lanes):
            out[t] += (x[i, t] - vector[i]) ** 2
    sign = 1.0 if kind == 3 else -1.0
    for t in range(lanes):
        out[t] = sign * (np.sqrt(out[t]) - level)


@njit(forceinline=True, error_model="numpy")
def _diffuse(x, g, noise, h, spread):
    d, lanes = x.shape
    for i in range(d):
        for t in range(lanes):
            x[i, t] += spread * noise[i, t] - h * g[i, t]


@njit(forceinline=True, error_model="numpy")
def _turn(g, first, second, weight, out):
    """Write (I + J) g."""
    d, lanes = g.shape
    for i in range(d):
        for t in range(lanes):
            out[i, t] = g[i, t]
    for e in range(first.size):
        i, j, a = first[e], second[e], weight[e]
        for t in range(lanes):
            out[i, t] += a * g[j, t]
        for t in range(lanes):
            out[j, t] -= a * g[i, t]


@njit(forceinline=True, error_model="numpy")
def _linear(x, v, g, noise, coef):
    d, lanes = x.shape
    two = noise.shape[0] == 2 * d
    for i in range(d):
        k = d + i if two else i
        for t in range(lanes):
            a, b = v[i, t], g[i, t]
            n, m = np.float64(noise[i, t]), np.float64(noise[k, t])
            x[i, t] += coef[0] * a + coef[1] * b + coef[2] * n
            v[i, t] = coef[3] * a + coef[4] * b + coef[5] * n + coef[6] * m


@njit(forceinline=True, error_model="numpy")
def _kick(v, g, time):
    d, lanes = v.shape
    for i in range(d):
        for t in range(lanes):
            v[i, t] -= time * g[i, t]


@njit(forceinline=True, error_model="numpy")
def _drift_around(x, v, g, noise, coef):
    """Do the first four substeps of BAOAB."""
    d, lanes = x.shape
    half, decay, spread = coef[0] / 2, coef[1], coef[2]
    for i in range(d):
        for t in range(lanes):
            a = v[i, t] - half * g[i, t]
            b = decay * a + spread * noise[i, t]
            v[i, t] = b
            x[i, t] += half * (a + b)


@njit(forceinline=True, error_model="numpy")
def _soak(v, noise, decay, spread):
    d, lanes = v.shape
    for i in range(d):
        for t in range(lanes):
            v[i, t] = decay * v[i, t] + spread * noise[i, t]


@njit(forceinline=True, error_model="numpy")
def take_step(gradient, parameters, x, v, g, noise, scheme, coef, first, second, weight, turned):
    """Take one step of a block; g is the gradient at x before and after."""
    d = x.shape[0]
    if scheme == 0:
        if first.size:
            _turn(g, first, second, weight, turned)
            _diffuse(x, turned, noise, coef[0], coef[1])
        else:
            _diffuse(x, g, noise, coef[0], coef[1])
        gradient(x, parameters, g)
    elif scheme == 1:
        _linear(x, v, g, noise, coef)
        gradient(x, parameters, g)
    elif scheme == 2:
        _drift_around(x, v, g, noise, coef)
        gradient(x, parameters, g)
        _kick(v, g, coef[0] / 2)
    else:
        _soak(v, noise[:d], coef[1], coef[2])
        _kick(v, g, coef[0] / 2)
        for i in range(d):
            for t in range(x.shape[1]):
                x[i, t] += coef[0] * v[i, t]
        gradient(x, parameters, g)
        _kick(v, g, coef[0] / 2)
        _soak(v, noise[d:], coef[1], coef[2])


@njit(forceinline=True, error_model="numpy")
def _near(before, after, status, near):
    """Return whether any running lane has crossed, or may have crossed in between."""
    count = np.int32(0)
    for t in range(after.size):
        after[t] = after[t] if status[t] == 0 else _AWAY
        count += np.int32(1) if before[t] * after[t] <= near else np.int32(0)
    return count > 0


@njit(forceinline=True, error_model="numpy")
def any_far(x, limit):
    """Return whether any number is too large, or NaN."""
    d, lanes = x.shape
    count = np.int32(0)
    for i in range(d):
        for t in range(lanes):
            count += np.int32(1) if np.abs(x[i, t]) <= limit else np.int32(0)
    return count < d * lanes


@njit(forceinline=True, error_model="numpy")
def _note_exits(before, after, ids, step, h, spread, bridge, key, status, times):
    """Record which lanes crossed in this step, and when."""
    for t in range(status.size):
        if status[t] != 0:
            continue
        if after[t] <= 0.0:
            status[t] = 1
            if (
                spread > 0.0
            ):  # an overdamped path: left somewhere within the step, or detected only at its end
                times[t] = (step + 0.5) * h if bridge else (step + 1.0) * h
            else:
                times[t] = (step + before[t] / (before[t] - after[t])) * h
        elif bridge and spread > 0.0:
            depth = 2.0 * before[t] * after[t] / (spread * spread)
            if depth < _FAR and uniform(ids[t], step, key) < np.exp(-depth):
                status[t] = 1
                times[t] = (step + 0.5) * h


@njit(forceinline=True, error_model="numpy")
def is_lost(x, v, g, t, limit):
    """Return whether a lane has a number that is too large, or NaN; it is then put at rest at zero.

    An idle lane must not slow its block by infinities.
    """
    fine = True
    for i in range(x.shape[0]):
        fine = fine and np.abs(x[i, t]) <= limit
    if not fine:
        for i in range(x.shape[0]):
            x[i, t] = v[i, t] = g[i, t] = 0.0
    return not fine


@njit(forceinline=True, error_model="numpy")
def _note_divergence(x, v, g, limit, step, h, status, times):
    for t in range(status.size):
        if is_lost(x, v, g, t, limit) and status[t] == 0:
            status[t], times[t] = 2, (step + 1.0) * h


@njit(cache=True, nogil=True, error_model="numpy")
def advance(gradient, parameters, state, ids, blocks, steps, rule, turning, exits, key, status, times):
    """Advance some blocks of chains.

    Parameters
    ----------
    gradient : compiled C function
    parameters : ndarray
        Its parameters.
    state : tuple of ndarray, shape (blocks, d, lanes)
        Positions, velocities and gradients, changed in place.
    ids : ndarray of uint32, shape (blocks, lanes)
        Numbers of the chains.
    blocks, steps : tuple of int
        Half-open ranges of the blocks to work on, and of the steps to take.
    rule : tuple
        Scheme, its coefficients, time of a step, normals per step, steps drawn together.
    turning : tuple of ndarray
        Rows, columns and values of the upper half of J.
    exits : tuple
        Kind of exit set, its vector and level, whether to test for crossings within a step, and the
        largest coordinate that does not count as divergence.
    key : uint64
    status : ndarray of uint8, shape (blocks, lanes)
    times : ndarray, shape (blocks, lanes)
        The time at which a chain ended.
    """
    scheme, coef, h, width, together = rule
    first, second, weight = turning
    kind, vector, level, bridge, limit = exits
    d, lanes = state[0].shape[1:]
    noise = np.empty((together * width, lanes), np.float32)
    turned = np.empty((d, lanes))
    before, after = np.empty(lanes), np.empty(lanes)
    spread = coef[1] if scheme == 0 else 0.0
    near = _FAR * spread * spread / 2 if bridge else 0.0
    for b in range(blocks[0], blocks[1]):
        x, v, g = state[0][b], state[1][b], state[2][b]
        if kind:
            write_distances(x, kind, vector, level, before)
        for s in range(steps[0], steps[1]):
            place = s % together
            if place == 0 or s == steps[0]:
                fill_normals(noise, ids[b], (s - place) * width, 0, key)
            part = noise[place * width : (place + 1) * width]
            take_step(gradient, parameters, x, v, g, part, scheme, coef, first, second, weight, turned)
            if any_far(x, limit):  # checked first: a divergence is not an exit
                _note_divergence(x, v, g, limit, s, h, status[b], times[b])
            if kind:
                write_distances(x, kind, vector, level, after)
                if _near(before, after, status[b], near):
                    _note_exits(before, after, ids[b], s, h, spread, bridge, key, status[b], times[b])
                before, after = after, before
