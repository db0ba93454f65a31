"""Where a conclusion changes, by answers that change at known shifts."""

import numpy as np
import pytest

import lowland as ll
from lowland.completion.sensitivity.tipping import find_tipping_points, usual_answer


def test_changes_are_found_from_the_side_of_zero():
    """At -0.8 and 1.3; never; right away; at the end; and twice, of which the first counts."""
    asked = []

    def answers(delta):
        asked.append(delta)
        return [-0.8 < delta < 1.3, "yes", delta == 0, abs(delta) < 2, abs(delta) < 0.6 or abs(delta) > 1.7]

    below, above = find_tipping_points(answers, 2.0)
    np.testing.assert_allclose(below, [-0.8, -np.inf, 0, -2, -0.6], atol=0.0101)
    np.testing.assert_allclose(above, [1.3, np.inf, 0, 2, 0.6], atol=0.0101)
    for k, (low, high) in enumerate(zip(below, above, strict=True)):
        for end in (low, high):
            if np.isfinite(end):  # what is returned lies where it has changed
                assert answers(end)[k] != answers(0.0)[k]
    assert len({*asked}) == len(asked) - 16
    assert max(map(abs, asked)) <= 2


def test_far_ends_are_looked_at():
    below, above = find_tipping_points(lambda d: [d > -0.1], 0.1)
    assert (below[0], above[0]) == (pytest.approx(-0.1), np.inf)
    assert np.isinf(find_tipping_points(lambda d: [d > -0.11], 0.1)[0][0])


def test_the_answer_of_most_tables_counts():
    assert usual_answer([True, False, np.True_]) is True
    assert usual_answer([np.int64(2), 3, 3]) == 3
    assert usual_answer(["b", "a", "a", "b"]) == "b"


def test_the_nearer_end_and_what_is_told():
    ends = np.array([-0.5, -np.inf, -2.0]), np.array([0.75, 1.0, np.inf])
    point = ll.TippingPoint("significance", ["age", "dose", "site"], *ends, 3.0)
    np.testing.assert_array_equal(point.nearest, [-0.5, 1.0, -2.0])
    assert str(point).splitlines() == [
        "significance of 3 estimates, missing values up to 3 standard errors lower or higher",
        "age: changes where they are 0.50 lower or 0.75 higher",
        "dose: changes where they are 1.00 higher",
        "site: changes where they are 2.00 lower",
    ]
    nothing = ll.TippingPoint("better", ["better"], *np.array([[-np.inf], [np.inf]]), 1.5)
    assert str(nothing).endswith("better: stays")
    many = ll.TippingPoint("sign", [str(k) for k in range(10)], -np.ones(10), np.ones(10), 1.0)
    assert str(many).endswith("and 2 more")
