"""The values of a continuous linear spline at given knots, and the search for places where the knots rest.

A spline is given by its values at the two ends of the data and at the knots between, so that every product of
two basis functions is local: a fit to given knots is a tridiagonal system, and a step of all knots and values
a small dense one.
"""

from __future__ import annotations

import numpy as np

from lowland.kernels.compiled import compiled

# most steps of the search for the best places of given knots, and trials per step
STEPS = 400
TRIALS = 12
LAST_STEPS = 3
# relative gain of a step below which the search ends
SETTLED = 1e-14
# distance of a knot and a point, as a fraction of the range, below which they are together
TOGETHER = 1e-9
# how far a held knot is moved to see whether the loss falls, and a last step goes, as a fraction of the range
LITTLE = 1e-7


@compiled()
def count_below(x, t):
    """Return how many of ascending numbers are below t."""
    low, high = 0, x.size
    while low < high:
        middle = (low + high) // 2
        if x[middle] < t:
            low = middle + 1
        else:
            high = middle
    return low


@compiled()
def fit_values(x, y, w, places, values, residuals):
    """Set the values at given places that fit best; return the loss."""
    m = places.size
    diagonal, beside, right = np.zeros(m), np.zeros(m), np.zeros(m)
    add_normal_equations(x, y, w, places, diagonal, beside, right)
    solve_tridiagonal(diagonal, beside, right, values)
    loss, j = 0.0, 0
    for i in range(x.size):
        while j < m - 2 and x[i] >= places[j + 1]:
            j += 1
        s = (x[i] - places[j]) / (places[j + 1] - places[j])
        residuals[i] = (1 - s) * values[j] + s * values[j + 1] - y[i]
        loss += w[i] * residuals[i] * residuals[i]
    return loss


@compiled()
def add_normal_equations(x, y, w, places, diagonal, beside, right):
    """Add the products of basis functions with each other and with y: a tridiagonal matrix and a vector."""
    m, j = places.size, 0
    for i in range(x.size):
        while j < m - 2 and x[i] >= places[j + 1]:
            j += 1
        s = (x[i] - places[j]) / (places[j + 1] - places[j])
        diagonal[j] += w[i] * (1 - s) * (1 - s)
        diagonal[j + 1] += w[i] * s * s
        beside[j] += w[i] * s * (1 - s)
        right[j] += w[i] * (1 - s) * y[i]
        right[j + 1] += w[i] * s * y[i]


@compiled()
def solve_tridiagonal(diagonal, beside, right, out):
    """Set the solution of a symmetric positive definite tridiagonal system."""
    m = diagonal.size
    pivots = np.empty(m)
    pivots[0] = diagonal[0]
    out[0] = right[0]
    for i in range(1, m):
        part = beside[i - 1] / pivots[i - 1]
        pivots[i] = diagonal[i] - part * beside[i - 1]
        out[i] = right[i] - part * out[i - 1]
    out[m - 1] /= pivots[m - 1]
    for i in range(m - 2, -1, -1):
        out[i] = (out[i] - beside[i] * out[i + 1]) / pivots[i]


@compiled()
def polish(x, y, w, places, values, residuals, apart):
    """Move knots by damped Gauss-Newton steps, the values fitted anew after each; return the loss.

    Values and residuals are set too.

    The loss has a kink where a knot meets a point; a knot that ends at one, higher on both sides, is held.
    """
    m = places.size
    inner = m - 2
    new, after, trial = np.empty(m), np.empty(m), np.empty(x.size)
    loss = fit_values(x, y, w, places, values, residuals)
    if inner == 0:
        return loss
    damping = 1e-3
    size = m + inner
    held = np.zeros(inner, np.bool_)
    system, factor = np.empty((size, size)), np.empty((size, size))
    slope, step = np.empty(size), np.empty(size)
    for _ in range(STEPS):
        _assemble(x, w, residuals, places, values, system, slope)
        taken = loss
        for _ in range(TRIALS):
            _solve_damped(system, slope, held, damping, factor, step)
            _move(places, step, new)
            if _is_apart(x, new, apart):
                taken = fit_values(x, y, w, new, after, trial)
                if taken < loss:
                    break
            damping = max(10 * damping, 1e-6)
        settled = not loss - taken > SETTLED * taken
        if taken < loss:
            loss = taken
            _copy(new, places)
            _copy(after, values)
            _copy(trial, residuals)
            damping = damping / 10
        if settled:
            if not (_hold(x, places, held) or _release(x, y, w, places, held, loss, apart)):
                break
            damping = 1e-3
            loss = fit_values(x, y, w, places, values, residuals)
    # steps too small for the loss to tell lead on to rest
    for _ in range(LAST_STEPS):
        _assemble(x, w, residuals, places, values, system, slope)
        _solve_damped(system, slope, held, 0.0, factor, step)
        if not _move(places, step, new) < LITTLE * (x[-1] - x[0]) or not _is_apart(x, new, apart):
            break
        _copy(new, places)
        loss = fit_values(x, y, w, places, values, residuals)
    return loss


