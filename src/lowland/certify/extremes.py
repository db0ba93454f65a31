"""Upper bounds on spectral norms and eigenvalues, each with the rigour that it has.

A completed Cholesky factorisation in floating point proves that a nearby matrix is positive
definite. With the rounding charged, success proves the bound; without the charge, matrices just
beyond the bound pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.certify.factorisations import cholesky_completes, eigenvalues, svd
from lowland.core.arrays import Matrix, Vector
from lowland.core.fields import embed
from lowland.core.protocols import HasGram, LinearMap
from lowland.core.rounding import gamma, unit_roundoff
from lowland.core.status import Rigour

# products of numbers between this and its inverse neither underflow nor overflow
TINY = 1e-140
# Lanczos steps where a guess is checked afterwards
ESTIMATE_STEPS = 60
# up to this side all eigenvalues of a Gram matrix are computed for an estimate
LARGEST_EIGH = 1000
# how much longer a sparse product takes than a dense one, number by number
SPARSE_COST = 16
CHOLESKY = "shifted Cholesky with rounding charged"
# accepted probability that a bound from a random start fails
FAILURE = 1e-10


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
    if not matrix.size or not np.any(matrix):
        return bool(bound >= 0)
    return bool(TINY < bound < 1 / TINY) and _NormProver.of(matrix, bound).proves(bound)


@final
class _NormProver:
    """Tries bounds on the norm of one matrix; the Gram matrix is formed once.

    Parameters
    ----------
    gram : ndarray, shape (n, n)
        Of the scaled matrix, real; each entry a sum of at most `rows` products.
    rows : int
    scale : float
    """

    def __init__(self, gram: Matrix, rows: int, scale: float) -> None:
        self.gram, self.rows, self.side, self.scale = gram, rows, gram.shape[0], scale
        # the trace is the sum of all squares
        self.square = float(np.trace(gram)) * (1 + gamma(rows + self.side + 4))

    @classmethod
    def of(cls, matrix: Matrix, size: float) -> _NormProver:
        """Return the prover of a matrix of about this norm."""
        tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
        scale = _power_of_two(size)
        tall = tall * scale
        return cls(tall.T @ tall, tall.shape[0], scale)

    def proves(self, bound: float) -> bool:
        """Return whether a Cholesky factorisation of bound^2 I - M^T M, rounding charged, completes."""
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


def norm_bound(
    operator: LinearMap, *, method: str, largest_dense: int, steps: int, rng: np.random.Generator
) -> Bound:
    """Return an upper bound on the spectral norm of an operator.

    Parameters
    ----------
    operator : LinearMap, shape (m, n)
    method : {"auto", "cholesky", "lanczos"}
        "auto" factors densely if the smaller side is at most `largest_dense`; beyond, Lanczos steps from
        a random start.
    largest_dense : int
    steps : int
        Lanczos steps.
    rng : numpy.random.Generator
        For the Lanczos start.

    Returns
    -------
    Bound
        Rigorous from Cholesky. From Lanczos, which approaches from below, with a small probability of
        failure after enough steps ("auto"), or an estimate.
    """
    if method == "auto" and min(operator.shape) > largest_dense:
        return _probable_bound(operator, steps, rng)
    if method == "lanczos":
        estimate = leading_triplet(operator, steps, rng)[1]
        if not TINY < estimate < 1 / TINY:
            return Bound(float("inf"), Rigour.RIGOROUS, "entries too small or too large to be bounded")
        return Bound(estimate * (1 + 1e-6), Rigour.ESTIMATE, f"{steps} Lanczos steps, which bound from below")
    dense_work = float(np.prod(np.array(operator.shape, float))) * min(operator.shape)
    if isinstance(operator, HasGram) and SPARSE_COST * operator.gram_work < dense_work:
        return _bound_by_gram(operator, steps, rng)
    matrix = embed(np.asarray(operator.toarray()))
    largest = float(np.abs(matrix).max(initial=0.0))
    if largest == 0:
        return Bound(0.0, Rigour.RIGOROUS, "a matrix of zeros")
    if not TINY < largest < 1 / TINY:
        return Bound(float("inf"), Rigour.RIGOROUS, "entries too small or too large to be bounded")
    # an exact scaling by a power of two keeps all squares clear of underflow and overflow
    scale = 2.0 ** np.floor(np.log2(largest))
    matrix = matrix / scale
    estimate = leading_triplet(operator, steps, rng)[1] / scale
    proved = _least_proved(_NormProver.of(matrix, estimate), estimate)
    if proved is not None:
        return Bound(scale * proved, Rigour.RIGOROUS, CHOLESKY)
    return Bound(scale * cheap_norm(matrix), Rigour.RIGOROUS, "row and column sums")


def _bound_by_gram(operator: Any, steps: int, rng: np.random.Generator) -> Bound:
    """Bound the norm of a sparse operator, which is never formed as a dense matrix."""
    small = min(operator.shape) <= LARGEST_EIGH
    estimate = leading_triplet(operator, 2 if small else steps, rng)[1]
    if not TINY < estimate < 1 / TINY:
        return Bound(float("inf"), Rigour.RIGOROUS, "entries too small or too large to be bounded")
    scale = _power_of_two(estimate)
    gram = operator.gram(scale)
    if small:
        estimate = float(np.sqrt(max(eigenvalues(gram)[-1], 0.0))) / scale
    # a complex matrix is judged as a real one of twice the size
    rows = max(operator.shape) * (2 if np.iscomplexobj(gram) else 1)
    prover = _NormProver(embed(gram), rows, scale)
    proved = _least_proved(prover, estimate)
    if proved is not None:
        return Bound(proved, Rigour.RIGOROUS, CHOLESKY)
    return Bound(float(np.sqrt(prover.square)) / scale * (1 + 1e-12), Rigour.RIGOROUS, "sum of squares")


def _least_proved(prover: _NormProver, estimate: float) -> float | None:
    """Return the least bound tried that a factorisation proves."""
    for slack in (1e-10, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.1):
        if prover.proves(estimate * (1 + slack)):
            return estimate * (1 + slack)
    return None


def _power_of_two(size: float) -> float:
    """Return an exact scaling that brings numbers of about this size to about one: squares stay in range."""
    return float(2.0 ** -np.floor(np.log2(size)))


def _probable_bound(operator: LinearMap, steps: int, rng: np.random.Generator) -> Bound:
    """Bound the norm from Lanczos steps with a random start, which rarely miss much of it.

    With k steps for M^T M of side n the largest Ritz value is below (1 - e) times the largest eigenvalue
    with probability at most 1.648 sqrt(n) exp(-sqrt(e) (2 k - 1)) (Kuczynski and Wozniakowski 1992).
    """
    side = operator.shape[1]
    # the theorem is about a start that prefers no direction; a real one does among complex ones
    is_real = not np.iscomplexobj(operator.matmat(np.zeros((side, 1))))
    e = (np.log(1.648 * np.sqrt(side) / FAILURE) / (2 * steps - 1)) ** 2
    estimate = leading_triplet(operator, steps, rng)[1] * (1 + 1e-9)
    if not TINY < estimate < 1 / TINY:  # sums of squares on the way may have vanished
        return Bound(float("inf"), Rigour.RIGOROUS, "entries too small or too large to be bounded")
    if e > 0.5 or not is_real:
        return Bound(estimate, Rigour.ESTIMATE, f"{steps} Lanczos steps, which bound from below")
    words = f"{steps} Lanczos steps from a random start, too small with probability {FAILURE:g} at most"
    return Bound(float(estimate / np.sqrt(1 - e)), Rigour.PROBABILISTIC, words)


def eigenvalue_bound(matrix: Matrix) -> Bound:
    """Return a rigorous upper bound on the largest eigenvalue of the Hermitian part of a matrix."""
    matrix = embed(matrix)
    symmetric = (matrix + matrix.T) / 2
    size = float(np.abs(symmetric).sum(axis=1).max(initial=0.0))
    if not np.isfinite(size) or 0 < size < TINY:
        return Bound(float("inf"), Rigour.RIGOROUS, "entries too small or too large to be bounded")
    top = float(eigenvalues(symmetric)[-1])
    # averaging with the transpose rounds once
    rounding = 2 * unit_roundoff("float64") * float(np.linalg.norm(symmetric))
    for slack in (1e-12, 1e-10, 1e-8, 1e-6):
        if is_eigenvalue_below(symmetric, top + slack * size):
            return Bound(top + slack * size + rounding, Rigour.RIGOROUS, CHOLESKY)
    return Bound(size * (1 + gamma(matrix.shape[0] + 2)) + rounding, Rigour.RIGOROUS, "absolute row sums")


def cheap_norm(matrix: Matrix) -> float:
    """Return min(Frobenius norm, sqrt(largest row sum * largest column sum)), rounded up."""
    absolute = np.abs(matrix)
    frobenius = float(np.linalg.norm(matrix))
    sums = float(np.sqrt(absolute.sum(axis=0).max(initial=0.0) * absolute.sum(axis=1).max(initial=0.0)))
    return min(frobenius, sums) * (1 + gamma(matrix.size + 4))


def leading_triplet(
    operator: LinearMap, steps: int, rng: np.random.Generator
) -> tuple[Matrix, float, Matrix]:
    """Return the largest singular value seen by Golub-Kahan iteration, with its vectors.

    The value is a lower bound on the norm, up to rounding.

    Parameters
    ----------
    operator : LinearMap, shape (m, n)
    steps : int
        Most steps; one product with the operator and one with its transpose each.
    rng : numpy.random.Generator
        For the start.

    Returns
    -------
    u : ndarray, shape (m,)
    value : float
    v : ndarray, shape (n,)
    """
    m, n = operator.shape
    start: Vector = rng.standard_normal(n)
    limit = min(steps, m, n)
    right = start / np.linalg.norm(start)
    first = operator.matmat(right[:, None])
    # a vector a column, in an order that keeps each together
    lefts = np.zeros((m, limit), first.dtype, order="F")
    rights = np.zeros((n, limit + 1), first.dtype, order="F")
    rights[:, 0] = right
    diagonal: list[float] = []
    above: list[float] = []
    for k in range(limit):
        image = first if k == 0 else operator.matmat(rights[:, k, None])
        u = _orthogonalise(image[:, 0], lefts[:, :k])
        alpha = float(np.linalg.norm(u))
        if not alpha > 0:
            break
        diagonal.append(alpha)
        lefts[:, k] = u / alpha
        w = _orthogonalise(operator.rmatmat(lefts[:, k, None])[:, 0], rights[:, : k + 1])
        beta = float(np.linalg.norm(w))
        if not beta > 1e-14 * alpha or k + 1 == limit:
            break
        above.append(beta)
        rights[:, k + 1] = w / beta
    if not diagonal:
        return np.zeros(m), 0.0, rights[:, 0]
    count = len(diagonal)
    bidiagonal = np.diag(diagonal) + np.diag(above[: count - 1], 1)
    if not np.isfinite(bidiagonal).all():  # squares on the way overflowed
        return lefts[:, 0], float("inf"), rights[:, 0]
    inner_left, values, inner_right = svd(bidiagonal)
    return lefts[:, :count] @ inner_left[:, 0], float(values[0]), rights[:, :count] @ inner_right[0]


def _orthogonalise(vector: Matrix, basis: Matrix) -> Matrix:
    for _ in range(2 if basis.shape[1] else 0):  # twice is enough
        vector = vector - basis @ (basis.conj().T @ vector)
    return vector
