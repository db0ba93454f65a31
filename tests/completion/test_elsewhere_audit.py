"""Audits of tables on the disk: the statements of the same cells in memory, and bounds that hold."""

import pickle
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

import lowland as ll
from lowland.cells.labels import TableLabels
from lowland.cells.pattern import gathered
from lowland.cells.sides import TableCells
from lowland.completion.auditing.audit import Audit, NoAudit, audit_of
from lowland.completion.auditing.findings import findings_of
from lowland.completion.elsewhere import audit as module
from lowland.completion.elsewhere import document
from lowland.completion.elsewhere.audit import CellsWithheld
from lowland.completion.elsewhere.fit import CellRequest
from lowland.core.cells import line_bounds
from lowland.core.errors import UnsupportedError
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Verdict
from lowland.core.results.verification import Outcome
from lowland.kernels.threads import limited_to
from lowland.trials.audits import missing_cells
from lowland.trials.audits.cell_plan import plan_of_cells
from lowland.trials.audits.covered import LEVEL, RISK
from lowland.trials.audits.plan import NoAudit as NoPlan
from oracles.column_means import ColumnMeans

pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")
pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
SETTINGS = {"method": "variational", "rank": 2, "random_state": 0, "max_iter": 6, "tol": 0.02}
# layers of tables in memory, which those on the disk do not have
NO_LAYERS = {"refine": False, "powers": False, "row_units": False}


def planted(seed, shape=(120, 20), share=0.5, law="equal"):
    """A whole table and which of its cells are known."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((shape[0], 2)) @ rng.standard_normal((2, shape[1]))
    truth += 0.4 * rng.standard_normal(shape)
    known = rng.random(shape) >= share
    if law == "blocks":
        known = rng.random(shape) >= 0.1
        known[: shape[0] // 2, shape[1] // 2 :] = False
    return truth, known


def on_disk(folder, truth, known, block=250):
    """Return known cells in blocks of about so many."""
    rows, columns = np.nonzero(known)
    order = np.random.default_rng(0).permutation(rows.size)
    lines = pa.table({"row": rows[order], "column": columns[order], "value": truth[known][order]})
    pa.parquet.write_table(lines, folder / "cells.parquet")
    names = {"row": "row", "column": "column", "value": "value"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_bounds, "BLOCK", block)
        return ll.StoredObservations.from_parquet(
            folder / "cells.parquet", folder / f"in-{block}", dtype="float64", **names
        )


@pytest.fixture(scope="module")
def planted_table(tmp_path_factory):
    truth, known = planted(0)
    return truth, known, on_disk(tmp_path_factory.mktemp("planted"), truth, known)


@pytest.fixture(scope="module")
def model(planted_table, plain_kernels_throughout):
    return ll.MatrixCompletion(**SETTINGS).fit(planted_table[2])


@pytest.fixture(scope="module")
def unjudged(planted_table, plain_kernels_throughout):
    return ll.MatrixCompletion(**SETTINGS, certify=False).fit(planted_table[2])


@pytest.fixture(scope="module")
def with_companion(planted_table, plain_kernels_throughout):
    return ll.MatrixCompletion(**SETTINGS, certify="companion").fit(planted_table[2])


@pytest.fixture(scope="module")
def of_blocks(tmp_path_factory, plain_kernels_throughout):
    """A table that lacks a block of cells, and its fit."""
    truth, known = planted(1, law="blocks")
    table = on_disk(tmp_path_factory.mktemp("blocks"), truth, known)
    return truth, known, ll.MatrixCompletion(**SETTINGS).fit(table)


def stated(certificate):
    return Certificate(tuple(replace(finding, seconds=0.0) for finding in certificate)).to_json()


def test_missing_cells_are_proved(model, planted_table):
    truth, known, _ = planted_table
    certificate = model.certificate_
    assert [finding.claim for finding in certificate] == ["covered", "alike", "better_than"]
    assert certificate.verdict is certificate["covered"].verdict
    assert certificate["alike"].verdict is Verdict.SUPPORTED
    assert certificate["better_than"].verdict is Verdict.SUPPORTED
    assert certificate["covered"].witness["missing"] == (~known).sum()
    rows, columns = np.nonzero(~known)
    low, high = model.predict_interval(rows, columns, LEVEL, method="proved")
    inside = np.mean((low <= truth[~known]) & (truth[~known] <= high))
    assert inside >= certificate["covered"].value >= LEVEL
    assert certificate["covered"].verdict in (Verdict.PROVED, Verdict.REFUTED)
    assert model.held_out_errors().observed.size == certificate["covered"].witness["held_out"]


def test_statements_are_those_of_the_same_cells_in_memory(model, planted_table, monkeypatch):
    """By the same rule: counts alone, and no marks."""
    monkeypatch.setattr(missing_cells, "LISTED", 0)
    monkeypatch.setattr(missing_cells, "LISTED_PER_KNOWN", 0)
    monkeypatch.setattr("lowland.completion.auditing.withheld.can_be_marked", lambda shape: False)
    truth, known, _ = planted_table
    table = ll.Observations.from_array(np.where(known, truth, np.nan))
    expected = ll.MatrixCompletion(**SETTINGS, **NO_LAYERS).fit(table)
    for claim in ("covered", "alike"):
        one, other = (replace(own.certificate_[claim], seconds=0.0) for own in (model, expected))
        assert one == other
    one, other = (own.certificate_["better_than"] for own in (model, expected))
    assert one.value == pytest.approx(other.value)
    assert one.bound == pytest.approx(other.bound)
    cells = np.nonzero(~known)
    found, wanted = (own.predict_interval(*cells, 0.8, method="proved") for own in (model, expected))
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(model.held_out_errors().predicted, expected.held_out_errors().predicted)


def test_neither_blocks_nor_threads_move_what_is_proved(model, planted_table, tmp_path):
    truth, known, _ = planted_table
    one = on_disk(tmp_path, truth, known, block=10**9)
    assert one.cells.sides[0].bounds.size == 2
    with limited_to(1):
        again = ll.MatrixCompletion(**SETTINGS).fit(one)
    assert stated(again.certificate_) == stated(model.certificate_)


def test_the_fit_is_that_without_a_certificate(model, unjudged):
    np.testing.assert_array_equal(unjudged.predict_table(), model.predict_table())
    assert unjudged.certificate_ is None
    with pytest.raises(UnsupportedError, match="an audit, of which there is none"):
        unjudged.predict_interval([0], [0], method="proved")


def test_what_is_kept_needs_no_cells(model, planted_table):
    again = pickle.loads(pickle.dumps(model))
    rows, columns = np.nonzero(~planted_table[1])
    found, expected = (own.predict_interval(rows, columns, method="proved") for own in (again, model))
    np.testing.assert_array_equal(found, expected)
    assert model._completed.audit.plan.scope.training.pattern is None


def seen_by_the_audit(table, monkeypatch, plan=plan_of_cells):
    """Return which held-out cells the audit's fit saw, and whether it saw all others."""
    seen, made = [], []

    def noted(request, cells, rng, fit=CellRequest.fit):
        seen.append(gathered(cells, TableLabels(cells.shape)))
        return fit(request, cells, rng)

    def planned(cells, seed):
        made.append(plan(cells, seed))
        return made[-1]

    monkeypatch.setattr(CellRequest, "fit", noted)
    monkeypatch.setattr(module, "plan_of_cells", planned)
    ll.MatrixCompletion(**SETTINGS).fit(table)
    (training,), (found,) = seen, made
    known, apart = (np.zeros(table.shape, bool) for _ in range(2))
    known[training.rows, training.columns] = True
    apart[found.apart.rows, found.apart.columns] = True
    return (known & apart).sum(), known.sum() + found.apart.size == table.size


