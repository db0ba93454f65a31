"""Data frames as people have them: other columns, numbers held as objects, lists of cells, lazy frames."""

import datetime
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

SIZE = 40
# one way to fit, without forests: other tests are about the choice among several
PLAIN = {"method": "variational", "refine": False, "powers": False, "pattern": False}
PLAIN |= {"certify": False, "max_iter": 20, "random_state": 0}


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(SIZE, 2)) @ rng.normal(size=(2, 5))
    base[rng.random(base.shape) < 0.1] = np.nan
    day = datetime.datetime(2020, 1, 1)
    return {
        "id": [f"p{k:03d}" for k in range(SIZE)],
        "when": [day + datetime.timedelta(days=k) for k in range(SIZE)],
        "code": [f"0{k}" for k in range(SIZE)],
        **dict(zip("abcde", base.T.tolist(), strict=True)),
        "sex": ["f" if x > 0 else "m" for x in np.nan_to_num(base[:, 0])],
        "text": [None if k % 7 == 0 else f"{x:.3f}" for k, x in enumerate(np.nan_to_num(base[:, 1]))],
        "colour": ["red", "green", "blue", "pink"] * (SIZE // 4),
    }


@pytest.fixture(scope="module", params=[pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def filled(request, columns):
    """Return a frame, the model fitted to it, and the filled frame."""
    frame = request.param(columns)
    with pytest.warns(UserWarning, match="take no part in the fit: 'id' .labels of the rows.*'when' .dates"):
        model = ll.MatrixCompletion(rank=2, **PLAIN).fit(frame)
    return frame, model, model.fill(frame)


def test_columns_without_a_part_stay_as_they_are(filled):
    frame, model, out = filled
    assert model.untouched_ == ("id", "when", "code")
    assert model.levels_["colour"] == ("blue", "green", "pink", "red")
    assert model.feature_names_in_.tolist() == [*"abcde", "sex", "text", "colour"]
    assert list(out.columns) == list(frame.columns)
    for name in model.untouched_:
        assert list(out[name]) == list(frame[name])
    assert model.transform(frame).shape == (SIZE, 8)
    assert not np.isnan(model.transform(frame)).any()


def test_objects_and_text_that_hold_numbers_are_numbers(filled, columns):
    _, model, out = filled
    known = [k for k, x in enumerate(columns["text"]) if x is not None]
    text = np.asarray(out["text"], float)
    np.testing.assert_allclose(text[known], [float(columns["text"][k]) for k in known])
    assert not np.isnan(text).any()
    rows = pd.DataFrame({**{c: [0.5] for c in "abcde"}, "sex": ["f"], "text": ["much"]})
    with pytest.raises(InvalidInputError, match=r"'text' held numbers in the fit(.|\n)*'much'"):
        model.transform(rows)


def test_the_same_numbers_held_in_another_way_give_the_same_fit(columns):
    plain = pd.DataFrame({name: columns[name] for name in "abcde"})
    held = plain.astype(object).map(lambda x: None if np.isnan(x) else Decimal(repr(x)))
    fits = [ll.MatrixCompletion(rank=2, **PLAIN).fit(x) for x in (plain, held)]
    np.testing.assert_array_equal(fits[0].predict_table(), fits[1].predict_table())


def test_a_saved_model_knows_which_columns_take_no_part(filled, tmp_path):
    frame, model, out = filled
    model.save(tmp_path / "m.npz")
    again = ll.MatrixCompletion.load(tmp_path / "m.npz")
    assert again.untouched_ == model.untouched_
    assert again.fill(frame).equals(out)


@pytest.fixture(scope="module")
def filled_numbers(columns):
    frame = pl.DataFrame({name: columns[name] for name in "abcde"})
    return frame, ll.MatrixCompletion(rank=1, **PLAIN).fit_transform(frame)


@pytest.mark.parametrize("kind", ["lazy", "relation", "stream"])
def test_lazy_frames_relations_and_streams(filled_numbers, kind):
    frame, expected = filled_numbers
    if kind == "lazy":
        source = frame.lazy()
    elif kind == "stream":

        class Stream:  # all that the protocol asks for
            def __arrow_c_stream__(self, requested_schema=None):
                return frame.to_arrow().__arrow_c_stream__(requested_schema)

        source = Stream()
    else:
        duckdb = pytest.importorskip("duckdb")
        source = duckdb.sql("select * from frame")
    model = ll.MatrixCompletion(rank=1, **PLAIN)
    np.testing.assert_array_equal(model.fit_transform(source), expected)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, lambda x: pl.DataFrame(x).to_arrow()])
def test_a_list_of_cells(make):
    day = datetime.date
    sold = make(
        {
            "item": ["fig", "plum", "fig", "plum"],
            "when": [day(2020, 1, 5), day(2020, 1, 5), day(2019, 11, 2), day(2019, 11, 2)],
            "amount": [3.5, None, 2.0, 1.0],
        }
    )
    seen = ll.Observations.from_frame(sold, row="item", column="when", value="amount")
    assert seen.row_labels.tolist() == ["fig", "plum"]
    assert seen.column_labels.tolist() == ["2019-11-02", "2020-01-05"]  # the order of labels is that of time
    np.testing.assert_array_equal(seen.to_array(), [[2.0, 3.5], [1.0, np.nan]])
    read = ll.read_table(sold, row="item", column="when", value="amount")
    assert read.fingerprint() == seen.fingerprint()
    with pytest.raises(InvalidInputError, match="no column 'price'"):
        ll.Observations.from_frame(sold, row="item", column="when", value="price")
    with pytest.raises(InvalidInputError, match="must hold numbers"):
        ll.Observations.from_frame(sold, row="when", column="when", value="item")


def test_a_list_of_cells_is_not_fitted_as_a_table():
    ratings = pd.DataFrame(
        {"userId": [1, 1, 2], "movieId": [3, 4, 3], "rating": [1.0, 2.0, 3.0], "timestamp": 5}
    )
    with pytest.raises(
        InvalidInputError, match=r"from_frame.frame, row='userId', column='movieId', value='rating'"
    ):
        ll.MatrixCompletion().fit(ratings)
    words = pd.DataFrame({"a": ["x", "x", "y"], "b": ["u", "v", "u"], "c": [1.0, 2.0, 3.0]})
    with pytest.raises(InvalidInputError, match="looks like a list of cells"):
        ll.MatrixCompletion().fit(words)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = ll.MatrixCompletion(rank=1, certify=False, random_state=0)
        model.fit(ratings.rename(columns={"userId": "age", "movieId": "height"}))


def test_a_frame_without_numbers():
    frame = pd.DataFrame({"name": ["a", "b", "c"], "note": ["u", "v", "w"]})
    with pytest.raises(InvalidInputError, match="no column of the data frame holds numbers or levels"):
        ll.MatrixCompletion().fit(frame)


def test_frames_whose_names_are_no_text_and_numbers_that_are_long():
    table = ll.read_table(pd.DataFrame(np.array([[1.5, np.nan], [3.0, 4.0]])))
    assert table.column_labels.tolist() == ["0", "1"]
    labelled = pd.DataFrame({"a": [1.5, 2.0], "b": [np.nan, 1.0]}, index=["x", "y"])
    assert ll.read_table(labelled).row_labels.tolist() == ["x", "y"]
    ids = pd.DataFrame(
        {"user": np.array([2**63 + 1, 2**63 + 2], np.uint64), "item": ["p", "q"], "rating": [1.0, 2.0]}
    )
    assert ll.read_table(ids).row_labels.tolist() == [str(2**63 + 1), str(2**63 + 2)]


def test_blanks_are_no_levels_and_marks_are():
    frame = pd.DataFrame({"x": ["yes", "-", "no", ""] * 5, "y": np.arange(20.0), "z": np.arange(20.0) % 7})
    with pytest.warns(UserWarning, match=r"may mean missing are levels .*'x' holds '-' \(5 cells\)"):
        model = ll.MatrixCompletion(**PLAIN).fit(frame)
    assert model.levels_ == {"x": ("-", "no", "yes")}
    filled = model.fill(frame)["x"]
    assert set(filled) == {"-", "yes", "no"}
    assert (filled == frame["x"])[frame["x"] != ""].all()


@pytest.mark.parametrize(
    ("rows", "columns", "fix"),
    [([("A", 2003)], [2000], "an index of one level"), ([0], [2003], r"frame\.columns\.astype\(str\)")],
    ids=["index of two levels", "years as numbers"],
)
def test_cells_asked_for_by_what_is_no_label_say_what_is_one(rows, columns, fix):
    index = pd.MultiIndex.from_product([["A", "B"], [2003, 2004]])
    frame = pd.DataFrame(
        np.add.outer(np.arange(4.0), [0.0, 1.0, 3.0]), index=index, columns=[2000, 2001, 2003]
    )
    model = ll.MatrixCompletion(rank=1, method="map", penalty=0.1, certify=False, random_state=0).fit(frame)
    with pytest.raises(InvalidInputError, match=fix):
        model.predict_cells(rows, columns)
