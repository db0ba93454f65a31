"""Whether held-out cells are like missing ones: blind to nothing that the training cells and a fit show."""

import numpy as np
import pytest

import lowland as ll
from lowland.trials.audits import stating
from lowland.trials.audits.alike import alike
from lowland.trials.audits.plan import plan_audit
from oracles.audit_tables import with_gaps


@pytest.fixture(scope="module")
def audited():
    rng = np.random.default_rng(7)
    found = {}
    for law in ("equal", "value"):
        whole, known = with_gaps(rng, law, (200, 6))
        table = ll.Observations.from_array(np.where(known, whole, np.nan))
        found[law] = table, plan_audit(table, 0), whole
    return found


def test_without_a_prediction_it_is_the_test_of_the_plan(audited, rng):
    table, made, _ = audited["equal"]
    found = alike(made, table, None, rng)
    assert found.p_value > 0.05
    assert (found.held, found.missing, found.with_prediction) == (made.scored.sum(), made.missing, False)


def test_cells_missing_by_their_own_value_are_seen_through_the_prediction(audited, rng):
    table, made, whole = audited["value"]
    assert made.alike_before > 0.05

    def predicted(rows, columns):
        return whole[rows, columns]

    found = alike(made, table, predicted, rng)
    assert found.p_value == pytest.approx(0.005), "the smallest that there is"
    assert found.with_prediction
    table, made, whole = audited["equal"]
    assert alike(made, table, lambda rows, columns: whole[rows, columns], rng).p_value > 0.05


def test_the_order_of_cells_does_not_matter(audited, rng):
    table, made, _ = audited["equal"]
    order = rng.permutation(table.size)
    shuffled = table.select(order)
    one = alike(made, table, None, np.random.default_rng(1))
    assert alike(plan_audit(shuffled, 0), shuffled, None, np.random.default_rng(1)) == one


def test_of_many_cells_some_are_compared(audited, rng, monkeypatch):
    monkeypatch.setattr(stating, "MOST_COMPARED", 30)
    table, made, _ = audited["equal"]
    asked = []
    alike(made, table, lambda rows, columns: asked.append(rows.size) or np.zeros(rows.size), rng)
    assert asked == [60]