def test_the_fit_sees_no_held_out_cell(planted_table, monkeypatch):
    assert seen_by_the_audit(planted_table[2], monkeypatch) == (0, True)


def test_a_fit_that_sees_held_out_cells_is_caught(planted_table, monkeypatch):
    """The mutant: all cells are fitted again."""

    def all_of_them(cells, seed):
        return replace(plan_of_cells(cells, seed), training=cells)

    overlap, whole = seen_by_the_audit(planted_table[2], monkeypatch, all_of_them)
    assert overlap > 100
    assert not whole


def test_blocks_of_missing_cells_are_refused(of_blocks):
    found = of_blocks[2]
    assert {finding.verdict for finding in found.certificate_} == {Verdict.INCONCLUSIVE}
    assert found.certificate_["covered"].reason[0].code == "not_alike"
    assert found._completed.audit is None


def test_a_penalised_fit_has_no_intervals(planted_table):
    found = ll.MatrixCompletion(method="map", rank=1, penalty=3.0, max_iter=5).fit(planted_table[2])
    assert found.certificate_["covered"].reason[0].code == "no_intervals"
    assert "globally_optimal" in found.certificate_


def test_the_companion_is_judged_on_request(with_companion):
    found = with_companion
    claims = [finding.claim for finding in found.certificate_]
    assert claims[:3] == ["covered", "alike", "better_than"]
    assert "globally_optimal" in claims
    assert found.certificate_.verdict is found.certificate_["covered"].verdict


