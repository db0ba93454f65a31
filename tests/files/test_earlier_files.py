"""What earlier versions wrote is read, or refused as too old: files of two revisions lie here."""

import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from commands import call
from lowland.errors import FileFormatError, UnsupportedError
from lowland.files.certificates import read_certificate

EARLIER = Path(__file__).parent / "earlier"
FIRST, SECOND = "c21dcb6", "9f58a67"
# the table of each model, by revision
MODELS = {
    FIRST: {"map": "table", "variational": "table", "map32": "skewed", "mixed": "mixed"},
    SECOND: {
        **dict.fromkeys(("map", "variational", "gibbs", "gaussian"), "table"),
        **dict.fromkeys(("map32", "variational32", "gaussian32", "powers"), "skewed"),
        **dict.fromkeys(("mixed", "words"), "mixed"),
    },
}
EVERY_MODEL = [(revision, name) for revision, names in MODELS.items() for name in names]
PENALISED = [(revision, name) for revision, name in EVERY_MODEL if name in ("map", "map32", "mixed")]
CURVATURES = ("stationary", "second_order_stationary", "strict_local_minimum")
OF_WORDS = [(FIRST, "mixed"), (SECOND, "mixed"), (SECOND, "words")]
# of models that hold their data, a cell to be updated
UPDATED = {
    "map": (3, "b"),
    "variational": (3, "b"),
    "gibbs": (3, "b"),
    "gaussian": (3, "b"),
    "powers": ("r03", "b"),
    "mixed": ("r03", "rate"),
}


@cache
def _arrays(name):
    return dict(np.load(EARLIER / f"{name}.npz"))


@cache
def _frame(table):
    """The table as a data frame; as an array where its rows have no names."""
    frame = pd.read_csv(EARLIER / f"{table}.csv", index_col=None if table == "table" else 0)
    return frame.to_numpy() if table == "table" else frame


def _measured(name):
    arrays = _arrays("measured")
    return ll.Dense(arrays["A"].astype(float)), arrays[name]


def _network(points=None):
    arrays = _arrays("network")
    return arrays["inputs"][:points], arrays["targets"][:points]


def _signal():
    return _arrays("network")["x"], _arrays("network")["y"]


# the data of each document of the second revision, and the verdicts of today's rule on what it decided to
# working precision: as they are written where all rounding can be bounded
DOCUMENTS = {
    "map": (lambda: EARLIER / "table.csv", {}),
    "variational": (lambda: EARLIER / "table.csv", {"convex_optimal": "refuted"}),
    "gaussian": (lambda: pd.read_csv(EARLIER / "table.csv"), {"convex_optimal": "refuted"}),
    "powers": (lambda: EARLIER / "skewed.csv", {"convex_optimal": "refuted"}),
    "mixed": (lambda: EARLIER / "mixed.csv", dict.fromkeys(CURVATURES, "refuted")),
    "measured": (lambda: _measured("y"), dict.fromkeys(("globally_optimal", "convex_optimal"), "proved")),
    "noisy": (lambda: _measured("noisy"), {"convex_optimal": "refuted"}),
    "tucker": (lambda: EARLIER / "cube.npy", {}),
    "tucker1": (lambda: np.load(EARLIER / "cube.npy"), {}),
    "cp": (lambda: EARLIER / "cube.npy", {}),
    "cp2": (lambda: np.load(EARLIER / "cube.npy"), {"unique_decomposition": "supported"}),
    "region": (lambda: _network(3), {}),
    "region_open": (_network, {}),
    "stable": (_signal, {"stable_at_step_size": "supported"}),
    "unstable": (_signal, {"stable_at_step_size": "refuted"}),
}
# the best networks of regions are not derived again
NEVER_DERIVED = {"region_open": ["no_bad_minimum_in_region"]}
SINGLE = ("map32", "variational32", "gaussian32", "measured32")


# ------------------------------------------------------------------------------------------- models


def test_every_file_is_read_somewhere():
    of_second = {*MODELS[SECOND], "resumed"}
    assert {path.stem for path in (EARLIER / FIRST).glob("*.npz")} == set(MODELS[FIRST])
    assert {path.stem for path in (EARLIER / SECOND).glob("*.npz")} == of_second
    documents = {path.stem for path in (EARLIER / SECOND).glob("*.json")} - {"expected"}
    assert documents == {*DOCUMENTS, *SINGLE}


@pytest.mark.parametrize(("revision", "name"), EVERY_MODEL)
def test_models_predict_what_they_predicted(revision, name):
    model = ll.MatrixCompletion.load(EARLIER / revision / f"{name}.npz")
    expected = json.loads((EARLIER / revision / "expected.json").read_text())[name]
    np.testing.assert_allclose(model.predict_table(), expected, rtol=1e-6, atol=1e-6)
    assert model.dtype == ("float32" if name.endswith("32") else "float64")


