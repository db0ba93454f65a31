"""Documents altered at random: what says more than the data show is contradicted, and nothing crashes."""

import numpy as np
import pytest

import lowland as ll
from forging import forge
from lowland.core.errors import LowlandError
from lowland.core.results.verification import Outcome
from lowland.recheck.documents import Document
from proof_samples import SAMPLES, sample

# altered documents of each kind
QUICK, MANY = 8, 60


@pytest.mark.parametrize("name", SAMPLES)
def test_unchanged_documents_are_confirmed(name):
    one = sample(name)
    again = Document.from_json(one.document.to_json())
    found = ll.verify(again, one.data)
    assert found.is_confirmed, str(found)


def outcomes_of(name, count, seed):
    """Yield what came of altered documents: the outcome of the altered finding, or an error."""
    one, rng = sample(name), np.random.default_rng(seed)
    text = one.document.to_json()
    for _ in range(count):
        forged, claim, done = forge(text, rng)
        try:
            found = ll.verify(Document.from_json(forged), one.data)
        except LowlandError as error:
            yield done, Outcome.CONTRADICTED, str(error)
            continue
        outcome = found[claim].outcome if isinstance(claim, str) and claim in found else Outcome.CONTRADICTED
        yield done, outcome, f"{claim}: {found}"


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("count", [QUICK, pytest.param(MANY, marks=pytest.mark.slow)])
def test_forged_documents_are_contradicted(name, count):
    for done, outcome, words in outcomes_of(name, count, count + list(SAMPLES).index(name)):
        if done is not None:
            assert outcome is Outcome.CONTRADICTED, f"{done}\n{words}"