# ------------------------------------------------------------------ documents
def checked(model, table, path):
    """Return what a re-check of a model's document says, by claim."""
    model.save_certificate(path)
    return {check.claim: check.outcome for check in ll.verify(path, table).checks}


def as_observations(truth, known):
    rows, columns = np.nonzero(known)
    table = {"row": rows, "column": columns, "value": truth[known]}
    return ll.Observations.from_frame(table, row="row", column="column", value="value")


def test_documents_are_checked_with_the_cells_in_memory(model, planted_table, tmp_path):
    """The held-out cells are found again from pattern and seed, by independent code."""
    truth, known, _ = planted_table
    found = checked(model, as_observations(truth, known), tmp_path / "proof.json")
    assert found["covered"] is Outcome.CONFIRMED
    assert found["alike"] is found["better_than"] is Outcome.NOT_CHECKED


def test_a_document_of_other_held_out_cells_is_contradicted(model, planted_table, tmp_path, monkeypatch):
    """The mutant: the cells are those of another seed."""
    truth, known, _ = planted_table
    audit = model._completed.audit
    monkeypatch.setattr(model, "_completed", replace(model._completed, audit=replace(audit, seed=1)))
    found = checked(model, as_observations(truth, known), tmp_path / "proof.json")
    assert found["covered"] is Outcome.CONTRADICTED


def test_documents_without_an_audit_claim_nothing(of_blocks, tmp_path):
    truth, known, found = of_blocks
    outcomes = checked(found, as_observations(truth, known), tmp_path / "proof.json")
    assert set(outcomes.values()) == {Outcome.CONFIRMED}  # that nothing is claimed


def test_what_no_document_can_hold_is_refused(model, unjudged, with_companion, tmp_path, monkeypatch):
    with pytest.raises(UnsupportedError, match="there is no certificate"):
        unjudged.save_certificate(tmp_path / "proof.json")
    with pytest.raises(UnsupportedError, match="fitted data are needed"):
        with_companion.save_certificate(tmp_path / "proof.json")
    monkeypatch.setattr(document, "GATHERED", 100)
    with pytest.raises(UnsupportedError, match=r"up to 100 cells[\s\S]*1,\d\d\d cells"):
        model.save_certificate(tmp_path / "proof.json")
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------ how often bounds are false
@dataclass
class Asked:
    """A request of column means, whose intervals are those of the training cells alone."""

    factor: float = 1.0

    def fit(self, cells, rng):
        return ColumnMeans(gathered(cells, TableLabels(cells.shape)), self.factor)


def audited(seed, factor=1.0, **how):
    """Return a table's audit by its cells, its truth, and which cells are known."""
    truth, known = planted(seed, **{"shape": (60, 12), "share": 0.3, **how})
    table = ll.Observations.from_array(np.where(known, truth, np.nan))
    found = plan_of_cells(TableCells.of(table), seed)
    if isinstance(found, NoPlan):
        return NoAudit(found.code), truth, known
    return audit_of(CellsWithheld(found, Asked(factor)), seed), truth, known


@cache
def judged(seed):
    """Return the same with what is found of it."""
    audit, truth, known = audited(seed)
    return audit, truth, known, findings_of(audit)[0]


def false_bounds(count, forged=lambda finding: finding.value):
    """How many of many tables have a bound that is not true of them."""
    false = 0
    for seed in range(count):
        audit, truth, known, finding = judged(seed)
        if finding.value is None or finding.verdict is Verdict.REFUTED:
            continue
        low, high = audit.intervals(*np.nonzero(~known), LEVEL, finding.witness["factor"])
        inside = (low <= truth[~known]) & (truth[~known] <= high)
        false += forged(finding) > inside[~np.isnan(low)].mean() + 1e-12
    return false


@pytest.mark.parametrize("count", [50, pytest.param(120, marks=pytest.mark.slow)])
def test_bounds_are_false_no_more_often_than_they_may(count):
    assert false_bounds(count) <= binom.isf(1e-4, count, RISK)


def test_a_bound_without_its_margin_is_false_too_often():
    def naive(finding):
        numbers = next(phrase for phrase in finding.reason if phrase.code.startswith("covered")).numbers
        return numbers["inside"] / numbers["held"]

    assert false_bounds(60, naive) > binom.isf(1e-4, 60, RISK)


def test_intervals_that_are_too_narrow_are_refuted():
    audit, _, _ = audited(3, factor=0.5, shape=(300, 20))
    assert isinstance(audit, Audit)
    assert findings_of(audit)[0].verdict is Verdict.REFUTED
