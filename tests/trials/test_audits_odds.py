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
    """Of cells likelier to be missing than can be imitated nothing is said."""
    logarithms = np.concatenate([np.zeros(9500), np.full(500, 9.0)])
    of_missing = np.concatenate([np.zeros(800), np.full(200, 9.0)])
    held, largest = hold_by_odds(logarithms, of_missing, 3000, rng)
    assert largest == 9.0, "300 are enough"
    assert held[9500:].mean() == pytest.approx(CAP, abs=0.07)
    assert held[:9500].sum() < 9, "0.9 of them on the average"
    held, largest = hold_by_odds(logarithms[::10], of_missing, 300, rng)
    assert largest == 0.0
    assert held[:950].mean() == pytest.approx(300 / 950, abs=0.06)
    assert not held[950:].any()


def test_no_more_cells_are_held_out_than_may_be(rng):
    held, _ = hold_by_odds(np.zeros(500), np.zeros(50), 500, rng)
    assert held.mean() == pytest.approx(CAP, abs=0.07)
    held, largest = hold_by_odds(np.full(2000, 0.5), np.zeros(50), 2000, rng)
    assert largest == 0.0
    assert held.mean() == pytest.approx(MOST_LIKELY, abs=0.03), "of odds somewhat larger"
