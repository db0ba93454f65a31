"""Gradient descent with a constant step on two-layer ReLU networks of one input, many runs at once.

With sorted inputs a neuron is active on all points on one side of its knot, so outputs and gradients are
running sums, and a step costs O(n + k), not O(n k).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.kernels.compiled import compiled
from lowland.kernels.threads import run_chunks

Array = NDArray[np.floating[Any]]
RUNNING, DIVERGED = 0, 1
# runs whose loss exceeds this many times the first one do not recover
LOST_RATIO = 1e8


def descend(
    x: Array,
    y: Array,
    parameters: Array,
    step_size: float,
    steps: int,
    status: NDArray[np.int8],
) -> Array:
    """Take some steps of every run in place and return the mean loss of each over them.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Ascending.
    y : ndarray, shape (n,)
    parameters : ndarray, shape (runs, 3 k + 1)
        w, b, v, c of each run.
    step_size : float
    steps : int
    status : ndarray of int8, shape (runs,)
        Set to `DIVERGED` if a loss became infinite or very large; such runs are no longer updated.

    Returns
    -------
    ndarray, shape (runs,)
        Mean of 1/2 mean (f - y)^2 over the steps, infinite for runs that diverged.
    """
    mean = np.full(len(parameters), np.inf)

    def work(low: int, high: int) -> None:
        _runs(x, y, parameters, step_size, steps, status, mean, low, high)

    run_chunks(work, np.arange(len(parameters) + 1))
    return mean


@compiled()
def _runs(x, y, parameters, size, steps, status, mean, low, high):
    n = x.size
    k = (parameters.shape[1] - 1) // 3
    place = np.empty(k, np.int64)
    slopes, heights = np.empty(n + 1), np.empty(n + 1)
    rest, moment = np.empty(n + 1), np.empty(n + 1)
    for run in range(low, high):
        if status[run] != RUNNING:
            continue
        theta = parameters[run]
        place[:] = 0
        total, first = 0.0, -1.0
        for _ in range(steps):
            loss = _step(x, y, theta, k, size, place, slopes, heights, rest, moment)
            if first < 0.0:
                first = max(loss, 1e-300)
            total += loss
            if not loss < LOST_RATIO * max(first, 1.0):
                status[run] = DIVERGED
                break
        if status[run] == RUNNING:
            mean[run] = total / steps


@compiled()
def _step(x, y, theta, k, size, place, slopes, heights, rest, moment):
    """Take one step; return the loss before it."""
    n, share = x.size, 1.0 / x.size
    w, b, v = theta[:k], theta[k : 2 * k], theta[2 * k : 3 * k]
    for i in range(n + 1):
        slopes[i] = 0.0
        heights[i] = 0.0
    slope, height = 0.0, theta[3 * k]
    for j in range(k):
        at = place[j]
        a, c = w[j], b[j]
        if a > 0.0:
            while at > 0 and a * x[at - 1] + c > 0.0:
                at -= 1
            while at < n and a * x[at] + c <= 0.0:
                at += 1
            slopes[at] += v[j] * a
            heights[at] += v[j] * c
        elif a < 0.0:
            while at < n and a * x[at] + c > 0.0:
                at += 1
            while at > 0 and a * x[at - 1] + c <= 0.0:
                at -= 1
            slope += v[j] * a
            height += v[j] * c
            slopes[at] -= v[j] * a
            heights[at] -= v[j] * c
        elif c > 0.0:
            height += v[j] * c
        place[j] = at
    loss, s, m = 0.0, 0.0, 0.0
    for i in range(n):
        slope += slopes[i]
        height += heights[i]
        misfit = slope * x[i] + height - y[i]
        loss += share * misfit * misfit
        rest[i], moment[i] = s, m
        s += share * misfit
        m += share * misfit * x[i]
    rest[n], moment[n] = s, m
    for j in range(k):
        at, a, c = place[j], w[j], b[j]
        if a > 0.0:
            r, q = s - rest[at], m - moment[at]
        elif a < 0.0:
            r, q = rest[at], moment[at]
        elif c > 0.0:
            r, q = s, m
        else:
            continue
        w[j] = a - size * v[j] * q
        b[j] = c - size * v[j] * r
        v[j] -= size * (a * q + c * r)
    theta[3 * k] -= size * s
    return 0.5 * loss
