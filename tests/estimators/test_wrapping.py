"""Names of columns that do not tell them apart are refused in words."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.filled import decode
from lowland.estimators.frames.kinds import encode, read_kinds
from lowland.estimators.frames.wrapping import wrap_frame

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

LIGHT = {"rank": 1, "method": "variational", "refine": False, "powers": False, "pattern": False}
LIGHT |= {"certify": False, "random_state": 0, "max_iter": 5}
ROWS = np.where(np.eye(12, 4) > 0, np.nan, np.add.outer(np.arange(12.0), np.arange(4.0) ** 2))
NAMED = pd.DataFrame(ROWS, columns=list("abcd"))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a", None, "b", "c"], r"has no name(.|\n)*column 2"),
        ([0.5, 1.5, 2.5, np.nan], r"has no name(.|\n)*column 4"),
        (pd.DatetimeIndex(["2024-01-01", None, "2024-01-03", "2024-01-04"]), r"has no name(.|\n)*column 2"),
        (["a", 0, "b", "c"], r"several kinds(.|\n)*'a' \(text\), 0 \(a number\)(.|\n)*astype\(str\)"),
        ([True, 2, 3, 4], "several kinds"),
        (["a", "a", "b", "c"], r"the same name\n  found: 'a' 2 times"),
    ],
)
def test_frames_with_such_names_are_refused(names, words):
    frame = pd.DataFrame(ROWS, columns=names)
    with pytest.raises(InvalidInputError, match=words):
        ll.MatrixCompletion(**LIGHT).fit(frame)
    model = ll.MatrixCompletion(**LIGHT).fit(NAMED)
    for act in (model.transform, model.fill):
        with pytest.raises(InvalidInputError, match=words):
            act(frame)


PAIRS = [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
NAMES = {
    "numbers": range(4),
    "floats": [0.5, 1, 2, 3],
    "levels": pd.MultiIndex.from_tuples(PAIRS, names=["top", "sub"]),
    "categories": pd.CategoricalIndex(list("abcd"), name="q"),
    "days": pd.date_range("2024", periods=4, name="day"),
    "named": pd.Index(list("abcd"), name="variable"),
    "a blank one": ["", "b", "c", "d"],
}


@pytest.fixture(scope="module")
def unnamed():
    """A model that was fitted to the same cells without names."""
    return ll.MatrixCompletion(**LIGHT).fit(ROWS)


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_other_names_come_back(names, unnamed):
    frame = pd.DataFrame(ROWS, columns=names)
    assert read_kinds(frame).untouched == {}
    filled = decode(encode(frame, {}), unnamed.transform(ROWS), {})
    pd.testing.assert_index_equal(filled.columns, frame.columns, exact=True)
    np.testing.assert_array_equal(filled, unnamed.fill(ROWS))


@pytest.mark.filterwarnings("ignore:columns that hold neither")
@pytest.mark.parametrize("cells", [["x", "y", "x", None] * 3, pd.date_range("2024", periods=12)], ids=type)
def test_words_or_dates_under_names_of_levels(cells):
    frame = pd.DataFrame(ROWS, columns=NAMES["levels"])
    frame["c", 1] = pd.Series(cells)
    filled = ll.MatrixCompletion(**LIGHT).fit(frame).fill(frame, means=False)
    pd.testing.assert_index_equal(filled.columns, frame.columns, exact=True)
    assert not filled.isna().any().any()
    assert set(filled["c", 1]) == set(frame["c", 1].dropna())


INDEXES = {
    "repeated": ["r"] * 12,
    "days": pd.date_range("2024", periods=12, tz="Europe/Berlin", name="day"),
    "levels": pd.MultiIndex.from_product([["x", "y"], range(6)], names=["g", "k"]),
    "categories": pd.CategoricalIndex([f"r{k}" for k in range(12)]),
    "with a gap": [None, *(f"r{k}" for k in range(11))],
    "of several kinds": ["a", 1] * 6,
    "as a column": pd.Index(range(5, 17), name="a"),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_rows_keep_their_names_and_the_frame_is_not_changed(index, unnamed):
    frame = NAMED.set_axis(index).assign(when=pd.Timestamp("2024-01-01"))
    frame.attrs = {"unit": "m"}
    before = frame.copy()
    filled = decode(frame, unnamed.transform(ROWS), {}, ["when"])
    pd.testing.assert_index_equal(filled.index, frame.index, exact=True)
    assert filled.attrs == frame.attrs
    np.testing.assert_array_equal(filled[list("abcd")], unnamed.fill(ROWS))
    filled.iloc[0, 1] = -99.0
    filled.iloc[0, 4] = pd.Timestamp("1999-01-01")
    pd.testing.assert_frame_equal(frame, before)


def test_of_names_that_are_no_text_some_may_be_left_out():
    frame = pd.DataFrame(ROWS)
    with pytest.warns(UserWarning, match=r"0.* \(as asked\)"):
        model = ll.MatrixCompletion(**LIGHT, as_is=[0]).fit(frame)
    filled = model.fill(frame, means=False)
    assert filled.isna().sum().tolist() == [1, 0, 0, 0]
    with pytest.raises(InvalidInputError, match=r"as_data names a column that the data frame(.|\n)*9"):
        ll.MatrixCompletion(**LIGHT, as_data=[9]).fit(frame)


def test_frames_of_all_libraries_are_wrapped():
    for frame in (NAMED, pl.DataFrame(NAMED), pa.table(NAMED)):
        assert wrap_frame(frame).columns == list("abcd")
    assert wrap_frame(ROWS) is None
