"""The moment kernel in plain loops: the reference that runs everywhere."""

from __future__ import annotations

import numpy as np

from lowland.kernels.compiled import compiled
from lowland.kernels.threads import balanced_bounds, run_chunks


def row_moments(partner, biased, starts, indices, values, weights, precision, shift, tolerance, out, derived):
    """Solve every row's expected normal equations; see `moments.row_moments`."""
    means, covariances = partner
    weight, weighted = (values, False) if weights is None else (weights, True)
    entries = (starts, indices, values, weight, weighted)

    def chunk(low, high):
        _solve_range(means, covariances, biased, *entries, precision, shift, tolerance, *out, low, high)

    run_chunks(chunk, balanced_bounds(starts, 4 + means.shape[1] // 2))


@compiled()
def _solve_range(
    means, covariances, biased, starts, indices, values, weights, weighted, precision, shift, floor,
    new_means, new_covariances, logs, explained, squares, low, high,
):  # fmt: skip
    d = means.shape[1]
    free = d - biased
    gram, inverse, x, right = np.empty((d, d)), np.empty((d, d)), np.ones(d), np.empty(d)
    for i in range(low, high):
        for a in range(d):
            right[a] = shift[i, a]
            for b in range(d):
                gram[a, b] = precision[a, b]
        squares[i] = 0.0
        for j in range(starts[i], starts[i + 1]):
            q = indices[j]
            w = weights[j] if weighted else 1.0
            for a in range(free):
                x[a] = means[q, a]
            v = np.float64(values[j]) - (means[q, free] if biased else 0.0)
            squares[i] += w * (v * v + (covariances[q, d * (d + 1) // 2 - 1] if biased else 0.0))
            for a in range(d):
                right[a] += w * v * x[a]
                if biased and a < free:
                    right[a] -= w * covariances[q, free * (free + 1) // 2 + a]
                for b in range(a + 1):
                    gram[a, b] += w * x[a] * x[b]
                    if a < free:
                        gram[a, b] += w * covariances[q, a * (a + 1) // 2 + b]
        _finish(gram, inverse, right, new_means[i], new_covariances[i], logs[i : i + 1], explained[i : i + 1])


@compiled()
def _finish(gram, inverse, right, mean, covariance, log, explained):
    d = right.size
    log[0] = explained[0] = 0.0
    inverse[:, :] = 0.0
    for a in range(d):  # gram becomes L, inverse L^-1, right L^-1 right
        for b in range(a + 1):
            for c in range(b):
                gram[a, b] -= gram[a, c] * gram[b, c]
            if b < a:
                gram[a, b] /= gram[b, b]
        gram[a, a] = np.sqrt(gram[a, a])
        inverse[a, a] = 1 / gram[a, a]
        for b in range(a):
            right[a] -= gram[a, b] * right[b]
            for c in range(b + 1):
                inverse[a, c] -= gram[a, b] * inverse[b, c] / gram[a, a]
        right[a] /= gram[a, a]
        log[0] += 2 * np.log(gram[a, a])
        explained[0] += right[a] ** 2
    at = 0
    for a in range(d):
        total = 0.0
        for r in range(a, d):
            total += inverse[r, a] * right[r]
        mean[a] = total
        for b in range(a + 1):
            total = 0.0
            for r in range(a, d):
                total += inverse[r, a] * inverse[r, b]
            covariance[at] = total
            at += 1
