"""Gains in standard errors and in shares, and the rules that they meet."""

import numpy as np
import pytest

from lowland.trials.gains import Gain, Rule


def test_a_gain_has_a_standard_error_cell_by_cell(rng):
    gains = 0.3 + rng.standard_normal(400)
    gain = Gain.of(gains, (4.0, 3.0))
    assert gain.difference == gains.mean()
    assert gain.sureness == pytest.approx(gains.mean() / (gains.std() / 20))
    assert gain.share == 0.25
    assert Gain.of(gains).share == gain.difference


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        (4.0, 3.0, 0.25),
        (2.0, 3.0, -0.5),
        (0.0, 0.0, np.nan),
        (0.0, 1.0, -np.inf),
        (np.nan, 1.0, np.nan),
        (np.inf, 1.0, 1.0),
    ],
)
def test_shares_are_of_the_error_before(before, after, share):
    np.testing.assert_equal(Gain.between(before, after).share, share)


@pytest.mark.parametrize("gain", [Gain(np.nan, 1.0, 0.5), Gain(1.0, np.nan, 0.5), Gain(1.0, 0.1, np.nan)])
def test_nan_meets_no_rule(gain):
    assert not Rule(share=0.1, standard_errors=1, difference=0).allows(gain)
    assert Rule().allows(gain), "of which nothing is asked"


def test_what_is_gained_in_another_measure_may_cost_little_in_errors():
    rule = Rule(standard_errors=2.5, errors=Rule(share=-0.01))
    for after, allowed in ((1.005, True), (1.02, False)):
        assert rule.allows(Gain(0.3, 0.1, 0.3, Gain.between(1.0, after))) is allowed
    assert not rule.allows(Gain(0.2, 0.1, 0.3, Gain.between(1.0, 1.0)))
    assert not rule.allows(Gain(0.3, 0.1, 0.3)), "nothing is known of errors"


def test_margins_are_what_a_difference_must_exceed():
    rule = Rule(share=0.001, standard_errors=2)
    assert rule.margin(0.5, 10.0) == 1.0
    assert rule.margin(0.001, 10.0) == 0.01


def test_nothing_is_sure_of_what_has_no_standard_error():
    assert Gain(1.0, np.inf, 0.5).sureness == 0
    assert Gain(-np.inf, np.inf, 0.5).sureness == 0
    assert Gain(1.0, 0.0, 0.5).sureness == np.inf
