"""Ranks of Jacobians at random integer points modulo a prime, by plain elimination."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix

Residues: TypeAlias = NDArray[np.int64]

# products of two residues fit into 63 bits
PRIMES = (2_147_483_647, 2_147_483_629)
# multiplications of an elimination, and spare rows in an attempt at full rank
MOST_WORK, SPARE = 4e9, 40
# residues that are formed
MOST_RESIDUES = 5e7


def unforeseen_prime() -> int:
    """Return a random prime between 2^30 and 2^31, which nobody can have prepared for."""
    while True:
        number = secrets.randbelow(2**30) + 2**30
        if _is_prime(number):
            return number


def _is_prime(number: int) -> bool:
    """Whether a number below 2^31 is prime: four bases decide."""
    if any(number % small == 0 for small in (2, 3, 5, 7)):
        return False
    twos = ((number - 1) & (1 - number)).bit_length() - 1
    for base in (2, 3, 5, 7):
        power = pow(base, (number - 1) >> twos, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def rank(matrix: Residues, prime: int) -> int:
    """Return the rank of a matrix of residues."""
    return _reduce(matrix.copy(), matrix.shape[1], prime)


def _reduce(work: Residues, columns: int, prime: int) -> int:
    """Eliminate leading columns in place; return the number of pivots, which become the first rows."""
    pivot_count = 0
    for column in range(columns):
        pivots = np.flatnonzero(work[pivot_count:, column])
        if not pivots.size:
            continue
        first = pivot_count + int(pivots[0])
        work[[pivot_count, first]] = work[[first, pivot_count]]
        work[pivot_count] = work[pivot_count] * pow(int(work[pivot_count, column]), -1, prime) % prime
        others = pivot_count + 1 + np.flatnonzero(work[pivot_count + 1 :, column])
        work[others, column:] -= work[others, column][:, None] * work[pivot_count, column:] % prime
        work[others, column:] %= prime
        pivot_count += 1
        if pivot_count == len(work):
            break
    return pivot_count


def is_affordable(rows: int, columns: int) -> bool:
    """Whether an elimination is quick enough here."""
    return float(rows) * columns * min(rows, columns) <= MOST_WORK


def pattern_rank(
    cells: tuple[Indices, Indices], shape: tuple[int, int], r: int, free: tuple[str, ...], expected: int
) -> tuple[int, float] | None:
    """Return the rank of observed cells at almost all points, and the probability that it is higher.

    The unknowns of each line of the longer side are eliminated on their own; None if the rest is too large.

    Parameters
    ----------
    cells : tuple of ndarray
        Each cell once.
    shape : tuple of int
    r : int
    free : tuple of {"row", "column", "global"}
        Free biases.
    expected : int
        The largest rank there can be; reaching it is a proof.
    """
    if shape[0] > shape[1]:
        swap = {"row": "column", "column": "row", "global": "global"}
        return pattern_rank(cells[::-1], shape[::-1], r, tuple(swap[side] for side in free), expected)
    best, width = 0, shape[0] * (r + ("row" in free))
    if float(cells[0].size) * width > MOST_RESIDUES:
        return None
    for seed, prime in enumerate(PRIMES, 1):
        eliminated, rest = _eliminated(cells, shape, r, free, prime, seed)
        for rows in (3 * rest.shape[1] + SPARE, len(rest)):
            some = rest[np.random.default_rng(seed).permutation(len(rest))[:rows]]
            if not is_affordable(*some.shape):
                return None
            best = max(best, eliminated + rank(some, prime))
            if best == expected:
                return expected, 0.0
            if len(some) == len(rest):
                break
    return best, (expected / PRIMES[-1]) ** len(PRIMES)


def _eliminated(
    cells: tuple[Indices, Indices],
    shape: tuple[int, int],
    r: int,
    free: tuple[str, ...],
    prime: int,
    seed: int,
) -> tuple[int, Residues]:
    """Return the rank of the equations of single columns, and what they leave for the rows' unknowns."""
    (m, n), rng = shape, np.random.default_rng(seed)
    u, v = rng.integers(1, prime, (m, r)), rng.integers(1, prime, (n, r))
    factors = np.hstack([u, np.ones((m, 1), np.int64)]) if "column" in free else u
    by_row = r + ("row" in free)
    pivot_count, left = 0, [np.zeros((0, m * by_row + ("global" in free)), np.int64)]
    order = np.argsort(cells[1], kind="stable")
    ends = np.searchsorted(cells[1][order], np.arange(n + 1))
    for j in range(n):
        i = cells[0][order[ends[j] : ends[j + 1]]]
        others, at = np.zeros((i.size, left[0].shape[1]), np.int64), np.arange(i.size)
        for k in range(r):
            others[at, i * by_row + k] = v[j, k]
        if "row" in free:
            others[at, i * by_row + r] = 1
        if "global" in free:
            others[:, -1] = 1
        work = np.hstack([factors[i], others])
        pivots = _reduce(work, factors.shape[1], prime)
        pivot_count += pivots
        left.append(work[pivots:, factors.shape[1] :])
    return pivot_count, np.concatenate(left)


