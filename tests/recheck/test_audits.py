"""Audits derived again: honest ones are confirmed, and every number of a forged one is found out."""

import json

import numpy as np
import pytest

import lowland as ll
from lowland.completion.auditing.audit import Audit, conduct
from lowland.completion.auditing.document import judged_document
from lowland.completion.auditing.findings import findings_of
from lowland.completion.tables.completed import Completed
from lowland.core.errors import FileFormatError
from lowland.core.results.findings import Certificate
from lowland.recheck.audit_bounds import least_inside
from lowland.recheck.documents import Document
from lowland.recheck.held_out import hold_out
from lowland.trials.audits.bounds import least_share
from lowland.trials.audits.plan import AuditPlan, plan_audit
from oracles.column_means import Asked

Outcome = ll.Outcome


def table_of(seed=0, shape=(60, 12), share=0.3):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    return np.where(rng.random(shape) < share, np.nan, values)


def document_of(values, factor=1.0):
    asked = Asked(3, factor)
    table = ll.Observations.from_array(values)
    audit = conduct(table, asked)
    audit = audit if isinstance(audit, Audit) else None
    certificate = Certificate(findings_of(conduct(table, asked)))
    fitted = asked.fit(table, None)
    return judged_document(Completed(fitted, audit=audit), certificate)


@pytest.fixture(scope="module")
def values():
    return table_of(1, (120, 15))


@pytest.fixture(scope="module")
def honest(values):
    return document_of(values).to_json()


def verified(text, values):
    return ll.verify(Document.from_json(text), values)


def test_an_honest_audit_is_confirmed(honest, values):
    checked = verified(honest, values)
    assert checked["covered"].outcome is Outcome.CONFIRMED
    assert "taken on trust" in checked["covered"].words
    # what the audit's fit predicts elsewhere is not in the document
    assert {checked[claim].outcome for claim in ("alike", "better_than")} == {Outcome.NOT_CHECKED}


@pytest.mark.parametrize("factor", [0.4, 1.6])
def test_narrow_and_wide_intervals_are_confirmed(values, factor):
    text = document_of(values, factor).to_json()
    verdict = json.loads(text)["findings"][0]["verdict"]
    assert verdict == ("refuted" if factor < 1 else "proved")
    assert verified(text, values)["covered"].outcome is Outcome.CONFIRMED


@pytest.mark.parametrize("shape", [(24, 6), (10, 4), (5, 3)])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_small_tables_are_confirmed(shape, share):
    small = table_of(2, shape, share)
    assert verified(document_of(small).to_json(), small)["covered"].outcome is Outcome.CONFIRMED


def forge(text, change):
    plain = json.loads(text)
    change(plain)
    return json.dumps(plain)


def covered(plain):
    return plain["findings"][0]


