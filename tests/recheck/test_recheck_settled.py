"""Whether cells have settled, derived again: honest documents are confirmed, forged ones found out."""

import json

import numpy as np
import pytest

import lowland as ll
from lowland.completion.auditing.document import judged_document
from lowland.completion.settled import judge
from lowland.completion.settled.judge import settled
from lowland.core.errors import FileFormatError
from lowland.core.results.findings import Certificate, undecided
from lowland.core.results.reasons import Phrase, because, sentence
from lowland.recheck import settled as recheck
from lowland.recheck.documents import Document

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

CONFIRMED, CONTRADICTED, NOT_CHECKED = ll.Outcome.CONFIRMED, ll.Outcome.CONTRADICTED, ll.Outcome.NOT_CHECKED


def table_of(shape=(60, 5), seed=0, share=0.2):
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((shape[0], 1)) + rng.standard_normal(shape)
    return np.where(rng.random(shape) < share, np.nan, table)


def document_of(table, finding=None, **settings):
    """The document of a fit that is only judged for whether it has settled."""
    plain = {"refine": False, "powers": False, "certify": False, "random_state": 0, "method": "gaussian"}
    draws = {} if settings.get("method") == "variational" else {"n_draws": 8}
    fitted = ll.MatrixCompletion(**plain | draws | settings).fit(table)._completed
    findings = (undecided("covered", because("choices_unknown")), finding or settled(fitted.table))
    return judged_document(fitted, Certificate(findings))


@pytest.fixture(scope="module")
def table():
    return table_of()


@pytest.fixture(scope="module")
def honest(table):
    return document_of(table).to_json()


def verified(text, table):
    return ll.verify(Document.from_json(text), table)["settled"]


def forged(text, change):
    plain = json.loads(text)
    change(plain, plain["findings"][1])
    return json.dumps(plain)


def test_honest_documents_are_confirmed(honest, table):
    found = verified(honest, table)
    assert found.outcome is CONFIRMED
    assert "taken on trust" in found.words


@pytest.mark.parametrize(
    "settings",
    [
        {"n_draws": 40},
        {"n_draws": 5, "max_iter": 9},
        {"n_draws": 4, "refine": True},
        {"method": "gibbs", "n_draws": 60},
        {"method": "gibbs", "n_draws": 3},
        {"method": "variational"},
    ],
    ids=str,
)
def test_documents_of_other_fits_are_confirmed(settings):
    other = table_of((70, 20), 1)
    found = verified(document_of(other, **settings).to_json(), other)
    assert found.outcome is CONFIRMED, found


def test_a_supported_finding_is_confirmed():
    few = table_of((150, 3), 2, 0.1)
    text = document_of(few, n_draws=60).to_json()
    assert json.loads(text)["findings"][1]["verdict"] == "supported"
    assert verified(text, few).outcome is CONFIRMED


def test_words_are_several_numbers_whose_cells_are_not_found_again():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(6)
    z = rng.standard_normal(60)
    frame = pd.DataFrame({"a": z + 0.3 * rng.standard_normal(60), "kind": np.where(z > 0.5, "x", "y")})
    frame.loc[:7, "kind"], frame.loc[8:15, "a"] = None, np.nan
    text = document_of(frame).to_json()
    assert verified(text, frame).outcome is NOT_CHECKED
    raised = forged(text, lambda p, f: f.update(value=0.01))
    assert verified(raised, frame).outcome is CONTRADICTED


def swap(plain, finding):
    draws = np.array(plain["point"]["settled_draws"])
    plain["point"]["settled_draws"] = draws[:, ::-1][:, np.argsort(draws[0, :, 0])].tolist()


