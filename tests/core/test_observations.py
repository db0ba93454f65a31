import numpy as np
import pandas as pd
import polars as pl
import pytest

from lowland import Observations, read_table
from lowland.core.errors import InvalidInputError, LowlandError, MissingExtraError, explain
from lowland.core.random import make_generator
from lowland.files.numerals import Numerals, type_cells


def test_array_round_trip(rng):
    table = rng.standard_normal((5, 4))
    table[1, 2] = table[3] = np.nan
    table[0, 0] = 0.0
    seen = Observations.from_array(table)
    np.testing.assert_array_equal(seen.to_array(), table)
    assert seen.size == 15
    assert seen.row_counts().tolist() == [4, 3, 4, 0, 4]
    assert seen.column_counts().tolist() == [4, 4, 3, 4]


@pytest.mark.parametrize("duplicates", ["mean", "last"])
def test_duplicates(duplicates):
    seen = Observations.from_triples(
        [0, 1, 0], [1, 1, 1], [1.0, 5.0, 3.0], weights=[1.0, 1.0, 3.0], duplicates=duplicates
    )
    assert seen.to_array()[0, 1] == (2.5 if duplicates == "mean" else 3.0)
    assert seen.weights[0] == (4.0 if duplicates == "mean" else 3.0)
    assert seen.size == 2


def test_cells_are_listed_row_by_row(rng):
    places = rng.permutation(20)[:11]
    rows, columns = np.divmod(places, 4)
    sides = rng.integers(-1, 2, 11).astype(np.int8)
    numbers = rng.standard_normal((2, 11))
    table = Observations(rows, columns, numbers[0], (5, 4), numbers[1] ** 2, censored=sides)
    listed, order = table.in_order(), sorted(range(11), key=lambda k: (rows[k], columns[k]))
    for name in ("rows", "columns", "values", "weights", "censored"):
        np.testing.assert_array_equal(getattr(listed, name), [getattr(table, name)[k] for k in order])
    assert listed.in_order() is listed
    assert listed.fingerprint() == table.fingerprint()


def test_values_and_weights_have_the_precision_asked_for(rng):
    table = Observations(np.arange(3), np.arange(3), rng.standard_normal(3), (3, 3), rng.uniform(1, 2, 3))
    single = table.in_precision("float32")
    assert (single.values.dtype, single.weights.dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(single.values, table.values.astype(np.float32))
    assert table.in_precision("float64").values is table.values


def test_fingerprint_knows_the_data(rng):
    table = rng.standard_normal((4, 4))
    base = Observations.from_array(table)
    assert base.fingerprint() == Observations.from_array(table.copy()).fingerprint()
    changed = table.copy()
    changed[0, 0] += 1e-12
    others = [
        Observations.from_array(changed),
        Observations.from_array(table, weights=np.full((4, 4), 2.0)),
        base.select(np.arange(15)),
    ]
    assert len({base.fingerprint(), *(o.fingerprint() for o in others)}) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0], [0], [np.nan]), "values must be finite"),
        (([0], [0], [1 + 1j]), "real"),
        (([0], [0], ["x"]), "numbers"),
        (([0, 1], [0], [1.0]), "equally long"),
        (([-1], [0], [1.0]), "between 0"),
        (([0.5], [0], [1.0]), "integer positions"),
        (([0, 0], [0, 0], [1.0, 2.0]), "listed more than once"),
        (([], [], []), "is empty"),
        (([[0]], [0], [1.0]), "one-dimensional"),
    ],
)
def test_bad_triples(arguments, words):
    with pytest.raises(InvalidInputError, match=words):
        Observations.from_triples(*arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": [-1.0]}, "positive"),
        ({"weights": [1.0, 1.0]}, "as long as values"),
        ({"row_labels": ["a", "b"], "shape": (1, 1)}, "one label per position"),
        ({"row_labels": ["a", "a"]}, "distinct"),
        ({"duplicates": "sum"}, "duplicates is unknown"),
        ({"shape": (0, 1)}, "between 0"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(InvalidInputError, match=words):
        Observations.from_triples([0], [0], [1.0], **options)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (np.ones(3), "two dimensions"),
        (np.array([["a"]]), "real numbers"),
        (np.array([[1.0, -np.inf]]), "row 0, column 1"),
    ],
)
def test_bad_arrays(table, words):
    with pytest.raises(InvalidInputError, match=words):
        Observations.from_array(table)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames(frame):
    long = frame({"who": ["a", "b", "a"], "what": [3, 3, 5], "stars": [1.0, 2.0, 3.0]})
    seen = read_table(long)
    assert seen.shape == (2, 2)
    assert seen.row_labels.tolist() == ["a", "b"]
    assert seen.column_labels.tolist() == [3, 5]
    assert np.nansum(seen.to_array()) == 6.0
    wide = frame({"name": ["x", "y"], "p": [1.0, None], "q": [3, 4], "r": [True, False]})
    seen = read_table(wide)
    assert seen.row_labels.tolist() == ["x", "y"]
    np.testing.assert_array_equal(seen.to_array(), [[1, 3, 1], [np.nan, 4, 0]])


def test_layout_is_what_is_asked_for():
    numbers = pd.DataFrame({"a": [0, 1], "b": [1, 0], "c": [2.0, 3.0]})
    assert read_table(numbers).shape == (2, 3)
    assert read_table(numbers, layout="long").shape == (2, 2)
    assert read_table(numbers, row="b", column="a", value="c", dtype="float32").values.dtype == np.float32


def test_missing_values_of_a_long_table_are_missing_cells():
    seen = read_table(pd.DataFrame({"i": ["a", "b", "b"], "j": ["x", "x", "y"], "v": [1.0, np.nan, 2.0]}))
    assert seen.size == 2
    assert seen.shape == (2, 2)


def test_not_a_table():
    with pytest.raises(InvalidInputError, match="neither a path nor a data frame"):
        read_table(42)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2"], "i"),
        (["1", ""], "f"),
        (["1.5", "NA"], "f"),
        (["a", ""], "U"),
        (["1e3"], "f"),
        (["-7"], "i"),
    ],
)
def test_column_types(cells, kind):
    assert type_cells(np.arange(len(cells)), cells, Numerals()).dtype.kind == kind


def test_errors_have_four_parts():
    error = InvalidInputError("what", "found", "why", "fix")
    assert str(error) == "what\n  found: found\n  why it matters: why\n  what to do: fix"
    assert isinstance(error, ValueError)
    assert isinstance(error, LowlandError)
    assert issubclass(MissingExtraError, ImportError)
    assert explain("alone") == "alone"
    import pickle

    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_generators():
    existing = np.random.default_rng(0)
    assert make_generator(existing) is existing
    assert make_generator(3).random() == make_generator(np.int64(3)).random()
    assert isinstance(make_generator(np.random.RandomState(0)), np.random.Generator)


@pytest.mark.parametrize("shape", [(-1, 3), (2**31, 3), (3, 2**70)])
def test_sides_that_cannot_be_counted(shape):
    with pytest.raises(InvalidInputError, match=r"below 2\^31"):
        Observations.from_triples([0], [0], [1.0], shape=shape)
