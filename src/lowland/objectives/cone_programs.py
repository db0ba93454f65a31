"""Convex programs over cones of weights: least squares by Clarabel, the point farthest inside by HiGHS."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import LowlandError, MissingExtraError


def solve_region(design: Matrix, pattern: Any, targets: Vector) -> tuple[Vector, Vector]:
    """Minimise the misfit of design @ w to targets subject to pattern @ w >= 0.

    Returns
    -------
    weights : ndarray
    multipliers : ndarray
        Of the constraints, at least 0.

    Raises
    ------
    MissingExtraError
        If Clarabel is not installed.
    LowlandError
        If it fails.
    """
    from scipy import sparse

    n, size = design.shape
    held = pattern.shape[0]
    quadratic = sparse.diags_array(np.r_[np.zeros(size), np.ones(n)], format="csc")
    equal = sparse.hstack([sparse.csc_array(design), -sparse.eye_array(n)])
    below = sparse.hstack([-pattern, sparse.csc_array((held, n))])
    rows = sparse.vstack([equal, below])
    found = _clarabel(quadratic, np.zeros(size + n), rows, np.r_[targets, np.zeros(held)], n, held)
    return np.array(found.x[:size]), np.array(found.z[n:])


def most_inside(design: Matrix, constraints: Matrix, weights: Matrix) -> tuple[Matrix, float]:
    """Return weights with the same outputs as far inside their cones as can be, and their margin.

    Parameters
    ----------
    design : ndarray, shape (n, k d)
    constraints : ndarray, shape (k, n, d)
        Unit rows that must not be negative.
    weights : ndarray, shape (k, d)

    Returns
    -------
    weights : ndarray, shape (k, d)
    margin : float
        0 where the program fails.
    """
    from scipy import sparse
    from scipy.optimize import linprog

    k, n, d = constraints.shape
    scale = float(np.abs(weights).max(initial=0.0)) or 1.0
    # weights = scale w; w in a box, so that the margin is one of directions
    below = sparse.hstack([-block_diagonal(constraints), np.ones((n * k, 1))])
    used = np.abs(design).sum(axis=1) > 0
    equal = np.hstack([design[used], np.zeros((int(used.sum()), 1))])
    aim = np.zeros(k * d + 1)
    aim[-1] = -1.0
    box = [(-10.0, 10.0)] * (k * d) + [(None, 1.0)]
    right = equal[:, :-1] @ (weights / scale).ravel()
    found = linprog(aim, A_ub=below, b_ub=np.zeros(n * k), A_eq=equal, b_eq=right, bounds=box)
    if found.x is None:
        return weights, 0.0
    return scale * found.x[:-1].reshape(k, d), float(found.x[-1])


def block_diagonal(blocks: Matrix) -> Any:
    """Return a sparse matrix with the blocks (k, n, d) on its diagonal."""
    from scipy.sparse import csr_array

    k, n, d = blocks.shape
    starts = d * np.arange(k * n + 1)
    columns = (d * np.arange(k)[:, None, None] + np.arange(d)[None, None]).repeat(n, axis=1)
    return csr_array((blocks.ravel(), columns.ravel(), starts), shape=(k * n, k * d))


def _clarabel(P: Any, q: Vector, A: Any, b: Vector, zero: int, nonnegative: int) -> Any:
    try:
        import clarabel
    except ImportError as error:
        raise MissingExtraError(
            "the best loss of a region needs an optional package",
            "clarabel is not installed",
            fix="pip install 'lowland[regions]'",
        ) from error
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    cones = [clarabel.ZeroConeT(zero), clarabel.NonnegativeConeT(nonnegative)]
    found = clarabel.DefaultSolver(_csc(P), q, _csc(A), b, cones, settings).solve()
    if str(found.status) not in ("Solved", "AlmostSolved", "InsufficientProgress"):
        raise LowlandError("the best loss of a region was not found", f"the solver says {found.status}")
    return found


def _csc(matrix: Any) -> Any:
    from scipy.sparse import csc_matrix

    out = csc_matrix(matrix)
    out.sort_indices()
    return out
