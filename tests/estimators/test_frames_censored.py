"""Text such as "<0.05" in columns of numbers of data frames: fitted beyond its bound, kept, drawn."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.censored import sides_of
from lowland.estimators.frames.kinds import read_kinds
from lowland.files.tables import load_table

pytestmark = pytest.mark.usefixtures("light_fits_throughout")
FAST = {"random_state": 0, "certify": False, "refine": False, "powers": False, "max_iter": 30}


@pytest.fixture(scope="module")
def text():
    """Concentrations in three wells: those below .8 in the first, and above 4 in the third, are bounds."""
    rng = np.random.default_rng(1)
    full = np.exp(rng.standard_normal((40, 1)) + 0.4 * rng.standard_normal((40, 3)))
    cells = np.array([[f"{x:.3f}" for x in row] for row in full], object)
    cells[full[:, 0] < 0.8, 0], cells[full[:, 2] > 4, 2] = "<0.8", "> 4"
    cells[rng.random(full.shape) < 0.15] = ""
    return pd.DataFrame(cells, columns=["a", "b", "c"])


def frames_of(text):
    """Return the table as text, as objects of which bounds alone are text, and in Polars."""
    values = text.map(lambda x: x if x[:1] in "<>" and x else float(x or "nan"))
    return {
        "text": text.replace("", None),
        "values": values,
        "polars": pl.from_pandas(text.replace("", None)),
    }


@pytest.mark.parametrize("kind", ["text", "values", "polars"])
def test_bounds_stay_in_filled_frames_and_are_drawn_in_completions(text, kind, tmp_path):
    frame = frames_of(text)[kind]
    with pytest.warns(
        UserWarning, match=r"cells of 'a', 'c' are bounds of numbers, fitted as what lies beyond"
    ):
        model = ll.MatrixCompletion(**FAST).fit(frame)
    text.to_csv(tmp_path / "t.csv", index=False)
    read = load_table(tmp_path / "t.csv").observations
    np.testing.assert_array_equal(model._completed.table.observations.censored, read.censored)
    filled = model.fill(frame)
    assert type(filled) is type(frame)
    before, after = (np.array(one.to_numpy(), object) for one in (frame, filled))
    known = text.to_numpy() != ""
    assert (before[known] == after[known]).all()
    assert all(np.isfinite(float(x)) for x in after[~known])
    numbers = np.array([one.to_numpy() for one in model.completions(3, random_state=0)], float)
    assert (numbers[:, :, 0][:, text["a"] == "<0.8"] < 0.8).all()
    assert (numbers[:, :, 2][:, text["c"] == "> 4"] > 4).all()
    exact = known & ~text.isin(["<0.8", "> 4"]).to_numpy()
    assert (numbers[:, exact] == text.to_numpy()[exact].astype(float)).all()


def test_bounds_are_values_or_left_out_if_that_is_said(text):
    frame = frames_of(text)["text"]
    censored = int(text.isin(["<0.8", "> 4"]).to_numpy().sum())
    sizes = {}
    for how, words in (("bound", "taken for values"), ("missing", "left out of the fit")):
        with pytest.warns(UserWarning, match=words):
            model = ll.MatrixCompletion(**FAST, censored=how).fit(frame)
        assert (model.fill(frame)["a"][text["a"] == "<0.8"] == "<0.8").all()
        seen = model._completed.table.observations
        assert seen.censored is None
        sizes[how] = seen.size
    assert sizes["bound"] - sizes["missing"] == censored
    with pytest.warns(UserWarning, match="taken for values"):
        model = ll.MatrixCompletion(random_state=0, certify=False, rank=1, penalty=1.0).fit(frame)
    assert (model.fill(frame)["a"][text["a"] == "<0.8"] == "<0.8").all()
    with pytest.raises(InvalidInputError, match="censored"):
        ll.MatrixCompletion(censored="error").fit(frame)


def test_scores_compare_no_bounds(text):
    frame = frames_of(text)["text"]
    with pytest.warns(UserWarning, match="bounds of numbers"):
        model = ll.MatrixCompletion(**FAST).fit(frame)
    some = frame[:12]
    worse = some.replace({"<0.8": "<99"})
    assert np.isfinite(model.score(some))
    assert np.isfinite(model.score(worse))


@pytest.mark.parametrize(
    ("cells", "sides"),
    [
        (["<0.05", "0.5", 0.7, 3], [-1, 0, 0, 0]),
        (["<0.05", ">200", "3", "NA", "7"], [-1, 1, 0, 0, 0]),
        (["<5 mg", "6 mg", "7.5 mg", "9 mg"], [-1, 0, 0, 0]),
        (["<=50K", ">50K"], None),
        (["<18", "18-25", ">25"], None),
        (["<5", "5", "<5"], None),
        (["0.5", "0.7"], None),
    ],
)
def test_which_columns_hold_bounds(cells, sides):
    frame = pd.DataFrame({"a": np.array(cells * 5, object), "b": np.arange(5.0 * len(cells))})
    kinds = read_kinds(frame)
    found = sides_of(frame, kinds.written, kinds.untouched)
    assert (found is None) == (sides is None)
    if sides is not None:
        np.testing.assert_array_equal(found[: len(cells), 0], sides)
