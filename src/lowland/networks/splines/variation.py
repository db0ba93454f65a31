"""Knots of a piecewise linear function, and their weight in the bound on stable minima.

Gradient descent with step eta can only settle on functions f with sum |jump of f' at t| g(t) <= 1/eta - 1/2
(Qiao, Zhang, Singh, Soudry, Wang 2024); g depends on the inputs alone and vanishes at their ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Vector, check_floats
from lowland.core.doors import public

# knots closer than so many rounding units are merged
SAME = 8.0
# knots with a jump below this fraction of the largest are left out
SMALL_JUMP = 0.05


@public("lowland.networks")
def variation_weight(x: ArrayLike, t: ArrayLike, *, weights: ArrayLike | None = None) -> Vector:
    """Return the weight g(t) of a change of slope at t in the bound on stable minima.

    Parameters
    ----------
    x : array_like, shape (n,)
        Inputs.
    t : array_like
        Where to evaluate g.
    weights : array_like, shape (n,), optional
        Weights of the inputs, at least 0; equal by default.

    Returns
    -------
    ndarray, shape of `t`
        At least 0; 0 outside the inputs.

    Notes
    -----
    g = min(g-, g+), g-(t) = P(X < t)^2 E[t - X | X < t] sqrt(1 + E[X | X < t]^2) for X uniform on the
    inputs, and g+ is its mirror image. With N inputs below t and s their sum, this is
    (N t - s) sqrt(N^2 + s^2) / n^2, which needs no division and treats ties correctly. It costs
    O((n + t) log n).

    Examples
    --------
    >>> import lowland as ll
    >>> ll.networks.variation_weight([-1.0, 0.0, 1.0], [-0.5, 0.0, 0.5, 2.0]).round(6)
    array([0.078567, 0.157135, 0.078567, 0.      ])
    """
    inputs = check_floats(x, "x", dtype="float64", ndim=1)
    points = check_floats(t, "t", dtype="float64").reshape(np.shape(t))
    shares = (
        np.full(inputs.size, 1.0) if weights is None else check_floats(weights, "weights", dtype="float64")
    )
    order = np.argsort(inputs, kind="stable")
    inputs, shares = inputs[order], shares[order] / shares.sum()
    first = inputs[0] if inputs.size else 0.0
    # distances from one end, so that inputs far from zero lose no digits
    count, sums, moved = (
        np.r_[0.0, np.cumsum(part)] for part in (shares, shares * inputs, shares * (inputs - first))
    )
    below, above = np.searchsorted(inputs, points, "left"), np.searchsorted(inputs, points, "right")
    away = points - first
    left = (count[below] * away - moved[below]) * np.hypot(count[below], sums[below])
    rest, s, m = (part[-1] - part[above] for part in (count, sums, moved))
    right = (m - rest * away) * np.hypot(rest, s)
    weight: Vector = np.maximum(np.minimum(left, right), 0.0)
    return np.where((below == 0) | (above == inputs.size), 0.0, weight)


def knots(w: Vector, b: Vector, v: Vector) -> tuple[Vector, Vector]:
    """Return where the slope of sum v_k relu(w_k x + b_k) jumps, ascending, and by how much.

    Neurons with the same knot are merged; those without slope have none.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        places = -b / w
    used = np.isfinite(places)  # a knot beyond the range of floats does not count
    places, jumps = places[used], (v * np.abs(w))[used]
    order = np.argsort(places, kind="stable")
    places, jumps = places[order], jumps[order]
    if not places.size:
        return places, jumps
    apart = np.diff(places) > SAME * np.finfo(float).eps * np.maximum(np.abs(places[1:]), np.abs(places[:-1]))
    first = np.flatnonzero(np.r_[True, apart])
    return places[first], np.add.reduceat(jumps, first)


def weighted_variation(x: Vector, places: Vector, jumps: Vector, weights: Vector | None = None) -> float:
    """Return the sum of |jump| g(knot)."""
    return float(np.abs(jumps) @ variation_weight(x, places, weights=weights)) if places.size else 0.0


def simplified_knots(places: Vector, values: Vector, tolerance: float) -> Vector:
    """Return the inner knots that suffice to follow a linear spline within a tolerance.

    Parameters
    ----------
    places, values : ndarray
        The spline's ends and knots, ascending.
    tolerance : float
        Largest vertical distance; the algorithm is that of Ramer, Douglas and Peucker.
    """
    kept: list[int] = []
    open_parts = [(0, places.size - 1)]
    while open_parts:
        low, high = open_parts.pop()
        if high - low < 2:
            continue
        line = np.interp(places[low : high + 1], places[[low, high]], values[[low, high]])
        apart = np.abs(values[low : high + 1] - line)
        worst = low + 1 + int(apart[1:-1].argmax())
        if apart[worst - low] > tolerance:
            kept.append(worst)
            open_parts += [(low, worst), (worst, high)]
    return places[np.sort(np.array(kept, dtype=np.intp))]


def effective_knots(x: Vector, places: Vector, jumps: Vector) -> tuple[Vector, Vector]:
    """Return the knots that the data can resolve: one between neighbouring inputs, without small ones.

    Parameters
    ----------
    x : ndarray, shape (n,)
    places, jumps : ndarray
        As `knots` returns them.

    Returns
    -------
    places, jumps : ndarray
        A knot between two inputs lies at the mean of those merged, weighted by the sizes of their jumps.
    """
    grid = np.unique(x)
    gap = np.searchsorted(grid, places, "left")
    inside = (places > grid[0]) & (places < grid[-1])
    if not inside.any():
        return np.zeros(0), np.zeros(0)
    gap, places, jumps = gap[inside], places[inside], jumps[inside]
    total = np.bincount(gap, jumps, grid.size)
    sizes = np.bincount(gap, np.abs(jumps), grid.size)
    centre = np.bincount(gap, np.abs(jumps) * places, grid.size)
    kept = np.flatnonzero(np.abs(total) >= SMALL_JUMP * np.abs(total).max(initial=0.0))
    kept = kept[(sizes[kept] > 0) & (total[kept] != 0)]
    return centre[kept] / sizes[kept], total[kept]