FORGERIES = {
    "a larger share": lambda p: covered(p).update(value=0.95),
    "more held out": lambda p: covered(p)["witness"].update(held_out=1000),
    "fewer missing": lambda p: covered(p)["witness"].update(missing=10),
    "more inside": lambda p: covered(p)["witness"].update(own_inside=1000),
    "a smaller factor": lambda p: covered(p)["witness"].update(factor=1.0),
    "a larger gamma": lambda p: covered(p)["witness"].update(largest_gamma=3.0),
    "more confidence": lambda p: covered(p)["witness"].update(confidence=0.999),
    "another level": lambda p: covered(p).update(bound=0.5),
    "no assumptions": lambda p: covered(p).update(assumptions=[]),
    "another rigour": lambda p: covered(p).update(rigour="rigorous"),
    "another seed": lambda p: p["problem"]["audit"].update(seed=4),
    "short runs only": lambda p: p["problem"]["audit"].update(longest=1),
    "other cells": lambda p: p["point"]["audit_rows"].reverse(),
    "unsaid words": lambda p: covered(p).update(method="all is well", reason=[]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_audit_is_found_out(honest, values, name):
    assert verified(forge(honest, FORGERIES[name]), values)["covered"].outcome is Outcome.CONTRADICTED


def test_a_factor_that_was_not_needed_is_found_out():
    """Where all held-out cells are too few to prove the level, none may be chosen after looking at them."""
    small = table_of(4, (24, 6))

    def wider(plain):
        covered(plain)["witness"].update(factor=1.5)

    honest = document_of(small).to_json()
    assert verified(honest, small)["covered"].outcome is Outcome.CONFIRMED
    checked = verified(forge(honest, wider), small)["covered"]
    assert checked.outcome is Outcome.CONTRADICTED
    assert "not needed" in checked.words


def test_intervals_that_hold_fewer_contradict_the_count(honest, values):
    def narrow(plain):
        plain["point"]["audit_wide_high"] = plain["point"]["audit_wide_low"]

    assert verified(forge(honest, narrow), values)["covered"].outcome is Outcome.CONTRADICTED


@pytest.mark.parametrize("claim", range(3))
def test_a_proof_that_cells_are_alike_or_predicted_better_is_none(honest, values, claim):
    def proved(plain):
        plain["findings"][claim].update(verdict="proved", rigour="probabilistic")
        plain["findings"][claim].update(value=1.0)

    outcome = verified(forge(honest, proved), values).checks[claim].outcome
    assert outcome is Outcome.CONTRADICTED


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p["problem"]["audit"].update(scheme="whim"),
        lambda p: p["problem"]["audit"].update(seed="7"),
        lambda p: p["problem"]["audit"].update(more=1),
        lambda p: p["point"].pop("audit_low"),
        lambda p: p["point"].update(audit_low=[0.0]),
        lambda p: p["point"].update(audit_rows=[0.5] * len(p["point"]["audit_rows"])),
        lambda p: p["problem"].update(audit=None),
    ],
)
def test_what_cannot_be_read_is_refused(honest, values, change):
    with pytest.raises(FileFormatError):
        verified(forge(honest, change), values)


def test_the_data_must_be_those_of_the_audit(honest, values):
    with pytest.raises(ll.errors.InvalidInputError):
        verified(honest, values + 1.0)


def test_a_forged_audit_of_a_complete_table_is_found_out(honest):
    full = np.random.default_rng(0).standard_normal((20, 4))

    def of_another(plain):
        plain["data"] = ll.Observations.from_array(full).fingerprint()
        plain["point"] = {name: [] for name in plain["point"]}

    assert verified(forge(honest, of_another), full)["covered"].outcome is Outcome.CONTRADICTED


@pytest.mark.parametrize("seed", range(12))
def test_hold_outs_are_those_of_the_plan(seed):
    rng = np.random.default_rng(seed)
    values = table_of(seed, (int(rng.integers(8, 50)), int(rng.integers(3, 12))), rng.uniform(0.1, 0.6))
    if seed % 3 == 0:
        values[: len(values) // 2, 1:3] = np.nan
    table = ll.Observations.from_array(values).in_order()
    plan = plan_audit(table, seed)
    if not isinstance(plan, AuditPlan) or plan.scheme != "equal":
        return
    found = hold_out(table, seed, plan.longest)
    assert np.array_equal(found.rows, table.rows[plan.scored])
    assert np.array_equal(found.columns, table.columns[plan.scored])
    assert (found.missing, found.left_out) == (plan.missing, plan.left_out)
    assert found.allowance == pytest.approx(plan.allowance, rel=1e-12)


def test_hold_outs_beside_columns_that_lack_few():
    told = 0
    for seed in range(60):
        table = ll.Observations.from_array(table_of(seed, (16, 8), 0.15)).in_order()
        plan = plan_audit(table, seed)
        if isinstance(plan, AuditPlan) and plan.scheme == "equal" and "few" in plan.left_out:
            found, told = hold_out(table, seed, plan.longest), told + 1
            assert (found.missing, found.left_out) == (plan.missing, plan.left_out)
            assert found.allowance == pytest.approx(plan.allowance, rel=1e-12)
    assert told > 2


@pytest.mark.parametrize("gamma", [1.0, 1.2, 3.0])
def test_bounds_are_those_of_the_judge(gamma):
    rng = np.random.default_rng(0)
    for _ in range(60):
        held, missing = int(rng.integers(1, 2000)), int(10 ** rng.uniform(0, 7))
        inside = int(rng.integers(0, held + 1))
        least = least_inside(inside, held, missing, 0.005, gamma)
        assert least / missing == least_share(inside, held, missing, 0.005, gamma)
