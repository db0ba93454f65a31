"""Forged problem parts: units in which noise looks like a constant, and every setting changed to another."""

import json
from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from forging import problem_varied
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.results.verification import Outcome
from lowland.recheck.documents import Document
from oracles.table_objective import objective
from proof_samples import SAMPLES, sample, verified
from table_kinds import KINDS, numbers
from unit_forging import ATTACKS, affirmed

# share of the squares that rank one must leave of noise, in units in which anything of it is confirmed
LEFT = 1e-3
# seeds of each attack; changed problems of each sample
QUICK, MANY = 2, 75
FEW, ALL = 2, 60
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
    honest = verified(name).problem
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


# settings of fits that take a table in other units, and for which kinds of numbers
UNITS = {
    "scaled columns": {"scale": "column"},
    "powers": {"powers": True, "scale": "column", "biases": False},
    "units of rows": {"row_units": True},
    "units of rows and columns": {"row_units": True, "scale": "column"},
    "powers and units of rows": {"powers": True, "row_units": True},
}
LOSSES = {
    "huber": {"loss": "huber"},
    "absolute, common": {"loss": "absolute", "scale": "common"},
    "quantile, alike": {"loss": "quantile:0.9", "noise": "common"},
    "several": {"loss": {0: "huber", 1: "absolute", 2: "quantile:0.1"}},
}
# what levels and counts are fitted by, beside
OWN = {
    "counts": {"poisson": {"loss": "poisson"}},
    "grades": {"ordinal": {"loss": "ordinal"}, "both": {"loss": {0: "ordinal", 1: "poisson", 2: "huber"}}},
}
PENALISED = {"method": "map", "rank": 2, "penalty": 0.5}


def checked(model, data, path):
    """Return what is derived again of a fit's optimum, from its document and the data."""
    model.save_certificate(path)
    found = ll.verify(path, data)
    # the test of alikeness and the comparison are of another fit
    return replace(found, checks=tuple(c for c in found if c.claim not in ("alike", "better_than")))


def later(model, values):
    """Return a table after an update by some of its missing cells, others, and a new row."""
    grown, rng = np.vstack([values, values[:1]]), np.random.default_rng(1)
    missing = np.argwhere(np.isnan(values))
    at = [*map(tuple, missing[rng.random(len(missing)) < 0.5]), (len(values), 0), (len(values), 1), (3, 2)]
    for i, j in at:
        known = values[~np.isnan(values[:, j]), j]
        grown[i, j] = rng.choice(known) if known.size else 0.0
    grown[len(values), 2:] = np.nan
    rows, columns = np.array(at).T
    model.update(rows, columns, grown[rows, columns], refit=True, duplicates="last")
    return grown


# tables of constants of 1e9, or with a cell of 1e12, hide some findings in rounding, whatever their units;
# and where the audit's own test refuses, that test is not made again
HIDDEN = ("rounding hides", "terms of the factors cancel", "the test is about predictions")


def is_doubted(check):
    """Whether a finding is not checked for another reason than rounding: for its units."""
    return check.outcome is Outcome.NOT_CHECKED and not check.words.startswith(HIDDEN)


def assert_confirmed(found, most_hidden=1 / 2):
    """Assert that nothing is contradicted or in doubt, and most confirmed."""
    hidden = [check for check in found if check.outcome is Outcome.NOT_CHECKED]
    assert not any(check.outcome is Outcome.CONTRADICTED or is_doubted(check) for check in found), str(found)
    assert len(hidden) <= len(list(found)) * most_hidden, str(found)


def honest(kind, settings, path, dtype="float64"):
    """Assert that honest documents of a fit, and of its update, are confirmed."""
    values = numbers(kind).astype(dtype)
    model = ll.MatrixCompletion(random_state=0, dtype=dtype, effort="quick", **settings).fit(values)
    found = checked(model, values, path)
    if dtype == "float32":  # how far its numbers agree is for other tests
        assert not any(is_doubted(check) for check in found), str(found)
        return
    # slopes of steep losses at a cell of 1e12 are rounding, and with them gradients and bounds
    most_hidden = 2 / 3 if kind == "outlier" else 1 / 2
    assert_confirmed(found, most_hidden)
    assert_confirmed(checked(model, later(model, values), path), most_hidden)


@pytest.mark.parametrize("kind", ["numbers", "units", "few"])
def test_honest_documents_of_losses_are_confirmed(kind, tmp_path):
    honest(kind, {**PENALISED, "loss": "huber"}, tmp_path / "p.json")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the cell of row .* far outside its column")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_honest_documents_in_any_unit_are_confirmed(kind, dtype, tmp_path):
    for settings in UNITS.values():
        honest(kind, settings, tmp_path / "p.json", dtype)
    for settings in (LOSSES | OWN.get(kind, {})).values():
        honest(kind, {**PENALISED, **settings}, tmp_path / "p.json", dtype)
