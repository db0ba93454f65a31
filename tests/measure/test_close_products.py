"""Measurements with twice the digits, compared with exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

import lowland as ll
from lowland.measure.real_parts import RealParts

SHAPE, RANK = (5, 4), 2


def exact(array):
    """Real and imaginary parts as fractions."""
    parts = (np.real(array), np.imag(array))
    return tuple(
        np.array([Fraction(float(x)) for x in p.ravel()], dtype=object).reshape(p.shape) for p in parts
    )


def times(a, b, turned):
    """Sums over the last axis of a times b, or times its conjugate if turned."""
    (ar, ai), (br, bi) = a, b
    s = -1 if turned else 1
    return (ar * br - s * ai * bi).sum(axis=-1), (s * ar * bi + ai * br).sum(axis=-1)


def matrix_of(left, right):
    (lr, li), (rr, ri) = exact(left), exact(right)
    return times((lr[:, None], li[:, None]), (rr[None], ri[None]), turned=True)


def draw(rng, *shape, is_complex=False):
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if is_complex else x


def dense_numbers(A, x):
    """tr(A^H X) conjugated as `Dense` measures: the sum of A times the conjugate of X, conjugated."""
    (ar, ai), (xr, xi) = exact(A.source.arrays), x
    flat = tuple(p.reshape(p.shape[0], -1) for p in (ar, ai))
    re, im = times(flat, (xr.ravel(), xi.ravel()), turned=True)
    return re, -im


def rank_one_numbers(A, x):
    (ar, ai), (br, bi) = exact(A.left.rows), exact(A.right.rows)
    xr, xi = x
    inner = ar @ xr - ai @ xi, ar @ xi + ai @ xr
    # rows are conjugates of the vectors: b_k itself is the conjugate of a row
    return times(inner, (br, bi), turned=True)


CASES = {
    "dense": (lambda rng: ll.gaussian(6, SHAPE, rng), dense_numbers, False),
    "symmetric": (
        lambda rng: ll.gaussian(6, (4, 4), rng).symmetrised(),
        lambda A, x: dense_numbers(A.source, x),
        False,
    ),
    "complex dense": (lambda rng: ll.Dense(draw(rng, 6, *SHAPE, is_complex=True)), dense_numbers, True),
    "rank one": (lambda rng: ll.RankOne(draw(rng, 6, 5), draw(rng, 6, 4)), rank_one_numbers, False),
    "complex rank one": (lambda rng: ll.RankOne(draw(rng, 6, 4, is_complex=True)), rank_one_numbers, True),
}


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_within_their_bounds(name):
    rng = np.random.default_rng(5)
    make, oracle, is_complex = CASES[name]
    A = make(rng)
    left, right = (draw(rng, side, RANK, is_complex=is_complex) for side in A.shape)
    if name == "symmetric":  # the only matrices that symmetric parts are made for
        right = left
    found = A.measure_closely(ll.Factors(left, right))
    plain = A.measure(ll.Factors(left, right))
    for k, (re, im) in enumerate(zip(*oracle(A, matrix_of(left, right)), strict=True)):
        for part, right_part in ((np.real, re), (np.imag, im)):
            high, low = (Fraction(float(part(x[k]))) for x in (found.high, found.low))
            assert abs(high + low - right_part) <= Fraction(float(found.error[k]))
        assert abs(complex(re, im) - plain[k]) < 1e-13
    assert found.error.max() < 1e-19


def test_entries_and_their_stacks():
    rng = np.random.default_rng(6)
    A = ll.Entries([0, 3, 4], [1, 2, 0], SHAPE)
    left, right = draw(rng, 5, RANK), draw(rng, 4, RANK)
    exactly = matrix_of(left, right)[0][A.rows, A.columns]
    for measurement in (A, ll.Stacked([A, ll.gaussian(2, SHAPE, 0)]), RealParts(A, both=False)):
        found = measurement.measure_closely(ll.Factors(left, right))
        for high, low, error, x in zip(found.high[:3], found.low[:3], found.error[:3], exactly, strict=True):
            assert (
                abs(Fraction(float(high)) + Fraction(float(low)) - x)
                <= Fraction(float(error))
                < Fraction(1e-28)
            )


def test_operators_cannot():
    vectors = np.random.default_rng(7).standard_normal((6, 4))
    from scipy.sparse.linalg import aslinearoperator

    factors = ll.Factors(np.ones((4, 1)), np.ones((4, 1)))
    assert ll.RankOne(aslinearoperator(vectors)).measure_closely(factors) is None
