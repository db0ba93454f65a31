"""Draws of a Gaussian in compiled loops beside NumPy's routines."""

import numpy as np
import pytest

from lowland.bayes.full_gaussian import draw_gaussian
from lowland.bayes.wishart import wishart_root
from lowland.kernels.gaussian_draws import gaussian_of_draw, log_determinants


def scatter_of(p, seed, rank=None):
    rows = np.random.default_rng(seed).standard_normal((40, rank or p))
    rows = rows @ np.random.default_rng(seed + 1).standard_normal((rank or p, p))
    return rows.T @ rows


@pytest.mark.parametrize("p", [1, 2, 3, 8, 30])
def test_log_determinants_are_those_of_each_matrix(p):
    scatter, excesses = scatter_of(p, p), np.geomspace(1e-6, 300, 9)
    before = scatter.copy()
    expected = [np.linalg.slogdet(scatter + e * np.eye(p))[1] for e in excesses]
    np.testing.assert_allclose(log_determinants(scatter, excesses), expected, rtol=1e-10)
    np.testing.assert_array_equal(scatter, before)


@pytest.mark.parametrize("p", [2, 7])
def test_of_singular_matrices_no_pivot_is_below_what_is_added(p):
    scatter, excesses = scatter_of(p, 3, rank=1), np.array([1e-9, 1e-3, 1.0])
    top = np.trace(scatter)
    expected = [np.log(top + e) + (p - 1) * np.log(e) for e in excesses]
    np.testing.assert_allclose(log_determinants(scatter, excesses), expected, rtol=1e-4)
    zero = np.zeros((p, p))
    np.testing.assert_allclose(log_determinants(zero, excesses), p * np.log(excesses))


@pytest.mark.parametrize("p", [1, 2, 9, 31])
def test_covariances_of_draws(p):
    rng = np.random.default_rng(p)
    total, lower = scatter_of(p, p) + np.eye(p), wishart_root(p, 2.0 * p, rng)
    covariance, half, precision = gaussian_of_draw(total, lower)
    root = np.linalg.inv(np.linalg.cholesky(total))
    expected = root.T @ lower @ lower.T @ root
    np.testing.assert_allclose(precision, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(covariance @ expected, np.eye(p), atol=1e-6)
    np.testing.assert_allclose(half @ half.T, covariance)


@pytest.mark.parametrize("number", [0.0, -1.0, np.nan])
def test_a_total_without_a_root_is_an_error(number):
    total = np.diag([1.0, number, 1.0])
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        gaussian_of_draw(total, np.eye(3))


@pytest.mark.parametrize("has_root", [False, True])
def test_both_forms_draw_the_same(has_root):
    rows = np.random.default_rng(0).standard_normal((50, 5)) @ np.diag([1, 1, 0.3, 1, 1])
    root = np.linalg.cholesky(0.5 * np.eye(5) + 0.5) if has_root else None
    plain, looped = (
        draw_gaussian(rows, np.random.default_rng(7), root, floor=1e-9, in_loops=in_loops)
        for in_loops in (False, True)
    )
    assert plain[1] == looped[1]
    for name in ("mean", "covariance", "precision"):
        np.testing.assert_allclose(getattr(looped[0], name), getattr(plain[0], name), rtol=1e-8, atol=1e-11)
