"""Documents altered at random: what says more than the data show is contradicted, and nothing crashes."""

import json

import numpy as np
import pytest

import lowland as ll
from forging import forge
from lowland.core.errors import FileFormatError, LowlandError
from lowland.core.results.verification import Check, Outcome
from lowland.recheck.documents import UNBOUNDED, Document
from proof_samples import SAMPLES, sample

# altered documents of each kind
QUICK, MANY = 4, 60


@pytest.mark.parametrize("name", SAMPLES)
def test_unchanged_documents_are_confirmed(name):
    one = sample(name)
    again = Document.from_json(one.document.to_json())
    found = ll.verify(again, one.data)
    assert found.is_confirmed, str(found)


def as_earlier(text):
    """Return a document as version 3 wrote it, whose proofs did not ask for bounds on all rounding."""
    plain = json.loads(text) | {"version": UNBOUNDED}
    decided = [
        one
        for one in plain["findings"]
        if one["verdict"] in ("proved", "refuted") and one["rigour"] == "rigorous"
    ]
    for one in decided:
        one["rigour"] = "working_precision"
    return json.dumps(plain), {one["claim"] for one in decided}


def is_earlier(name):
    """Whether version 3 could hold a sample: fits in single precision are refused."""
    return sample(name).document.problem.get("dtype") != "float32"


def outcomes_of(text, name, count, seed):
    """Yield what came of altered documents: the outcome of the altered finding, or an error."""
    one, rng = sample(name), np.random.default_rng(seed)
    for _ in range(count):
        forged, claim, done = forge(text, rng)
        try:
            found = ll.verify(Document.from_json(forged), one.data)
        except LowlandError as error:
            yield done, Check(str(claim), "", Outcome.CONTRADICTED, str(error)), str(error)
            continue
        absent = Check(str(claim), "", Outcome.CONTRADICTED, "")
        check = found[claim] if isinstance(claim, str) and claim in found else absent
        yield done, check, f"{claim}: {found}"


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("count", [QUICK, pytest.param(MANY, marks=pytest.mark.slow)])
def test_forged_documents_are_contradicted(name, count):
    text, seed = sample(name).document.to_json(), count + list(SAMPLES).index(name)
    for done, check, words in outcomes_of(text, name, count, seed):
        if done is not None:
            assert check.outcome is Outcome.CONTRADICTED, f"{done}\n{words}"


@pytest.mark.parametrize("name", SAMPLES)
def test_earlier_documents_are_confirmed(name):
    """Their proofs to working precision are found to be proofs, since all rounding is bounded here."""
    text, decided = as_earlier(sample(name).document.to_json())
    if not is_earlier(name):
        with pytest.raises(FileFormatError, match="bounded rounding in the fit's precision"):
            Document.from_json(text)
        return
    found, now = ll.verify(Document.from_json(text), sample(name).data), sample(name).document.certificate
    assert found.is_confirmed, str(found)
    for check in found:
        assert check.verdict == now[check.claim].verdict.value
        assert ("bounds on all rounding, which were found here" in check.words) == (check.claim in decided)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("count", [QUICK, pytest.param(MANY, marks=pytest.mark.slow)])
def test_forged_earlier_documents_claim_nothing_that_is_not_so(name, count):
    """Today's rule reads them in several ways: none of these lets more pass."""
    if not is_earlier(name):
        return
    text, _ = as_earlier(sample(name).document.to_json())
    true = {finding.claim: finding.verdict.value for finding in sample(name).document.certificate}
    for done, check, words in outcomes_of(text, name, count, 1000 + count + list(SAMPLES).index(name)):
        if done is None or done in ("rigour rigorous", "rigour probabilistic"):
            continue  # as today's judges say it, or less
        nothing = check.verdict == "inconclusive"
        demoted = done.startswith("verdict") and check.verdict == true.get(check.claim)
        # what is supported to working precision needs no assumption of a proof
        demoted |= done == "assumptions []" and check.verdict == "supported"
        assert check.outcome is Outcome.CONTRADICTED or nothing or demoted, f"{done}\n{words}"
