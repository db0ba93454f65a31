"""Means and variances along time are those of a Gaussian process, computed with whole covariances."""

from itertools import pairwise

import numpy as np
import pytest

from lowland.kernels import ornstein_uhlenbeck
from lowland.kernels.ornstein_uhlenbeck import smooth_lines, smoothed_means

LENGTHS, VARIANCES = np.array([0.5, 3.0, 20.0]), np.array([0.3, 0.5, 0.2])


def points(rng, counts=(0, 1, 15, 24)):
    """Lines of points, some at one time, some of which nothing is known."""
    starts = np.concatenate([[0], np.cumsum(counts)])
    times = np.concatenate([np.sort(rng.uniform(0, 30, count)) for count in counts])
    times[5], times[30] = times[4], times[31]
    noises = rng.uniform(0.1, 2, times.size)
    noises[rng.random(times.size) < 0.3] = np.inf
    return starts, times, rng.standard_normal(times.size), noises


def by_covariances(starts, times, values, noises):
    """Return the same from the covariance of each line."""
    means, variances = np.zeros((2, times.size))
    for start, stop in pairwise(starts):
        here = slice(start, stop)
        apart = np.abs(np.subtract.outer(times[here], times[here]))
        covariance = np.exp(-apart[..., None] / LENGTHS) @ VARIANCES
        known = np.isfinite(noises[here])
        within = covariance[np.ix_(known, known)] + np.diag(noises[here][known])
        weights = np.linalg.solve(within, covariance[known]).T
        means[here] = weights @ values[here][known]
        variances[here] = np.diag(covariance) - np.einsum("ij,ji->i", weights, covariance[known])
    return means, variances


def check_smoother(smooth):
    line = points(np.random.default_rng(0))
    for found, expected in zip(smooth(*line, LENGTHS, VARIANCES), by_covariances(*line), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_lines_are_smoothed_as_by_whole_covariances():
    check_smoother(smooth_lines)


def test_means_alone_are_the_same():
    line = points(np.random.default_rng(1))
    means, _ = smooth_lines(*line, LENGTHS, VARIANCES)
    np.testing.assert_array_equal(smoothed_means(*line, LENGTHS, VARIANCES), means)


def test_no_law_says_nothing():
    means, variances = smooth_lines(*points(np.random.default_rng(2)), np.zeros(0), np.zeros(0))
    assert not means.any()
    assert not variances.any()


FAULTS = {
    "times of other lines count": lambda starts, *rest: smooth_lines(starts[[0, -1]], *rest),
    "later values do not count": lambda starts, times, values, noises, *law: smooth_lines(
        starts, times, np.where(times > 15, 0, values), noises, *law
    ),
    "variances are those without values": lambda *given: (
        smooth_lines(*given)[0],
        np.full(given[1].size, given[-1].sum()),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told(fault):
    with pytest.raises(AssertionError):
        check_smoother(FAULTS[fault])


def test_plain_loops_say_the_same(monkeypatch):
    line = points(np.random.default_rng(3))
    compiled = smooth_lines(*line, LENGTHS, VARIANCES)
    for name in ("_smooth", "_advance", "_observe"):
        monkeypatch.setattr(ornstein_uhlenbeck, name, getattr(ornstein_uhlenbeck, name).py_func)
    for found, plain in zip(compiled, smooth_lines(*line, LENGTHS, VARIANCES), strict=True):
        np.testing.assert_allclose(found, plain, rtol=1e-12, atol=1e-12)
