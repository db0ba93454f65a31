"""Continuous linear splines fitted by least squares, knots and all, one knot more at a time."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.compiled import compiled
from lowland.kernels.threads import even_bounds, run_chunks
from lowland.networks.kernels.spline_polish import (
    add_normal_equations,
    count_below,
    polish,
    solve_tridiagonal,
)

# size of residuals, relative to the values, below which a fit is exact and another knot would fit rounding
EXACT = 1e-12
# knots in a row that gain no more than on noise, after which a path ends
IN_VAIN = 4


def grow(
    x: Matrix, y: Matrix, w: Matrix, counts: np.ndarray, most: int, apart: int
) -> tuple[np.ndarray, Matrix, np.ndarray]:
    """Return fits with 0 to `most` knots to several sets of points, each begun from the one before.

    Parameters
    ----------
    x, y, w : ndarray, shape (sets, n)
        Distinct inputs, ascending, with values and positive weights; of every set the first `counts` count.
    counts : ndarray of int, shape (sets,)
    most : int
        Largest number of knots.
    apart : int
        Least number of points between neighbouring knots, and from a knot to an end.

    Returns
    -------
    splines : ndarray, shape (sets, most + 1, 2, most + 2)
        Places (ends and knots) and the values there, of every number of knots.
    losses : ndarray, shape (sets, most + 1)
        Weighted sums of squared residuals; infinite where there is no room for so many knots, or a path has
        ended before: at an exact fit, or after four knots in a row that gained no more than on noise.
    sizes : ndarray of int, shape (sets,)
        Number of fits of each set.
    """
    splines = np.zeros((len(x), most + 1, 2, most + 2))
    losses = np.full((len(x), most + 1), np.inf)
    sizes = np.zeros(len(x), np.int64)

    def work(low: int, high: int) -> None:
        for k in range(low, high):
            n = counts[k]
            sizes[k] = _grow(x[k, :n], y[k, :n], w[k, :n], apart, splines[k], losses[k])

    run_chunks(work, even_bounds(len(x), x.size * (most + 1) * 200))
    return splines, losses, sizes


def _grow(x: Vector, y: Vector, w: Vector, apart: int, splines: Matrix, losses: Vector) -> int:
    """Fill in the fits of one set; return their number."""
    places, values, residuals = np.array([x[0], x[-1]]), np.empty(2), np.empty(x.size)
    exact, idle = EXACT**2 * float(w @ y**2), 0
    for k in range(max(1, min(len(losses), x.size // apart))):
        if k:
            if losses[k - 1] <= exact or idle == IN_VAIN:
                return k
            t = _best_knot(x, w, residuals, places, apart)
            if not np.isfinite(t):
                return k
            places = np.sort(np.append(places, t))
            values = np.empty(places.size)
        losses[k] = polish(x, y, w, places, values, residuals, apart)
        splines[k, :, : k + 2] = places, values
        # what the best of n places gains on noise alone
        noise = 2 * np.log(x.size) / x.size * losses[k]
        idle = idle + 1 if k and losses[k - 1] - losses[k] < noise else 0
    return k + 1


@compiled()
def _best_knot(x, w, residuals, places, apart):
    """Return the place of the new knot that lowers the loss most, or NaN if there is room for none.

    The loss falls by the square of the product of residuals and new basis function, over the squared length
    of what that function adds to the others.
    """
    n, m = x.size, places.size
    diagonal, beside, right, solved = np.zeros(m), np.zeros(m), np.zeros(m), np.zeros(m)
    add_normal_equations(x, residuals, w, places, diagonal, beside, right)
    best, knot = 0.0, np.nan
    candidates = min(n - 1, 64)
    for c in range(candidates):
        i = c if candidates == n - 1 else ((2 * c + 1) * (n - 1)) // (2 * candidates)
        t = (x[i] + x[i + 1]) / 2
        j = min(max(count_below(places, t) - 1, 0), m - 2)
        low, high = count_below(x, places[j]), count_below(x, places[j + 1])
        if j == m - 2:
            high = n
        if i + 1 - low < apart or high - i - 1 < apart:
            continue
        pull, hat_square, left, rest = 0.0, 0.0, 0.0, 0.0
        for p in range(low, high):
            s = (x[p] - places[j]) / (places[j + 1] - places[j])
            if x[p] < t:
                hat = (x[p] - places[j]) / (t - places[j])
            else:
                hat = (places[j + 1] - x[p]) / (places[j + 1] - t)
            pull += w[p] * hat * residuals[p]
            hat_square += w[p] * hat * hat
            left += w[p] * hat * (1 - s)
            rest += w[p] * hat * s
        for i in range(m):
            right[i] = 0.0
        right[j], right[j + 1] = left, rest
        solve_tridiagonal(diagonal, beside, right, solved)
        added = hat_square - left * solved[j] - rest * solved[j + 1]
        if added > 1e-12 * hat_square and pull * pull / added > best:
            best, knot = pull * pull / added, t
    return knot
