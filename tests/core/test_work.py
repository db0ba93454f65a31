"""Counted work: counters add up what is said within them, and budgets say what is left."""

import time

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import Verdict
from lowland.core.work import UNLIMITED, Budget, counted, touch
from lowland.judges import certify


def test_counters_nest():
    with counted() as outer:
        touch(3)
        with counted() as inner:
            touch(4)
        touch(5)
    touch(100)  # nobody counts
    assert (outer.spent, inner.spent) == (12, 4)


def test_a_budget_is_spent_only_while_it_is_open():
    budget = Budget(10)
    touch(7)
    with budget:
        touch(4)
        assert budget.left == 6
        assert budget.allows(6)
        assert not budget.allows(6.5)
        assert budget.allows(2, part=0.5)
        assert not budget.allows(4, part=0.5)
        assert budget.times(2, 100) == 3
        assert budget.times(2, 2) == 2
    touch(7)
    assert budget.spent == 4
    with budget:
        touch(20)
        assert budget.would_allow(10)
        assert not budget.would_allow(10.5)
    assert (budget.left, budget.name) == (0, "work")
    assert UNLIMITED.allows(1e300)


def test_seconds_end_a_budget_too():
    budget = Budget(1e12, seconds=0.01)
    assert budget.allows(1)
    time.sleep(0.02)
    assert (budget.left, budget.name, budget.allows(1)) == (0.0, "seconds", False)


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(3)
    rows, columns = np.nonzero(rng.random((60, 50)) < 0.3)
    y = (rng.standard_normal((60, 3)) @ rng.standard_normal((3, 50)))[rows, columns]
    y = y + 0.1 * rng.standard_normal(rows.size)
    table = ll.Entries(rows, columns, (60, 50))
    return ll.recover(table, y, rank=5, penalty=1.0, rng=0, certify=False)


def test_judging_spends_what_it_may_and_the_same_whatever_the_clock_says(fit, monkeypatch):
    """A machine that is a thousand times slower changes no verdict, no number and no count of work."""

    def judged(fit_work):
        with counted() as work:
            found = certify(fit.objective, fit.search.theta, effort="standard", fit_work=fit_work)
        return found, work.spent

    judged(1e9)  # what is computed once for a problem
    found, spent = judged(1e9)
    assert spent <= 1.1e9
    clock = time.perf_counter
    monkeypatch.setattr(time, "perf_counter", lambda: 1000 * clock())
    again, same = judged(1e9)
    assert same == spent
    for one, other in zip(found, again, strict=True):
        assert (one.verdict, one.value, one.bound, one.limited_by) == (
            other.verdict, other.value, other.bound, other.limited_by
        )  # fmt: skip


def test_seconds_of_findings_add_up_to_what_was_waited(fit):
    start = time.perf_counter()
    found = certify(fit.objective, fit.search.theta)
    waited = time.perf_counter() - start
    assert 0.9 * waited <= sum(finding.seconds for finding in found) <= waited


def test_a_cap_in_seconds_is_reported(fit):
    found = certify(fit.objective, fit.search.theta, effort="thorough", seconds=1e-9)
    open_ones = [f for f in found if f.verdict is Verdict.INCONCLUSIVE]
    assert open_ones
    assert "seconds" in {f.limited_by for f in open_ones}
    assert "work" not in {f.limited_by for f in open_ones}
    for bad in (0, -1.0, float("nan")):
        with pytest.raises(InvalidInputError, match="seconds must be positive"):
            certify(fit.objective, fit.search.theta, seconds=bad)
