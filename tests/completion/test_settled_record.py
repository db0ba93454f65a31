"""What is said of filled cells that chance still moves."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.completion.settled.record import Settled, error_quantile, needed, with_trees

CALM = Settled(
    "draws", 500, 0.995, 0.04, r_hat=1.2, typical=1.02, effective=80.0, apart=1.1, draws=200, draws_needed=200
)


@pytest.mark.parametrize(
    ("changes", "settled"),
    [
        ({}, True),
        ({"kind": "starts", "r_hat": None, "typical": None, "apart": None}, True),
        ({"share": 0.98}, False),
        ({"share": float("nan")}, False),
        ({"r_hat": 3.0}, True),  # the largest of hundreds
        ({"typical": 1.2}, False),
        ({"typical": float("nan")}, False),
        ({"apart": 3.0}, False),
        ({"kind": "none"}, False),
    ],
    ids=str,
)
def test_it_is_supported_at_most(changes, settled):
    verdict = replace(CALM, **changes).verdict
    assert verdict is (ll.Verdict.SUPPORTED if settled else ll.Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Chance moves 99.5% of 500 filled cells by less than a twentieth of their standard error."),
        (
            {"share": 0.9, "draws_needed": 300},
            "for 99 % of them it would take about 300 draws instead of 200.",
        ),
        (
            {"share": 0.9, "draws_needed": 300, "trees": 60, "trees_needed": 90},
            "300 draws instead of 200 and 90 trees instead of 60.",
        ),
        ({"typical": 1.3}, "; chains do not tell the same yet."),
        ({"kind": "starts", "share": 0.5, "draws": 0, "draws_needed": 0}, "Another start moves 50.0% of 500"),
        ({"kind": "none", "left_out": ("no cell is missing",)}, "is not known: no cell is missing."),
    ],
)
def test_it_is_said_in_words(changes, words):
    assert words in str(replace(CALM, **changes))


def test_errors_fall_with_the_root_of_the_draws():
    errors = np.linspace(0, 0.1, 1001)
    assert error_quantile(errors) == pytest.approx(0.099)
    assert needed(100, errors) == 393  # (0.099 / 0.05)^2 = 3.92
    assert needed(100, 0.4 * errors) == 100
    assert needed(100, errors, goal=0.0495) == 400
    assert needed(100, errors[:0]) == 100


@pytest.mark.parametrize("size", [1, 7, 100, 199, 200, 201, 2000])
def test_the_share_is_large_enough_where_the_quantile_is_small_enough(size):
    for large in range(min(size, 25) + 1):
        errors = np.r_[np.full(large, 0.2), np.full(size - large, 0.01)]
        found = with_trees(Settled("starts", size), errors, np.zeros((0, size)))
        assert (found.share >= 0.99) == (found.worst < 0.05)


def test_errors_of_draws_and_of_trees_add_up_in_squares():
    trees = np.array([[-0.3, 0.0], [0.3, 0.0]])
    found = with_trees(Settled("draws", 2, draws=100), np.array([0.4, 0.01]), trees)
    assert found.worst == pytest.approx(0.5)  # the mean of two trees has an error of 0.3
    assert (found.trees, found.share) == (2, 0.5)
    # both are to have half of the square of a twentieth
    assert found.draws_needed == pytest.approx(100 * 2 * 8**2, abs=1)
    assert found.trees_needed == pytest.approx(2 * 2 * 6**2, abs=1)
