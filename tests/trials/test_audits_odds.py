"""Odds of being missing, and hold-outs in proportion to them."""

import numpy as np
import pytest

from lowland.trials.audits.odds import CAP, MOST_LIKELY, Odds, hold_by_odds


def test_odds_are_found_again(rng):
    features = rng.standard_normal((20_000, 2))
    truth = np.array([-1.0, 0.8, -0.4])
    logarithms = truth[0] + features @ truth[1:]
    missing = rng.random(20_000) < 1 / (1 + np.exp(-logarithms))
    odds = Odds.fit(features, missing)
    np.testing.assert_allclose(odds.coefficients, truth, atol=0.08)  # four standard errors
    np.testing.assert_allclose(odds.logarithms(features), logarithms, atol=0.35)


def test_separated_cells_have_finite_odds():
    features = np.repeat([[-1.0], [1.0]], 20, axis=0)
    odds = Odds.fit(features, features[:, 0] > 0)
    assert np.isfinite(odds.coefficients).all()
    assert odds.coefficients[1] > 1


def test_cells_are_held_out_in_proportion_to_their_odds(rng):
    logarithms = np.repeat(np.log([0.5, 1.0, 2.0]), 20_000)
    held, largest = hold_by_odds(logarithms, logarithms, 6000, rng)
    assert largest == np.log(2.0)
    shares = held.reshape(3, -1).mean(axis=1)
    np.testing.assert_allclose(shares, np.array([1, 2, 4]) * 0.3 / 7, atol=0.01)


def test_odds_in_proportion_are_those_that_no_probability_cuts_off(rng):
    """Of cells likelier to be missing than can be imitated nothing is said, nor are few cells held out for them."""
    logarithms = np.concatenate([np.zeros(9000), np.full(1000, 9.0)])
    held, largest = hold_by_odds(logarithms, logarithms, 3000, rng)
    assert largest == 0.0
    assert held[:9000].mean() == pytest.approx(0.227, abs=0.02)
    assert held[9000:].mean() == pytest.approx(MOST_LIKELY, abs=0.03)
    held, _ = hold_by_odds(np.zeros(50), np.zeros(50), 50, rng)
    assert held.sum() <= 50
    assert np.mean(held) == pytest.approx(CAP, abs=0.25)
