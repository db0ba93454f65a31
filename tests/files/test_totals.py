"""Rows and columns that are sums of others are found by their names and by their sums."""

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from commands import call
from lowland.files.columns.summary_names import is_total
from lowland.files.columns.totals import COLUMNS, ROWS, find_summaries
from lowland.files.shapes.layouts import Reading
from lowland.files.tables import load_table

NAMES = ["a", "b", "c", "Subtotal", "d", "e", "f", "g", "Subtotal", "Grand total"]


def _named(names):
    return ["sum" if is_total(name) else "" for name in names]


def row_sums(table, kinds):
    return find_summaries(table, kinds, ROWS)


def column_sums(table, kinds):
    return find_summaries(table.T, kinds, COLUMNS)


def _places(found):
    return [(one.place, one.parts.tolist()) for one in found]


@pytest.fixture
def parts(rng):
    return rng.integers(1, 100, (7, 4)).astype(float)


@pytest.fixture
def whole(parts):
    return np.vstack([parts[:3], parts[:3].sum(0), parts[3:], parts[3:].sum(0), parts.sum(0)])


@pytest.mark.parametrize(
    "name", ["Total", "sub-total", "TOTAL 2023", "All", "Insgesamt", "Summe", "total_sales"]
)
def test_names_of_totals(name):
    assert is_total(name)


@pytest.mark.parametrize("name", ["totally", "Allstate", "summary", "north", "", "price", "overall grade"])
def test_other_names(name):
    assert not is_total(name)


def test_totals_of_all_rows_and_of_blocks_are_found(whole):
    expected = [(3, [0, 1, 2]), (8, [4, 5, 6, 7]), (9, [0, 1, 2, 4, 5, 6, 7])]
    assert _places(row_sums(whole, _named(NAMES))) == expected
    # where cells are missing, the others tell
    whole[0, 0] = whole[9, 1] = whole[4, 2] = np.nan
    assert _places(row_sums(whole, _named(NAMES))) == expected
    # totals above their parts
    assert _places(row_sums(whole[[3, 0, 1, 2]], _named(["total", "a", "b", "c"]))) == [(0, [1, 2, 3])]


def test_rows_that_are_called_totals_but_are_none_stay(whole, parts):
    means = np.vstack([parts, parts.mean(axis=0)])
    assert row_sums(means, _named([*"abcdefg", "All"])) == []
    whole[9] += [0, 5, -7, 4]  # right in one column of four
    assert [place for place, _ in _places(row_sums(whole, _named(NAMES)))] == [3, 8]


def test_means_beside_sums_are_told_apart(parts):
    total = np.append(parts.sum(axis=0)[:3], parts[:, 3].mean() + 0.25)
    (one,) = row_sums(np.vstack([parts, total]), _named([*"abcdefg", "Total"]))
    assert one.where.tolist() == [True, True, True, False]


def test_a_total_of_many_rows_is_found_although_no_column_is_complete(rng):
    table = rng.random((50, 6))
    table = np.vstack([table, table.sum(axis=0)])
    names = [*map(str, range(50)), "Total"]
    table[:50][rng.random((50, 6)) < 0.2] = np.nan
    assert _places(row_sums(table, _named(names))) == [(50, list(range(50)))]
    table[50] = np.nanmean(table[:50], axis=0)
    assert row_sums(table, _named(names)) == []


def test_columns_that_are_sums_are_found_among_their_neighbours(rng):
    table = rng.integers(0, 9, (20, 6)).astype(float)
    names = _named(["year", "men", "women", "total", "price", "rain"])
    assert column_sums(table, names) == []
    table[:, 3] = table[:, 1] + table[:, 2]
    table[4, 1] = table[7, 3] = np.nan
    assert _places(column_sums(table, names)) == [(3, [1, 2])]
    table[5, 3] += 1  # one wrong sum does not hide the others
    assert _places(column_sums(table, names)) == [(3, [1, 2])]


def test_columns_that_add_up_only_where_others_are_blank_are_no_parts(rng):
    table = rng.integers(100, 200, (20, 6)).astype(float)
    table[:, 0], table[:5, 1] = np.nan, np.nan  # a column of words, and prices
    table[7, 3] = table[9, 4] = np.nan
    table[:, 5] = np.nansum(table[:, 2:5], axis=1)
    assert _places(column_sums(table, _named(["kind", "price", "q1", "q2", "q3", "total"]))) == [
        (5, [2, 3, 4])
    ]


