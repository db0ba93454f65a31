"""Whether Jacobians of a layer of ReLU neurons have full row rank: thousands per second.

Row i of J is (A_i1 x_i, ..., A_ik x_i) for the pattern A and data x, so J J^T is (A A^T) * (X X^T), entry by
entry, and J is never formed. A Cholesky factor of it, minus a bound on rounding, settles the clear cases,
and exact elimination modulo a prime the rest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.core.work import touch
from lowland.kernels.compiled import compiled
from lowland.kernels.modular_arithmetic import modular
from lowland.kernels.threads import run_chunks, thread_count

Array = NDArray[np.float64]
# beyond so many points a single case is large enough for LAPACK to be faster
MOST_POINTS_BY_KERNEL = 150
# a Cholesky factor of G - s I, s this often n (n + k + d) eps, proves that G is positive definite: rounding
# of G (entries up to 1) and of the factor comes to a fraction of that
SAFETY_FACTOR = 4.0


def clear_cases(active: NDArray[np.bool_], points: Array) -> NDArray[np.bool_]:
    """Return for which of many cases floating-point arithmetic alone proves full row rank.

    Parameters
    ----------
    active : ndarray of bool, shape (cases, n, k)
        Patterns.
    points : ndarray, shape (cases, n, d) or (n, d)
        Data, the bias's ones included.

    Returns
    -------
    ndarray of bool, shape (cases,)
        False if the rank is deficient, or nearly so.
    """
    cases, n = active.shape[:2]
    points = np.broadcast_to(points, (cases, *points.shape[-2:]))
    signs = np.ascontiguousarray(active).view(np.uint8)
    clear = np.zeros(cases, np.uint8)
    shift = SAFETY_FACTOR * n * (n + active.shape[2] + points.shape[2]) * np.finfo(float).eps
    if n > MOST_POINTS_BY_KERNEL:
        return np.array([_is_clear(*case, shift) for case in zip(active, points, strict=True)], bool)

    def work(low: int, high: int) -> None:
        _judge(signs[low:high], points[low:high], shift, clear[low:high])

    run_chunks(work, np.linspace(0, cases, 4 * thread_count() + 1).astype(np.int64))
    return clear.astype(bool)


def full_rank(
    active: NDArray[np.bool_], points: Array, rng: np.random.Generator, *, generic: bool = False
) -> NDArray[np.bool_]:
    """Return for many cases whether J has full row rank, exactly up to a small probability.

    Parameters
    ----------
    active : ndarray of bool, shape (cases, n, k)
    points : ndarray, shape (cases, n, d) or (n, d)
        Data, the bias's ones included, read as exact fractions.
    rng : numpy.random.Generator
        Draws residues.
    generic : bool
        Whether to decide for almost all data with these patterns instead of the given data.

    Returns
    -------
    ndarray of bool, shape (cases,)
        True is proved; False is wrong if a random prime divides all nonzero minors, or random numbers
        cancel: a probability of about n / 4e6, more for data with very long fractions.
    """
    full = clear_cases(active, points)
    for case in np.flatnonzero(~full):
        if too_many_alike(active[case], points.shape[-1]):
            continue
        rows = points if points.ndim == 2 else points[case]
        full[case] = modular_rank(active[case], rows, rng, generic=generic) == active.shape[1]
    return full


def too_many_alike(active: NDArray[np.bool_], dimension: int) -> bool:
    """Return whether a point is dead, or more than d points share a pattern, so the rank is deficient."""
    packed = np.packbits(active, axis=1)
    if not packed.shape[1] or not active.any(axis=1).all():
        return True
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1])))[:, 0]
    return bool(np.unique(keys, return_counts=True)[1].max() > dimension)


def modular_rank(
    active: NDArray[np.bool_],
    points: Array,
    rng: np.random.Generator,
    *,
    generic: bool = False,
    trials: int = 1,
) -> int:
    """Return the rank of J over the rationals: never more, and less with a small probability per trial.

    Parameters
    ----------
    active : ndarray of bool, shape (n, k)
    points : ndarray, shape (n, d)
        Data as exact fractions; if `generic`, only their shape matters, and a last column of ones is kept.
    rng : numpy.random.Generator
    generic : bool
    trials : int
        Random primes tried until the rank is full.

    Returns
    -------
    int
    """
    n, best = len(active), 0
    for _ in range(trials):
        prime = modular.random_prime(rng)
        x = _random_points(points, prime, rng) if generic else modular.residues(points, prime)
        a = active.astype(np.float64)
        # J D J^T with random diagonal D is full only if J is
        weights, scales = (
            rng.integers(1, prime, size).astype(np.float64) for size in (a.shape[1], x.shape[1])
        )
        left = modular.multiply(np.mod(a * weights, prime), np.ascontiguousarray(a.T), prime)
        right = modular.multiply(np.mod(x * scales, prime), np.ascontiguousarray(x.T), prime)
        best = max(best, modular.eliminate(np.mod(left * right, prime), prime).size)
        if best == n:
            return n
        best = max(best, modular.eliminate(_jacobian(a, x), prime).size)
        if best == n:
            return n
    return best


def _random_points(points: Array, prime: int, rng: np.random.Generator) -> Array:
    drawn = rng.integers(1, prime, points.shape).astype(np.float64)
    if points.shape[1] and np.all(points[:, -1] == 1):
        drawn[:, -1] = 1
    return drawn


def _jacobian(active: Array, points: Array) -> Array:
    used = active[:, active.any(axis=0)]
    return (used[:, :, None] * points[:, None, :]).reshape(len(active), -1)


def _is_clear(active: NDArray[np.bool_], points: Array, shift: float) -> bool:
    """Return whether floats prove full row rank of one large case."""
    n = len(active)
    touch(n**3 / 16 + 6.0 * n**2)
    rows = active.astype(np.float32)  # counts are exact
    squares = rows.sum(axis=1) * (points**2).sum(axis=1)
    # outside this range products lose digits, and the bound on rounding does not hold
    if not ((squares > 1e-200) & (squares < 1e200)).all():
        return False
    scale = 1 / np.sqrt(squares)
    gram = (rows @ rows.T) * (points @ points.T) * scale[:, None] * scale
    gram[np.diag_indices(n)] = 1.0 - shift
    try:
        np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        return False
    return True


@compiled(fastmath={"reassoc", "contract", "nsz"})
def _judge(active, points, shift, clear):
    cases, n, k = active.shape
    d = points.shape[2]
    rows = np.empty((n, k), np.float32)
    x = np.empty((n, d))
    gram = np.empty((n, n))
    scale = np.empty(n)
    for case in range(cases):
        alive = True
        for i in range(n):
            count, square = 0.0, 0.0
            for j in range(k):
                rows[i, j] = active[case, i, j]
                count += active[case, i, j]
            for j in range(d):
                x[i, j] = points[case, i, j]
                square += x[i, j] * x[i, j]
            square *= count
            # outside this range products lose digits, and the bound on rounding does not hold
            if not 1e-200 < square < 1e200:
                alive = False
                break
            scale[i] = 1.0 / np.sqrt(square)
        if not alive:
            continue
        for i in range(n):
            for j in range(i):
                both = np.float32(0.0)
                for c in range(k):
                    both += rows[i, c] * rows[j, c]
                inner = 0.0
                for c in range(d):
                    inner += x[i, c] * x[j, c]
                gram[i, j] = both * inner * scale[i] * scale[j]
            gram[i, i] = 1.0 - shift
        clear[case] = _positive(gram, n)


@compiled(fastmath={"reassoc", "contract", "nsz"})
def _positive(gram, n):
    """Return whether the Cholesky factorisation of a matrix succeeds; the factor overwrites it."""
    for i in range(n):
        for j in range(i):
            total = gram[i, j]
            for c in range(j):
                total -= gram[i, c] * gram[j, c]
            gram[i, j] = total * gram[j, j]
        pivot = gram[i, i]
        for c in range(i):
            pivot -= gram[i, c] * gram[i, c]
        if not pivot > 0.0:
            return 0
        gram[i, i] = 1.0 / np.sqrt(pivot)
    return 1
