"""Powers with their intervals, and whether they show anything."""

import numpy as np
import pytest

from lowland.reproduce import curved_target, mixing, sensing_tails
from lowland.reproduce.powers import fitted_power, power_words

SIZES = np.array([10.0, 20.0, 40.0, 80.0, 160.0])


def test_an_interval_that_holds_zero_is_said_to_show_nothing():
    noisy = fitted_power(SIZES, SIZES**0.1 * np.exp([0.5, -0.5, 0.4, -0.6, 0.3]))
    assert noisy[1] < 0 < noisy[2]
    assert "WHICH HOLDS 0 AND SO SHOWS NO POWER" in power_words(noisy)
    for power in (-2.0, 0.7):
        known = fitted_power(SIZES, SIZES**power * np.exp([0.01, -0.01, 0.02, 0.0, -0.01]))
        assert known[1] < power < known[2]
        assert power_words(known) == f"{known[0]:.2f} ({known[1]:.2f} to {known[2]:.2f})"


@pytest.mark.parametrize("ends", [(0.0, 1.0), (-1.0, 0.0), (float("nan"), float("nan"))])
def test_ends_at_zero_and_unknown_ones_show_nothing_either(ends):
    assert "SHOWS NO POWER" in power_words((0.5, *ends))


def test_notes_of_pages_say_it():
    tails = [
        {"tail": t, "farthest": 1.0 + 0.1 * (k % 2), "unit": 1.0, "apart": 0.0} for k, t in enumerate(SIZES)
    ]
    assert "SHOWS NO POWER" in sensing_tails.tail_note(tails)
    steps = [
        {"kind": kind, "dimension": 10, "condition": c, "steps": 5 + k % 2, "sampled": 0.1, "halfway": 0.1}
        for kind in mixing.KINDS
        for k, c in enumerate(SIZES)
    ]
    assert mixing.mixing_note(steps).count("SHOWS NO POWER") == 3


@pytest.mark.parametrize(("power", "words"), [(-0.8, "which the interval holds"), (-1.0, "DOES NOT HOLD")])
def test_the_rate_on_a_curved_function_is_compared_with_the_theorem(power, words):
    rows = [
        {
            "points": n,
            "inside": n**power * (1 + 0.01 * (-1) ** k),
            "knots": n**0.2,
            "variation": 1,
            "limit": 2,
        }
        for k, n in enumerate(np.repeat(SIZES, 2))
    ]
    note = curved_target.curved_note(rows)
    assert words in note
    assert "Of 10 such functions 0 vary more" in note
    rows[3]["variation"] = 3.0
    assert "Of 10 such functions 1 vary more" in curved_target.curved_note(rows)
