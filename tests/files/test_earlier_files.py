"""Models, checkpoints and certificates of an earlier version are read: those of revision 9f58a67 lie here."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import lowland as ll
from commands import call

EARLIER = Path(__file__).parent / "earlier"
METHODS = ("map", "variational", "gibbs", "gaussian")


@pytest.mark.parametrize("method", METHODS)
def test_models_predict_what_they_predicted(method):
    model = ll.MatrixCompletion.load(EARLIER / f"{method}.npz")
    expected = json.loads((EARLIER / "expected.json").read_text())[method]
    np.testing.assert_allclose(model.predict_table(), expected, rtol=1e-6)
    assert model.method == method
    if method in ("variational", "gibbs"):
        assert model.max_iter == {"variational": 30, "gibbs": 20}[method]
    assert model.fit(ll.read_table(EARLIER / "table.csv")).predict_table().shape == (14, 6)


@pytest.mark.parametrize(
    ("name", "refuted"), [("map", []), ("variational", ["convex_optimal"]), ("gaussian", ["convex_optimal"])]
)
def test_certificates_of_tables_are_confirmed(name, refuted):
    """What was refuted to working precision is not claimed by today's rule."""
    checked = ll.verify(EARLIER / f"{name}.json", ll.read_table(EARLIER / "table.csv"))
    assert [check.claim for check in checked if check.outcome is not ll.Outcome.CONFIRMED] == refuted
    for claim in refuted:
        assert checked[claim].outcome is ll.Outcome.NOT_CHECKED
        assert "says refuted, by the rule of an earlier version" in checked[claim].words


@pytest.mark.parametrize("name", ["tucker", "cp"])
def test_certificates_of_tensors_are_confirmed(name):
    assert ll.verify(EARLIER / f"{name}.json", np.load(EARLIER / "cube.npy")).is_confirmed


def test_an_interrupted_fit_is_resumed(tmp_path):
    for name in ("table.csv", "resumed.npz", "resumed.npz.checkpoint"):
        shutil.copy(EARLIER / name, tmp_path)
    before = ll.MatrixCompletion.load(tmp_path / "resumed.npz")._completed.model.row_draws
    settings = ("--method", "gibbs", "--draws", 4, "--rank", 2, "--max-iter", 20, "--seed", 3)
    plain = ("--refine", "no", "--powers", "no", "--no-certify", "--force", "--quiet", "--resume")
    done = call("complete", "table.csv", "--model", "resumed.npz", *settings, *plain, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = ll.MatrixCompletion.load(tmp_path / "resumed.npz")._completed.model.row_draws
    assert (len(before), len(after)) == (3, 4)
    np.testing.assert_array_equal(after[:3], before)
