"""Nonnegative least squares by rows: coordinate descent on each row's normal equations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.compiled import compiled
from lowland.kernels.threads import balanced_bounds, run_chunks

# passes over the unknowns of a row, fewer if none changes by more than this fraction of the largest
MOST_PASSES, SETTLED = 200, 1e-10


def solve_rows_nonnegative(
    partner: Matrix,
    starts: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Vector,
    weights: Vector | None,
    ridge: float,
    start: Matrix,
) -> Matrix:
    """Return argmin over x_i >= 0 of sum_j w_ij (y_j . x_i - v_ij)^2 + ridge |x_i|^2 for every row i.

    Parameters
    ----------
    partner : ndarray, shape (n, k)
        Factor rows y_j of the other side.
    starts, indices : ndarray of int
        Row-compressed pattern, as of `rows.solve_rows`.
    values : ndarray, shape (p,)
    weights : ndarray, shape (p,), or None
    ridge : float
        At least 0.
    start : ndarray, shape (rows, k)
        The starting point, at least 0.

    Returns
    -------
    ndarray, shape (rows, k)
        No row is worse than its start.
    """
    partner = np.ascontiguousarray(partner)
    out = np.ascontiguousarray(start).copy()
    weight = np.ones(1, out.dtype) if weights is None else np.ascontiguousarray(weights)
    floor = max(SETTLED, 10 * float(np.finfo(out.dtype).eps))
    run_chunks(
        lambda lo, hi: _solve_range(
            partner, starts, indices, values, weight, weights is not None, ridge, floor, out, lo, hi
        ),
        balanced_bounds(starts, 4 + partner.shape[1]),
    )
    return out


@compiled()
def _solve_range(partner, starts, indices, values, weights, weighted, ridge, floor, out, low, high):
    k = partner.shape[1]
    gram, right = np.empty((k, k)), np.empty(k)
    for i in range(low, high):
        gram[:] = 0
        right[:] = 0
        for entry in range(starts[i], starts[i + 1]):
            w = float(weights[entry]) if weighted else 1.0
            y = partner[indices[entry]]
            for a in range(k):
                scaled = w * y[a]
                right[a] += scaled * values[entry]
                for b in range(a + 1):
                    gram[a, b] += scaled * y[b]
        for a in range(k):
            gram[a, a] += ridge
            for b in range(a):
                gram[b, a] = gram[a, b]
        x = out[i]
        for _ in range(MOST_PASSES):
            largest, moved = 0.0, 0.0
            for a in range(k):
                if gram[a, a] <= 0:
                    continue
                gradient = -right[a]
                for b in range(k):
                    gradient += gram[a, b] * x[b]
                new = max(0.0, x[a] - gradient / gram[a, a])
                moved = max(moved, abs(new - x[a]))
                largest = max(largest, new)
                x[a] = new
            if moved <= floor * largest:
                break
