"""What cells of data frames hold: numbers as they are written, categories, and what is neither."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.filled import decode
from lowland.estimators.frames.held import find_written
from lowland.estimators.frames.kinds import encode, read_kinds

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

NARROW, NAN = "\u202f", float("nan")


@pytest.mark.parametrize(
    ("cells", "numbers", "fill"),
    [
        (["1,5", "2,25"], [1.5, 2.25], "9,0"),
        (["1.234,5", "2,0"], [1234.5, 2.0], "9,0"),
        ([f"1{NARROW}234,5", "2,0"], [1234.5, 2.0], "9,0"),
        (["1,234,567", "2,000"], [1234567, 2000], "9"),
        (["12 kg", "13.5 kg"], [12, 13.5], "9 kg"),
        (["EUR 12", "EUR 13"], [12, 13], "EUR 9"),
        (["4 %", "+3 %"], [4, 3], "9 %"),
        (["$ 4.5", "$ 3"], [4.5, 3], "$ 9"),
        (["4.5 %", "3"], [4.5, 3], "9"),
        (["1.9D+01", "2.5D+00"], [19, 2.5], "9.0D+00"),
        (["4.0", "22.06*", "5.1", "6.2"], [4, 22.06, 5.1, 6.2], "9.0"),
    ],
    ids=str,
)
def test_text_is_read_as_files_read_it_and_filled_in_its_manner(cells, numbers, fill):
    frame = pd.DataFrame({"y": [0.5, *numbers], "x": [None, *cells]})
    kinds = read_kinds(frame)
    assert kinds.untouched == {}
    np.testing.assert_array_equal(encode(frame, {}, (), kinds.written)["x"], [NAN, *numbers])
    filled = decode(frame, np.full((len(frame), 2), 9.0), {}, (), kinds.written)
    assert filled["x"].tolist() == [fill, *cells]


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (["1,234", "5,678"], "commas or points may be decimal marks"),
        (["10.0.0.1", "10.0.0.2"], "2 words without an order"),
        (["1.5", "about 2"], "numbers, and text such as 'about 2'"),
        (["007", "008"], "2 words without an order"),
        (["<0.05", "1.5"], "numbers, and text such as '<0.05'"),
    ],
    ids=str,
)
def test_text_that_is_no_number_or_not_plainly_one_stays(cells, what):
    kinds = read_kinds(pd.DataFrame({"y": [1.5, 2.0, 4.0], "x": [*cells, None]}))
    assert what in kinds.untouched["x"]
    assert kinds.written == {}


def test_words_of_which_some_are_numbers_are_levels():
    assert read_kinds(pd.DataFrame({"y": range(10), "x": ["1", "2+"] * 5})).levels == {"x": ("1", "2+")}


def test_the_rest_of_a_frame_tells_what_commas_mean():
    written, doubtful = find_written({"a": ["1,234"], "b": ["2,5"], "c": ["word"]})
    assert {name: one.decimal for name, one in written.items()} == {"a": ",", "b": ","}
    assert not doubtful
    assert find_written({"a": ["1,234"], "b": ["2.5"]}) == ({}, {"a"})
    apart, _ = find_written({"a": ["1,5"], "b": ["2.5", "12.25"], "c": ["12.345"]})
    assert {name: one.decimal for name, one in apart.items()} == {"a": ","}


@pytest.mark.parametrize(
    ("categories", "levels", "unused"),
    [
        (["2", "1"], ("1", "2"), "0"),
        ([10, 9], (9, 10), 11),
        ([0.5, 1.5], (0.5, 1.5), 1.0),
        (["-", "1"], ("-", "1"), "0"),
        ([True, False], (False, True), "never"),
        (["a", 1], (1, "a"), 0),
    ],
    ids=str,
)
@pytest.mark.parametrize("ordered", [False, True])
def test_categories_are_levels_whatever_they_hold(categories, levels, unused, ordered):
    held = [*categories, None] * 3
    kind = pd.CategoricalDtype([*categories, unused], ordered=ordered)
    frame = pd.DataFrame({"w": pd.Series(held, dtype=kind), "y": np.arange(9.0)})
    found = read_kinds(frame).levels["w"]
    assert found == (tuple(kind.categories) if ordered else levels)
    filled = decode(frame, np.zeros((9, 2)), {"w": found})["w"]
    assert filled.dtype == frame["w"].dtype
    assert filled.tolist() == [found[0] if cell is None else cell for cell in held]


DAY = datetime.date(2024, 2, 29)
OTHERS = {
    "arrays": [np.arange(2), np.arange(3)],
    "lists": [[1, NAN], [3]],
    "dicts": [{"a": NAN}, {"a": 1}],
    "bytes": [b"x", b"y"],
    "complex": [1j, 2.0],
    "times": [datetime.time(1), datetime.time(2)],
    "durations": [datetime.timedelta(1), datetime.timedelta(2)],
    "days": [DAY, DAY.replace(day=1)],
    "timedelta": pd.to_timedelta([1, 2], unit="s"),
    "intervals": pd.interval_range(0, 2),
    "categories of intervals": pd.cut([1.0, 2.0], 2),
    "categories of days": pd.Categorical([pd.Timestamp(DAY), pd.Timestamp("2024-01-01")]),
    "periods": pd.period_range("2024", periods=2, freq="M"),
    "moments": pd.date_range("2024", periods=2, tz="Europe/Berlin"),
    "arrow lists": pd.Series([[1.0, NAN], [2.0]], dtype=pd.ArrowDtype(pa.list_(pa.float64()))),
    "arrow structs": pd.Series([{"a": NAN}, {"a": 1.0}], dtype=pd.ArrowDtype(pa.struct({"a": pa.float64()}))),
    "uint64": np.array([2**63 + 1, 2**63 + 7], np.uint64),
    "int64": np.array([2**53 + 1, 2**53 + 7]),
    "digits": [10**25, 10**25 + 1],
    "polars lists": pl.Series([[1.0, NAN], [2.0]]),
    "polars structs": pl.Series([{"a": NAN}, {"a": 1.0}]),
    "polars objects": pl.Series([object(), object()], dtype=pl.Object),
    "polars durations": pl.Series([datetime.timedelta(1), datetime.timedelta(2)]),
    "polars uint64": pl.Series([2**63 + 1, 2**63 + 7], dtype=pl.UInt64),
    "arrow maps": pa.array([[("a", NAN)], [("a", 1.0)]], pa.map_(pa.string(), pa.float64())),
    "arrow uuids": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)] * 2, pa.binary(16))),
}


@pytest.mark.parametrize("cells", OTHERS.values(), ids=OTHERS)
def test_what_is_neither_number_nor_level_stays_as_it_is(cells):
    numbers = {"y": [1.5, None], "z": [2.5, 0.5]}
    if isinstance(cells, pl.Series):
        frame = pl.DataFrame({**numbers, "x": cells})
    elif isinstance(cells, pa.Array):
        frame = pa.table({**numbers, "x": cells})
    else:
        frame = pd.DataFrame({**numbers, "x": pd.Series(cells)})
    untouched = read_kinds(frame).untouched
    assert list(untouched) == ["x"]
    filled = decode(frame, np.full((2, 2), 4.0), {}, untouched)
    held, after = ([one["x"], one["y"]] for one in (frame, filled))
    if isinstance(frame, pa.Table):
        held, after = ([one.to_pylist() for one in some] for some in (held, after))
    assert list(after[1]) == [1.5, 4.0]
    assert getattr(after[0], "dtype", None) == getattr(held[0], "dtype", None)
    assert repr(list(after[0])) == repr(list(held[0]))


@pytest.mark.parametrize(
    "cell", ["much", [1], {"a": 1}, 1j, pd.Timestamp(DAY), pd.Interval(0, 1), np.arange(2)], ids=str
)
def test_a_column_of_numbers_or_words_that_holds_something_else_is_refused(cell):
    frame = pd.DataFrame({"a": pd.Series([cell, None], dtype=object)})
    with pytest.raises(InvalidInputError, match="'a' held numbers in the fit"):
        encode(frame, {})
    with pytest.raises(InvalidInputError, match="'a' has a level that the fit does not know"):
        encode(frame, {"a": ("x", "y")})


def test_a_column_of_numbers_that_became_categories_is_refused():
    with pytest.raises(InvalidInputError, match=r"'a' held numbers in the fit\n  found: 1, a category"):
        encode(pd.DataFrame({"a": pd.Categorical([1, 2])}), {})


def test_a_saved_model_reads_text_as_the_fit_did(tmp_path):
    a = np.arange(12.0)
    frame = pd.DataFrame({"a": a, "b": a**2, "x": [f"{k},5 kg" for k in range(12)]})
    frame.loc[3, "x"] = None
    light = {"refine": False, "powers": False, "pattern": False, "certify": False, "max_iter": 2}
    with pytest.warns(UserWarning, match="'x' .decimal commas, 'kg' left off"):
        model = ll.MatrixCompletion(rank=1, method="variational", random_state=0, **light).fit(frame)
    model.save(tmp_path / "m.npz")
    row = pd.DataFrame({"a": [1.0, None], "b": [2.0, 3.0], "x": ["1,234 kg", None]})  # by itself, either
    filled = ll.MatrixCompletion.load(tmp_path / "m.npz").fill(row, means=False)
    pd.testing.assert_frame_equal(filled, model.fill(row, means=False))
    assert model.transform(row)[0, 2] == 1.234
    assert filled["x"].str.fullmatch(r"-?\d+,\d+ kg").all()
