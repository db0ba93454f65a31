"""Cells of data frames that hold something stay as they are, whatever words they hold."""

import warnings
from decimal import Decimal

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.counts import find_counts, find_signed
from lowland.estimators.frames.filled import check_frame_kept, decode
from lowland.estimators.frames.kinds import encode, read_kinds
from lowland.estimators.frames.wrapping import wrap_frame
from lowland.files.numerals import MISSING

pytestmark = pytest.mark.usefixtures("light_fits_throughout")
MARKS = [mark for mark in MISSING if mark]
KINDS = {
    "pandas text": lambda words: pd.DataFrame({"w": words}, dtype=object),
    "pandas category": lambda words: pd.DataFrame({"w": pd.Categorical(words)}),
    "polars text": lambda words: pl.DataFrame({"w": words}),
    "polars category": lambda words: pl.DataFrame({"w": pl.Series(words, dtype=pl.Categorical)}),
}


def _filled(frame):
    """Return a frame whose missing cells are filled by 0, without a fit, and what it holds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kinds = read_kinds(frame).with_words()
    numbers = np.asarray(encode(frame, kinds.levels, kinds.untouched), float)
    return list(decode(frame, np.nan_to_num(numbers), kinds.levels, kinds.untouched)["w"]), numbers


# every mark in one kind of frame, all kinds in turn
WORDS = [
    pytest.param(mark, make, id=f"{mark}-{kind}", marks=[pytest.mark.slow] * (place % len(KINDS) != number))
    for place, mark in enumerate(MARKS)
    for number, (kind, make) in enumerate(KINDS.items())
]


@pytest.mark.parametrize(("mark", "make"), WORDS)
def test_marks_of_missing_cells_among_words_are_words(make, mark):
    for other in ("+", "yes"):
        words = [mark, other, None, mark, ""] * 6
        found, numbers = _filled(make(words))
        first = min(mark, other)
        assert found == [first if word in (None, "") else word for word in words]
        assert np.isnan(numbers).sum() == 12


@pytest.mark.parametrize("make", [KINDS["pandas text"], KINDS["polars text"]], ids=["pandas", "polars"])
@pytest.mark.parametrize("mark", MARKS)
def test_marks_of_missing_cells_among_numbers_are_missing(make, mark):
    found, numbers = _filled(make([mark, "1.1", None, "0.1", ""] * 6))
    assert found == ["0.0", "1.1", "0.0", "0.1", "0.0"] * 6
    assert np.isnan(numbers).sum() == 18


def test_a_column_of_what_programs_write_for_missing_holds_nothing():
    frame = pd.DataFrame({"w": ["NA", None, "nan"] * 5, "x": range(15)})
    assert read_kinds(frame).untouched == {"w": "no known cell"}
    frame["w"] = ["-", None, "none"] * 5
    assert read_kinds(frame).levels == {"w": ("-", "none")}


def test_words_that_a_fit_does_not_know_are_refused_not_replaced():
    rng = np.random.default_rng(0)
    base = rng.standard_normal((30, 1)) * [1.0, 2.0]
    frame = pd.DataFrame(base, columns=["a", "b"]).assign(w=np.where(base[:, 0] > 0, "+", "-"))
    frame.loc[4, "a"] = np.nan
    light = {"refine": False, "powers": False, "certify": False, "max_iter": 20}
    declared = frame.assign(w=pd.Categorical(frame["w"], ordered=True))
    ll.MatrixCompletion(rank=1, random_state=0, **light).fit(declared)  # an order tells that they are words
    with pytest.warns(UserWarning, match="'w' holds '-'"):
        model = ll.MatrixCompletion(rank=1, random_state=0, **light).fit(frame)
    filled = model.fill(frame)
    assert (filled["w"] == frame["w"]).all()
    assert filled.drop(4).equals(frame.drop(4))
    with pytest.raises(InvalidInputError, match=r"a level that the fit does not know(.|\n)*'none'"):
        model.fill(frame.assign(w="none"))


def test_digits_that_a_double_does_not_hold_are_kept_or_refused():
    long = pd.array([2**60 + 1, None, 5] * 5, dtype="Int64")
    frame = pd.DataFrame({"x": long, "y": np.arange(15.0)})
    assert decode(frame, np.zeros((15, 2)), {})["x"].tolist() == [2**60 + 1, 0, 5] * 5
    with pytest.raises(InvalidInputError, match=r"column 'x', row 1: 1152921504606846977 would become"):
        decode(frame, np.zeros((15, 2)), {}, means=True)
    short = frame.assign(x=pd.array([2**50 + 1, None, 5] * 5, dtype="Int64"))
    assert decode(short, np.zeros((15, 2)), {}, means=True)["x"].tolist() == [2**50 + 1, 0, 5] * 5


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_whole_numbers_stay_whole(make):
    whole = {"n": [3, None, 5], "below": [-1, None, 2]}
    frame = make(whole) if make is pl.DataFrame else make(whole).astype("Int64")
    fills = np.array([[0, 0], [-0.41, -0.6], [0, 0]])
    filled = decode(frame, fills, {})
    assert filled["n"].dtype == frame["n"].dtype
    assert (list(filled["n"]), list(filled["below"])) == ([3, 0, 5], [-1, -1, 2])
    assert list(decode(frame, fills, {}, means=True)["n"]) == [3.0, -0.41, 5.0]


@pytest.mark.parametrize("kind", ["Int8", "UInt8", "uint8[pyarrow]", pl.Int8, pl.UInt8], ids=str)
def test_whole_kinds_are_filled_within_their_range_which_is_said(kind):
    make = pl.Series if isinstance(kind, type) else pd.Series
    library = pl if isinstance(kind, type) else pd
    frame = library.DataFrame({"n": make([1, None, 120], dtype=kind)})
    largest = 255 if "uint" in str(kind).lower() else 127
    with pytest.warns(UserWarning, match=f"'n' is filled within what .*int8 holds, .* to {largest}, .*300"):
        filled = decode(frame, np.array([[0.0], [300.2], [0.0]]), {})
    assert (list(filled["n"]), filled["n"].dtype) == ([1, largest, 120], frame["n"].dtype)
    assert list(decode(frame, np.array([[0.0], [-300.2], [0.0]]), {})["n"]) == [1, 0, 120]
    assert list(decode(frame, np.array([[0.0], [300.2], [0.0]]), {}, means=True)["n"]) == [1, 300.2, 120]
    below = frame.with_columns(n=-frame["n"].cast(pl.Int8)) if library is pl else -frame.astype("Int8")
    with pytest.warns(UserWarning, match="-128 to 127"):
        assert list(decode(below, np.array([[0.0], [-300.2], [0.0]]), {})["n"]) == [-1, -128, -120]


COUNTS = [3.0, None, *(float(k % 5) for k in range(9))]
OF_COUNTS = {
    "float64": lambda cells: pd.DataFrame({"n": cells}),
    "Float64": lambda cells: pd.DataFrame({"n": pd.array(cells, "Float64")}),
    "float32 of Polars": lambda cells: pl.DataFrame({"n": pl.Series(cells, dtype=pl.Float32)}),
    "text": lambda cells: pd.DataFrame({"n": [None if x is None else str(x) for x in cells]}, dtype=object),
    "decimals": lambda cells: pd.DataFrame({"n": [None if x is None else Decimal(x) for x in cells]}),
}


@pytest.mark.parametrize("make", OF_COUNTS.values(), ids=list(OF_COUNTS))
def test_floats_that_are_all_whole_are_counts(make):
    """Ten known cells tell it; nine, or one that is not whole, do not."""
    frame = make(COUNTS)
    fills = np.full((len(COUNTS), 1), -0.6)
    assert (counts := find_counts(frame, {}, {})) == ("n",)
    assert float(list(decode(frame, fills, {}, counts=counts)["n"])[1]) == 0
    assert float(list(decode(make([-1.0, *COUNTS[1:]]), fills, {}, counts=counts)["n"])[1]) == -1
    for other in (COUNTS[:-1], [3.5, *COUNTS[1:]], [2.0**60, *COUNTS[1:]]):
        assert find_counts(make(other), {}, {}) == ()
    assert find_counts(make(COUNTS[:5]), {}, {}, ["n"]) == ("n",)  # as the fit has found
    assert find_counts(make([0.5, None]), {}, {}, ["n"]) == ()
    assert find_counts(frame, {"n": ("0", "1")}, {}) == ()


def test_new_rows_are_filled_by_whole_numbers_where_the_fit_found_them_which_is_said(tmp_path):
    rng = np.random.default_rng(3)
    size = rng.random(30)
    frame = pd.DataFrame({"visits": np.round(20 * size), "price": (5 + size).round(2), "size": size})
    frame["frost"], frame["beds"] = np.round(30 * size - 40), np.round(90 * size).astype(int)
    frame.loc[::4, "visits"] = frame.loc[2::6, "price"] = np.nan
    light = {"rank": 1, "refine": False, "powers": False, "certify": False, "max_iter": 5}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the limit of steps
        model = ll.MatrixCompletion(**light, random_state=0).fit(frame)
    model.save(tmp_path / "m.npz")
    new = frame[:4]
    for one in (model, ll.MatrixCompletion.load(tmp_path / "m.npz")):
        with pytest.warns(UserWarning, match=r"whole numbers: 'visits'; pass means=True") as caught:
            filled = one.fill(new)
        assert caught[0].filename == __file__
        assert filled["visits"][0].is_integer()
        assert filled["price"][2] != round(filled["price"][2], 2)  # frames keep all digits
        assert one.fill(new, means=False).equals(filled)  # without a word
        assert not one.fill(new, means=True)["visits"][0].is_integer()
        alone = one.fill(frame[1:2].assign(frost=np.nan, beds=np.nan), means=False)  # as 2.0 beside a gap
        assert alone["frost"][1] < 0
        assert alone["beds"][1].is_integer()
        with pytest.raises(InvalidInputError, match="means must be a boolean"):
            one.fill(new, means="yes")
    with pytest.warns(UserWarning, match="'visits'"):
        drawn = model.completions(2, random_state=0)
    assert all((one["visits"] % 1 == 0).all() for one in drawn)
    assert not all((one["visits"] % 1 == 0).all() for one in model.completions(2, random_state=0, means=True))


def test_other_rows_may_be_negative_where_those_of_the_fit_are():
    fitted = pd.DataFrame({"n": [-3, 4], "m": [1, 2]})
    assert find_signed(fitted, {}, ()) == ("n",)
    for make in (pd.DataFrame, pl.DataFrame):
        for cell in (None, np.nan, 5):
            new = make({"n": [None, cell]})
            for signed, fill in ((["n"], -3), ([], 0)):
                filled = decode(new, np.array([[-3.2]] * 2), {}, counts=["n"], signed=signed)
                assert filled["n"][0] == fill


NOTHING = {
    "floats": pd.DataFrame({"w": [np.nan], "b": [np.nan], "x": [np.nan]}),
    "whole": pd.DataFrame({"w": [None], "b": [None], "x": [None]}, dtype="Int64"),
    "objects": pd.DataFrame({"w": [None], "b": [None], "x": [None]}, dtype=object),
    "NaN": pl.DataFrame({"w": [np.nan], "b": [np.nan], "x": [np.nan]}),
    "null": pl.DataFrame({"w": [None], "b": [None], "x": [None]}),
    "truths": pl.DataFrame({"w": [None], "b": [None], "x": [0.5]}, schema_overrides={"w": pl.Boolean}),
}


@pytest.mark.parametrize("new", NOTHING.values(), ids=list(NOTHING))
def test_columns_without_a_cell_are_filled_by_what_the_fit_held(new):
    levels = {"w": ("a", "b"), "b": (False, True)}
    filled = decode(new, np.array([[1.0, 1.0, 0.5]]), levels, means=True)
    assert [filled[name][0] for name in "wbx"] == ["b", True, 0.5]


def _cells(rng, size=30):
    """Columns of each sort with holes: numbers, whole ones, truth values, words."""
    a = rng.standard_normal(size)
    sorts = {
        "number": [float(np.float32(x)) for x in a],
        "whole": [int(3 * x) + 9 for x in a],
        "truth": [bool(x > 0) for x in a],
        "word": ["lo" if x < -0.5 else "mid" if x < 0.5 else "hi" for x in a],
        "digit": ["1" if x < 0 else "2" for x in a],
        "code": [1 if x < 0 else 2 for x in a],
        "decimal": [Decimal(f"{x:.2f}") for x in a],
        "text": [f"{x:.2f} %" for x in a],
    }
    return {sort: [None if k % 7 == 3 else x for k, x in enumerate(cells)] for sort, cells in sorts.items()}


LEVELS, DIGITS = ["lo", "mid", "hi"], ["3", "2", "1"]
DICTIONARY = pa.dictionary(pa.int8(), pa.string(), ordered=True)
OF_PANDAS = {
    "number": ["float16", "float32", "Float32", "Float64", "float[pyarrow]", pd.SparseDtype(float), "object"],
    "whole": ["Int64", "Int8", "UInt16", "int64[pyarrow]", "object"],
    "truth": ["boolean", "bool[pyarrow]", "object", "category"],
    "word": ["string", "str", pd.ArrowDtype(pa.large_string()), pd.ArrowDtype(DICTIONARY), "category"],
    "digit": ["category", pd.CategoricalDtype(DIGITS), pd.CategoricalDtype(DIGITS, ordered=True)],
    "code": ["category", pd.CategoricalDtype([3, 2, 1])],
    "decimal": ["object", pd.ArrowDtype(pa.decimal128(9, 2))],
    "text": ["object", "string", "str"],
}
OF_POLARS = {
    "number": [pl.Float32, pl.Float64],
    "whole": [pl.Int64, pl.Int8, pl.UInt16, pl.Object],
    "truth": [pl.Boolean],
    "word": [pl.String, pl.Categorical, pl.Enum(LEVELS)],
    "digit": [pl.Categorical, pl.Enum(DIGITS)],
    "decimal": [pl.Decimal(9, 2)],
    "text": [pl.String],
}
OF_ARROW = {
    "number": [pa.float16(), pa.float32(), pa.float64()],
    "whole": [pa.int64(), pa.int16()],
    "truth": [pa.bool_()],
    "word": [pa.string(), pa.large_string(), pa.string_view(), DICTIONARY],
    "digit": [DICTIONARY, pa.dictionary(pa.int32(), pa.large_string())],
    "code": [pa.dictionary(pa.int8(), pa.int64())],
    "decimal": [pa.decimal32(9, 2), pa.decimal128(9, 2), pa.decimal256(40, 2)],
    "text": [pa.string()],
}


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_kinds_of_frames_and_columns_are_kept(library, rng):
    cells = _cells(rng)
    kinds = {"pandas": OF_PANDAS, "polars": OF_POLARS, "arrow": OF_ARROW}[library]
    make = {
        "pandas": lambda own, kind: pd.Series(own, dtype=kind, index=[f"r{k}" for k in range(30)]),
        "polars": lambda own, kind: pl.Series(own, dtype=kind),
        "arrow": pa.array,
    }[library]
    columns = {f"{sort}, {kind}": make(cells[sort], kind) for sort in kinds for kind in kinds[sort]}
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}[library](columns)
    light = {"refine": False, "powers": False, "pattern": False, "certify": False, "max_iter": 5}
    with pytest.warns(
        UserWarning, match=r"read as numbers, and filled as text: 'text, \w+' \('%' left off\)"
    ):
        model = ll.MatrixCompletion(rank=1, method="variational", random_state=0, **light).fit(frame)
    filled = model.fill(frame)
    assert type(filled) is type(frame)
    if library == "pandas":
        assert filled.dtypes.equals(frame.dtypes)
        assert filled.index.equals(frame.index)
        assert not filled.isna().any().any()
        pd.testing.assert_frame_equal(filled[~frame.isna().any(axis=1)], frame.dropna())
    else:
        assert filled.schema == frame.schema
        before, after = (nw.from_native(own).rows() for own in (frame, filled))
        assert [row for row in after if None in row] == []
        known = [k for k, row in enumerate(before) if None not in row]
        assert [after[k] for k in known] == [before[k] for k in known]


@pytest.mark.parametrize(
    ("cells", "fill"),
    [
        ([Decimal("4.1"), None, Decimal("0.30")], Decimal("2.00")),
        ([Decimal("4"), None, Decimal("-3")], Decimal("2")),
        ([9007199254740997, None, 3], 2),
        ([np.int16(4), None, np.int16(3)], np.int16(2)),
        ([4, None, 0.5], 2.0),
        ([4, None, "3"], 2),
        ([Decimal(9007199254740997), None, Decimal(3)], Decimal(2)),
        (["9007199254740997", None, "3"], "2"),
        (["4 %", "-", "3.5 %"], "2 %"),
        (["+4", None, "-3"], "+2"),
    ],
    ids=str,
)
def test_text_and_objects_are_filled_by_what_they_hold(cells, fill):
    frame = pd.DataFrame({"x": pd.Series(cells, dtype=object), "y": np.arange(3.0)})
    found = decode(frame, np.full((3, 2), 2.0), {})["x"]
    expected = [cells[0], fill, cells[2]]
    assert found.dtype == object
    assert [(type(cell), str(cell)) for cell in found] == [(type(cell), str(cell)) for cell in expected]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["-", "+", None], ["+", "+", "+"]),
        (["1.5", "2", None], [1.5, 2.5, 0.0]),
        ([1, 2, 3], [1.0, 2.0, 4.0]),
        ([1.0, 2.0, np.nan], [1.0, np.nan, 3.0]),
        ([True, False, None], [True, True, True]),
        (["none", "mild", ""], ["mild", "mild", "mild"]),
        (["1", "2", None], ["1", "3", "0"]),
        ([[1, 2], [3], None], [[1, 2], [4], None]),
    ],
)
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_every_kind_of_change_is_seen(make, before, after):
    old, new = (wrap_frame(make({"w": cells})) for cells in (before, after))
    check_frame_kept(old, old)
    with pytest.raises(InvalidInputError, match=r"an observed cell would be changed(.|\n)*column 'w', row"):
        check_frame_kept(old, new)
