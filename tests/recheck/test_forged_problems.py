"""Forged problem parts: units in which noise looks like a constant, and every setting changed to another."""

import json

import numpy as np
import pytest

import lowland as ll
from forging import problem_varied
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.results.verification import Outcome
from lowland.recheck.documents import Document
from oracles.table_objective import objective
from proof_samples import SAMPLES, sample
from unit_forging import ATTACKS, affirmed

# share of the squares that rank one must leave of noise, in units in which anything of it is confirmed
LEFT = 1e-3
# seeds of each attack; changed problems of each sample
QUICK, MANY = 4, 75
FEW, ALL = 6, 60
# claims that are checked in no time, at least one of each kind of document
KEPT = (
    "globally_optimal",
    "stationary",
    "determined_by_data",
    "unique_decomposition",
    "no_bad_minimum_in_region",
    "stable_at_step_size",
)
# settings by line or by column: what they do is bounded, and told from the smallest to the largest
BY_LINE = ("powers", "scaling", "columns", "row_units")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("count", [QUICK, pytest.param(MANY, marks=pytest.mark.slow)])
def test_nothing_is_confirmed_of_noise_that_units_hide(attack, count):
    """A forger fits what his units make of noise; singular values say how much of it they leave."""
    for seed in range(count):
        rng = np.random.default_rng([seed, ATTACKS.index(attack)])
        forged = attack(rng)
        penalty = float(rng.choice([0.1, 1.0, 3.0] if forged.columns is not None else [0.0, 0.1, 1.0, 3.0]))
        good, words = affirmed(forged, penalty, biases=bool(rng.random() < 0.3))
        assert not good or forged.left() > LEFT, f"seed {seed}\n{words}"


def varied(name, rng):
    """Return a document with one setting changed, the setting's path, and whether anything changed."""
    plain = json.loads(sample(name).document.to_json())
    plain["findings"] = [one for one in plain["findings"] if one["claim"] in KEPT]
    was = json.dumps(plain["problem"], sort_keys=True)
    path = problem_varied(plain["problem"], rng)
    return json.dumps(plain), path, json.dumps(plain["problem"], sort_keys=True) != was


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("count", [FEW, pytest.param(ALL, marks=pytest.mark.slow)])
def test_changed_settings_are_told_bounded_or_refused(name, count, monkeypatch):
    """What is confirmed of a changed problem is said of it, and its objective is the stated one.

    A forger writes the fingerprint of the data in any precision; so it is not compared here.
    """
    monkeypatch.setattr("lowland.verifying.check_fingerprint", lambda *_: None)
    monkeypatch.setattr("lowland.verifying.is_fingerprint", lambda *_: True)
    one, rng = sample(name), np.random.default_rng([count, *map(ord, name)])
    honest = ll.verify(one.document, one.data).problem
    for _ in range(count):
        text, path, changed = varied(name, rng)
        try:
            found = ll.verify(Document.from_json(text), one.data)
        except (FileFormatError, InvalidInputError):
            continue
        confirmed = {check.claim for check in found if check.outcome is Outcome.CONFIRMED}
        told = found.problem != honest or not changed or path[0] in BY_LINE
        assert told or not confirmed, f"{path}: {found}"
        if one.document.kind == "table" and "globally_optimal" in confirmed:
            stated = Document.from_json(text)
            table = one.data if isinstance(one.data, ll.Observations) else None
            table = ll.Observations.from_array(one.data) if table is None else table
            value = stated.certificate["globally_optimal"].witness.get("objective")
            if value is not None:
                own = objective(stated.problem, stated.point, table)
                assert value == pytest.approx(own, rel=1e-4), f"{path}: {found}"
