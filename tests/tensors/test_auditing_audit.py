"""Audits of filled tensors: bounds that hold, fibres of which nothing is said, and intervals as proved."""

import numpy as np
import pytest
from scipy.stats import binom

import lowland as ll
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.tensors.auditing import audit as auditing
from lowland.tensors.auditing.audit import NoTensorAudit, TensorAudit, conduct
from lowland.tensors.auditing.judging import findings_of
from lowland.tensors.auditing.unfolded import Unfolded
from lowland.tensors.filling import candidates
from lowland.tensors.filling.page import filled_page
from lowland.trials.audits.covered import LEVEL, RISK
from lowland.trials.audits.plan import plan_audit
from oracles.slice_means import SliceMeans

Verdict = ll.Verdict


def planted(seed, fail=0.0):
    """A low-rank tensor with heavy noise, cells missing at random, and whole fibres where it is far off."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.permutation([rng.integers(3, 8), rng.integers(6, 13), rng.integers(8, 20)]).tolist())
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((length, 3)) for length in shape))
    truth += 0.3 * rng.standard_t(4, shape)
    known = rng.random(shape) < rng.uniform(0.4, 0.85)
    mode = int(rng.integers(3))
    failed = rng.random([length for k, length in enumerate(shape) if k != mode]) < fail
    failed = np.broadcast_to(np.expand_dims(failed, mode), shape)
    truth = np.where(failed, truth + 4 * truth.std(), truth)
    return truth, known & ~failed


def audited(truth, known, seed, factor=1.0):
    data = ll.TensorObservations.from_array(np.where(known, truth, np.nan), empty_slices=True)
    return conduct(data, seed, lambda cells, rng: SliceMeans(cells, factor))


def is_false(audit, truth, known):
    """Whether fewer missing cells of the statement lie inside than was stated."""
    finding = findings_of(audit)[0]
    if finding.value is None or finding.verdict is Verdict.REFUTED:
        return False
    at = np.argwhere(~known)
    low, high = audit.intervals(at, LEVEL, finding.witness["factor"])
    spoken = ~np.isnan(low)
    values = truth[tuple(at.T)]
    assert spoken.sum() == audit.plan.missing == finding.witness["missing"]
    return np.mean((low <= values)[spoken] & (values <= high)[spoken]) < finding.value


def false_bounds(count, fail):
    """How many bounds are false, and how many were stated, of so many tensors."""
    false, there = 0, 0
    for seed in range(count):
        truth, known = planted(seed, fail)
        audit = audited(truth, known, seed)
        there += isinstance(audit, TensorAudit)
        false += isinstance(audit, TensorAudit) and is_false(audit, truth, known)
    return false, there


@pytest.mark.parametrize("count", [30, pytest.param(120, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("fail", "answered"), [(0.0, 0.9), (0.25, 0.6)])
def test_bounds_are_hardly_ever_false(fail, answered, count):
    false, there = false_bounds(count, fail)
    assert false <= binom.isf(1e-4, count, RISK)
    assert there >= answered * count


def test_bounds_that_look_at_rows_and_columns_alone_are_often_false(monkeypatch):
    """The same where fibres fail, without a look along the other modes: what the test above must refuse."""
    monkeypatch.setattr(auditing, "plan_audit", lambda table, seed, modes: plan_audit(table, seed))
    assert false_bounds(40, 0.25)[0] > binom.isf(1e-4, 40, RISK)


def test_nothing_is_said_where_whole_fibres_alone_are_missing():
    rng = np.random.default_rng(0)
    shape = (9, 7, 12)
    for mode in range(3):
        failed = rng.random([length for k, length in enumerate(shape) if k != mode]) < 0.3
        known = ~np.broadcast_to(np.expand_dims(failed, mode), shape)
        audit = audited(rng.standard_normal(shape), known, mode)
        assert isinstance(audit, NoTensorAudit)
        assert {finding.verdict for finding in findings_of(audit)} == {Verdict.INCONCLUSIVE}


def test_nothing_is_said_where_no_cell_is_missing():
    truth, known = planted(0)
    found = audited(truth, np.ones_like(known), 0)
    assert isinstance(found, NoTensorAudit)
    assert found.code == "none_missing"


def test_intervals_that_are_too_narrow_are_refuted():
    rng = np.random.default_rng(1)
    known = rng.random((20, 15, 6)) < 0.7
    covered = findings_of(audited(rng.standard_normal(known.shape), known, 0, factor=0.3))[0]
    assert covered.verdict is Verdict.REFUTED
    assert covered.value < LEVEL


def test_cells_are_those_of_the_table():
    cells = np.random.default_rng(2).random((4, 3, 5, 6))
    data = ll.TensorObservations.from_array(np.where(cells < 0.8, cells, np.nan))
    layout = Unfolded.of(data.shape)
    table = layout.table(data)
    assert layout.mode == 1
    assert table.shape == (120, 3)
    assert np.array_equal(layout.positions(table.rows, table.columns), data.positions)
    assert np.array_equal(np.moveaxis(cells, 1, -1).reshape(120, 3)[table.rows, table.columns], table.values)


@pytest.fixture(scope="module")
def fit():
    """A filled tensor with its audit, by a few draws, and the whole tensor."""
    rng = np.random.default_rng(0)
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((n, 1)) for n in (16, 12, 8)))
    truth += 0.2 * rng.standard_normal(truth.shape)
    holes = np.where(rng.random(truth.shape) < 0.7, truth, np.nan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "COMPARED", (6, 6))
        options = {"model": "cp", "burn_in": 6, "n_draws": 10, "rng": 2}
        judged = ll.complete_tensor(holes, 1, certify=True, **options)
        return judged, ll.complete_tensor(holes, 1, **options), truth


def test_a_fit_is_the_same_and_proved_by_another(fit):
    judged, plain, truth = fit
    assert plain.certificate is None
    assert np.array_equal(judged.tensor(), plain.tensor())
    covered = judged.certificate["covered"]
    assert covered.verdict is Verdict.PROVED
    at = np.argwhere(np.isnan(judged.data.array()))
    low, high = judged.interval(at, LEVEL, "proved")
    assert np.mean((low <= truth[tuple(at.T)]) & (truth[tuple(at.T)] <= high)) >= LEVEL
    assert "Proved: at least 9" in str(judged)
    box = filled_page(judged).box
    assert box[0].startswith("Proved: at least 9")
    assert "equal odds in all slices" in box[1]
    assert not filled_page(plain).box


def test_what_is_not_proved_is_not_offered(fit):
    judged, plain, _ = fit
    with pytest.raises(UnsupportedError, match="there is none"):
        plain.interval([[0, 0, 0]], 0.9, "proved")
    with pytest.raises(UnsupportedError, match="no width"):
        judged.interval([[0, 0, 0]], 0.999, "proved")
    with pytest.raises(InvalidInputError, match="unknown"):
        judged.interval([[0, 0, 0]], 0.9, "sure")
    with pytest.raises(InvalidInputError, match="no certificate"):
        plain.save_certificate("proof.json")


def test_new_slices_are_not_audited(fit):
    judged = fit[0]
    more = judged.update(np.full((12, 8), np.nan), rng=0)
    assert more.certificate is None
    assert more.audit is None


def test_cells_on_the_disk_are_not_audited(fit, tmp_path):
    known = fit[0].data
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "COMPARED", (4, 4))
        stored = ll.StoredTensor.from_batches([(known.positions, known.values)], tmp_path / "cells")
        found = ll.complete_tensor(stored, 1, burn_in=4, n_draws=4, certify=True, rng=0)
    assert found.certificate["covered"].verdict is Verdict.INCONCLUSIVE
    assert "on the disk" in found.certificate["covered"].method
    with pytest.raises(UnsupportedError, match="in memory"):
        found.save_certificate(tmp_path / "proof.json")
