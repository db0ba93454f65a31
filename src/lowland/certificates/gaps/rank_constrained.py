"""A lower bound for the rank-constrained problem, if the data term is strongly convex.

If |A(Z)|^2_w >= mu |Z|^2 for all Z, then f(Y) >= f(X) + <G, Y - X> + mu/2 |Y - X|^2 with G = A*(w rho),
and over matrices Y of rank at most r the right side is minimised by the best such approximation
of Z0 = X - G / mu. With S the sum of the r largest squared singular values of Z0 (for positive
semidefinite Y: of the r largest positive eigenvalues),

    f(X) - min f  <=  <G, X> + mu/2 (S - |X|^2).

The root of S is a maximum of <Z0, Y> over certain Y of norm one, so it changes by no more than Z0 does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.certificates.factorisations import eigenvalues, eigh, svd
from lowland.certificates.gaps.dual import ZERO_BOUND, LowerBound
from lowland.certificates.gaps.measurement_norm import measurement_norm
from lowland.certificates.gaps.spectral_bounds import is_eigenvalue_below
from lowland.core.arrays import Matrix, Vector
from lowland.core.complex_views import as_reals
from lowland.core.promises.fits import MatrixFit
from lowland.core.promises.protocols import HasRoundingBounds
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour
from lowland.core.rounding import gamma, unit_roundoff
from lowland.core.work import UNLIMITED, Budget, singular_value_work

# products with at most this many terms are computed in long double
LONG_PRODUCT = 3e7


def rank_constrained_bound(
    objective: MatrixFit, theta: Vector, lowest: float, largest: int, budget: Budget = UNLIMITED
) -> LowerBound:
    """Return a lower bound on the objective of every matrix of the rank, or zero.

    Parameters
    ----------
    objective : Objective
        A recovery objective in float64 with squared loss; zero for others. Penalties, which are
        nonnegative, are left out.
    theta : ndarray, shape (size,)
    lowest : float
        The data term at theta, rounded down.
    largest : int
        Largest side of a matrix that is decomposed.
    budget : Budget, optional
        The decomposition may take at most half of what is left.

    Returns
    -------
    LowerBound
        Rigorous: the decomposition's residual and the rounding of X, G and all sums are included.
    """
    suited = objective.loss.is_quadratic and not (objective.model.biases or objective.model.has_unit_trace)
    rounding = objective.rounding
    if not suited or rounding is None or max(objective.shape) > largest:
        return ZERO_BOUND
    work = bound_work(objective)
    if not budget.allows(work, part=0.5):
        return replace(ZERO_BOUND, limited_by=budget.name) if _may_be_convex(objective) else ZERO_BOUND
    mu = strong_convexity(objective, largest)
    norm = measurement_norm(objective, budget) if mu > 0 else None
    if norm is None:
        return ZERO_BOUND
    at = _formed(objective, rounding, theta, norm)
    if not np.isfinite(at.steep):
        return ZERO_BOUND
    unit = unit_roundoff("float64")
    square, square_error = inner_product(at.x, at.x)
    size = float(np.sqrt(square + square_error)) * (1 + 2 * unit)
    root = largest_root(at.x - at.g / mu, objective.rank, positive=objective.model.is_psd)
    root += at.x_error + at.g_error / mu + 4 * unit * (size + at.steep / mu)
    slope, slope_error = inner_product(at.g, at.x)
    slope += slope_error + at.g_error * (size + at.x_error) + at.steep * at.x_error
    shortest = max(0.0, float(np.sqrt(max(square - square_error, 0.0))) * (1 - 2 * unit) - at.x_error)
    gap = slope + mu / 2 * (root**2 - shortest**2)
    # the difference of squares may cancel; each square was rounded a few times
    gap = max(gap, 0.0) + 4 * unit * (abs(slope) + mu * root**2)
    value = lowest - gap
    if not (np.isfinite(value) and value > 0):
        return ZERO_BOUND
    return LowerBound(float(value), Rigour.RIGOROUS, because("strongly_convex"), mu)


def _may_be_convex(objective: MatrixFit) -> bool:
    """Whether there are at least as many measurements as free entries, as strong convexity requires."""
    (m, n), symmetric = objective.shape, objective.model.is_psd
    return bool(objective.y.size >= (n * (n + 1) // 2 if symmetric else m * n))


def bound_work(objective: MatrixFit) -> float:
    """Return the work of `rank_constrained_bound`: decompositions, and Gram matrices of the measurements."""
    m, n = objective.shape
    work = 4 * singular_value_work(m, n) + float(objective.matrices.stored_numbers) * m * n / 24
    return float(work)


@final
@dataclass(frozen=True, eq=False)
class _Formed:
    """The computed matrix and gradient, bounds on their errors, and the norm of the gradient."""

    x: Matrix
    x_error: float
    g: Matrix
    g_error: float
    steep: float


def _formed(objective: MatrixFit, rounding: HasRoundingBounds, theta: Vector, norm: float) -> _Formed:
    factors = objective.matrix(theta)
    x = factors.matrix()
    magnitude = np.abs(factors.left) @ np.abs(factors.right).T
    x_error = gamma(factors.width + 2, x.dtype) * float(np.linalg.norm(magnitude)) * (1 + 1e-9)
    z, unit = objective.predict(theta), unit_roundoff("float64")
    direction = objective.weighted(objective.y - z)
    g = -np.asarray(objective.adjoint(direction).toarray())
    off: Vector = rounding.measure_error(factors) + 2 * unit * np.abs(objective.y - z)
    off = objective.weighted(off) * (1 + 4 * unit)
    g_error = norm * float(np.linalg.norm(off)) + rounding.adjoint_error(direction)
    if objective.model.is_psd:
        g = (g + g.conj().T) / 2
        g_error += 2 * unit * float(np.linalg.norm(g))
    steep = float(np.linalg.norm(g)) * (1 + gamma(g.size + 2))
    return _Formed(x, x_error, g, g_error * (1 + 1e-9), steep)


def inner_product(a: Matrix, b: Matrix) -> tuple[float, float]:
    """Return Re <a, b> summed in long double, and a bound on its error."""
    wide = [(as_reals(part)).astype(np.longdouble) for part in (a, b)]
    unit = float(np.finfo(np.longdouble).eps)
    total, size = float(np.dot(*wide)), float(np.dot(*(np.abs(part) for part in wide)))
    return total, (wide[0].size + 2) * unit * size + unit_roundoff("float64") * abs(total)


def largest_root(matrix: Matrix, rank: int, *, positive: bool) -> float:
    """Return an upper bound on the square root of S, the sum of the r largest squared singular values.

    Parameters
    ----------
    matrix : ndarray, shape (m, n)
        Hermitian if `positive`.
    rank : int
    positive : bool
        Take the largest positive eigenvalues instead.

    Returns
    -------
    float
        The computed one, enlarged by the loss of orthonormality of the computed vectors, plus the norm
        of the residual of the decomposition.
    """
    if positive:
        values, right = eigh(matrix)
        left, kept = right * np.sign(values), np.sort(np.maximum(values, 0.0))[::-1]
        sizes = np.abs(values)
    else:
        left, sizes, rows = svd(matrix)
        right, kept = rows.conj().T, sizes
    # a rank-r part contains at most this much of the residual; scaling the left vectors rounds once
    missed = float(np.sqrt(rank)) * _distance(left * sizes, right.conj().T, matrix)
    missed += unit_roundoff("float64") * float(np.linalg.norm(sizes)) * (1 + 1e-6)
    stretch = 1.0
    for side in (left, right):
        # |L|^2 = |L^H L| <= 1 + |L^H L - I|
        stretch *= float(np.sqrt(1 + _distance(side.conj().T, side, np.eye(side.shape[1]))))
    top = float(np.linalg.norm(kept[:rank]))
    return (top * stretch + missed) * (1 + gamma(rank + 8))


def _distance(a: Matrix, b: Matrix, target: Matrix) -> float:
    """Return an upper bound on |a b - target|_2, of small matrices, in long double."""
    kind = np.dtype(np.result_type(a, b, target))
    if a.shape[0] * a.shape[1] * b.shape[1] <= LONG_PRODUCT:
        kind = np.dtype(np.clongdouble if kind.kind == "c" else np.longdouble)
    product = a.astype(kind) @ b.astype(kind)
    sizes = float(np.linalg.norm(np.abs(a) @ np.abs(b))) + float(np.linalg.norm(target))
    error = gamma(a.shape[1] + 4, kind) * sizes * (1 + 1e-9)
    # the norm of the difference is needed only to a few digits
    double = np.complex128 if kind.kind == "c" else np.float64
    return float(np.linalg.norm((product - target).astype(double), 2)) * (1 + 1e-6) + error


def strong_convexity(objective: MatrixFit, largest: int) -> float:
    """Return a proven mu with sum w |A(Z)|^2 >= mu |Z|^2 for all Z of the structure; zero if none is proved.

    Parameters
    ----------
    objective : Objective
    largest : int
        Largest number of unknowns for forming a Gram matrix.

    Returns
    -------
    float
    """
    pattern = objective.observed_pattern
    weights = objective.weighted(np.ones(objective.y.size))
    if pattern is not None:
        cells = pattern.rows * pattern.shape[1] + pattern.columns
        sums = np.bincount(cells, weights, minlength=int(np.prod(pattern.shape)))
        return float(sums.min()) * (1 - gamma(objective.y.size))
    symmetric = objective.model.is_psd
    n = objective.shape[1]
    unknowns = n * (n + 1) // 2 if symmetric else int(np.prod(objective.shape))
    enough = unknowns <= min(largest, objective.y.size)
    rows = objective.matrices.rows() if enough else None
    if rows is None:
        return 0.0
    table = np.sqrt(weights)[:, None] * rows
    if symmetric:
        table = _symmetric_coordinates(table, n)
    gram = table.T @ table
    total = float(np.trace(gram))
    charge = (2 * gamma(len(rows) + 8) + 16 * unit_roundoff("float64")) * total
    least = float(eigenvalues(gram)[0])
    for slack in (1e-10, 1e-6, 1e-3, 0.1):
        mu = least * (1 - slack) - 2 * charge
        if mu > 0 and is_eigenvalue_below(mu * np.eye(len(gram)) - gram, -charge):
            return mu
    return 0.0


def _symmetric_coordinates(table: Matrix, n: int) -> Matrix:
    """Return the coefficients of rows, n x n matrices, in an orthonormal basis of the symmetric ones."""
    i, j = np.tril_indices(n)
    cube = table.reshape(-1, n, n)
    return np.where(i == j, cube[:, i, j], (cube[:, i, j] + cube[:, j, i]) * np.sqrt(0.5))
