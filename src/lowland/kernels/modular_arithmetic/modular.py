"""Linear algebra modulo a prime below 2^23, exact in float64.

Residues are integers below 2^23 kept in float64: products stay below 2^46, and sums of 128
products below 2^53, so matrix products run at BLAS speed and are exact.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lowland.core.work import CALL, touch
from lowland.kernels.compiled import compiled
from lowland.kernels.modular_arithmetic import modular_numpy

Array: TypeAlias = NDArray[np.float64]

PRIME = 8_388_593
PRIMES = (8_388_593, 8_388_587, 8_388_581, 8_388_571)
_SUMMANDS = 128
_PANEL = 32
# matrices of fewer numbers take NumPy less time than compilation takes
WORTH_COMPILING = 1 << 15


def random_prime(rng: np.random.Generator) -> int:
    """Return a prime between 2^22 and 2^23, uniformly at random among about 270,000."""
    while True:
        number = int(rng.integers(1 << 21, 1 << 22)) * 2 + 1
        divisors = np.arange(3, int(number**0.5) + 1, 2)
        if np.all(number % divisors):
            return number


def residues(array: NDArray[np.floating[Any]], prime: int) -> Array:
    """Return the residues of an array of float64 numbers, each taken as the exact fraction it represents.

    A float is m 2^e with integer m; 2 has an inverse modulo an odd prime, so the residue is exact.

    Parameters
    ----------
    array : ndarray
    prime : int

    Returns
    -------
    ndarray of float64
    """
    touch(40.0 * np.size(array))
    mantissa, exponent = np.frexp(np.asarray(array, np.float64))
    whole = np.rint(np.ldexp(mantissa, 53)).astype(np.int64) % prime
    least = int(exponent.min(initial=0))
    powers = [pow(2, e - 53, prime) for e in range(least, int(exponent.max(initial=0)) + 1)]
    out: Array = (whole * np.array(powers, np.int64)[exponent - least] % prime).astype(np.float64)
    return out


def multiply(a: Array, b: Array, prime: int) -> Array:
    """Return a @ b modulo a prime, for residues in float64."""
    touch(float(a.size) * b.shape[1] / 8 + float(a.shape[0] * b.shape[1]))
    out = np.zeros((a.shape[0], b.shape[1]))
    reduce = _reduce if out.size >= WORTH_COMPILING else modular_numpy.reduce
    for low in range(0, a.shape[1], _SUMMANDS):
        part = a[:, low : low + _SUMMANDS] @ b[low : low + _SUMMANDS]
        reduce(part, prime)
        out += part
        reduce(out, prime)
    return out


def elimination_work(rows: float, columns: float) -> float:
    """Return the work of `eliminate`."""
    short, long = sorted((rows, columns))
    return CALL * (1 + columns / _PANEL) + short**2 * long / 6 + 8 * rows * columns


def eliminate(matrix: Array, prime: int) -> NDArray[np.intp]:
    """Bring a matrix of residues to upper echelon form in place.

    Parameters
    ----------
    matrix : ndarray of float64, shape (rows, columns)
        Overwritten. Its first `rank` rows are the echelon rows; entries left of a pivot are undefined.
    prime : int

    Returns
    -------
    ndarray of int
        Pivot columns, ascending; their number is the rank.
    """
    rows, columns = matrix.shape
    touch(elimination_work(rows, columns))
    large = matrix.size >= WORTH_COMPILING
    factor_panel = _factor_panel if large else modular_numpy.factor_panel
    substitute = _substitute if large else modular_numpy.substitute
    reduce = _reduce if large else modular_numpy.reduce
    pivots: list[int] = []
    top = 0
    for low in range(0, columns, _PANEL):
        if top == rows:
            break
        high = min(low + _PANEL, columns)
        panel = np.ascontiguousarray(matrix[top:, low:high])
        order = np.arange(rows - top)
        lower = np.zeros((rows - top, high - low))
        panel_pivots = factor_panel(panel, lower, order, prime)
        count = panel_pivots.size
        matrix[top:, low:high] = panel
        if count == 0:
            continue
        if high < columns:
            rest = matrix[top:, high:]
            moved = np.flatnonzero(order != np.arange(order.size))
            rest[moved] = rest[order[moved]]
            substitute(rest, lower, count, prime)
            if rest.shape[0] > count:
                _subtract_product(rest, lower[count:, :count], count, prime, reduce)
        pivots.extend(low + panel_pivots)
        top += count
    return np.array(pivots, np.intp)


def rank(matrix: Array, prime: int) -> int:
    """Return the rank of a matrix of residues, without changing it."""
    return int(eliminate(np.array(matrix, np.float64), prime).size)


def combine(matrix: Array, places: NDArray[np.intp], factors: Array, count: int, prime: int) -> Array:
    """Return random combinations of rows: each row, times some factors, is added at some places.

    Parameters
    ----------
    matrix : ndarray, shape (rows, columns)
    places : ndarray of int, shape (rows, k)
        Positions below `count`.
    factors : ndarray, shape (rows, k)
        Residues.
    count : int
        Number of combinations.
    prime : int

    Returns
    -------
    ndarray, shape (count, columns)
    """
    touch(2.0 * matrix.size * places.shape[1])
    out = np.zeros((count, matrix.shape[1]))
    _combine(matrix, places, factors, out, prime)
    return out


def random_null_vector(
    echelon: Array, pivots: NDArray[np.intp], prime: int, rng: np.random.Generator
) -> Array:
    """Return a random x with echelon[:rank] @ x = 0 modulo the prime.

    Parameters
    ----------
    echelon : ndarray, shape (rows, columns)
        The matrix after `eliminate`.
    pivots : ndarray of int
        The pivots that `eliminate` returned.
    prime : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float64, shape (columns,)
    """
    x: Any = rng.integers(0, prime, echelon.shape[1]).astype(np.float64)
    back_substitute(echelon, pivots, x, prime)
    return np.asarray(x)


def _subtract_product(rest, lower, count, prime, reduce):
    # blocks of rows keep the temporaries small
    for low in range(count, rest.shape[0], 512):
        block = rest[low : low + 512]
        block -= lower[low - count : low - count + 512] @ rest[:count]
        reduce(block, prime)


@compiled()
def inverse(a, prime):
    """Return the inverse of a residue, by the extended Euclidean algorithm."""
    r0, r1, s0, s1 = np.int64(prime), np.int64(a), np.int64(0), np.int64(1)
    while r1 != 0:
        q = r0 // r1
        r0, r1 = r1, r0 - q * r1
        s0, s1 = s1, s0 - q * s1
    return float(s0 % prime)


@compiled()
def _reduce(block, prime):
    """Reduce integers of at most 53 bits to their residues, in place."""
    reciprocal = 1.0 / prime
    for i in range(block.shape[0]):
        row = block[i]
        for c in range(row.size):
            x = row[c]
            x -= prime * np.floor(x * reciprocal)
            # the rounded quotient may be one off; the remainder then lies one prime outside
            x += prime if x < 0 else 0.0
            x -= prime if x >= prime else 0.0
            row[c] = x


@compiled()
def _substitute(rest, lower, count, prime):
    """Bring the first rows to echelon form, given their lower triangle: at most a panel of them."""
    for i in range(1, count):
        row = rest[i]
        for k in range(i):  # products of a panel's rows add up to less than 2^52: exact
            factor, above = lower[i, k], rest[k]
            for c in range(row.size):
                row[c] -= factor * above[c]
        _reduce(rest[i : i + 1], prime)


@compiled()
def _subtract_row(row, factor, pivot_row, start, prime):
    reciprocal = 1.0 / prime
    for c in range(start, row.size):
        x = row[c] - factor * pivot_row[c]
        x -= prime * np.floor(x * reciprocal)
        x += prime if x < 0 else 0.0
        x -= prime if x >= prime else 0.0
        row[c] = x


@compiled()
def _combine(matrix, places, factors, out, prime):
    for i in range(matrix.shape[0]):
        for k in range(places.shape[1]):
            _subtract_row(out[places[i, k]], prime - factors[i, k], matrix[i], 0, prime)


@compiled()
def _factor_panel(panel, lower, order, prime):
    rows, columns = panel.shape
    pivots = np.empty(columns, np.intp)
    count = 0
    for c in range(columns):
        if count == rows:
            break
        at = -1
        for i in range(count, rows):
            if panel[i, c] != 0:
                at = i
                break
        if at < 0:
            continue
        if at != count:
            for j in range(columns):
                panel[at, j], panel[count, j] = panel[count, j], panel[at, j]
                lower[at, j], lower[count, j] = lower[count, j], lower[at, j]
            order[at], order[count] = order[count], order[at]
        scale = inverse(panel[count, c], prime)
        for i in range(count + 1, rows):
            if panel[i, c] != 0:
                factor = (panel[i, c] * scale) % prime
                lower[i, count] = factor
                _subtract_row(panel[i], factor, panel[count], c, prime)
        pivots[count] = c
        count += 1
    return pivots[:count]


@compiled()
def back_substitute(echelon, pivots, x, prime):
    """Set x at the pivot columns so that echelon @ x = 0 modulo the prime, with the rest of x given."""
    for i in range(pivots.size - 1, -1, -1):
        total = 0.0
        for c in range(pivots[i] + 1, x.size):
            total = (total + echelon[i, c] * x[c]) % prime
        x[pivots[i]] = (total * inverse(prime - echelon[i, pivots[i]], prime)) % prime
