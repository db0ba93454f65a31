"""Upper bounds on spectral norms and eigenvalues, each with the rigour that it has.

A completed Cholesky factorisation in floating point proves that a nearby matrix is positive
definite. With the rounding charged, success proves the bound; without the charge, matrices just
beyond the bound pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.protocols import LinearMap
from lowland.core.rounding import gamma, unit_roundoff
from lowland.core.status import Rigour


@final
@dataclass(frozen=True)
class Bound:
    """An upper bound, what it rests on, and how it was found."""

    value: float
    rigour: Rigour
    method: str


def is_norm_below(matrix: Matrix, bound: float) -> bool:
    """Return True only if the spectral norm of `matrix` is proved to be at most `bound`.

    Parameters
    ----------
    matrix : ndarray of float64, shape (m, n)
    bound : float

    Returns
    -------
    bool
        False proves nothing.

    Notes
    -----
    Costs one product M^T M and one Cholesky factorisation of the smaller side.

    References
    ----------
    S. M. Rump, Verification of positive definiteness, BIT 2006; N. J. Higham, Accuracy and
    Stability of Numerical Algorithms, 2002, theorem 10.7.
    """
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    m, n = tall.shape
    if n == 0 or not np.any(tall):
        return bound >= 0
    if not bound > 0:
        return False
    # an exact scaling by a power of two keeps squares clear of underflow
    scale = 2.0 ** -np.floor(np.log2(bound))
    tall, bound = tall * scale, bound * scale
    square = float(np.sum(tall * tall)) * (1 + gamma(m * n + 2))
    charge = gamma(m + 2) * square + gamma(n + 1) / (1 - gamma(n + 1)) * n * bound**2
    charge = charge * (1 + 8 * unit_roundoff("float64")) + 4 * unit_roundoff("float64") * bound**2
    shifted = -(tall.T @ tall)
    shifted[np.diag_indices(n)] += bound**2 - charge
    return _cholesky_completes(shifted)


def is_eigenvalue_below(matrix: Matrix, bound: float) -> bool:
    """Return True only if every eigenvalue of a symmetric matrix is proved to be at most `bound`."""
    n = matrix.shape[0]
    size = abs(bound) + float(np.abs(np.diag(matrix)).max(initial=0.0))
    if size == 0:
        return bound >= 0 and not np.any(matrix)
    charge = (gamma(n + 1) / (1 - gamma(n + 1)) * n + 4 * unit_roundoff("float64")) * size * (1 + 1e-12)
    shifted = -(matrix + matrix.T) / 2
    shifted[np.diag_indices(n)] += bound - charge
    return _cholesky_completes(shifted)


def norm_bound(
    operator: LinearMap, *, method: str, largest_dense: int, steps: int, rng: np.random.Generator
) -> Bound:
    """Return an upper bound on the spectral norm of an operator.

    Parameters
    ----------
    operator : LinearMap, shape (m, n)
    method : {"auto", "cholesky", "lanczos"}
        "auto" factors densely if the smaller side is at most `largest_dense`.
    largest_dense : int
    steps : int
        Lanczos steps.
    rng : numpy.random.Generator
        For the Lanczos start.

    Returns
    -------
    Bound
        Rigorous from Cholesky; an estimate from Lanczos, which approaches from below.
    """
    if method == "lanczos" or (method == "auto" and min(operator.shape) > largest_dense):
        estimate = lanczos_norm(operator, steps, rng)
        return Bound(estimate * (1 + 1e-6), Rigour.ESTIMATE, f"{steps} Lanczos steps, which bound from below")
    matrix = np.asarray(operator.toarray(), np.float64)
    estimate = float(np.linalg.norm(matrix, 2)) if matrix.size else 0.0
    for slack in (1e-10, 1e-8, 1e-6, 1e-4):
        if is_norm_below(matrix, estimate * (1 + slack)):
            return Bound(estimate * (1 + slack), Rigour.RIGOROUS, "shifted Cholesky with rounding charged")
    loose = cheap_norm(matrix)
    return Bound(loose, Rigour.RIGOROUS, "row and column sums")


def eigenvalue_bound(matrix: Matrix) -> Bound:
    """Return a rigorous upper bound on the largest eigenvalue of a symmetric matrix."""
    symmetric = (matrix + matrix.T) / 2
    top = float(np.linalg.eigvalsh(symmetric)[-1])
    size = float(np.abs(symmetric).sum(axis=1).max(initial=0.0))
    for slack in (1e-12, 1e-10, 1e-8, 1e-6):
        if is_eigenvalue_below(symmetric, top + slack * size):
            return Bound(top + slack * size, Rigour.RIGOROUS, "shifted Cholesky with rounding charged")
    return Bound(size * (1 + gamma(matrix.shape[0] + 2)), Rigour.RIGOROUS, "absolute row sums")


def cheap_norm(matrix: Matrix) -> float:
    """Return min(Frobenius norm, sqrt(largest row sum * largest column sum)), rounded up."""
    absolute = np.abs(matrix)
    frobenius = float(np.linalg.norm(matrix))
    sums = float(np.sqrt(absolute.sum(axis=0).max(initial=0.0) * absolute.sum(axis=1).max(initial=0.0)))
    return min(frobenius, sums) * (1 + gamma(matrix.size + 4))


def lanczos_norm(operator: LinearMap, steps: int, rng: np.random.Generator) -> float:
    """Return the largest singular value seen by Golub-Kahan iteration from a random start.

    Always a lower bound on the norm, up to rounding.
    """
    n = operator.shape[1]
    v: Vector = rng.standard_normal(n)
    v /= np.linalg.norm(v)
    lefts: list[Vector] = []
    rights: list[Vector] = [v]
    diagonal: list[float] = []
    above: list[float] = []
    for k in range(min(steps, *operator.shape)):
        u = operator.matmat(rights[-1][:, None])[:, 0]
        u = _orthogonalise(u, lefts)
        alpha = float(np.linalg.norm(u))
        diagonal.append(alpha)
        if not alpha > 0:
            break
        lefts.append(u / alpha)
        w = _orthogonalise(operator.rmatmat(lefts[-1][:, None])[:, 0], rights)
        beta = float(np.linalg.norm(w))
        if not beta > 1e-14 * alpha or k + 1 == min(steps, *operator.shape):
            break
        above.append(beta)
        rights.append(w / beta)
    bidiagonal = np.diag(diagonal) + np.diag(above[: len(diagonal) - 1], 1)
    return float(np.linalg.norm(bidiagonal, 2))


def _orthogonalise(vector: Vector, basis: list[Vector]) -> Vector:
    if basis:
        columns = np.stack(basis, axis=1)
        for _ in range(2):  # twice is enough
            vector = vector - columns @ (columns.T @ vector)
    return vector


def _cholesky_completes(matrix: Matrix) -> bool:
    if not np.isfinite(matrix).all():
        return False
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
