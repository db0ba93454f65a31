"""Rows and columns that are sums are left out of fits, kept in outputs and filled as sums, on both roads."""

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from commands import assert_clean_error, call
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table

SAID = ("columns that hold neither", "rows that are sums")
pytestmark = [
    *(pytest.mark.filterwarnings(f"ignore:{words}") for words in SAID),
    pytest.mark.usefixtures("light_fits_throughout"),
]
NUMBERS = [*"abcde", "total"]
SETTINGS = {
    "rank": 1,
    "method": "map",
    "penalty": 0.1,
    "bias_penalty": 0.1,
    "max_iter": 40,
    "certify": False,
    "random_state": 0,
}
OPTIONS = (
    *("--rank", 1, "--method", "map", "--penalty", 0.1, "--bias-penalty", 0.1),
    *("--max-iter", 40, "--no-certify"),
)


@pytest.fixture(scope="module")
def table():
    """Return a table with subtotals, a total and a column of sums, and which of its cells are missing."""
    rng = np.random.default_rng(0)
    parts = np.outer(rng.integers(10, 99, 12), rng.integers(2, 9, 5)) + rng.integers(0, 9, (12, 5))
    rows = [*parts[:6], parts[:6].sum(0), *parts[6:], parts[6:].sum(0), parts.sum(0)]
    whole = np.column_stack([rows, np.sum(rows, axis=1)])
    missing = rng.random(whole.shape) < 0.2
    names = [*(f"N{k}" for k in range(6)), "Subtotal", *(f"S{k}" for k in range(6)), "Subtotal", "Total"]
    frame = pd.DataFrame(whole, columns=NUMBERS, dtype="Int64").mask(missing)
    frame.insert(0, "place", names)
    return frame, whole, missing


@pytest.fixture(scope="module")
def fitted(table):
    return ll.MatrixCompletion(**SETTINGS).fit(table[0])


