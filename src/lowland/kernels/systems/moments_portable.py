"""The moment kernel in plain loops, for tables of moderate size: compiled once for all widths."""

from __future__ import annotations

import numpy as np

from lowland.kernels.compiled import compiled, constant
from lowland.kernels.systems.rows_portable import BATCH, add_ranks, dot
from lowland.kernels.threads import balanced_bounds, run_chunks


def row_moments(partner, biased, starts, indices, values, weights, precision, shift, tolerance, out, derived):
    """Solve every row's expected normal equations; see `moments.row_moments`."""
    means, covariances, precision, shift = map(constant, (*partner, precision, shift))
    weight, weighted = (values, False) if weights is None else (weights, True)
    entries = (*map(constant, (starts, indices, values, weight)), weighted)
    d = means.shape[1]

    def chunk(low, high):
        scratch = (
            np.empty((2, d, d)),
            np.empty((2, BATCH, d)),
            np.empty(BATCH),
            np.empty(covariances.shape[1]),
        )
        _solve_range(means, covariances, biased, *entries, precision, shift, *scratch, *out, low, high)

    run_chunks(chunk, balanced_bounds(starts, 4 + d // 2))


@compiled()
def _solve_range(
    means, covariances, biased, starts, indices, values, weights, weighted, precision, shift,
    squared, gathered, targets, spread,
    new_means, new_covariances, logs, explained, squares, low, high,
):  # fmt: skip
    d = means.shape[1]
    free = d - biased
    gram, inverse = squared[0], squared[1]
    x, scaled = gathered[0], gathered[1]
    right = np.empty(d)
    for i in range(low, high):
        begin, end = starts[i], starts[i + 1]
        spread[:] = 0.0
        squares[i] = 0.0
        for a in range(d):
            right[a] = shift[i, a]
            for b in range(a + 1):
                gram[a, b] = precision[a, b]
        for j in range(begin, end, BATCH):
            for t in range(BATCH):
                at = min(j + t, end - 1)
                q = indices[at]
                w = np.float64(j + t < end)
                if weighted:
                    w *= weights[at]
                for a in range(d):
                    x[t, a] = means[q, a]
                v = np.float64(values[at])
                if biased:
                    v -= x[t, free]
                    x[t, free] = 1.0
                for a in range(d):
                    scaled[t, a] = w * x[t, a]
                targets[t] = v
                squares[i] += w * v * v
                for a in range(spread.size):
                    spread[a] += w * covariances[q, a]
            add_ranks(gram, right, x, scaled, targets)
        at = 0
        for a in range(free):
            for b in range(a + 1):
                gram[a, b] += spread[at]
                at += 1
        if biased:
            for a in range(free):
                right[a] -= spread[at + a]
            squares[i] += spread[at + free]
        _finish(gram, inverse, right, new_means[i], new_covariances[i], logs[i : i + 1], explained[i : i + 1])


@compiled()
def _finish(gram, inverse, right, mean, covariance, log, explained):
    # gram becomes L, inverse L^-1, right L^-1 right
    d = right.size
    log[0] = explained[0] = 0.0
    inverse[:, :] = 0.0
    for a in range(d):
        for b in range(a):
            gram[a, b] = (gram[a, b] - dot(gram[a], gram[b], b)) / gram[b, b]
        gram[a, a] = np.sqrt(gram[a, a] - dot(gram[a], gram[a], a))
        reciprocal = 1 / gram[a, a]
        for b in range(a):
            right[a] -= gram[a, b] * right[b]
            factor = -gram[a, b] * reciprocal
            for c in range(b + 1):
                inverse[a, c] += factor * inverse[b, c]
        inverse[a, a] = reciprocal
        right[a] *= reciprocal
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
