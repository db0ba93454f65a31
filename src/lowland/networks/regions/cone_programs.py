"""Convex programs over cones of weights: least squares by Clarabel, interior points by HiGHS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import LowlandError, MissingExtraError
from lowland.core.running.interrupt import Interruption

OnStep = Callable[[int], None]

# bounds on weights in the search for an interior point, in units of the smallest solution: first near, then
# as far as possible, then the nearest that works
NEAR_BOUND, FAR_BOUND, BOUNDS_BETWEEN = 10.0, 1e5, (1e2, 1e3, 1e4)
# to conclude that no solution lies inside, the test must be negative by this fraction of the loss at zero
ABOVE = 1e-7
# size of all constraints beyond which the program for the point farthest inside takes minutes
MOST_CONSTRAINT_NUMBERS = 200_000


def solve_region(
    design: Matrix, pattern: Any, targets: Vector, on_step: OnStep | None = None
) -> tuple[Vector, Vector]:
    """Minimise the misfit of design @ w to targets subject to pattern @ w >= 0.

    Parameters
    ----------
    design : ndarray, shape (n, size)
    pattern : sparse array, shape (held, size)
    targets : ndarray, shape (n,)
    on_step : callable, optional
        Called after each step with its number.

    Returns
    -------
    weights : ndarray
    multipliers : ndarray
        Multipliers of the constraints, at least 0.

    Raises
    ------
    MissingExtraError
        If Clarabel is not installed.
    LowlandError
        If Clarabel fails.
    KeyboardInterrupt
        After the step in which it was interrupted.
    """
    from scipy import sparse

    n, size = design.shape
    held = pattern.shape[0]
    quadratic = sparse.diags_array(np.r_[np.zeros(size), np.ones(n)], format="csc")
    equal = sparse.hstack([sparse.csc_array(design), -sparse.eye_array(n)])
    below = sparse.hstack([-pattern, sparse.csc_array((held, n))])
    rows = sparse.vstack([equal, below])
    solution = _clarabel(
        quadratic, np.zeros(size + n), rows, np.r_[targets, np.zeros(held)], (n, held), on_step
    )
    return np.array(solution.x[:size]), np.array(solution.z[n:])


def most_inside(
    design: Matrix, targets: Vector, constraints: Matrix, best: Matrix, multipliers: Matrix
) -> tuple[Matrix, float]:
    """Return the least-squares solution that lies farthest inside all cones, and its margin.

    Parameters
    ----------
    design : ndarray, shape (n, k d)
    targets : ndarray, shape (n,)
    constraints : ndarray, shape (k, n, d)
        Unit rows whose products with the weights must be positive; zero rows are no constraints.
    best : ndarray, shape (k, d)
        Where the misfit is smallest within the cones; for large programs the solution nearest to it is
        taken instead of the one farthest inside.
    multipliers : ndarray, shape (k, n)
        Multipliers of the constraints there. They show if no solution lies inside.

    Returns
    -------
    weights : ndarray, shape (k, d)
        A minimiser of |design w - targets|, ignoring the cones. If it lies inside all of them it is a
        stationary point there, and only such points are.
    margin : float
        Smallest product of a row with the weights, over the size of the minimum-norm minimiser (one if that
        is zero), at most 1. Negative if numerically no minimiser lies inside, -1 if the misfit shows it; 0 if
        the program fails or is too large to decide.
    """
    from scipy import sparse
    from scipy.optimize import linprog

    k, n, d = constraints.shape
    seen, least = _least_squares(design, targets)
    scale = float(np.abs(least).max(initial=0.0)) or 1.0
    if _none_inside(design, targets, constraints, (best, multipliers), least):
        return least.reshape(k, d), -1.0
    rows = block_diagonal(constraints)[np.any(constraints.reshape(k * n, d), axis=1)]
    below = sparse.hstack([-rows, np.ones((rows.shape[0], 1))])
    equal = np.hstack([seen, np.zeros((len(seen), 1))])
    aim = np.zeros(k * d + 1)
    aim[-1] = -1.0

    def moved(weights: Vector) -> tuple[Vector, float]:
        """Return the solution nearest to a point, and its margin."""
        weights = weights + seen.T @ (seen @ (least - weights))
        return weights, min(float((rows @ weights).min(initial=scale)) / scale, 1.0)

    if constraints.size > MOST_CONSTRAINT_NUMBERS:
        weights, margin = moved(best.ravel())
        return weights.reshape(k, d), max(margin, 0.0)

    def farthest(box: float) -> tuple[Vector, float]:
        sides = [(-box, box)] * (k * d) + [(None, 1.0)]
        right = seen @ (least / scale)
        solution = linprog(
            aim, A_ub=below, b_ub=np.zeros(rows.shape[0]), A_eq=equal, b_eq=right, bounds=sides
        )
        if solution.x is None:
            return least, 0.0
        # the program satisfies its equations to some digits only: project onto them
        return moved(scale * solution.x[:-1])

    weights, margin = farthest(NEAR_BOUND)
    if not margin > 0:
        weights, margin = farthest(FAR_BOUND)
        nearer = (farthest(box) for box in BOUNDS_BETWEEN) if margin > 0 else ()
        weights, margin = next((candidate for candidate in nearer if candidate[1] > 0), (weights, margin))
    return weights.reshape(k, d), margin


def _none_inside(
    design: Matrix, targets: Vector, constraints: Matrix, solution: tuple[Matrix, Matrix], least: Vector
) -> bool:
    """Return whether multipliers show that no least-squares solution of a size up to `FAR_BOUND` lies inside.

    With u the misfit at the best point and z the multipliers D^T u = P^T z + r, r a remainder. A solution w
    inside has P w > 0, and D w is the same for all solutions, so 0 <= z . P w = u . D w - r . w.
    """
    best, multipliers = solution
    misfit = design @ best.ravel() - targets
    held = np.einsum("kn,knd->kd", np.maximum(multipliers, 0), constraints).ravel()
    remainder = float(np.abs(design.T @ misfit - held).sum())
    scale = float(np.abs(least).max(initial=0.0)) or 1.0
    most = float(misfit @ (design @ least)) + FAR_BOUND * scale * remainder
    return most < -ABOVE * float(targets @ targets)


def _least_squares(design: Matrix, targets: Vector) -> tuple[Matrix, Vector]:
    """Return an orthonormal basis of the rows of a matrix, and its minimum-norm least-squares solution."""
    left, sizes, right = np.linalg.svd(design, full_matrices=False)
    used = sizes > max(design.shape) * np.finfo(float).eps * sizes.max(initial=0.0)
    seen: Matrix = right[used]
    return seen, seen.T @ ((left[:, used].T @ targets) / sizes[used])


def block_diagonal(blocks: Matrix) -> Any:
    """Return a sparse matrix with the blocks (k, n, d) on its diagonal."""
    from scipy.sparse import csr_array

    k, n, d = blocks.shape
    starts = d * np.arange(k * n + 1)
    columns = (d * np.arange(k)[:, None, None] + np.arange(d)[None, None]).repeat(n, axis=1)
    return csr_array((blocks.ravel(), columns.ravel(), starts), shape=(k * n, k * d))


def _clarabel(P: Any, q: Vector, A: Any, b: Vector, sizes: tuple[int, int], on_step: OnStep | None) -> Any:
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
    cones = [clarabel.ZeroConeT(sizes[0]), clarabel.NonnegativeConeT(sizes[1])]
    solver = clarabel.DefaultSolver(_csc(P), q, _csc(A), b, cones, settings)
    with Interruption() as interruption:  # exceptions do not pass through the solver

        def look(info: Any) -> bool:
            if on_step is not None:
                on_step(int(info.iterations))
            return interruption.requested

        solver.set_termination_callback(look)
        solution = solver.solve()
        interrupted = interruption.requested
    if interrupted:
        raise KeyboardInterrupt
    if str(solution.status) not in ("Solved", "AlmostSolved", "InsufficientProgress"):
        raise LowlandError("the best loss of a region was not found", f"solver status {solution.status}")
    return solution


def _csc(matrix: Any) -> Any:
    from scipy.sparse import csc_matrix

    out = csc_matrix(matrix)
    out.sort_indices()
    return out