def test_sums_of_rounded_parts_are_sums(rng):
    exact = rng.random((12, 5)) * 100
    table = np.round(np.vstack([exact, exact.sum(axis=0)]), 1)
    assert [place for place, _ in _places(row_sums(table, _named([*"abcdefghijkl", "sum"])))] == [12]


def _shop(skipping=True):
    """Return a table with a total below, which a program has added up: blanks counted as nothing."""
    rng = np.random.default_rng(0)
    size = rng.random(30) + 0.5
    shop = pd.DataFrame(
        {
            "number": [str(100 + 7 * k) for k in range(30)],
            "orders": np.round(10 * size),
            "revenue": np.round(200 * size, 2),
            "kind": np.where(size > 1, "large", "small"),
        }
    )
    whole = shop[["orders", "revenue"]].sum()
    shop.loc[[3, 17], "orders"] = shop.loc[[5, 20], "revenue"] = np.nan
    shop.loc[[8, 11], "kind"] = None
    below = shop[["orders", "revenue"]].sum() if skipping else whole
    return pd.concat([shop, pd.DataFrame([{"number": "Total", **below}])], ignore_index=True)


QUICK = ("--quiet", "--no-certify", "--rank", "1", "--refine", "no", "--powers", "no", "--max-iter", "8")


@pytest.mark.filterwarnings("ignore:columns that hold neither|rows that are sums")
def test_totals_that_skip_blanks_say_nothing_of_the_missing(quick_starts, tmp_path):
    shop = _shop()
    shop.to_csv(tmp_path / "t.csv", index=False)
    files = ("--output", "o.csv", "--mark", "m.csv")
    done = call("complete", "t.csv", *files, *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "its column 'number' names the rows, totals among them" in done.stdout
    written = pd.read_csv(tmp_path / "o.csv")
    filled = (
        ll.MatrixCompletion(rank=1, refine=False, powers=False, max_iter=8, certify=False, random_state=0)
        .fit(shop)
        .fill(shop, means=False)
    )
    for made in (written, filled):
        assert (made.loc[[3, 17], "orders"] > 3).all()
        assert (made.loc[[5, 20], "revenue"] > 60).all()
        assert made["kind"][:30].notna().all()
        assert pd.isna(made["kind"][30])  # no sum
        assert made.loc[30, ["orders", "revenue"]].tolist() == shop.loc[30, ["orders", "revenue"]].tolist()
    marks = pd.read_csv(tmp_path / "m.csv")
    assert len(marks) == 6
    numbers = marks[marks["column"] != "kind"]
    value = pd.to_numeric(numbers["value"])
    assert ((numbers["lower"] - 1 < value) & (value < numbers["upper"] + 1)).all()


def test_rows_that_are_called_totals_and_are_none_are_data_which_is_said(tmp_path):
    shop = _shop().drop(columns="kind")
    shop.loc[30, ["orders", "revenue"]] = 4.0, 80.5
    shop.to_csv(tmp_path / "t.csv", index=False)
    table = load_table(tmp_path / "t.csv", Reading(words=True))
    assert table.totals is None
    assert "'Total' names a row that is not the sum of others: data (--as-is 'Total')" in table.decided


def test_sums_over_columns_that_skip_blanks_or_are_wrong_hold_no_part(tmp_path):
    rng = np.random.default_rng(1)
    parts = np.round(10 * (rng.random((20, 1)) + 0.5) @ np.ones((1, 3)))
    total = parts.sum(axis=1)
    parts[4, 1] = np.nan
    total[4] = np.nansum(parts[4])  # as programs add up
    total[7] += 5  # a slip
    table = np.column_stack([parts, total])
    (found,) = column_sums(table, ["", "", "", "sum"])
    assert np.flatnonzero(~found.where).tolist() == [4, 7]


def test_two_rows_above_a_name_like_that_of_a_total_are_no_parts():
    shops = np.array(
        [[np.nan, 26.31, np.nan, 26.14], [18.14, np.nan, 26.29, np.nan], [24.0, 27.0, 31.0, 35.0]]
    )
    assert row_sums(shops, ["", "", "sum"]) == []
