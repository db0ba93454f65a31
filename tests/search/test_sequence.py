"""Searches one after another: in turn from several starts, joined, refined, and at an exact fit."""

import numpy as np
import pytest

from lowland.core.results.records import SearchResult, Trace
from lowland.core.results.status import StopReason
from lowland.search.sequence import continued, joined, last_digits, refined, search_in_turn
from lowland.search.stops import Progress


def result(value, solver="gradient", reason=StopReason.CONVERGED, iterations=3):
    trace = Trace(np.arange(1), np.zeros(1), np.array([value]))
    words = f"ended at {value}"
    return SearchResult(np.full(2, value), value, reason, words, iterations, 0.5, solver, trace, work=10.0)


def starts(*values, reason=StopReason.CONVERGED):
    seen = []

    def search(value):
        def go(before):
            seen.append([one.value for one in before])
            return result(value, reason=reason)

        return go

    return [(f"start {value}", search(value)) for value in values], seen


def test_starts_are_tried_until_settled_each_knowing_what_was_found():
    plans, seen = starts(3.0, 1.0, 2.0)
    results, attempts = search_in_turn(plans, lambda found: min(one.value for one in found) <= 1)
    assert [one.value for one in results] == [3.0, 1.0]
    assert seen == [[], [3.0]]
    assert [(one.start, one.value, one.iterations) for one in attempts] == [
        ("start 3.0", 3.0, 3),
        ("start 1.0", 1.0, 3),
    ]


def test_an_interrupted_start_is_the_last():
    plans, _ = starts(3.0, 1.0, reason=StopReason.INTERRUPTED)
    results, attempts = search_in_turn(plans, lambda found: False)
    assert len(results) == len(attempts) == 1


def test_steps_seconds_and_work_add_up():
    first, second = result(2.0), result(1.0, "trust_region", StopReason.ITERATION_LIMIT, 4)
    for both in (continued(first, second), joined(first, second)):
        assert (both.value, both.iterations, both.seconds, both.work) == (1.0, 7, 1.0, 20.0)
        assert both.stop_reason is StopReason.ITERATION_LIMIT
    assert joined(first, second).solver == "gradient, then trust_region"
    worse = joined(second, first)
    assert (worse.value, worse.theta[0], worse.message) == (1.0, 1.0, "ended at 2.0")


def test_a_refinement_adds_digits_and_keeps_the_reason():
    found = refined(result(2.0), result(1.0, "gradient", StopReason.ITERATION_LIMIT, 4))
    assert (found.value, found.theta[0], found.iterations, found.seconds) == (1.0, 1.0, 3, 1.0)
    assert (found.stop_reason, found.message, found.solver) == (
        StopReason.CONVERGED,
        "ended at 2.0",
        "gradient",
    )


@pytest.mark.parametrize(("after", "kept"), [(0.5, 0.5), (3.0, 2.0)])
def test_last_digits_never_lose_any(after, kept):
    rules = []

    def again(rule):
        rules.append(rule)
        return result(after, "gauss_newton", StopReason.ITERATION_LIMIT)

    found = last_digits(result(2.0), 1.0, again)
    assert (found.value, found.theta[0], found.iterations) == (kept, kept, 6)
    assert (found.stop_reason, found.message) == (StopReason.CONVERGED, "ended at 2.0")
    nan = float("nan")
    for values, fires in ([[16.0, 4.0], False], [[16.0, 1.0], True], [[99.0, 40.0, 9.0, 2.0], True]):
        progress = Progress(len(values) - 1, values=values, gradient_norms=[nan] * len(values))
        assert bool(rules[0].first(progress)) == fires
    assert last_digits(result(0.9), 1.0, again).iterations == 3  # nothing left to gain
    assert len(rules) == 1