def test_both_roads_fill_totals_as_sums(table, fitted, tmp_path):
    frame, whole, missing = table
    frame.to_csv(tmp_path / "t.csv", index=False)
    result = call("complete", "t.csv", *OPTIONS, "--output", "o.csv", "--mark", "m.csv", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (
        "3 rows are sums of others, filled as such: 'Subtotal', 'Total' (--as-data 'Subtotal')"
        in result.stdout
    )
    assert "column 'total' is the sum of 'a', 'b', 'c', 'd', 'e', filled as such" in result.stdout
    written = pd.read_csv(tmp_path / "o.csv")
    filled = fitted.fill(frame)
    assert filled.dtypes.equals(frame.dtypes)
    assert filled[NUMBERS].to_numpy(int).tolist() == written[NUMBERS].to_numpy().tolist()
    cells = written[NUMBERS].to_numpy()
    assert (cells == whole)[~missing].all()
    assert (cells[:, :5].sum(axis=1) == cells[:, 5]).all()
    assert len(pd.read_csv(tmp_path / "m.csv")) == missing.sum()
    listed = call("complete", "t.csv", *OPTIONS, "--output", "l.csv", "--interval", 0.8, cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    values = pd.read_csv(tmp_path / "l.csv")["value"].to_numpy().reshape(whole.shape)
    assert (values == whole)[~missing].all()
    assert values[:, :5].sum(axis=1) == pytest.approx(values[:, 5])


def test_totals_of_whole_floats_are_whole_sums_which_is_said(table):
    floats = table[0].astype(dict.fromkeys(NUMBERS, float))
    with pytest.warns(UserWarning, match="filled by whole numbers: 'a', 'b', 'c', 'd', 'e', 'total'"):
        filled = ll.MatrixCompletion(**SETTINGS).fit(floats).fill(floats)
    assert (filled[NUMBERS] % 1 == 0).all().all()


def test_totals_do_not_change_what_parts_are_filled_with(table):
    frame, settings = table[0], {**SETTINGS, "max_iter": 400}
    fitted = ll.MatrixCompletion(**settings).fit(frame)
    parts = frame[~frame["place"].str.contains("otal")].drop(columns="total")
    alone = ll.MatrixCompletion(**settings).fit(parts).predict_table()
    kept = [name not in ("Subtotal", "Total") for name in frame["place"]]
    np.testing.assert_allclose(fitted.predict_table()[kept], alone, rtol=1e-3)


def test_what_transform_and_completions_return_keeps_known_totals(table, tmp_path):
    frame, whole, missing = table
    model = ll.MatrixCompletion(rank=1, max_iter=5, certify=False, random_state=0).fit(frame)
    known = ~missing[:, :5]
    drawn = [one[NUMBERS[:5]].to_numpy(float) for one in model.completions(2, random_state=0)]
    for one in (np.asarray(model.transform(frame)), *drawn):
        assert (one == whole[:, :5])[known].all()
        assert one[:6].sum(axis=0) == pytest.approx(one[6])
    assert model.untouched_ == ("place", "total")
    model.save(tmp_path / "m.npz")
    loaded = ll.MatrixCompletion.load(tmp_path / "m.npz")
    assert loaded.fill(frame[:7]).equals(model.fill(frame[:7]))


@pytest.mark.filterwarnings("ignore:rows look like variables")
def test_totals_that_are_named_as_data_are_data(table, tmp_path):
    frame, _, _ = table
    names = ["Total", "Subtotal", "total"]
    frame.to_csv(tmp_path / "t.csv", index=False)
    read = load_table(tmp_path / "t.csv", Reading(form=TableFormat(as_data=names)))
    assert read.totals is None
    assert read.observations.shape == (15, 6)
    model = ll.MatrixCompletion(**SETTINGS, as_data=names).fit(frame)
    assert model.predict_table().shape == (15, 6)
    assert_clean_error(
        call("complete", "t.csv", "--as-data", "Sum", cwd=tmp_path), "--as-data names a column"
    )
    with pytest.warns(UserWarning, match="left out") as said:
        ll.read_table(tmp_path / "t.csv")
    assert any("that are sums or statistics of others" in str(one.message) for one in said)


def test_margins_of_pivot_tables_are_totals(rng):
    table = pd.DataFrame(
        rng.integers(1, 9, (8, 4)).astype(float), index=list("abcdefgh"), columns=list("wxyz")
    )
    table["All"] = table.sum(axis=1)
    table.loc["All"] = table.sum()
    whole = table.copy()
    table.loc["b", "x"] = table.loc["All", "z"] = np.nan
    filled = ll.MatrixCompletion(**SETTINGS).fit(table).fill(table)
    pd.testing.assert_frame_equal(filled, whole)  # what is missing follows from the sums
    arrays = ll.MatrixCompletion(**SETTINGS).fit(table.to_numpy())
    assert arrays.predict_table().shape == (9, 5)


def test_fills_that_add_up_stay_within_bounds(tmp_path):
    parts = np.outer(np.arange(1, 9), [1.0, 2, 3]) + 10
    table = pd.DataFrame(parts, columns=list("abc"), index=[f"s{k}" for k in range(8)])
    table.loc["Total"] = table.sum() + np.array([0, 20, 0])  # more than rank one makes of it
    table.loc[["s1", "s2"], "b"] = np.nan
    table.to_csv(tmp_path / "t.csv", index_label="shop")
    short = {"rank": 1, "max_iter": 3, "certify": False, "refine": False, "powers": False, "random_state": 0}
    model = ll.MatrixCompletion(**short, bounds={"b": (0, 26)}).fit(table)
    filled = model.fill(table).loc[["s1", "s2"], "b"]
    assert filled.max() <= 26
    assert filled.sum() == pytest.approx(table.loc["Total", "b"] - table["b"][:-1].sum())
    options = ("--rank=1", "--max-iter=3", "--no-certify", "--refine=no", "--powers=no", "--bounds", "b=0:26")
    done = call("complete", "t.csv", *options, "--output", "o.csv", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "o.csv")["b"][[1, 2]].max() <= 26
    table["total"] = table[["a", "b", "c"]].sum(axis=1, skipna=False)
    with pytest.raises(ll.errors.InvalidInputError, match="the sum of 'a', 'b', 'c'"):
        ll.MatrixCompletion(**short, bounds={"total": (0, 99)}).fit(table)


def test_shares_without_a_gap_are_filled_without_a_word(recwarn):
    kind = np.arange(40) % 3
    frame = pd.DataFrame({name: (kind == k) * 1.0 for k, name in enumerate("abc")})
    frame["x"] = np.where(np.arange(40) % 7, kind + 0.1 * np.sin(np.arange(40.0)), np.nan)
    for gaps, said in ((0, 0), (3, 1)):
        frame.iloc[:gaps, 1] = np.nan
        ll.MatrixCompletion(**SETTINGS).fit(frame)
        assert sum("add up to 1" in str(one.message) for one in recwarn) == said
