"""Sums of Ornstein-Uhlenbeck processes along time, known from noisy values: a Kalman filter and smoother."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.kernels.compiled import compiled


def smooth_lines(
    starts: Indices, times: Vector, values: Vector, noises: Vector, lengths: Vector, variances: Vector
) -> tuple[Vector, Vector]:
    """Return means and variances of independent processes of one law, given their noisy values.

    Parameters
    ----------
    starts : ndarray of int, shape (lines + 1,)
        Points of line i are `starts[i]` to `starts[i + 1]`.
    times : ndarray, shape (p,)
        Ascending along each line.
    values : ndarray, shape (p,)
    noises : ndarray, shape (p,)
        Variances of their noise; infinite where nothing is known.
    lengths, variances : ndarray, shape (k,)
        The covariance at distance d is sum_j variances_j exp(-d / lengths_j).

    Returns
    -------
    means, variances : ndarray, shape (p,)

    Notes
    -----
    O(p k^2). The filter is Kalman's; means and variances given later values, too, come from the backward
    recursion of J. Durbin, S. J. Koopman, Time Series Analysis by State Space Methods, 2012, section 4.4.
    """
    found: tuple[Vector, Vector] = _smooth(starts, times, values, noises, lengths, variances, True)
    return found


def smoothed_means(
    starts: Indices, times: Vector, values: Vector, noises: Vector, lengths: Vector, variances: Vector
) -> NDArray[Any]:
    """Return the means alone, in half the time."""
    means: NDArray[Any] = _smooth(starts, times, values, noises, lengths, variances, False)[0]
    return means


@compiled()
def _smooth(starts, times, values, noises, lengths, variances, with_variances):
    count, points = lengths.size, times.size
    means, spreads = np.zeros(points), np.zeros(points if with_variances else 0)
    longest = 0
    for line in range(starts.size - 1):
        longest = max(longest, starts[line + 1] - starts[line])
    gains, decays = np.empty((longest, count)), np.empty((longest, count))
    totals, surprises = np.empty(longest), np.empty(longest)
    state, covariance = np.empty(count), np.empty((count, count))
    adjoint, precision, product = np.empty(count), np.empty((count, count)), np.empty(count)
    for line in range(starts.size - 1):
        start, stop = starts[line], starts[line + 1]
        for i in range(count):
            state[i] = 0.0
            for j in range(count):
                covariance[i, j] = 0.0
            covariance[i, i] = variances[i]
        for p in range(start, stop):
            at = p - start
            if at > 0:
                _advance(times[p] - times[p - 1], lengths, variances, decays[at], state, covariance)
            _observe(values[p], noises[p], at, state, covariance, gains, totals, surprises, means, p)
        for i in range(count):
            adjoint[i] = 0.0
            for j in range(count):
                precision[i, j] = 0.0
        for p in range(stop - 1, start - 1, -1):
            at = p - start
            inverse = 1.0 / totals[at]  # zero where nothing is known
            gain = gains[at]
            along = 0.0
            for i in range(count):
                along += gain[i] * adjoint[i]
            step = (surprises[at] - along) * inverse
            for i in range(count):
                adjoint[i] += step
                means[p] += gain[i] * adjoint[i]
            if with_variances:
                prior = 0.0
                both = 0.0
                for i in range(count):
                    prior += gain[i]
                    product[i] = 0.0
                    for j in range(count):
                        product[i] += precision[i, j] * gain[j]
                    both += product[i] * gain[i]
                common = inverse + both * inverse * inverse
                for i in range(count):
                    for j in range(count):
                        precision[i, j] += common - (product[i] + product[j]) * inverse
                taken = 0.0
                for i in range(count):
                    for j in range(count):
                        taken += gain[i] * precision[i, j] * gain[j]
                spreads[p] = max(prior - taken, 0.0)
            if at > 0:
                for i in range(count):
                    adjoint[i] *= decays[at, i]
                    if with_variances:
                        for j in range(count):
                            precision[i, j] *= decays[at, i] * decays[at, j]
    return means, spreads


@compiled()
def _advance(passed, lengths, variances, decay, state, covariance):
    """Let time pass: states decay, and what is not known of them grows."""
    count = lengths.size
    for i in range(count):
        decay[i] = np.exp(-passed / lengths[i])
        state[i] *= decay[i]
    for i in range(count):
        for j in range(count):
            covariance[i, j] *= decay[i] * decay[j]
        covariance[i, i] += variances[i] * (1.0 - decay[i] * decay[i])


@compiled()
def _observe(value, noise, at, state, covariance, gains, totals, surprises, means, p):
    """Look at a value, and keep what the way back needs."""
    count = state.size
    gain, total, mean = gains[at], noise, 0.0
    for i in range(count):
        gain[i] = 0.0
        for j in range(count):
            gain[i] += covariance[i, j]
        total += gain[i]
        mean += state[i]
    means[p], totals[at], surprises[at] = mean, total, 0.0
    if noise == np.inf:
        return
    surprises[at] = value - mean
    inverse = 1.0 / total
    for i in range(count):
        state[i] += gain[i] * surprises[at] * inverse
        for j in range(count):
            covariance[i, j] -= gain[i] * gain[j] * inverse
