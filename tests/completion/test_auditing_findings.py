"""The claims of audits on tables of known truth: bounds that hold, premises that are refuted, and no more."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

import lowland as ll
from lowland.completion.auditing.audit import Audit, conduct
from lowland.completion.auditing.findings import findings_of
from lowland.core.results.status import Verdict
from lowland.trials.audits.alike import Alike
from lowland.trials.audits.covered import LEVEL, RISK
from lowland.trials.audits.widening import widened
from oracles.column_means import Asked


def planted(seed, shape=(60, 12), share=0.3, law="normal"):
    """A table with its truth: rows differ in level, so that errors go together within them."""
    rng = np.random.default_rng(seed)
    draw = rng.standard_normal if law == "normal" else lambda size: rng.standard_t(2, size)
    truth = draw(shape) + rng.standard_normal((shape[0], 1))
    return ll.Observations.from_array(np.where(rng.random(shape) < share, np.nan, truth)), truth


def share_inside(audit, truth, factor=1.0):
    """The true share of the missing cells of the statement inside their intervals."""
    rows, columns = np.nonzero(~known(audit))
    low, high = audit.intervals(rows, columns, LEVEL, factor)
    spoken = ~np.isnan(low)
    return np.mean((low <= truth[rows, columns])[spoken] & (truth[rows, columns] <= high)[spoken])


def known(audit):
    mask = np.zeros(audit.fitted.observations.shape, bool)
    for part in (audit.fitted.observations, audit.held):
        mask[part.rows, part.columns] = True
    mask[audit.trial.rows, audit.trial.columns] = True
    return mask


@cache
def found_and_true(seed, law):
    """Return what is found of a table and the true share inside; that is None where no bound is stated."""
    table, truth = planted(seed, law=law)
    audit = conduct(table, Asked(seed))
    finding = findings_of(audit)[0]
    if finding.value is None or finding.verdict is Verdict.REFUTED:
        return finding, None
    return finding, share_inside(audit, truth, finding.witness["factor"])


def false_bounds(count, forged=lambda finding: finding.value, law="normal"):
    """How many of many tables have a bound that is not true of them."""
    found = (found_and_true(seed, law) for seed in range(count))
    return sum(true is not None and forged(finding) > true + 1e-12 for finding, true in found)


def counted(finding):
    """How many held-out cells lie inside, and how many there are."""
    numbers = next(phrase for phrase in finding.reason if phrase.code.startswith("covered")).numbers
    return numbers["inside"], numbers["held"]


@pytest.mark.parametrize("count", [60, pytest.param(150, marks=pytest.mark.slow)])
@pytest.mark.parametrize("law", ["normal", "heavy"])
def test_bounds_are_false_no_more_often_than_they_may(law, count):
    assert false_bounds(count, law=law) <= binom.isf(1e-4, count, RISK)


def test_a_bound_without_its_margin_is_false_too_often():
    naive = false_bounds(60, lambda finding: float(np.divide(*counted(finding))))
    assert naive > binom.isf(1e-4, 60, RISK)


def test_the_fit_sees_no_held_out_cell():
    table, _ = planted(1)
    asked = Asked()
    audit = conduct(table, asked)
    n = table.shape[1]
    seen = set((asked.fitted.rows * n + asked.fitted.columns).tolist())
    apart = set((audit.held.rows * n + audit.held.columns).tolist())
    assert apart
    assert not seen & apart
    assert len(seen) + audit.plan.hidden.sum() == table.size


def test_enough_cells_prove_the_level():
    table, _ = planted(2, (300, 20))
    finding, alike, better = findings_of(conduct(table, Asked()))
    assert finding.verdict is Verdict.PROVED
    assert finding.value >= LEVEL
    assert 1 <= finding.witness["factor"] < 1.2
    assert alike.verdict is Verdict.SUPPORTED
    # column means are compared with themselves
    assert better.verdict is Verdict.INCONCLUSIVE


def test_intervals_that_are_too_narrow_are_refuted_and_widened():
    table, truth = planted(3, (300, 20))
    audit = conduct(table, Asked(factor=0.5))
    finding = findings_of(audit)[0]
    assert finding.verdict is Verdict.REFUTED
    assert share_inside(audit, truth) <= finding.value < LEVEL
    assert share_inside(audit, truth, finding.witness["factor"]) >= LEVEL


def test_few_cells_prove_less_than_the_level():
    table, _ = planted(4, (24, 6))
    finding = findings_of(conduct(table, Asked()))[0]
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert 0.3 < finding.value < LEVEL
    assert finding.witness["largest_gamma"] == 0


@pytest.mark.parametrize(
    ("shape", "share", "code"), [((20, 5), 0.0, "none_missing"), ((4, 3), 0.3, "few_to_hold_out")]
)
def test_nothing_is_said_where_nothing_can_be(shape, share, code):
    found = findings_of(conduct(planted(5, shape, share)[0], Asked()))
    assert [finding.reason[0].code for finding in found] == [code] * 3
    assert {finding.verdict for finding in found} == {Verdict.INCONCLUSIVE}


def test_a_premise_that_is_refuted_proves_nothing():
    audit = conduct(planted(6, (300, 20))[0], Asked())
    doubtful = replace(audit, alike=Alike(0.03, 900, 1800, True))
    finding, alike, _ = findings_of(doubtful)
    assert finding.verdict is alike.verdict is Verdict.INCONCLUSIVE
    assert finding.value is None
    assert doubtful.proving(LEVEL) is None
    assert audit.proving(LEVEL) is not None
    refuted = findings_of(replace(audit, alike=Alike(0.002, 900, 1800, True)))
    assert refuted[1].verdict is Verdict.REFUTED
    assert refuted[0].verdict is Verdict.INCONCLUSIVE


def test_cells_missing_by_their_value_are_seen_through_predictions():
    rng = np.random.default_rng(7)
    truth = rng.standard_normal((400, 1)) + 0.3 * rng.standard_normal((400, 8))
    gone = rng.random(truth.shape) < 1 / (1 + np.exp(2 - 2 * truth))
    gone[:, 0] = False
    table = ll.Observations.from_array(np.where(gone, np.nan, truth))
    audit = conduct(table, Asked())
    # the first column tells the level of the row, by which odds are estimated
    assert not isinstance(audit, Audit) or audit.plan.scheme == "odds" or not audit.passes


def test_wider_intervals_are_those_of_a_higher_level():
    assert widened(0.9, 1.0) == pytest.approx(0.9)
    assert widened(0.9, 2.0) == pytest.approx(0.998994, abs=1e-5)
