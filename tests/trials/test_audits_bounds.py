"""Bounds from held-out cells: as exact fractions have them, false no more often than the risk, and tight."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import beta

from lowland.core.errors import InvalidInputError
from lowland.trials.audits.bounds import inside_needed, largest_gamma, least_share, most_share, upper_tail
from oracles import audit_bounds

RISK = 0.05
SIZES = [(1, 1), (3, 2), (5, 9), (8, 4), (12, 7)]
GAMMAS = [Fraction(1), Fraction(5, 4), Fraction(3)]


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize(("held", "missing"), SIZES)
def test_bounds_are_those_of_exact_fractions(held, missing, gamma):
    for inside in range(held + 1):
        least = audit_bounds.least_count(inside, held, missing, RISK, gamma)
        assert least_share(inside, held, missing, RISK, float(gamma)) == least / missing
        most = missing - audit_bounds.least_count(held - inside, held, missing, RISK, gamma)
        assert most_share(inside, held, missing, RISK, float(gamma)) == most / missing
        for total in range(inside, inside + missing + 1):
            exact = sum(audit_bounds.law(held, missing, total, gamma)[inside:])
            assert upper_tail(inside, held, missing, total, float(gamma)) == pytest.approx(
                float(exact), rel=1e-13
            )


def worst(bound, held, missing, gamma=1):
    """Return the largest probability of a false bound over all numbers of cells inside."""
    totals = range(held + missing + 1)
    return max(audit_bounds.false_bounds(bound, held, missing, total, gamma) for total in totals)


def ours(gamma=1.0):
    return lambda inside, held, missing: least_share(inside, held, missing, RISK, gamma)


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize(("held", "missing"), SIZES)
def test_bounds_are_false_no_more_often_than_the_risk(held, missing, gamma):
    assert worst(ours(float(gamma)), held, missing, gamma) <= RISK
    if gamma > 1:
        assert worst(ours(float(gamma)), held, missing, 1 / gamma) <= RISK, "cells inside are less likely"

    def from_above(inside, held, missing):  # the share outside is at least what the upper bound leaves
        return 1 - most_share(held - inside, held, missing, RISK, float(gamma))

    assert worst(from_above, held, missing, gamma) <= RISK


def binomial(inside, held, missing):
    return beta.ppf(RISK, inside, held - inside + 1) if inside else 0.0


def one_too_many(inside, held, missing):
    return min(least_share(inside, held, missing, RISK) + 1 / missing, 1.0) if inside else 0.0


def of_all_cells(inside, held, missing):
    """The share of all cells outside training, which what was seen flatters."""
    return (least_share(inside, held, missing, RISK) * missing + inside) / (held + missing)


@pytest.mark.parametrize("mutant", [binomial, one_too_many, of_all_cells])
def test_false_formulas_are_false_more_often(mutant):
    """The binomial bound forgets that the held-out cells inside are missing elsewhere."""
    assert max(worst(mutant, held, missing) for held, missing in SIZES) > RISK


def test_a_factor_the_wrong_way_is_false_more_often():
    wrong = ours(1.0)  # and so all the more with its reciprocal
    assert max(worst(wrong, held, missing, Fraction(3)) for held, missing in SIZES) > RISK


def test_bounds_are_no_lower_than_they_must_be():
    """One missing cell more than the bound proves is false too often somewhere."""
    for held, missing in SIZES[1:]:
        assert worst(one_too_many, held, missing) > RISK


@pytest.mark.parametrize("gamma", [1.0, 1.2])
def test_bounds_rise_with_what_is_inside_and_fall_with_doubt(gamma):
    shares = [least_share(inside, 40, 97, 0.01, gamma) for inside in range(41)]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert least_share(36, 40, 97, 0.01, gamma) > least_share(36, 40, 97, 0.001, gamma)
    assert least_share(36, 40, 97, 0.01, gamma) > least_share(36, 40, 97, 0.01, gamma + 0.3)
    assert least_share(36, 40, 97, 0.01, gamma) < 36 / 40 < most_share(36, 40, 97, 0.01, gamma)


@pytest.mark.parametrize(("held", "missing"), [(44, 10), (80, 200), (160, 77), (800, 1600)])
@pytest.mark.parametrize("gamma", [1.0, 1.2])
def test_the_number_needed_is_the_least_that_proves_the_level(held, missing, gamma):
    needed = inside_needed(held, missing, 0.9, 0.01, gamma)
    tried = range(int(0.88 * held), held + 1)
    proved = [least_share(inside, held, missing, 0.01, gamma) >= 0.9 for inside in tried]
    assert needed == (tried[proved.index(True)] if any(proved) else None)


def test_few_cells_prove_no_level_even_if_all_are_inside():
    assert inside_needed(20, 100, 0.9, 0.01) is None
    assert inside_needed(44, 10**6, 0.9, 0.01) == 44
    assert inside_needed(43, 10**6, 0.9, 0.01) is None, "0.9^43 > 0.01"
    assert inside_needed(0, 5, 0.9, 0.01) is inside_needed(5, 0, 0.9, 0.01) is None


def test_the_largest_factor_proves_the_level_and_a_larger_one_does_not():
    for inside, held, missing in [(46, 46, 3000), (156, 160, 300), (760, 800, 1600)]:
        gamma = largest_gamma(inside, held, missing, 0.9, 0.01)
        assert gamma >= 1
        assert least_share(inside, held, missing, 0.01, gamma) >= 0.9
        assert least_share(inside, held, missing, 0.01, gamma + 0.001) < 0.9
    assert largest_gamma(720, 800, 1600, 0.9, 0.01) == 0.0


def test_nothing_held_out_or_missing_proves_nothing():
    assert least_share(0, 0, 9, 0.01) == least_share(3, 3, 0, 0.01) == 0.0
    assert most_share(0, 0, 9, 0.01) == most_share(0, 3, 0, 0.01) == 1.0


def test_many_cells_are_bounded_close_to_their_share():
    """Terms far from the mode vanish, and products of a thousand million cells do not overflow."""
    held, missing, inside = 20_000, 10**9, 18_200
    bounds = least_share(inside, held, missing, 0.01), most_share(inside, held, missing, 0.01)
    reach = 2.326 * np.sqrt(0.91 * 0.09 / held)
    assert np.allclose(bounds, [0.91 - reach, 0.91 + reach], atol=1e-4)
    assert bounds[0] > least_share(inside, held, missing, 0.01, 1.2) > 0.88
    assert upper_tail(20_000, held, missing, 10**6) == 0.0
    assert inside_needed(held, missing, 0.9, 0.01) == pytest.approx(18_100, abs=3)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((5, 4, 9, 0.01), "inside must not exceed held"),
        ((-1, 4, 9, 0.01), "inside must be a whole number"),
        ((1, 4, 9.5, 0.01), "missing must be a whole number"),
        ((1, 4, 9, 1.0), "risk must lie between 0 and 1"),
        ((1, 4, 9, np.nan), "risk must lie between 0 and 1"),
        ((1, 4, 9, 0.01, 0.9), "gamma must be at least 1"),
        ((1, 4, 9, 0.01, np.inf), "gamma must be a positive finite number"),
    ],
)
def test_numbers_that_do_not_belong_together_are_refused(numbers, message):
    for bound in (least_share, most_share):
        with pytest.raises(InvalidInputError, match=message):
            bound(*numbers)
