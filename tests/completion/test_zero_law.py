"""Laws of columns that hold no negative number, against numerical integrals and another implementation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, truncnorm

from lowland.completion.bounded.zero_law import FAR, ZeroLaw

HEIGHTS = np.array([-3.0, 0.2, 0.7, 1.3, 2.0, 3.7, 6.0])
SPREADS = np.array([0.5, 1.0, 7.0, 2.0, 1.0, 0.1, 30.0])


def law(heights=HEIGHTS, spreads=SPREADS, *, touches=False):
    return ZeroLaw(heights * spreads, spreads, np.full(heights.size, touches))


def check_left(one):
    """What is left has mean and spread of the fit where a truncated law can, and its own quantiles."""
    means, spreads = one.moments()
    x = one.means / one.spreads
    can = x > 1.05
    np.testing.assert_allclose(means[can], one.means[can], rtol=1e-9)
    np.testing.assert_allclose(spreads[can], one.spreads[can], rtol=1e-5)
    np.testing.assert_allclose(means[~can], one.spreads[~can] * np.exp(x[~can] - 1), rtol=1e-9)
    assert (means > 0).all()
    levels = np.linspace(0.001, 0.999, 999)
    moved = one.within(one.means + one.spreads * norm.ppf(levels)[:, None])
    assert (moved > 0).all()
    assert (np.diff(moved, axis=0) > 0).all()
    # quantiles at equal levels are a sample of the law: its mean and spread, but for the ends of the tails
    np.testing.assert_allclose(moved.mean(axis=0), means, rtol=5e-3)
    np.testing.assert_allclose(moved.std(axis=0), spreads, rtol=2e-2)


def test_what_is_left_keeps_mean_and_spread():
    check_left(law())


def test_quantiles_are_those_of_a_truncated_normal_law():
    """Two quantiles of another implementation say which normal law was cut off; the others follow."""
    one = law()
    levels = np.array([0.05, 0.5, 0.95])
    ends = one.within(one.means + one.spreads * norm.ppf(levels)[:, None])
    for k in np.flatnonzero(one.means > 1.05 * one.spreads):
        left = one._left
        mean, spread = left.means[k], left.spreads[k]
        other = truncnorm(-mean / spread, np.inf, mean, spread)
        np.testing.assert_allclose(ends[:, k], other.ppf(levels), rtol=1e-8)
        np.testing.assert_allclose([other.mean(), other.std()], [one.means[k], one.spreads[k]], rtol=1e-5)


def test_zeros_are_what_lies_below_zero():
    one = law(touches=True)
    means, spreads = one.moments()
    for mean, spread, stated, own in zip(one.means, one.spreads, means, spreads, strict=True):
        ends = max(0.0, mean - 12 * spread), max(mean, 0.0) + 12 * spread
        first, second = (
            quad(lambda y, p=p, m=mean, s=spread: y**p * norm.pdf(y, m, s), *ends, limit=200)[0]
            for p in (1, 2)
        )
        np.testing.assert_allclose([stated, own], [first, np.sqrt(second - first**2)], rtol=1e-6)
    values = np.linspace(-9, 9, 40)[:, None] * one.spreads
    np.testing.assert_array_equal(one.within(values), np.maximum(values, 0))


@pytest.mark.parametrize("touches", [False, True])
def test_far_above_zero_nothing_changes(touches):
    heights = np.array([FAR, 10.0, 1e6])
    one = law(heights, SPREADS[:3], touches=touches)
    means, spreads = one.moments()
    np.testing.assert_array_equal(means, one.means)
    np.testing.assert_array_equal(spreads, one.spreads)
    values = one.means + np.linspace(-8, 8, 30)[:, None] * one.spreads
    np.testing.assert_array_equal(one.within(values), values)
    assert (one.within(one.means - 11 * one.spreads) >= 0).all()


def test_means_that_a_law_can_have_stay_to_the_bit():
    one = law(np.linspace(1, 8, 50), np.geomspace(1e-3, 1e3, 50))
    np.testing.assert_array_equal(one.moments()[0], one.means)


def test_both_kinds_side_by_side():
    mixed = replace(law(), touches=np.arange(HEIGHTS.size) % 2 == 0)
    both = zip(mixed.moments(), law().moments(), law(touches=True).moments(), strict=True)
    for part, left, corner in both:
        np.testing.assert_array_equal(part, np.where(mixed.touches, corner, left))


def test_a_law_that_is_cut_off_or_clipped_is_told():
    class Mutant:
        def __init__(self, fault):
            self.fault, one = fault, law()
            self.means, self.spreads = one.means, one.spreads
            self.cut = truncnorm(-one.means / one.spreads, np.inf, one.means, one.spreads)

        def moments(self):
            return (self.cut.mean(), self.cut.std()) if self.fault == "cut off" else law().moments()

        def within(self, values):
            if self.fault == "clipped":
                return np.maximum(values, 0)
            return self.cut.ppf(norm.cdf((values - self.means) / self.spreads))

    for fault in ("cut off", "clipped", "quantiles of another law"):
        with pytest.raises(AssertionError):
            check_left(Mutant(fault))
