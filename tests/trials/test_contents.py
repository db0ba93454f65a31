"""Cells are known by what they, their rows and their columns hold, whatever the order of the table."""

import numpy as np
import pytest

import lowland as ll
from lowland.trials import contents as module
from lowland.trials.contents import Contents, apart, mixed, random_words, ranks_by_column, sums_of


def tables():
    """Numbers, grades, rows and columns that repeat, a full table that a swap leaves as it is, and a line."""
    rng = np.random.default_rng(5)
    numbers = rng.standard_normal((17, 6))
    numbers[rng.random(numbers.shape) < 0.3] = np.nan
    numbers[3], numbers[:, 2] = np.nan, np.nan
    grades = rng.integers(1, 4, (20, 9)).astype(float)
    grades[rng.random(grades.shape) < 0.5] = np.nan
    twins = numbers.copy()
    twins[5], twins[9] = twins[2], twins[2]
    twins[:, 4] = twins[:, 0]
    return {
        "numbers": numbers,
        "grades": grades,
        "twins": twins,
        "full": rng.integers(0, 2, (8, 5)).astype(float),
        "line": np.arange(4.0)[:, None],
    }


TABLES = tables()


def spread(table, words):
    """The words of the cells of an array, 0 where it is not known."""
    out = np.zeros(table.shape, np.uint64)
    out[~np.isnan(table)] = words
    return out


@pytest.mark.parametrize("name", TABLES)
def test_keys_follow_their_cells(name):
    """Of cells that repeat, the same keys are there, if not in the same places."""
    table, rng = TABLES[name], np.random.default_rng(6)
    rows, columns = rng.permutation(table.shape[0]), rng.permutation(table.shape[1])
    keys, moved = Contents.of_array(table), Contents.of_array(table[np.ix_(rows, columns)])
    np.testing.assert_array_equal(moved.rows, keys.rows[rows])
    np.testing.assert_array_equal(moved.columns, keys.columns[columns])
    assert np.unique(keys.cells).size == keys.cells.size
    assert sorted(moved.cells) == sorted(keys.cells)
    if name in ("numbers", "grades", "line"):
        cells = spread(table, keys.cells)[np.ix_(rows, columns)]
        np.testing.assert_array_equal(spread(table[np.ix_(rows, columns)], moved.cells), cells)
    assert moved.stream("x").random() == keys.stream("x").random() != keys.stream("y").random()


@pytest.mark.parametrize("name", sorted(set(TABLES) - {"full"}))
def test_a_table_in_order_is_the_same_table(name):
    """Rows and columns that hold the same may change places."""
    table, rng = TABLES[name], np.random.default_rng(7)
    other = table[np.ix_(rng.permutation(table.shape[0]), rng.permutation(table.shape[1]))]
    found = [each[np.ix_(*Contents.of_array(each).order())] for each in (table, other)]
    np.testing.assert_array_equal(*found)


def test_only_what_holds_the_same_has_one_key():
    keys = Contents.of_array(TABLES["twins"])
    same = keys.rows[:, None] == keys.rows
    assert {tuple(np.flatnonzero(line)) for line in same if line.sum() > 1} == {(2, 5, 9), (3, 13)}
    assert np.flatnonzero(keys.columns == keys.columns[0]).tolist() == [0, 4]
    assert np.unique(keys.columns).size == 5


def test_units_of_columns_change_nothing():
    table = TABLES["numbers"]
    np.testing.assert_array_equal(
        Contents.of_array(table).cells, Contents.of_array(np.exp(table * [1, 2, 3, 4, 5, 6])).cells
    )
    changed = table.copy()
    changed[1, 0] = -changed[1, 0]
    assert (Contents.of_array(changed).cells != Contents.of_array(table).cells).any()


def test_ranks_are_counted_by_column():
    columns, values = np.array([1, 0, 1, 1, 0, 1]), np.array([5.0, 2.0, 3.0, 5.0, 2.0, 4.0])
    assert ranks_by_column(columns, values).tolist() == [2, 0, 0, 2, 0, 1]
    assert ranks_by_column(columns[:0], values[:0]).size == 0


def test_equal_keys_are_told_apart_in_order():
    keys = np.array([7, 3, 7, 7, 3], np.uint64)
    told = apart(keys)
    assert np.unique(told).size == 5
    assert told[[0, 1]].tolist() == [7, 3], "the first of each stays"
    assert apart(told).tolist() == told.tolist()
    assert apart(keys[:0]).size == 0


def test_words_are_mixed_as_published():
    """The first outputs of SplitMix64 from 1234567 (Steele, Lea and Flood 2014)."""
    state = 1234567 + np.arange(3).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert mixed(state).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_random_words_are_uniform_and_differ_by_draw():
    rng = np.random.default_rng(1)
    words = [random_words(np.arange(4000, dtype=np.uint64), rng).astype(float) / 2.0**64 for _ in range(2)]
    for word in words:
        assert abs(word.mean() - 0.5) < 0.02
        assert abs(np.histogram(word, 10, (0, 1))[0] - 400).max() < 80
    assert abs(np.corrcoef(*words)[0, 1]) < 0.06


def test_sums_are_those_of_lines():
    words = np.array([2**63, 2**63, 5, 6], np.uint64)
    assert sums_of(words, np.array([1, 1, 0, 3]), 4).tolist() == [5, 0, 0, 6]


def test_keys_by_place_would_be_seen(monkeypatch):
    """Were words to depend on places, permuted tables would have other keys."""
    monkeypatch.setattr(
        module, "ranks_by_column", lambda columns, values: np.arange(values.size, dtype=np.uint64)
    )
    table = TABLES["numbers"]
    assert sorted(Contents.of_array(table[::-1]).cells) != sorted(Contents.of_array(table).cells)


def test_listed_cells_have_the_keys_of_an_array():
    table = TABLES["numbers"]
    listed = ll.Observations.from_array(table)
    np.testing.assert_array_equal(Contents.of_table(listed).cells, Contents.of_array(table).cells)
