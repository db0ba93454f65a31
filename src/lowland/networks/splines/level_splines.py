"""Splines of inputs that take a few levels only, such as grades and counts: knots at the levels themselves.

Between two knots of a minimum lie several distinct inputs; where there are few, a function could never bend.
"""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.networks.splines.linear_spline import LinearSpline
from lowland.networks.splines.minima_path import Path, spline_paths

# inputs of so many distinct numbers or fewer bend at these
LEVELS = 8


def has_levels(x: Vector) -> bool:
    """Return whether an input takes a few levels only."""
    return np.unique(x).size <= LEVELS


def paths_of(x: Vector, y: Vector, weights: Matrix, most: int) -> list[Path]:
    """Return splines with 0 to at most so many knots and their losses, for several weightings.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    weights : ndarray, shape (sets, n)
        At least 0.
    most : int
    """
    if not has_levels(x):
        return spline_paths(x, y, weights, most)
    ends = float(x.min()), float(x.max())
    return [
        _grown(x[shares > 0], y[shares > 0], shares[shares > 0] / shares.sum(), most, ends)
        for shares in weights
    ]


def _grown(x: Vector, y: Vector, shares: Vector, most: int, ends: tuple[float, float]) -> Path:
    """Add the level at which a bend lowers the loss most, one by one."""
    levels, group = np.unique(x, return_inverse=True)
    size: Vector = np.bincount(group, shares).astype(float)
    means: Vector = np.bincount(group, shares * y) / size
    within = float(shares @ (y - means[group]) ** 2)
    chosen: list[float] = []
    splines, losses = [], []
    while True:
        spline, loss = _fitted(levels, means, size, chosen, ends)
        splines.append(spline)
        losses.append((loss + within) / 2)
        left = [float(level) for level in levels[1:-1] if level not in chosen]
        if len(chosen) >= most or not left:
            return splines, np.array(losses)
        chosen.append(min(left, key=lambda level: _fitted(levels, means, size, [*chosen, level], ends)[1]))


def _fitted(
    levels: Vector, means: Vector, size: Vector, knots: list[float], ends: tuple[float, float]
) -> tuple[LinearSpline, float]:
    """Return the spline with given knots that fits the levels' means best, and its loss, not halved."""
    inner = np.sort(np.array(knots))
    root = np.sqrt(size)
    coefficients = np.linalg.lstsq(_basis(levels, inner) * root[:, None], means * root, rcond=None)[0]
    places = np.r_[ends[0], inner, ends[1]]
    loss = float(size @ (_basis(levels, inner) @ coefficients - means) ** 2)
    return LinearSpline(places, _basis(places, inner) @ coefficients), loss


def _basis(at: Vector, knots: Vector) -> Matrix:
    return np.column_stack([np.ones(at.size), at, np.maximum(at[:, None] - knots, 0.0)])
