"""Audits of tensors derived again: honest ones are confirmed, changed ones are found out."""

import json

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.recheck.documents import Document
from lowland.recheck.held_out import hold_out
from lowland.recheck.tensors.scattered import in_empty_slices, in_unlikely_runs
from lowland.tensors.auditing.unfolded import Unfolded
from lowland.tensors.filling import candidates
from lowland.trials.audits.folds import Folds
from lowland.trials.audits.patterns import Pattern
from lowland.trials.audits.plan import AuditPlan, plan_audit

Outcome = ll.Outcome


@pytest.fixture(scope="module")
def tensor():
    rng = np.random.default_rng(3)
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((n, 1)) for n in (12, 8, 10)))
    cells = truth + 0.2 * rng.standard_normal(truth.shape)
    cells[rng.random(cells.shape) < 0.3] = np.nan
    cells[4] = np.nan
    return cells


@pytest.fixture(scope="module")
def fit(tensor):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "COMPARED", (6, 6))
        data = ll.TensorObservations.from_array(tensor, empty_slices=True)
        return ll.complete_tensor(data, 1, model="cp", burn_in=6, n_draws=10, certify=True, rng=2)


@pytest.fixture(scope="module")
def honest(fit, tmp_path_factory):
    path = tmp_path_factory.mktemp("filled") / "proof.json"
    fit.save_certificate(path)
    return path.read_text()


def test_an_honest_audit_is_confirmed(honest, fit, tensor):
    checked = ll.verify(Document.from_json(honest), tensor)
    assert fit.audit.plan.left_out["slices"] == 80
    assert checked["covered"].outcome is Outcome.CONFIRMED
    assert checked["alike"].outcome is Outcome.NOT_CHECKED
    assert "12 x 8 x 10 tensor" in checked.problem


FORGED = {
    "another seed": lambda p: p["problem"]["audit"].update(seed=4),
    "other ends": lambda p: p["point"].update(audit_wide_high=[-1e9] * len(p["point"]["audit_low"])),
    "more missing": lambda p: p["findings"][0]["witness"].update(missing=10_000),
    "a larger share": lambda p: p["findings"][0].update(value=0.99),
    "fewer assumptions": lambda p: p["findings"][0].update(assumptions=[]),
}


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED)
def test_a_changed_audit_is_contradicted(honest, tensor, forgery):
    plain = json.loads(honest)
    forgery(plain)
    checked = ll.verify(Document.from_json(json.dumps(plain)), tensor)
    assert checked["covered"].outcome is Outcome.CONTRADICTED


def test_other_tensors_and_settings_are_refused(honest, tensor):
    with pytest.raises(InvalidInputError, match="about other data"):
        ll.verify(Document.from_json(honest), tensor + 1)
    plain = json.loads(honest)
    plain["problem"]["more"] = 1
    with pytest.raises(FileFormatError, match="unknown settings"):
        ll.verify(Document.from_json(json.dumps(plain)), tensor)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_held_out_is_found_again(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.permutation([5, 8, 11]).tolist())
    known = rng.random(shape) < 0.6
    known[np.broadcast_to((rng.random(shape[1:]) < 0.05 * (seed % 3))[None], shape)] = False
    cells = np.where(known, rng.standard_normal(shape), np.nan)
    layout = Unfolded.of(shape)
    table = layout.table(ll.TensorObservations.from_array(cells, empty_slices=True)).in_order()
    plan = plan_audit(table, seed, modes=layout.modes)
    assert isinstance(plan, AuditPlan)
    if plan.scheme == "equal":
        found = hold_out(table, seed, plan.longest, layout.modes)
        assert found.left_out == plan.left_out
        assert found.missing == plan.missing
        assert found.allowance == pytest.approx(plan.allowance)
        assert np.array_equal(found.rows, table.rows[plan.scored])


@pytest.mark.parametrize("seed", range(8))
def test_unlikely_runs_are_those_of_the_audit(seed):
    rng = np.random.default_rng(seed)
    known = rng.random((6, 9, 7)) < 0.6
    known[:, rng.random((9, 7)) < 0.03 * seed] = False
    rows, columns = np.nonzero(known.reshape(54, 7))
    folds = Folds.of(Pattern.of(rows, columns, (54, 7)), (6, 9))
    assert np.array_equal(folds.shunned, in_unlikely_runs(known).reshape(54, 7))
    assert in_empty_slices(known).sum() == 0
