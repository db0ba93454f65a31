"""The smallest eigenvalues of an operator on the complement of the gauge, without forming it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lowland.certificates.factorisations import eigh_off, finite
from lowland.core.arrays import Matrix, Vector
from lowland.core.work import Budget, matrix_work, singular_value_work, touch

BASIS = 60
# fewer restarts do not converge, and more do not help
LEAST_RESTARTS, MOST_RESTARTS = 4, 60
# largest count of numbers in the gauge directions; more would take too much memory
LARGEST_GAUGE = 1e8


def affordable_restarts(
    size: int,
    gauge: int,
    product_work: float,
    budget: Budget,
    *,
    least: int = LEAST_RESTARTS,
    part: float = 0.5,
) -> int:
    """Return how many restarts a fraction of the budget allows, 0 if too few to help.

    Parameters
    ----------
    size : int
        Number of coordinates.
    gauge : int
        Number of directions to deflate, which are first made orthonormal.
    product_work : float
        Work of one product; each result is projected off the gauge twice and orthogonalised.
    budget : Budget
    least : int
        Fewer restarts than this count as none.
    part : float

    Returns
    -------
    int
    """
    before = 2.0 * size * gauge + singular_value_work(size, gauge)
    if size * gauge > LARGEST_GAUGE or not budget.allows(before, part=part / 2):
        return 0
    each = product_work + matrix_work(4.0 * size * gauge) + matrix_work(2.0 * size * BASIS)
    restarts = budget.times(BASIS * each, MOST_RESTARTS, part=part)
    return restarts if restarts >= least else 0


def smallest_eigenpairs(
    apply: Callable[[Vector], Vector],
    gauge: Matrix,
    restarts: int,
    rng: np.random.Generator,
    *,
    count: int,
    tolerance: float,
    top: float | None = None,
) -> tuple[Vector, Matrix, float] | None:
    """Return the smallest eigenvalues orthogonal to the gauge, their vectors, and the largest eigenvalue.

    Parameters
    ----------
    apply : callable
        Multiplies by a symmetric matrix.
    gauge : ndarray, shape (size, g)
        Orthonormal directions to deflate.
    restarts : int
        Most restarts, `BASIS` products each.
    rng : numpy.random.Generator
        For the start.
    count : int
        How many of the smallest. A multiple eigenvalue may be found only once.
    tolerance : float
        Relative, of the eigenvalues.
    top : float, optional
        An upper bound on all eigenvalues if known; otherwise the largest is computed first.

    Returns
    -------
    tuple or None
        Values ascending; None without convergence.
    """
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

    size = int(gauge.shape[0])
    if size <= 2 * BASIS:
        return _all_eigenpairs(apply, gauge, count)

    def project(d: Matrix) -> Matrix:
        touch(matrix_work(2.0 * gauge.size))
        inside: Matrix = gauge @ (gauge.T @ d)
        return d - inside

    def product(d: Vector) -> Vector:
        return finite(project(apply(project(d.reshape(-1)))))

    start = project(rng.standard_normal(size))
    plain = LinearOperator((size, size), matvec=product, dtype=np.float64)
    try:
        if top is None:
            edges = eigsh(plain, k=1, which="LA", v0=start, tol=1e-3, return_eigenvectors=False, maxiter=200)
            top = float(edges[0])
        # shifting the gauge to the top of the spectrum removes its zeros
        lifted = LinearOperator(
            (size, size),
            matvec=lambda d: product(d) + top * (gauge @ (gauge.T @ d.reshape(-1))),
            dtype=np.float64,
        )
        values, vectors = eigsh(
            lifted,
            k=count,
            which="SA",
            v0=start,
            tol=tolerance,
            ncv=BASIS,
            maxiter=min(restarts, MOST_RESTARTS),
        )
    except ArpackError:
        return None
    order = np.argsort(values)
    chosen: Matrix = vectors[:, order]
    return values[order], project(chosen), top


def _all_eigenpairs(
    apply: Callable[[Vector], Vector], gauge: Matrix, count: int
) -> tuple[Vector, Matrix, float] | None:
    """Return the same for a small operator, from its full spectrum."""
    size, columns = gauge.shape
    if size - columns < count:
        return None
    matrix = finite(np.stack([apply(unit) for unit in np.eye(size)], axis=1))
    values, vectors = eigh_off(matrix, gauge, count)
    return values[:count], vectors, float(values[-1])