def calm(plain, finding):
    draws = np.array(plain["point"]["settled_draws"])
    plain["point"]["settled_draws"] = (draws // 5).tolist()


def fewer(plain, finding):
    for name in ("rows", "columns"):
        plain["point"][f"settled_{name}"] = plain["point"][f"settled_{name}"][:-1]
    plain["point"]["settled_draws"] = np.array(plain["point"]["settled_draws"])[:, :, :-1].tolist()


def known(plain, finding):
    plain["point"]["settled_rows"][0] = 59 - plain["point"]["settled_rows"][0]


def word(code, **numbers):
    def change(plain, finding):
        for phrase in finding["reason"]:
            if phrase["code"] == code:
                phrase.update(numbers)
        finding["method"] = _sentence(finding)

    return change


def _sentence(finding):
    return sentence(
        Phrase(one["code"], {name: n for name, n in one.items() if name != "code"})
        for one in finding["reason"]
    )


FORGERIES = {
    "draws swapped": swap,
    "draws that move less": calm,
    "fewer cells than stated": fewer,
    "a cell that is known": known,
    "a larger share": lambda p, f: f["witness"].update(share=1.0),
    "a larger share in words": word("chance_moves", share=0.995),
    "more cells": lambda p, f: f["witness"].update(cells=2000),
    "more cells in words": word("chance_moves", cells=2000),
    "a smaller error": lambda p, f: f.update(value=0.001),
    "another threshold": lambda p, f: f.update(bound=0.2),
    "no threshold, but a tolerance": lambda p, f: f.update(bound=None, tolerance=0.2),
    "supported": lambda p, f: f.update(verdict="supported"),
    "proved": lambda p, f: f.update(verdict="proved", rigour="probabilistic"),
    "another rigour": lambda p, f: f.update(rigour="working_precision"),
    "assumptions": lambda p, f: f.update(assumptions=["the moon is full"]),
    "a smaller R-hat": lambda p, f: f["witness"].update(r_hat=1.0),
    "a smaller typical R-hat": lambda p, f: f["witness"].update(typical_r_hat=1.0),
    "more independent draws": lambda p, f: f["witness"].update(effective=1000.0),
    "more draws": lambda p, f: f["witness"].update(draws=1000),
    "more draws everywhere": lambda p, f: (
        f["witness"].update(draws=3200),
        p["problem"]["settled"].update(averaged=3200),
    ),
    "fewer draws needed": lambda p, f: f["witness"].update(draws_needed=33),
    "fewer draws needed in words": word("draws_would_do", needed=33),
    "a number that nothing derives": lambda p, f: f["witness"].update(luck=1.0),
    "other words": lambda p, f: f.update(method="all is well", reason=[]),
    "words that are left out": lambda p, f: (f["reason"].pop(), f.update(method=_sentence(f))),
    "starts instead of draws": lambda p, f: p["problem"]["settled"].update(kind="starts"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_document_is_found_out(honest, table, name):
    assert verified(forged(honest, FORGERIES[name]), table).outcome is CONTRADICTED


def test_cells_that_were_picked_are_found_out():
    large = table_of((60, 30), 3, 0.25)
    text = document_of(large, n_draws=4).to_json()
    assert len(json.loads(text)["point"]["settled_rows"]) == 200
    assert verified(text, large).outcome is CONFIRMED

    def picked(plain, finding):
        missing = np.flatnonzero(np.isnan(large))[:200]
        rows, columns = np.divmod(missing, 30)
        plain["point"].update(settled_rows=rows.tolist(), settled_columns=columns.tolist())

    assert verified(forged(text, picked), large).outcome is CONTRADICTED


def test_what_is_not_in_the_document_is_not_checked(honest, table):
    def without(plain, finding):
        del plain["problem"]["settled"]
        for name in ("rows", "columns", "draws"):
            del plain["point"][f"settled_{name}"]

    text = forged(honest, without)
    assert verified(text, table).outcome is NOT_CHECKED

    def proved(plain, finding):
        without(plain, finding)
        finding.update(verdict="proved", rigour="probabilistic")

    assert verified(forged(honest, proved), table).outcome is CONTRADICTED

    def renamed(plain, finding):
        without(plain, finding)
        finding.update(method="", reason=[{"code": "gradient"}])
        finding.update(method=_sentence(finding))

    def supported(plain, finding):
        without(plain, finding)
        finding.update(verdict="supported")

    for change in (renamed, supported):
        assert verified(forged(honest, change), table).outcome is CONTRADICTED


def test_nothing_is_claimed_without_draws(honest, table):
    other = document_of(table, undecided("settled", because("none_missing"))).to_json()
    assert verified(other, table).outcome is CONTRADICTED, "some are missing"
    other = document_of(table, undecided("settled", because("draws_not_kept"))).to_json()
    assert verified(other, table).outcome is CONFIRMED

    def with_draws(plain, finding):
        given = json.loads(honest)
        plain["problem"]["settled"] = given["problem"]["settled"]
        plain["point"].update({n: a for n, a in given["point"].items() if n.startswith("settled_")})

    assert verified(forged(other, with_draws), table).outcome is CONTRADICTED


@pytest.mark.parametrize(
    "change",
    [
        lambda p, f: p["problem"]["settled"].update(kind="whim"),
        lambda p, f: p["problem"]["settled"].update(averaged="many"),
        lambda p, f: p["problem"]["settled"].update(more=1),
        lambda p, f: p["point"].pop("settled_draws"),
        lambda p, f: p["point"].update(settled_luck=[1.0]),
        lambda p, f: p["point"].update(settled_draws=[1.0]),
        lambda p, f: p["point"]["settled_rows"].pop(),
        lambda p, f: p["problem"].pop("settled"),
    ],
)
def test_what_cannot_be_read_is_refused(honest, table, change):
    with pytest.raises(FileFormatError):
        verified(forged(honest, change), table)


def test_both_know_the_same_numbers():
    assert (recheck.FORMED, recheck.SMALL) == (judge.FORMED, judge.SMALL)
