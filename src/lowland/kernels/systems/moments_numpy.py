"""The moment kernel in NumPy, for small tables."""

from __future__ import annotations

import numpy as np

from lowland.kernels.compiled import in_numpy
from lowland.kernels.systems.stacked_systems import (
    backward,
    factor,
    forward,
    inverse,
    lower_triangle,
    row_sums,
    stretches,
)


@in_numpy
def row_moments(partner, biased, starts, indices, values, weights, precision, shift, tolerance, out, derived):
    """Solve every row's expected normal equations; see `moments.row_moments`."""
    means, covariances = partner
    new_means, new_covariances, logs, explained, squares = out
    d, dtype = means.shape[1], means.dtype
    free = d - biased
    pairs = lower_triangle(d)
    packed = free * (free + 1) // 2  # covariances of factors lie before those with the bias
    for first, last in stretches(starts, pairs[0].size):
        cells = slice(starts[first], starts[last])
        bounds, at = starts[first : last + 1] - starts[first], indices[cells]
        x, spread = np.ascontiguousarray(means[at].T), np.ascontiguousarray(covariances[at].T)
        weight = dtype.type(1) if weights is None else weights[cells]
        targets, noise = values[cells], dtype.type(0)
        if biased:
            targets, noise = targets - x[free], spread[-1]
            x[free] = 1
        seconds = x[pairs[0]] * x[pairs[1]]
        seconds[:packed] += spread[:packed]
        grams = np.zeros((d, d, last - first), dtype)
        grams[pairs] = row_sums(weight * seconds, bounds)
        grams += precision[:, :, None]
        pulls = x * targets
        pulls[:free] -= spread[packed : packed + free] if biased else 0
        right = row_sums(weight * pulls, bounds) + shift[first:last].T
        squares[first:last] = row_sums((weight * (targets * targets + noise)).astype(np.float64), bounds)
        factor(grams, tolerance)
        inverses, logs[first:last] = inverse(grams)
        forward(grams, right)
        solved = right.astype(np.float64)
        explained[first:last] = 0
        for row in solved:
            explained[first:last] += row * row
        new_covariances[first:last] = inverses[pairs].T
        backward(grams, right)
        new_means[first:last] = right.T
