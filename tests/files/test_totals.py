"""Rows and columns that are sums of others are found by their names and by their sums."""

import numpy as np
import pytest

from lowland.files.columns.totals import column_sums, is_total, row_sums

NAMES = ["a", "b", "c", "Subtotal", "d", "e", "f", "g", "Subtotal", "Grand total"]


def _named(names):
    return np.array([is_total(name) for name in names])


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


def test_sums_of_rounded_parts_are_sums(rng):
    exact = rng.random((12, 5)) * 100
    table = np.round(np.vstack([exact, exact.sum(axis=0)]), 1)
    assert [place for place, _ in _places(row_sums(table, _named([*"abcdefghijkl", "sum"])))] == [12]