def matrices_jacobian(
    matrices: Matrix, r: int, *, is_psd: bool, has_unit_trace: bool, prime: int, seed: int
) -> Residues:
    """Return the Jacobian of exact measuring matrices at random integer factors.

    A fixed trace is the last row. Complex factors have real and imaginary parts as coordinates.
    """
    (_, m, n), rng = matrices.shape, np.random.default_rng(seed)
    is_complex = bool(np.iscomplexobj(matrices))
    parts = [
        residues(part, prime) for part in ((matrices.real, matrices.imag) if is_complex else (matrices,))
    ]
    if has_unit_trace:
        parts = [np.concatenate([part, unit[None]]) for part, unit in zip(parts, _identity(n), strict=False)]
    u = [rng.integers(1, prime, (m, r)) for _ in parts]
    v = u if is_psd else [rng.integers(1, prime, (n, r)) for _ in parts]

    def times(k: int, factor: Residues, *, turned: bool) -> Residues:
        blocks = parts[k].transpose(0, 2, 1) if turned else parts[k]
        return np.stack([_multiply(block, factor, prime) for block in blocks])

    if not is_complex:
        by_u, by_v = [times(0, v[0], turned=False)], [times(0, u[0], turned=True)]
    else:  # Re A conj(v) and -Im A conj(v); Re A^T u and Im A^T u
        by_u = [times(0, v[0], turned=False) + times(1, v[1], turned=False)]
        by_u.append(times(0, v[1], turned=False) - times(1, v[0], turned=False))
        by_v = [times(0, u[0], turned=True) - times(1, u[1], turned=True)]
        by_v.append(times(0, u[1], turned=True) + times(1, u[0], turned=True))
    sides = [np.stack(side, axis=-1).reshape(len(parts[0]), -1) for side in (by_u, by_v)]
    return np.asarray((sides[0] + sides[1] if is_psd else np.hstack(sides)) % prime)


def _identity(n: int) -> tuple[Residues, Residues]:
    return np.eye(n, dtype=np.int64), np.zeros((n, n), np.int64)


def residues(array: Matrix, prime: int) -> Residues:
    """Return the residues of floats, each taken as the exact fraction that it is."""
    mantissa, exponent = np.frexp(np.asarray(array, np.float64))
    whole = np.ldexp(mantissa, 53).astype(np.int64) % prime
    distinct, inverse = np.unique(exponent, return_inverse=True)
    powers = np.array([pow(2, int(e) - 53, prime) for e in distinct], np.int64)
    return np.asarray(whole * powers[inverse.reshape(exponent.shape)] % prime)


def _multiply(a: Residues, b: Residues, prime: int) -> Residues:
    out = np.zeros((a.shape[0], b.shape[1]), np.int64)
    for k in range(a.shape[1]):
        out = (out + a[:, k, None] * b[k] % prime) % prime
    return out


def generic_rank(
    jacobian: Callable[[int, int], Residues], rows: int, columns: int, expected: int
) -> tuple[int, float] | None:
    """Return the rank at almost all points and the probability that it is higher; None if it is too large.

    Parameters
    ----------
    jacobian : callable
        Takes a prime and a seed.
    rows, columns : int
        Shape of the Jacobian.
    expected : int
        The largest rank there can be; reaching it is a proof.
    """
    some = min(rows, expected + SPARE)
    if is_affordable(some, columns):
        whole = jacobian(PRIMES[0], 1)
        part = whole[np.random.default_rng(2).permutation(rows)[:some]]
        if rank(part, PRIMES[0]) == expected:
            return expected, 0.0
    if not is_affordable(rows, columns):
        return None
    best = max(rank(jacobian(prime, seed), prime) for seed, prime in enumerate(PRIMES, 1))
    return best, 0.0 if best == expected else (expected / PRIMES[-1]) ** len(PRIMES)
