"""Probabilities of grades: a probit, the habits of rows, and expected values that are given."""

import numpy as np
import pytest
from scipy.stats import norm

from lowland.completion.grades.law import GradeLaw, Habits, with_means

GRADES = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
LAW = GradeLaw(GRADES, np.array([1.4, 2.2, 3.6, 4.4]), 1.2, 10.0)


def check_probit(plain):
    means, errors = np.array([2.0, 3.3, 6.0]), np.array([0.5, 1.0, 2.0])
    found = plain(means, errors)
    for mean, error, line in zip(means, errors, found, strict=True):
        below = norm.cdf([-np.inf, *LAW.cuts, np.inf], mean, 1.2 * error)
        np.testing.assert_allclose(line, np.diff(below), atol=1e-9)


def check_means(tilted):
    weights = np.random.default_rng(0).uniform(0.01, 1, (50, 5))
    means = np.linspace(1.05, 4.95, 50)
    found = tilted(weights, means, GRADES)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found @ GRADES, means, atol=1e-8)
    # proportional to weights times an exponential: second differences of logarithms are those of the weights
    logs = np.diff(np.log(found) - np.log(weights), 2, axis=1)
    np.testing.assert_allclose(logs, 0, atol=1e-8)


def test_plain_probabilities_are_a_probit():
    check_probit(LAW.plain)


def test_expected_grades_are_given():
    check_means(with_means)


def test_means_beyond_the_range_stay_inside():
    found = with_means(np.ones((2, 5)), np.array([-3.0, 5.0]), GRADES)
    np.testing.assert_allclose(found @ GRADES, [1.02, 4.98])


def test_grades_need_not_be_evenly_spaced():
    grades, means = np.array([0.0, 1.0, 10.0]), np.array([0.4, 5.0, 9.5])
    np.testing.assert_allclose(with_means(np.ones((3, 3)), means, grades) @ grades, means, atol=1e-7)


def test_habits_are_ratios_that_few_cells_hold_back():
    places = np.array([4] * 90 + [0] * 10)
    expected = np.tile([0.1, 0.2, 0.3, 0.2, 0.2], (100, 1))
    habits = Habits.of(np.zeros(100, np.intp), places, expected, 2)
    ratios = habits.of_rows(np.array([0, 1]), 25.0)
    np.testing.assert_allclose(ratios[0], (np.array([100, 0, 0, 0, 450]) + 25) / 125)
    np.testing.assert_array_equal(ratios[1], 1)
    np.testing.assert_array_equal(habits.of_rows(np.array([0]), np.inf), 1)
    both = habits.added(habits)
    np.testing.assert_allclose(both.of_rows(np.array([0]), 50.0), ratios[:1])


FAULTS = {
    "standard errors are not spread": lambda means, errors: LAW.plain(means, errors / 1.2),
    "cut points are those between grades": lambda means, errors: GradeLaw(
        GRADES, GRADES[:-1] + 0.5, 1.2, 1.0
    ).plain(means, errors),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told(fault):
    with pytest.raises(AssertionError):
        check_probit(FAULTS[fault])


def test_weights_as_they_are_have_other_means():
    with pytest.raises(AssertionError):
        check_means(lambda weights, means, grades: weights / weights.sum(axis=1, keepdims=True))
