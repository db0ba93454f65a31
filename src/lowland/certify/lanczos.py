"""The smallest eigenvalues of an operator off the gauge, where it is too large to be formed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lowland.certify.factorisations import finite
from lowland.core.arrays import Matrix, Vector

BASIS = 60


def product_budget(objective: Any, work: float) -> int:
    """Return how many products with a Hessian or Jacobian touch `work` numbers, 0 where too few to help.

    Each is projected off the gauge too, of at most rank^2 directions or so.
    """
    products = int(work / (product_work(objective) + 4.0 * objective.size * objective.rank**2))
    return products if products >= 4 * BASIS else 0


def is_formed(objective: Any, largest: int, work: float) -> bool:
    """Whether a matrix of the point's size may be formed: by its size, and by what its columns touch."""
    size = objective.size
    return bool(size <= largest and size * product_work(objective) <= work)


def product_work(objective: Any) -> float:
    """Return about how many numbers a product with a Hessian or Jacobian touches."""
    by_measurement = 8.0 * max(1, objective.measurement.size) * (objective.rank + 2)
    return float(max(by_measurement, 2.0 * objective.stored_numbers))


def smallest_eigenpairs(
    apply: Callable[[Vector], Vector],
    gauge: Matrix,
    restarts: int,
    rng: np.random.Generator,
    *,
    count: int,
    tolerance: float,
) -> tuple[Vector, Matrix, float] | None:
    """Return the smallest eigenvalues orthogonal to the gauge, their vectors, and the largest eigenvalue.

    Parameters
    ----------
    apply : callable
        Multiplies by a symmetric matrix.
    gauge : ndarray, shape (size, g)
        Orthonormal directions to leave out.
    restarts : int
        Most restarts, `BASIS` products each; beyond sixty none helps.
    rng : numpy.random.Generator
        For the start.
    count : int
        How many of the smallest. A multiple eigenvalue may be seen once only.
    tolerance : float
        Relative, of the eigenvalues.

    Returns
    -------
    tuple or None
        Values ascending; None without convergence.
    """
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

    size = int(gauge.shape[0])

    def project(d: Matrix) -> Matrix:
        inside: Matrix = gauge @ (gauge.T @ d)
        return d - inside

    def product(d: Vector) -> Vector:
        return finite(project(apply(project(d.reshape(-1)))))

    start = project(rng.standard_normal(size))
    plain = LinearOperator((size, size), matvec=product, dtype=np.float64)
    try:
        top = float(
            eigsh(plain, k=1, which="LA", v0=start, tol=1e-3, return_eigenvectors=False, maxiter=200)[0]
        )
        # lifting the gauge to the top keeps its zeros out of the way
        lifted = LinearOperator(
            (size, size),
            matvec=lambda d: product(d) + top * (gauge @ (gauge.T @ d.reshape(-1))),
            dtype=np.float64,
        )
        values, vectors = eigsh(
            lifted, k=count, which="SA", v0=start, tol=tolerance, ncv=BASIS, maxiter=min(restarts, 60)
        )
    except ArpackError:
        return None
    order = np.argsort(values)
    chosen: Matrix = vectors[:, order]
    return values[order], project(chosen), top