@compiled()
def _copy(source, target):
    for i in range(source.size):
        target[i] = source[i]


@compiled()
def _move(places, step, new):
    """Set the places after a step, whose last entries are the knots'; return how far one moves at most."""
    m, most = places.size, 0.0
    new[0], new[m - 1] = places[0], places[m - 1]
    for k in range(1, m - 1):
        new[k] = places[k] - step[m + k - 1]
        most = max(most, abs(step[m + k - 1]))
    return most


@compiled()
def _hold(x, places, held):
    """Put knots that have come to a point on it, and hold them; return whether there are new ones."""
    any_new = False
    for k in range(held.size):
        i = min(count_below(x, places[k + 1]), x.size - 1)
        if i > 0 and places[k + 1] - x[i - 1] < abs(x[i] - places[k + 1]):
            i -= 1
        if abs(x[i] - places[k + 1]) <= TOGETHER * (x[-1] - x[0]) and not held[k]:
            places[k + 1] = x[i]
            held[k] = any_new = True
    return any_new


@compiled()
def _release(x, y, w, places, held, loss, apart):
    """Let the first held knot go that lowers the loss when it moves a little; return whether there is one."""
    new, values, residuals = np.empty(places.size), np.empty(places.size), np.empty(x.size)
    _copy(places, new)
    for k in range(held.size):
        if not held[k]:
            continue
        for sign in (-1.0, 1.0):
            new[k + 1] = places[k + 1] + sign * LITTLE * (x[-1] - x[0])
            if _is_apart(x, new, apart) and fit_values(x, y, w, new, values, residuals) < loss * (
                1 - SETTLED
            ):
                places[k + 1] = new[k + 1]
                held[k] = False
                return True
        new[k + 1] = places[k + 1]
    return False


@compiled()
def _is_apart(x, places, apart):
    """Return whether the places ascend with enough points between them, a point on a knot on both sides."""
    for k in range(1, places.size):
        if not places[k] > places[k - 1]:
            return False
        low, high = count_below(x, places[k - 1]), count_below(x, places[k])
        high += high < x.size and x[high] == places[k]
        if high - low < apart:
            return False
    return True


@compiled()
def _assemble(x, w, residuals, places, values, system, slope):
    """Set the Gauss-Newton matrix and the gradient, for the values at all places and the inner places.

    Between two places the fit changes by (1 - s) (dv_j - c dt_j) + s (dv_j+1 - c dt_j+1), with c the slope.
    """
    m = places.size
    for u in range(slope.size):
        slope[u] = 0.0
        for v in range(slope.size):
            system[u, v] = 0.0
    i = 0
    which, low, high = np.zeros(4, np.int64), np.zeros(4), np.zeros(4)
    for j in range(m - 1):
        a, b, d, p, q = 0.0, 0.0, 0.0, 0.0, 0.0
        width = places[j + 1] - places[j]
        while i < x.size and (x[i] < places[j + 1] or j == m - 2):
            s = (x[i] - places[j]) / width
            a += w[i] * (1 - s) * (1 - s)
            b += w[i] * s * (1 - s)
            d += w[i] * s * s
            p += w[i] * (1 - s) * residuals[i]
            q += w[i] * s * residuals[i]
            i += 1
        tilt = (values[j + 1] - values[j]) / width
        which[0], low[0], high[0] = j, 1.0, 0.0
        which[1], low[1], high[1] = j + 1, 0.0, 1.0
        count = 2
        if j >= 1:
            which[count], low[count], high[count] = m + j - 1, -tilt, 0.0
            count += 1
        if j + 1 <= m - 2:
            which[count], low[count], high[count] = m + j, 0.0, -tilt
            count += 1
        for u in range(count):
            slope[which[u]] += low[u] * p + high[u] * q
            for v in range(count):
                system[which[u], which[v]] += (
                    low[u] * low[v] * a + (low[u] * high[v] + high[u] * low[v]) * b + high[u] * high[v] * d
                )


@compiled()
def _solve_damped(system, slope, held, damping, factor, step):
    """Solve by Cholesky's factorisation, the knots' part of the diagonal made larger; held knots stay."""
    size = slope.size
    m = size - held.size
    for i in range(size):
        for j in range(i + 1):
            value = system[i, j]
            if i == j:
                value = value * (1 + (damping if i >= m else 0.0)) + 1e-14
            for k in range(j):
                value -= factor[i, k] * factor[j, k]
            if i == j:
                # a knot without a jump of the slope has no place of its own: its step is zero
                free = value > 1e-13 * system[i, i] and not (i >= m and held[i - m])
                factor[i, i] = np.sqrt(value) if free else np.inf
            else:
                factor[i, j] = value / factor[j, j]
    for i in range(size):
        value = slope[i]
        for k in range(i):
            value -= factor[i, k] * step[k]
        step[i] = value / factor[i, i]
    for i in range(size - 1, -1, -1):
        value = step[i]
        for k in range(i + 1, size):
            value -= factor[k, i] * step[k]
        step[i] = value / factor[i, i]
