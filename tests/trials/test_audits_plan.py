"""What an audit holds out and says: decided without the held-out cells, and seldom false."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

import lowland as ll
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.trials.audits import missing_cells, plan
from lowland.trials.audits.bounds import inside_needed, least_share
from lowland.trials.audits.missing_cells import ListedCells
from lowland.trials.audits.plan import REJECTED, AuditPlan, NoAudit, plan_audit
from lowland.trials.audits.stating import compare_cells
from lowland.trials.audits.surroundings import Surroundings
from oracles.audit_tables import with_gaps

RISK, LEVEL = 0.05, 0.8


def a_plan(rng, law="equal", **options):
    whole, known = with_gaps(rng, law, **options)
    table = ll.Observations.from_array(np.where(known, whole, np.nan))
    return table, plan_audit(table, 3), whole, known


# ------------------------------------------------------------------ how often bounds are false
def judged(rng, law, tables, shape):
    """Return the first p-value of each table, what the audit says of column means, and what is true."""
    found = []
    for _ in range(tables):
        table, made, whole, known = a_plan(rng, law, shape=shape)
        found.append({"plan": made})
        if isinstance(made, NoAudit):
            found[-1]["p"] = made.rejected["equal any"]
            continue
        found[-1]["p"] = made.rejected.get("equal any", made.alike_before)
        left = table.select(~made.hidden).to_array()
        far = np.abs(whole - np.nanmean(left, axis=0)) / (1.5 * np.nanstd(left, axis=0))
        held = np.sort(far[table.rows[made.scored], table.columns[made.scored]])
        rows, columns = np.nonzero(~known)
        missing = far[rows, columns][made.in_scope(rows, columns)]
        assert missing.size == made.missing
        risk = made.risk(RISK)
        bound = least_share(int((held <= 1).sum()), held.size, missing.size, risk, made.gamma)
        needed = inside_needed(held.size, missing.size, LEVEL, risk, made.gamma)
        wide = 1.0 if needed is None else np.mean(missing <= held[needed - 1])
        found[-1] |= {"false": np.mean(missing <= 1) < bound, "too narrow": wide < LEVEL}
    return found


@pytest.fixture(scope="module")
def at_random():
    return judged(np.random.default_rng(54), "equal", 120, (30, 7))


def at_most(share, tables):
    """Return the number that is exceeded once in 10,000 times."""
    return binom.ppf(1 - 1e-4, tables, share)


def test_p_values_are_no_smaller_than_they_say_where_cells_are_missing_at_random(at_random):
    """A feature that depends on which cells are held out would tell them."""
    p_values = np.array([one["p"] for one in at_random])
    for level in (0.05, 0.25, 0.5):
        assert np.sum(p_values <= level) <= at_most(level, p_values.size)
    assert np.sum(p_values > 0.5) > 0.35 * p_values.size


def test_bounds_are_false_no_more_often_than_the_risk_where_cells_are_missing_at_random(at_random):
    answered = [one for one in at_random if "false" in one]
    assert len(answered) > 0.9 * len(at_random)
    for fault in ("false", "too narrow"):
        assert sum(one[fault] for one in answered) <= at_most(RISK, len(answered))


def test_bounds_with_estimated_odds_are_false_no_more_often_than_the_risk():
    found = judged(np.random.default_rng(55), "column", 50, (60, 8))
    answered = [one for one in found if "false" in one]
    assert len(answered) > 0.75 * len(found)
    assert np.mean([one["plan"].scheme == "odds" for one in answered]) > 0.8
    for fault in ("false", "too narrow"):
        assert sum(one[fault] for one in answered) <= at_most(RISK, len(answered))


def test_a_feature_of_all_known_cells_tells_which_are_held_out(rng):
    """The mutant: rates are counted with the held-out cells among the known ones."""
    rejected = []
    for _ in range(20):
        table, made, _, known = a_plan(rng)
        around = Surroundings.of(table)
        gaps = {"row_gaps": around.row_gaps + 1, "column_gaps": around.column_gaps + 1}
        leaky = replace(made.scope, training=replace(made.scope.training, **gaps))
        cells, apart = ListedCells(*np.nonzero(~known)), table.select(made.scored)
        rejected.append(compare_cells(leaky, (apart.rows, apart.columns), cells, None, rng) <= REJECTED)
    assert np.mean(rejected) > 0.8


# ------------------------------------------------------------------ what may be used
def test_nothing_depends_on_the_values_of_held_out_cells(rng):
    table, made, _, _ = a_plan(rng)
    assert made.scheme == "equal"
    values = np.where(made.hidden, table.values + 100, table.values)
    other = plan_audit(replace(table, values=values), 3)
    np.testing.assert_array_equal(other.hidden, made.hidden)
    np.testing.assert_array_equal(other.scored, made.scored)
    assert (other.alike_before, other.missing) == (made.alike_before, made.missing)


@pytest.mark.parametrize("law", ["equal", "column"])
def test_seeds_decide_and_the_order_of_cells_does_not(rng, law):
    table, made, _, _ = a_plan(rng, law, shape=(60, 8))
    again, other = plan_audit(table, 3), plan_audit(table, 4)
    np.testing.assert_array_equal(again.hidden, made.hidden)
    assert again.alike_before == made.alike_before
    assert (other.hidden != made.hidden).any()
    order = rng.permutation(table.size)
    shuffled = plan_audit(table.select(order), 3)
    np.testing.assert_array_equal(shuffled.hidden, made.hidden[order])
    np.testing.assert_array_equal(shuffled.scored, made.scored[order])


def test_counts_add_up_and_scored_cells_are_hidden_ones_in_scope(rng):
    for law in ("equal", "column", "runs"):
        for _ in range(4):
            table, made, _, known = a_plan(rng, law, shape=(60, 8))
            if isinstance(made, NoAudit):
                continue
            assert made.missing + sum(made.left_out.values()) == (~known).sum()
            inside = made.in_scope(table.rows[made.hidden], table.columns[made.hidden])
            np.testing.assert_array_equal(made.scored[made.hidden], inside)
            assert not made.scored[~made.hidden].any()
            assert made.alike_before > REJECTED >= max(made.rejected.values(), default=0)


# ------------------------------------------------------------------ what is left out
def test_complete_columns_are_not_held_out_from(rng):
    table, made, _, _ = a_plan(rng, "column", shape=(60, 8))
    assert isinstance(made, AuditPlan)
    assert not made.hidden[table.columns == 0].any()


def test_censored_columns_are_outside(rng):
    whole, known = with_gaps(rng, shape=(60, 8))
    censored = np.zeros(whole.shape, int)
    censored[np.flatnonzero(known[:, 2])[:3], 2] = -1
    table = ll.Observations.from_array(np.where(known, whole, np.nan), censored=censored)
    made = plan_audit(table, 3)
    assert not made.hidden[table.columns == 2].any()
    assert made.left_out["censored"] == (~known[:, 2]).sum()


def test_rows_without_training_cells_are_outside(rng):
    whole, known = with_gaps(rng, shape=(60, 8), shares=(0.1, 0.2))
    known[5] = False
    table = ll.Observations.from_array(np.where(known, whole, np.nan))
    made = plan_audit(table, 3)
    assert made.left_out["rows"] == 8
    assert not made.in_scope(np.full(8, 5), np.arange(8)).any()


def test_callers_may_leave_more_out_knowing_the_training_cells_alone(rng):
    whole, known = with_gaps(rng, shape=(60, 8))
    table = ll.Observations.from_array(np.where(known, whole, np.nan))
    seen = []

    def first_rows(training):
        seen.append(training)
        outside = np.zeros(training.shape, bool)
        outside[:20] = True
        return outside

    made = plan_audit(table, 3, first_rows)
    training = known.copy()
    training[table.rows[made.hidden], table.columns[made.hidden]] = False
    np.testing.assert_array_equal(seen[0], training)
    assert made.left_out["other"] == (~known[:20]).sum()
    assert table.rows[made.scored].min() >= 20


# ------------------------------------------------------------------ refusals, and large tables
def test_refusals_say_why(rng):
    full = rng.standard_normal((9, 5))
    assert plan_audit(ll.Observations.from_array(full), 0) == NoAudit("complete")
    full[:4, 1] = np.nan
    assert plan_audit(ll.Observations.from_array(full), 0) == NoAudit("few")
    reasons = {a_plan(rng, "runs", shape=(100, 12))[1].reason for _ in range(3)}
    assert reasons == {"unlike"}


def test_seeds_are_whole_numbers(rng):
    table = ll.Observations.from_array(rng.standard_normal((9, 5)))
    for seed in (-1, 0.5, None):
        with pytest.raises(InvalidInputError, match="seed must be a whole number"):
            plan_audit(table, seed)


def test_large_tables_are_planned_as_small_ones_are(rng, monkeypatch):
    whole, known = with_gaps(rng, shape=(60, 8), shares=(0.3, 0.4))
    table = ll.Observations.from_array(np.where(known, whole, np.nan))
    listed = plan_audit(table, 3)
    monkeypatch.setattr(missing_cells, "LISTED", 1)
    monkeypatch.setattr(missing_cells, "LISTED_PER_KNOWN", 1)
    counted = plan_audit(table, 3)
    np.testing.assert_array_equal(counted.scored, listed.scored)
    assert (counted.missing, counted.allowance) == (listed.missing, listed.allowance)
    assert counted.left_out == listed.left_out
    assert plan.RUNS[0] is None is counted.longest
    with pytest.raises(UnsupportedError, match="also_outside needs a table whose missing cells"):
        plan_audit(table, 3, lambda training: ~training)
