"""Upper bounds on spectral norms and eigenvalues, proved by Cholesky factorisations.

A completed Cholesky factorisation in floating point proves that a nearby matrix is positive
definite. With rounding included, success proves the bound; otherwise matrices slightly beyond the
bound would pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.certificates.factorisations import cholesky_completes, eigenvalues
from lowland.core.arrays import Matrix
from lowland.core.complex_views import embed
from lowland.core.results.reasons import Reason, because
from lowland.core.results.status import Rigour
from lowland.core.rounding import gamma, unit_roundoff
from lowland.core.work import CALL, touch

# products of two numbers between this and its inverse neither underflow nor overflow
TINY = 1e-140


@final
@dataclass(frozen=True)
class Bound:
    """An upper bound, its rigour, and how it was found; infinite where nothing was."""

    value: float
    rigour: Rigour
    reason: Reason = ()
    limited_by: str = ""


def is_norm_below(matrix: Matrix, bound: float) -> bool:
    """Return True only if the spectral norm of `matrix` is proved to be at most `bound`.

    Parameters
    ----------
    matrix : ndarray of float64, shape (m, n)
    bound : float

    Returns
    -------
    bool
        False if nothing is proved.

    Notes
    -----
    Costs one product M^T M and one Cholesky factorisation of the smaller side.

    References
    ----------
    S. M. Rump, Verification of positive definiteness, BIT 2006; N. J. Higham, Accuracy and
    Stability of Numerical Algorithms, 2002, theorem 10.7.
    """
    if not matrix.size or not np.any(matrix):
        return bool(bound >= 0)
    return bool(TINY < bound < 1 / TINY) and NormProver.of(matrix, bound).proves(bound)


@final
class NormProver:
    """Tests bounds on the norm of one matrix; the Gram matrix is formed once.

    Parameters
    ----------
    gram : ndarray, shape (n, n)
        Of the scaled matrix, real; each entry a sum of at most `rows` products.
    rows : int
    scale : float
    """

    gram: Matrix
    rows: int
    side: int
    scale: float

    def __init__(self, gram: Matrix, rows: int, scale: float) -> None:
        self.gram, self.rows, self.side, self.scale = gram, rows, gram.shape[0], scale
        # the trace is the sum of all squares
        self.square: float = float(np.trace(gram)) * (1 + gamma(rows + self.side + 4))

    @classmethod
    def of(cls, matrix: Matrix, size: float) -> NormProver:
        """Return the prover of a matrix of about this norm."""
        tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
        scale = power_of_two(size)
        tall = tall * scale
        return cls(tall.T @ tall, tall.shape[0], scale)

    def proves(self, bound: float) -> bool:
        """Return whether a Cholesky factorisation of bound^2 I - M^T M, rounding included, completes."""
        m, n, bound = self.rows, self.side, bound * self.scale
        charge = gamma(m + 2) * self.square + gamma(n + 1) / (1 - gamma(n + 1)) * n * bound**2
        charge = charge * (1 + 8 * unit_roundoff("float64")) + 4 * unit_roundoff("float64") * bound**2
        shifted = -self.gram
        shifted[np.diag_indices(n)] += bound**2 - charge
        return cholesky_completes(shifted)


def is_eigenvalue_below(matrix: Matrix, bound: float) -> bool:
    """Return True only if every eigenvalue of a symmetric matrix is proved to be at most `bound`."""
    n = matrix.shape[0]
    size = abs(bound) + float(np.abs(np.diag(matrix)).max(initial=0.0))
    if size == 0:
        return bound >= 0 and not np.any(matrix)
    charge = (gamma(n + 1) / (1 - gamma(n + 1)) * n + 4 * unit_roundoff("float64")) * size * (1 + 1e-12)
    shifted = -(matrix + matrix.T) / 2
    shifted[np.diag_indices(n)] += bound - charge
    return cholesky_completes(shifted)


def gram_bound(matrix: Matrix) -> Bound:
    """Return a rigorous upper bound on the spectral norm of a real matrix with few rows or columns.

    The smaller Gram matrix is formed, and its largest eigenvalue proved by Cholesky factorisations.
    """
    largest = float(np.abs(matrix).max(initial=0.0))
    if largest == 0:
        return Bound(0.0, Rigour.RIGOROUS, because("zeros"))
    if not TINY < largest < 1 / TINY:
        return Bound(float("inf"), Rigour.RIGOROUS)
    touch(gram_bound_work(*matrix.shape))
    prover = NormProver.of(matrix, largest)
    estimate = float(np.sqrt(max(eigenvalues(prover.gram)[-1], 0.0))) / prover.scale
    proved = least_proved(prover, estimate)
    if proved is not None:
        return Bound(proved, Rigour.RIGOROUS, because("cholesky"))
    return Bound(cheap_norm(matrix), Rigour.RIGOROUS, because("row_and_column_sums"))


def gram_bound_work(rows: float, columns: float) -> float:
    """Return the work of `gram_bound` without its factorisations."""
    return CALL + rows * columns * (min(rows, columns) / 24 + 3)


def least_proved(prover: NormProver, estimate: float) -> float | None:
    """Return the smallest tried bound that a factorisation proves."""
    for slack in (1e-10, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.1):
        if prover.proves(estimate * (1 + slack)):
            return estimate * (1 + slack)
    return None


def power_of_two(size: float) -> float:
    """Return a power of two that scales numbers of this size to about one, so that squares stay in range."""
    return float(2.0 ** -np.floor(np.log2(size)))


def eigenvalue_bound(matrix: Matrix, estimate: float | None = None) -> Bound:
    """Return a rigorous upper bound on the largest eigenvalue of the Hermitian part of a matrix.

    `estimate` is that eigenvalue where it is known already, to working precision.
    """
    matrix = embed(matrix)
    symmetric = (matrix + matrix.T) / 2
    size = float(np.abs(symmetric).sum(axis=1).max(initial=0.0))
    if not np.isfinite(size) or 0 < size < TINY:
        return Bound(float("inf"), Rigour.RIGOROUS)
    top = float(eigenvalues(symmetric)[-1]) if estimate is None else estimate
    # averaging with the transpose rounds once
    rounding = 2 * unit_roundoff("float64") * float(np.linalg.norm(symmetric))
    for slack in (1e-12, 1e-10, 1e-8, 1e-6):
        if is_eigenvalue_below(symmetric, top + slack * size):
            return Bound(top + slack * size + rounding, Rigour.RIGOROUS, because("cholesky"))
    return Bound(
        size * (1 + gamma(matrix.shape[0] + 2)) + rounding, Rigour.RIGOROUS, because("absolute_row_sums")
    )


def cheap_norm(matrix: Matrix) -> float:
    """Return min(Frobenius norm, sqrt(largest row sum * largest column sum)), rounded up."""
    absolute = np.abs(matrix)
    frobenius = float(np.linalg.norm(matrix))
    sums = float(np.sqrt(absolute.sum(axis=0).max(initial=0.0) * absolute.sum(axis=1).max(initial=0.0)))
    return min(frobenius, sums) * (1 + gamma(matrix.size + 4))
