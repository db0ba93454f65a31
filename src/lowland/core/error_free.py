"""Products and sums with twice the digits, from float64 alone, and bounds on what is still lost.

Numbers are pairs, high + low. A product of matrices is a sum of products of slices: integers of so few bits
that no order of summation rounds them, so that any fast product is exact.

References
----------
T. J. Dekker, A floating-point technique for extending the available precision, Numerische Mathematik 1971;
K. Ozaki, T. Ogita, S. Oishi, S. M. Rump, Error-free transformations of matrix multiplication by using fast
routines of matrix multiplication and its applications, Numerical Algorithms 2012.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.rounding import gamma, unit_roundoff

# bits that products keep below the product of the largest factors; numbers of a block of rows
KEPT, BLOCK = 76, 2_000_000
# factors beyond these sizes may overflow, or lose digits to underflow, when they are split
LEAST, MOST = 1e-120, 1e120
# 2^27 + 1 splits a number into two of half the bits
SPLIT = 134217729.0


@final
@dataclass(frozen=True, eq=False)
class Close:
    """Numbers high + low, real or complex, and a bound on the modulus of their error."""

    high: Matrix
    low: Matrix
    error: Matrix

    def each(self, change: Callable[[Matrix], Matrix]) -> Close:
        """Return all three parts rearranged."""
        return Close(change(self.high), change(self.low), change(self.error))


def two_sum(a: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
    """Return the rounded sum and its error, exactly."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def two_product(a: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
    """Return the rounded product and its error, exactly for numbers between `LEAST` and `MOST` and zero."""
    product = a * b
    (ah, al), (bh, bl) = _halves(a), _halves(b)
    return product, al * bl - (((product - ah * bh) - al * bh) - ah * bl)


def _halves(a: Matrix) -> tuple[Matrix, Matrix]:
    big = SPLIT * a
    high = big - (big - a)
    return high, a - high


def close_product(a: Matrix, b: Matrix) -> Close:
    """Return a @ b, for real or complex a of shape (p, k) and b of shape (k, q).

    Its error is about 2^-76 of the largest numbers, times k; infinite where numbers are out of range.
    """
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        return joined([_real_product(a[rows], b) for rows in _blocks(len(a), a.shape[1])])
    columns = np.concatenate([b.real, b.imag])
    real = close_product(np.hstack([a.real, -a.imag]), columns)
    imaginary = close_product(np.hstack([a.imag, a.real]), columns)
    return _complex(real, imaginary)


def close_dots(a: Matrix, b: Matrix) -> Close:
    """Return the sum over k of a[i, k] conj(b[i, k]) for each row i of real or complex arrays."""
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        real = close_dots(np.hstack([a.real, a.imag]), np.hstack([b.real, b.imag]))
        imaginary = close_dots(np.hstack([a.imag, -a.real]), np.hstack([b.real, b.imag]))
        return _complex(real, imaginary)
    return joined([_real_dots(a[rows], b[rows]) for rows in _blocks(len(a), a.shape[1])])


def _real_dots(a: Matrix, b: Matrix) -> Close:
    products, rest = two_product(a.T, b.T)
    fine = all(_in_range(x) for x in (a, b))
    return _summed([*products, *rest], np.zeros(len(a)) if fine else np.full(len(a), np.inf))


def close_map(table: Matrix, x: Close) -> Close:
    """Return table @ x for numbers x of shape (k,) that are themselves close, shape (p,)."""
    kind = np.result_type(table.dtype, np.float64)
    table = table.astype(kind, copy=False)
    found = close_product(table, x.high[:, None]).each(lambda part: part[:, 0])
    sizes = np.abs(table)
    error = found.error + sizes @ x.error + gamma(table.shape[1] + 4, kind) * (sizes @ np.abs(x.low))
    return Close(found.high, found.low + table @ x.low, error * (1 + 1e-9))