@pytest.mark.parametrize("method", ["map", "variational", "gibbs", "gaussian"])
def test_models_are_fitted_again(method):
    model = ll.MatrixCompletion.load(EARLIER / SECOND / f"{method}.npz")
    assert model.method == method
    if method in ("variational", "gibbs"):
        assert model.max_iter == {"variational": 30, "gibbs": 20}[method]
    assert model.fit(ll.read_table(EARLIER / "table.csv")).predict_table().shape == (14, 6)


@pytest.mark.parametrize(("revision", "name"), [one for one in EVERY_MODEL if one not in OF_WORDS])
def test_models_know_the_table_that_they_were_fitted_to(revision, name):
    """A table that is not recognised is folded in, and other numbers come out."""
    model = ll.MatrixCompletion.load(EARLIER / revision / f"{name}.npz")
    table = ll.read_table(EARLIER / f"{MODELS[revision][name]}.csv")
    holes = np.isnan(table.to_array())
    expected = np.array(json.loads((EARLIER / revision / "expected.json").read_text())[name])
    filled = np.asarray(model.fill(table))
    np.testing.assert_allclose(filled[holes], expected[holes], rtol=1e-6, atol=1e-6)
    folded = np.asarray(model.fill(replace(table, values=table.values + 1e-4)))
    assert not np.allclose(folded[holes], expected[holes], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", sorted(UPDATED))
def test_models_with_data_are_updated(name):
    model = ll.MatrixCompletion.load(EARLIER / SECOND / f"{name}.npz")
    row, column = UPDATED[name]
    before = model.predict_table()[3, 1]
    after = model.update([row], [column], [before + 1.0]).predict_table()[3, 1]
    assert before < after < before + 1.5


def test_models_without_data_say_so():
    for name in MODELS[FIRST]:
        model = ll.MatrixCompletion.load(EARLIER / FIRST / f"{name}.npz")
        with pytest.raises(UnsupportedError, match="the fitted data are needed for an update"):
            model.update([0], [0], [1.0])


@pytest.mark.covering
@pytest.mark.parametrize(("revision", "name"), PENALISED)
def test_models_are_certified_on_their_table(revision, name, tmp_path):
    table = f"{MODELS[revision][name]}.csv"
    shutil.copy(EARLIER / table, tmp_path)
    shutil.copy(EARLIER / revision / f"{name}.npz", tmp_path / "m.npz")
    certify = ("certify", "m.npz", table, "--output", "proof.json", "--effort", "quick")
    done = call(*certify, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "note" not in done.stderr
    checked = call("certify", "proof.json", table, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    known = {"table": "-1.19900", "skewed": "2.6363", "mixed": "7.983"}[MODELS[revision][name]]
    text = (tmp_path / table).read_text()
    assert text.count(known) == 1
    (tmp_path / table).write_text(text.replace(known, "1.5"))
    other = call(*certify, cwd=tmp_path)
    assert "note: the table differs from the one that the model was fitted to" in other.stderr


# ------------------------------------------------------------------------------------------- certificates


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_confirmed_by_todays_rule(name):
    data, ruled = DOCUMENTS[name]
    written = {
        finding["claim"]: finding["verdict"]
        for finding in json.loads((EARLIER / SECOND / f"{name}.json").read_text())["findings"]
    }
    checked = ll.verify(EARLIER / SECOND / f"{name}.json", data())
    assert [check.claim for check in checked] == list(written)
    for check in checked:
        assert check.verdict == ruled.get(check.claim, written[check.claim])
        said = f"the certificate says {written[check.claim]} by the rule of an earlier version"
        assert (said in check.words) == (check.claim in ruled)
        derived = check.claim not in NEVER_DERIVED.get(name, ())
        assert check.outcome is (ll.Outcome.CONFIRMED if derived else ll.Outcome.NOT_CHECKED), check


@pytest.mark.parametrize("name", SINGLE)
def test_documents_of_fits_in_single_precision_are_too_old(name):
    with pytest.raises(FileFormatError, match="older lowland, which bounded rounding in the fit") as told:
        read_certificate(EARLIER / SECOND / f"{name}.json")
    assert "certify the model again" in str(told.value)


def test_certificates_without_their_points_are_read_by_todays_rule():
    """Those of both revisions: of the first within a document, of the second within a model."""
    first = json.loads((EARLIER / FIRST / "map.json").read_text())["certificate"]
    with np.load(EARLIER / SECOND / "variational.npz") as arrays:
        second = json.loads(json.loads(arrays["header"].tobytes())["certificate"])
    for plain, claims in ((first, CURVATURES), (second, ("convex_optimal",))):
        read = ll.Certificate.from_json(json.dumps(plain))
        verdicts = {finding["claim"]: finding["verdict"] for finding in plain["findings"]}
        assert {claim: verdicts[claim] for claim in claims} == dict.fromkeys(claims, "refuted")
        expected = verdicts | dict.fromkeys(claims, "inconclusive")
        assert {finding.claim: finding.verdict.value for finding in read} == expected


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_with_the_data_changed_are_about_other_data(name):
    data = DOCUMENTS[name][0]()
    if isinstance(data, Path):
        data = np.load(data) if data.suffix == ".npy" else _frame(data.stem)
    if name == "mixed":
        data = data.assign(size=data["size"] + 1.0)
    elif isinstance(data, tuple):
        data = (data[0], np.asarray(data[1]) + 1.0)
    else:
        data = data + 1.0
    with pytest.raises(ll.errors.InvalidInputError, match="about other data"):
        ll.verify(EARLIER / SECOND / f"{name}.json", data)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_fingerprints_of_versions_to_come_are_told_from_other_data(name, tmp_path):
    plain = json.loads((EARLIER / SECOND / f"{name}.json").read_text())
    (tmp_path / "proof.json").write_text(json.dumps(plain | {"data": "99:" + plain["data"]}))
    with pytest.raises(ll.errors.InvalidInputError, match="fingerprint of the data is of another version"):
        ll.verify(tmp_path / "proof.json", DOCUMENTS[name][0]())


def test_documents_of_the_first_revision_are_too_old():
    with pytest.raises(FileFormatError, match="older lowland, whose certificates hold too little") as told:
        read_certificate(EARLIER / FIRST / "map.json")
    assert "certify the model again" in str(told.value)
    done = call("certify", FIRST + "/map.json", "table.csv", cwd=EARLIER)
    assert done.returncode != 0
    assert "older lowland" in done.stderr


# ------------------------------------------------------------------------------------------- interrupted fits


def test_an_interrupted_fit_is_resumed(tmp_path):
    shutil.copy(EARLIER / "table.csv", tmp_path)
    for name in ("resumed.npz", "resumed.npz.checkpoint"):
        shutil.copy(EARLIER / SECOND / name, tmp_path)
    before = ll.MatrixCompletion.load(tmp_path / "resumed.npz")._completed.model.row_draws
    settings = ("--method", "gibbs", "--draws", 4, "--rank", 2, "--max-iter", 20, "--seed", 3)
    plain = ("--refine", "no", "--powers", "no", "--no-certify", "--force", "--quiet", "--resume")
    done = call("complete", "table.csv", "--model", "resumed.npz", *settings, *plain, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = ll.MatrixCompletion.load(tmp_path / "resumed.npz")._completed.model.row_draws
    assert (len(before), len(after)) == (3, 4)
    np.testing.assert_array_equal(after[:3], before)


def test_an_interrupted_fit_of_stored_cells_is_resumed(tmp_path):
    shutil.copy(EARLIER / "long.parquet", tmp_path)
    shutil.copy(EARLIER / SECOND / "stored.npz.checkpoint", tmp_path)
    settings = ("--method", "gibbs", "--draws", 2, "--rank", 1, "--max-iter", 20, "--no-certify", "--quiet")
    names = ("--row", "row", "--column", "column", "--value", "value", "--spill", "cells")
    fit = ("complete", "long.parquet", "--model", "stored.npz", *settings, *names, "--resume")
    done = call(*fit, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(ll.MatrixCompletion.load(tmp_path / "stored.npz")._completed.model.row_draws) == 2
    # and not with other cells
    shutil.copy(EARLIER / SECOND / "stored.npz.checkpoint", tmp_path)
    cells = pd.read_parquet(EARLIER / "long.parquet").assign(value=lambda frame: frame["value"] + 1)
    cells.to_parquet(tmp_path / "long.parquet")
    shutil.rmtree(tmp_path / "cells")
    done = call(*fit, "--force", cwd=tmp_path)
    assert done.returncode != 0
    assert "belongs to another fit" in done.stderr
    assert "data was" in done.stderr


def test_an_interrupted_fit_of_the_first_revision_is_too_old(tmp_path):
    shutil.copy(EARLIER / "table.csv", tmp_path)
    shutil.copy(EARLIER / FIRST / "variational.npz.checkpoint", tmp_path / "m.npz.checkpoint")
    fit = ("complete", "table.csv", "--model", "m.npz", "--method", "variational", "--rank", 2, "--quiet")
    done = call(*fit, "--max-iter", 500, "--resume", cwd=tmp_path)
    assert done.returncode != 0
    assert "is of another version of lowland" in done.stderr
    assert "fit again" in done.stderr


# ------------------------------------------------------------------------------------------- stored tables


def test_stored_tables_are_opened(tmp_path):
    shutil.copytree(EARLIER / SECOND / "stored_table", tmp_path / "cells")
    stored = ll.StoredObservations.open(tmp_path / "cells")
    known = pd.read_parquet(EARLIER / "long.parquet")
    assert stored.cells.size == len(known)
    fit = {"rank": 1, "method": "variational", "refine": False, "powers": False, "random_state": 0}
    on_disk = ll.MatrixCompletion(**fit).fit(stored).predict_table()
    in_memory = ll.Observations.from_frame(known, row="row", column="column", value="value")
    np.testing.assert_allclose(on_disk, ll.MatrixCompletion(**fit).fit(in_memory).predict_table(), atol=0.05)
