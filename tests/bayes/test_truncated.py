"""Normal laws within bounds, near and far from their mean."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import truncnorm

from lowland.bayes.truncated import TruncatedNormal

MEANS, SPREADS = np.array([0.0, 0.5, -2.0, 4.0]), np.array([1.0, 2.0, 0.5, 1.0])
BOUNDS = [
    (0, np.inf),
    (-np.inf, 0),
    (-1, 1),
    (-np.inf, np.inf),
    (10, 11),
    (-30, -29),
    (-np.inf, -40),
    (-50, 50),
]


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_moments_and_quantiles_are_those_of_another_implementation(low, high):
    law = TruncatedNormal(MEANS, SPREADS, low, high)
    known = truncnorm((low - MEANS) / SPREADS, (high - MEANS) / SPREADS, MEANS, SPREADS)
    means, spreads = law.moments()
    np.testing.assert_allclose(means, known.mean(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(spreads, known.std(), rtol=1e-7)
    for z in (-8.0, -1.5, 0.0, 0.7, 3.0):
        moved = law.within(MEANS + SPREADS * z)
        np.testing.assert_allclose(moved, known.ppf(ndtr(z)), rtol=1e-9, atol=1e-9)
        assert ((low <= moved) & (moved <= high)).all()


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_scores_are_what_was_moved_within_the_bounds(low, high):
    law = TruncatedNormal(MEANS, SPREADS, np.full(4, low), np.full(4, high))
    for z in (-4.0, -1.5, 0.0, 0.7, 3.0):
        np.testing.assert_allclose(law.scores(law.within(MEANS + SPREADS * z)), z, rtol=1e-6, atol=1e-6)
    ends = law.scores(np.full(4, max(low, -1e9))), law.scores(np.full(4, min(high, 1e9)))
    assert np.isfinite(ends).all()


def test_narrow_bounds_leave_nothing_but_what_is_within():
    law = TruncatedNormal(MEANS, SPREADS, 50.0, 50.0 + 1e-9)
    means, spreads = law.moments()
    assert ((means >= 50) & (means <= 50 + 1e-9)).all()
    assert (spreads < 1e-6).all()
    many = law.within(np.array([-1e6, 0.0, 1e6])[:, None] * np.ones(4))
    assert ((many >= 50) & (many <= 50 + 1e-9)).all()


def test_what_is_known_stays_and_lies_within_the_bounds():
    law = TruncatedNormal(np.array([0.0, 1e9, -2.0]), np.zeros(3), 0.0, np.inf)
    with np.errstate(all="raise", under="ignore"):
        means, spreads = law.moments()
    np.testing.assert_array_equal(means, [0.0, 1e9, 0.0])
    np.testing.assert_array_equal(spreads, 0.0)