def close_quotient(z: Close, divisor: Close) -> Close:
    """Return numbers over a positive number, shape (1,)."""
    high = z.high / divisor.high
    parts = [high.real, high.imag] if np.iscomplexobj(high) else [high]
    back = [two_product(part, np.broadcast_to(divisor.high, part.shape)) for part in parts]
    units = [1.0, 1j][: len(parts)]
    rest = z.high - sum(unit * one for unit, (one, _) in zip(units, back, strict=True))
    rest = rest - sum(unit * low for unit, (_, low) in zip(units, back, strict=True))
    low = (rest + z.low - high * divisor.low) / divisor.high
    lost = 16 * unit_roundoff("float64") ** 2 * (np.abs(high) + np.abs(z.high) / divisor.high)
    error = (z.error + 2 * np.abs(high) * divisor.error) / divisor.high + lost
    lost_low = 16 * unit_roundoff("float64") * (np.abs(low) + np.abs(z.low) / divisor.high)
    return Close(high, low, (error + lost_low) * (1 + 1e-9))


def close_residual(y: Vector, z: Close) -> tuple[Vector, Vector]:
    """Return y - z rounded, and bounds on its error: those of z, and one rounding."""
    difference, rest = two_sum(y, -z.high)
    residual = difference + (rest - z.low)
    return residual, z.error + 2 * unit_roundoff("float64") * (
        np.abs(rest) + np.abs(z.low) + np.abs(residual)
    )


def _real_product(a: Matrix, b: Matrix) -> Close:
    k = a.shape[1]
    if not (k and a.size and b.size):
        return Close(*(np.zeros((len(a), b.shape[1])) for _ in range(3)))
    bits = (53 - int(np.ceil(np.log2(k)))) // 2
    count = -(-KEPT // bits)
    (rows, ours), (columns, theirs) = _slices(a, bits, count, 1), _slices(b, bits, count, 0)
    scale = rows * columns
    terms = []
    for i, one in enumerate(ours):
        for j, other in enumerate(theirs[: count - i]):
            terms.append((one @ other) * (scale * 2.0 ** (-bits * (i + j + 2))))
    # a row or column of zeros loses nothing
    some = np.any(a, axis=1)[:, None] & np.any(b, axis=0)
    lost = 2.0 * (count + 1) * k * 2.0 ** (-bits * count) * scale * some
    return _summed(terms, lost if _in_range(a) and _in_range(b) else np.full(scale.shape, np.inf))


def _slices(a: Matrix, bits: int, count: int, axis: int) -> tuple[Matrix, list[Matrix]]:
    """Return powers of two above the rows or columns, and their digits as integers of few bits."""
    largest = np.abs(a).max(axis=axis, keepdims=True)
    scale = 2.0 ** np.ceil(np.log2(np.where(largest > 0, largest, 1.0)))
    rest, out = a / scale, []
    for _ in range(count):
        rest = rest * 2.0**bits
        digits = np.rint(rest)
        rest = rest - digits
        out.append(digits)
    return scale, out


def _summed(terms: list[Matrix], lost: Matrix) -> Close:
    """Return the sum of exact terms, and what is lost of them with what was lost before."""
    high, low = np.zeros_like(lost), np.zeros_like(lost)
    sizes = np.zeros_like(lost)
    for term in terms:
        high, rest = two_sum(high, term)
        low, sizes = low + rest, sizes + np.abs(term)
    count, unit = len(terms) + 2, unit_roundoff("float64")
    return Close(high, low, lost * (1 + 1e-12) + 2 * count * gamma(count) * unit * sizes)


def _in_range(a: Matrix) -> bool:
    sizes = np.abs(a)
    return bool(((sizes == 0) | ((sizes > LEAST) & (sizes < MOST))).all())


def _blocks(count: int, width: int) -> list[slice]:
    step = max(1, BLOCK // max(width, 1))
    return [slice(low, low + step) for low in range(0, max(count, 1), step)]


def joined(parts: list[Close]) -> Close:
    """Return parts one after another."""
    high, low, error = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("high", "low", "error")
    )
    return Close(high, low, error)


def _complex(real: Close, imaginary: Close) -> Close:
    high, low = real.high + 1j * imaginary.high, real.low + 1j * imaginary.low
    return Close(high, low, real.error + imaginary.error)
