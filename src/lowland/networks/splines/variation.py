"""Knots of a piecewise linear function, and their weight in the bound on stable minima.

Gradient descent with step eta can only settle on functions f with sum |jump of f' at t| g(t) <= 1/eta - 1/2
(Qiao, Zhang, Singh, Soudry, Wang 2024); g depends on the inputs alone and vanishes at their ends. Of several
inputs the jumps are those of the gradient across hyperplanes (Liang, Qiao, Wang, Parhi 2025).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector, check_floats
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError

# knots closer than so many rounding units are merged
SAME = 8.0
# knots with a jump below this fraction of the largest are left out
SMALL_JUMP = 0.05
# pairs of a data point and a hyperplane that are handled at a time
PAIRS = 2**20


@public("lowland.networks")
def variation_weight(
    x: ArrayLike, t: ArrayLike, *, directions: ArrayLike | None = None, weights: ArrayLike | None = None
) -> Vector:
    """Return the weight g of a change of slope in the bound on stable minima.

    Parameters
    ----------
    x : array_like, shape (n,) or (n, d)
        Inputs.
    t : array_like
        Where to evaluate g. Of several inputs, shape (m,): hyperplanes are the points whose product with a
        direction is t.
    directions : array_like, shape (m, d), optional
        Directions across the hyperplanes, scaled to length one; needed if there are several inputs.
    weights : array_like, shape (n,), optional
        Weights of the inputs, at least 0; equal by default.

    Returns
    -------
    ndarray, shape of `t`
        At least 0; 0 outside the inputs.

    Raises
    ------
    InvalidInputError
        If numbers are not finite, shapes do not match, or a direction is zero.

    Notes
    -----
    g = min(g-, g+), g-(t) = P(X < t)^2 E[t - X | X < t] sqrt(1 + E[X | X < t]^2) for X uniform on the
    inputs, and g+ is its mirror image. With N inputs below t and s their sum, this is
    (N t - s) sqrt(N^2 + s^2) / n^2, which needs no division and treats ties correctly. It costs
    O((n + t) log n).

    Of several inputs, ``g-(u, t) = P(u.X < t)^2 E[t - u.X | u.X < t] sqrt(1 + |E[X | u.X < t]|^2)``: the
    mean under the root is that of all coordinates. It costs O(n d m), and is computed in floating point: an
    estimate, not a bound.

    References
    ----------
    D. Qiao, K. Zhang, E. Singh, D. Soudry, Y.-X. Wang, Stable minima cannot overfit in univariate ReLU
    networks: generalization by large step sizes, NeurIPS 2024. T. Liang, D. Qiao, Y.-X. Wang, R. Parhi,
    Stable minima of ReLU neural networks suffer from the curse of dimensionality: the neural shattering
    phenomenon, NeurIPS 2025.

    Examples
    --------
    >>> import lowland as ll
    >>> ll.networks.variation_weight([-1.0, 0.0, 1.0], [-0.5, 0.0, 0.5, 2.0]).round(6)
    array([0.078567, 0.157135, 0.078567, 0.      ])
    >>> corners = [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    >>> ll.networks.variation_weight(corners, [0.0, 0.0], directions=[[1, 0], [1, 1]]).round(6)
    array([0.353553, 0.153093])
    """
    inputs = check_floats(x, "x", dtype="float64")
    points = check_floats(t, "t", dtype="float64").reshape(np.shape(t))
    shares = (
        np.full(len(inputs), 1.0) if weights is None else check_floats(weights, "weights", dtype="float64")
    )
    if directions is not None:
        inputs = inputs[:, None] if inputs.ndim == 1 else inputs
        units = _units(directions, (points.size, *inputs.shape[1:]))
        along = weights_across(inputs, units, points.ravel(), shares / shares.sum())
        return along.reshape(points.shape)
    if inputs.ndim == 2 and inputs.shape[1] == 1:
        inputs = inputs[:, 0]
    if inputs.ndim != 1:
        raise InvalidInputError(
            "inputs of several numbers need directions", f"x of shape {inputs.shape}", fix="pass directions="
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


def weights_across(
    points: Matrix, directions: Matrix, places: Vector, shares: Vector, *, biased: bool = True
) -> Vector:
    """Return g of hyperplanes u.x = t by the sums over the points on either side.

    Parameters
    ----------
    points : ndarray, shape (n, d)
    directions : ndarray, shape (m, d)
        Of length one.
    places : ndarray, shape (m,)
    shares : ndarray, shape (n,)
        Weights of the points, summing to 1.
    biased : bool
        Whether neurons have biases that are trained; if not, the 1 under the root falls away.

    Returns
    -------
    ndarray, shape (m,)
    """
    found: Vector = np.zeros(places.size)
    # distances from one point, so that points far from zero lose no digits
    moved, away = points - points[0], places - directions @ points[0]
    block = max(PAIRS // len(points), 1)
    for start in range(0, places.size, block):
        part = slice(start, start + block)
        beyond = moved @ directions[part].T - away[part]
        sides = []
        for height in (beyond, -beyond):
            on = shares[:, None] * (height > 0)
            mean = np.linalg.norm(on.T @ points, axis=1)
            size = np.hypot(on.sum(axis=0), mean) if biased else mean
            sides.append((shares @ np.maximum(height, 0.0)) * size)
        found[part] = np.minimum(*sides)
    return found


def data_shares(weights: ArrayLike | None, n: int) -> Vector | None:
    """Return weights of data points scaled to sum to one, or None."""
    if weights is None:
        return None
    numbers = check_floats(weights, "weights", dtype="float64")
    if numbers.shape != (n,) or np.any(numbers < 0) or not numbers.any():
        raise InvalidInputError(
            "weights must be one number per input, at least 0, not all zero", f"shape {numbers.shape}"
        )
    numbers = numbers / numbers.max()
    shares: Vector = numbers / numbers.sum()
    return shares


def _units(directions: ArrayLike, shape: tuple[int, ...]) -> Matrix:
    """Return directions scaled to length one."""
    given = check_floats(directions, "directions", dtype="float64")
    if given.shape != shape:
        raise InvalidInputError(
            "directions must be one row per entry of t and one column per input",
            f"shape {given.shape} where {shape} is needed",
        )
    lengths = row_lengths(given)
    if not np.all(lengths > 0):
        raise InvalidInputError("directions must not be zero", f"row {int(np.argmin(lengths))}")
    units: Matrix = given / lengths[:, None]
    return units


def row_lengths(rows: Matrix) -> Vector:
    """Return the norms of rows, whose squares may be beyond the range of floats."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    safe = np.where(largest > 0, largest, 1.0)
    lengths: Vector = largest * np.linalg.norm(rows / safe[:, None], axis=1)
    return lengths


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


def variation_of_knots(x: Vector, places: Vector, jumps: Vector, weights: Vector | None = None) -> float:
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
