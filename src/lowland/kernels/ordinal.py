"""The proportional-odds loss cell by cell: each term from one exponential per margin."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Vector
from lowland.kernels.compiled import compiled
from lowland.kernels.threads import even_bounds, run_chunks

TERMS = ("value", "slope", "curvature", "majorant")
# elementary steps per cell, for the choice of threads
COST = 40


def ordinal_terms(z: Vector, y: Vector, edges: Vector, constants: Vector, term: str) -> Vector:
    """Return one term of the loss of each cell.

    Parameters
    ----------
    z : ndarray, shape (p,)
        Natural parameters.
    y : ndarray, shape (p,)
        Levels 0 to K - 1.
    edges : ndarray of float64, shape (K + 1,)
        Thresholds with infinities around them: level k lies between edges k and k + 1.
    constants : ndarray of float64, shape (K,)
        Constant in the value of each level besides softplus(z - upper) + softplus(lower - z).
    term : {"value", "slope", "curvature", "majorant"}

    Returns
    -------
    ndarray, shape (p,)
        Of z's dtype.
    """
    out = np.empty_like(z)
    which = TERMS.index(term)
    run_chunks(
        lambda lo, hi: _terms(z[lo:hi], y[lo:hi], edges, constants, which, out[lo:hi]),
        even_bounds(z.size, COST * z.size),
    )
    return out


@compiled(inline="always")
def _term(x, which):
    # x is a margin: softplus(x) is its share of the value
    size = abs(x)
    small = np.exp(-size)
    if which == 0:
        return max(x, 0.0) + np.log1p(small)
    if which == 1:
        return 1 / (1 + small) if x >= 0 else small / (1 + small)
    if which == 2:
        return small / ((1 + small) * (1 + small))
    if size < 1e-4:  # tanh(x / 2) / (2 x)
        return 0.25
    return (1 - small) / (1 + small) / (2 * size) if size < np.inf else 0.0


@compiled()
def _terms(z, y, edges, constants, which, out):
    for k in range(z.size):
        level = int(y[k])
        above, below = z[k] - edges[level + 1], edges[level] - z[k]
        first = _term(above, which) if above > -np.inf else 0.0
        second = _term(below, which) if below > -np.inf else 0.0
        if which == 0:
            out[k] = first + second + constants[level]
        elif which == 1:
            out[k] = first - second
        else:
            out[k] = first + second
