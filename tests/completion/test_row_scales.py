"""Rows of a multivariate t: how they differ in size is learnt, and only where they do."""

import numpy as np
import pytest
from scipy.stats import multivariate_t

from lowland.bayes.row_scales import RowScales


def drawn(freedom, rng, *, rows=3_000):
    """Squared distances and counts of rows of a multivariate t whose covariance is I, some cells missing."""
    counts = rng.integers(1, 7, rows)
    numbers = rng.standard_normal((rows, 6)) * (np.arange(6) < counts[:, None])
    mixing = (freedom - 2) / rng.chisquare(freedom, rows) if np.isfinite(freedom) else np.ones(rows)
    return np.sum(numbers**2, axis=1) * mixing, counts


@pytest.mark.parametrize("freedom", [3.0, 8.0])
def test_the_freedom_is_found(rng, freedom):
    found = RowScales.learn(*drawn(freedom, rng))
    assert 0.6 * freedom < found.freedom < 1.6 * freedom
    assert found.size == pytest.approx((freedom - 2) / freedom, rel=0.2)


def test_rows_of_one_gaussian_are_left_alone(rng):
    assert all(RowScales.learn(*drawn(np.inf, rng, rows=300)) is None for _ in range(20))


def test_the_likelihood_is_that_of_a_multivariate_t(rng):
    """What is left out is the same for all: the determinants, and the Gaussian's own constant."""
    from lowland.bayes.row_scales import _gaussian, _log_likelihood

    x, size = rng.standard_normal((5, 3)), 0.7
    d, k = np.sum(x**2, axis=1), np.full(5, 3.0)
    for freedom in (2.0, 30.0):
        law = multivariate_t(np.zeros(3), size * np.eye(3), df=freedom)
        expected = law.logpdf(x).sum() + 5 * 3 / 2 * np.log(2 * np.pi)
        found = _log_likelihood(d, k, np.array([[freedom]]), np.array([[size]]))[0]
        assert found == pytest.approx(expected)
    expected = np.sum(-3 / 2 * np.log(size) - d / (2 * size))
    assert _gaussian(d, k, size) == pytest.approx(expected)


def test_factors_have_mean_one_and_follow_distances(rng):
    distances, counts = drawn(3.0, rng)
    found = RowScales.learn(distances, counts)
    factors = found.factors(distances, counts)
    assert factors.mean() == pytest.approx(1)
    # the conditional covariance of a multivariate t, times a number that is the same for all rows
    expected = (found.freedom + distances / found.size) / (found.freedom + counts)
    np.testing.assert_allclose(factors / factors[0], expected / expected[0])


def test_no_distances_no_scales():
    assert RowScales.learn(np.zeros(5), np.zeros(5)) is None
