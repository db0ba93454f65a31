"""Parts of the missing cells: by kind of column and by what rows have, bounds of all of them at once."""

import json
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

import lowland as ll
from lowland.completion.auditing.audit import conduct
from lowland.completion.auditing.document import judged_document
from lowland.completion.auditing.findings import findings_of
from lowland.completion.tables.completed import Completed
from lowland.core.results.findings import Certificate
from lowland.core.results.reasons import Phrase, sentence
from lowland.recheck.documents import Document
from lowland.report.audit_box import audit_sentences
from lowland.trials.audits.covered import LEVEL, RISK
from lowland.trials.audits.parts import parts_of
from oracles.column_means import Asked

SHAPE, SHARE = (400, 12), 0.38


def planted(seed, shape=SHAPE, share=SHARE):
    """A table with its truth, whose rows lack a little more or a little less than half."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal(shape) + rng.standard_normal((shape[0], 1))
    return ll.Observations.from_array(np.where(rng.random(shape) < share, np.nan, truth)), truth


def stated(finding):
    """What is stated of each part."""
    return {p.numbers["kind"]: p.numbers for p in finding.reason if p.code in ("of_kind", "of_rows")}


def shares_inside(audit, table, truth):
    """The true shares of the missing cells of sparse and of fuller rows inside their own intervals."""
    rows, columns = np.nonzero(np.isnan(table.to_array()))
    low, high = audit.intervals(rows, columns, LEVEL, 1.0)
    spoken = ~np.isnan(low)
    inside = (low <= truth[rows, columns]) & (truth[rows, columns] <= high)
    sparse = 2 * table.select(~audit.plan.hidden).row_counts()[rows] <= table.shape[1]
    return {
        name: (inside[spoken & which].mean(), (spoken & which).sum())
        for name, which in (("fuller", ~sparse), ("sparse", sparse))
    }


@cache
def found_and_true(seed):
    """Return what is stated of the parts of a planted table, and the true shares inside."""
    table, truth = planted(seed)
    audit = conduct(table, Asked(seed))
    return stated(findings_of(audit)[0]), shares_inside(audit, table, truth)


@pytest.fixture(scope="module")
def judged():
    table, truth = planted(0)
    audit = conduct(table, Asked(3))
    certificate = Certificate(findings_of(audit))
    return table, truth, audit, certificate


def test_parts_are_those_of_the_missing_cells(judged):
    table, truth, audit, certificate = judged
    found, true = stated(certificate["covered"]), shares_inside(audit, table, truth)
    assert set(found) == set(true)
    for kind, numbers in found.items():
        assert numbers["missing"] == true[kind][1]
        assert 0.6 < numbers["share"] <= true[kind][0]
    assert sum(numbers["held"] for numbers in found.values()) == audit.held_size
    assert sum(numbers["inside"] for numbers in found.values()) == audit.count(LEVEL)


@pytest.mark.parametrize("count", [30, pytest.param(60, marks=pytest.mark.slow)])
def test_all_bounds_together_are_false_no_more_often_than_they_may(count):
    false = 0
    for seed in range(count):
        found, true = found_and_true(seed)
        false += any(numbers["share"] > true[kind][0] for kind, numbers in found.items())
        assert len(found) in (0, 2)
    assert false <= binom.isf(1e-4, count, RISK / 4)


def test_bounds_by_counts_alone_would_be_false_too_often():
    false, count = 0, 30
    for seed in range(count):
        found, true = found_and_true(seed)
        false += any(n["inside"] / n["held"] > true[kind][0] for kind, n in found.items())
    assert false > binom.isf(1e-4, count, RISK)


def test_a_part_that_would_have_few_cells_is_none(judged):
    table, _, audit, _ = judged
    words = np.zeros(SHAPE[1], bool)
    words[:6] = True
    names = [part.name for part in parts_of(audit.plan, table, audit.held, words)]
    assert names == ["numbers", "words", "fuller", "sparse"]
    words[1:6] = False  # one column: less than 100 of those held out
    names = [part.name for part in parts_of(audit.plan, table, audit.held, words)]
    assert names == ["fuller", "sparse"]
    small, _ = planted(1, (60, 12))
    assert not conduct(small, Asked(0)).kinds


def test_words_are_counted_by_their_columns(judged):
    table, _, audit, _ = judged
    words = np.arange(SHAPE[1]) % 2 == 0
    numbers, of_words, *_ = parts_of(audit.plan, table, audit.held, words)
    np.testing.assert_array_equal(of_words.held, words[audit.held.columns])
    gaps = np.isnan(table.to_array())
    assert (numbers.missing, of_words.missing) == (gaps[:, ~words].sum(), gaps[:, words].sum())


def test_the_box_says_them(judged):
    told = audit_sentences(judged[3])[1]
    assert told.startswith("By kind, within 90% intervals as they are: at least ")
    assert "missing cells in fuller rows" in told


FORGERIES = {
    "share": lambda numbers: numbers.update(share=0.9),
    "inside": lambda numbers: numbers.update(inside=numbers["held"]),
    "held": lambda numbers: numbers.update(held=numbers["held"] + 1),
    "missing": lambda numbers: numbers.update(missing=1),
    "kind": lambda numbers: numbers.update(kind="sparse"),
}


@pytest.fixture(scope="module")
def document(judged):
    table, _, audit, certificate = judged
    return judged_document(Completed(audit.fitted.__class__(table), audit=audit), certificate).to_json()


def checked(text, table):
    return ll.verify(Document.from_json(text), table)["covered"].outcome


def test_an_honest_document_is_confirmed(document, judged):
    assert checked(document, judged[0]) is ll.Outcome.CONFIRMED


@pytest.mark.parametrize("name", [*FORGERIES, "left out"])
def test_a_forged_part_is_found_out(document, judged, name):
    plain = json.loads(document)
    phrases = plain["findings"][0]["reason"]
    place = next(k for k, phrase in enumerate(phrases) if phrase["code"] == "of_rows")
    if name == "left out":
        del phrases[place]
    else:
        FORGERIES[name](phrases[place])
    said = [Phrase(p["code"], {name: p[name] for name in p if name != "code"}) for p in phrases]
    plain["findings"][0]["method"] = sentence(said)
    assert checked(json.dumps(plain), judged[0]) is ll.Outcome.CONTRADICTED
