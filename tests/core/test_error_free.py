"""Products with twice the digits, compared with exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from lowland.core.error_free import Close, close_dots, close_product, close_residual, two_product, two_sum


def fractions(array):
    return np.array([Fraction(float(x)) for x in np.ravel(array)], dtype=object).reshape(np.shape(array))


def check(found, exact, least):
    for high, low, error, right in zip(
        *map(np.ravel, (found.high, found.low, found.error, exact)), strict=True
    ):
        assert abs(Fraction(float(high)) + Fraction(float(low)) - right) <= Fraction(float(error))
    assert np.max(found.error) <= least


@pytest.mark.parametrize("spread", [0, 6])
@pytest.mark.parametrize("shape", [(3, 1, 2), (2, 60, 1), (4, 7, 3)])
def test_products_of_matrices(shape, spread):
    rng = np.random.default_rng(0)
    p, k, q = shape
    a, b = (rng.standard_normal(s) * 10 ** rng.uniform(-spread, spread, s) for s in ((p, k), (k, q)))
    exact = fractions(a) @ fractions(b)
    check(close_product(a, b), exact, 1e-20 * k * np.abs(a).max() * np.abs(b).max())


def test_sums_that_cancel():
    rng = np.random.default_rng(1)
    a = rng.standard_normal((5, 40))
    b = np.hstack([a[:, 20:], -a[:, :20]]) * (1 + 1e-15 * rng.standard_normal((5, 40)))
    found = close_dots(a, b)
    exact = (fractions(a) * fractions(b)).sum(axis=1)
    check(found, exact, 1e-26)
    assert np.abs(a[0] @ b[0] - float(exact[0])) > 1e3 * found.error[0]  # which plain sums do not hold


def test_complex_products():
    rng = np.random.default_rng(2)
    a, b = (rng.standard_normal(s) + 1j * rng.standard_normal(s) for s in ((3, 4), (4, 2)))
    found = close_product(a, b)
    real = fractions(a.real) @ fractions(b.real) - fractions(a.imag) @ fractions(b.imag)
    check(found.each(np.real), real, 1e-19)
    dots = close_dots(a, b.T[[0, 1, 0]])
    imaginary = (fractions(a.imag) * fractions(b.T[[0, 1, 0]].real)).sum(axis=1)
    imaginary = imaginary - (fractions(a.real) * fractions(b.T[[0, 1, 0]].imag)).sum(axis=1)
    check(Close(dots.high.imag, dots.low.imag, dots.error), imaginary, 1e-27)


def test_residuals_are_known_to_their_own_digits():
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((6, 9)), rng.standard_normal((6, 9))
    y = (a * b).sum(axis=1)
    residual, error = close_residual(y, close_dots(a, b))
    exact = fractions(y) - (fractions(a) * fractions(b)).sum(axis=1)
    for number, bound, right in zip(residual, error, exact, strict=True):
        assert abs(Fraction(float(number)) - right) <= Fraction(float(bound))
    assert (error <= 1e-27 + 1e-14 * np.abs(residual)).all()


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_numbers_out_of_range_have_no_bound(size):
    assert np.isinf(close_product(np.full((1, 2), size), np.ones((2, 1))).error).all()
    assert np.isinf(close_dots(np.full((1, 2), size), np.ones((1, 2))).error).all()


def test_nothing_is_nothing():
    assert close_product(np.zeros((2, 0)), np.zeros((0, 3))).high.shape == (2, 3)
    found = close_product(np.zeros((2, 4)), np.ones((4, 3)))
    assert not found.high.any()
    assert found.error.max() == 0


def test_sums_and_products_are_split_exactly():
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((2, 200)) * 10 ** rng.uniform(-8, 8, (2, 200))
    for split, exact in ((two_sum, fractions(a) + fractions(b)), (two_product, fractions(a) * fractions(b))):
        high, low = split(a, b)
        assert (fractions(high) + fractions(low) == exact).all()
