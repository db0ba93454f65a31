"""Cells are held out as cells are missing."""

import numpy as np
import pytest

import lowland as ll
from lowland.trials.masks import (
    Hiding,
    folds_of,
    hide_alike,
    hide_along,
    hide_cells,
    hide_gaps,
    hide_in_columns,
    hide_runs,
    leave_enough,
    single_cells,
    some_cells,
)


def runs(mask):
    """Lengths of the runs of each row of a mask."""
    return sorted(len(part) for row in mask for part in "".join("x" if x else " " for x in row).split())


def holding(known, rng):
    """A table of numbers with these cells known."""
    return np.where(known, rng.standard_normal(known.shape), np.nan)


def test_runs_are_hidden_where_runs_are_missing(rng):
    known = np.ones((200, 9), bool)
    for row in range(40):
        first = rng.integers(0, 7)
        known[row, first : first + 3] = False
    hidden = hide_alike(holding(known, rng), 0.1, rng)
    assert not (hidden & ~known).any()
    assert hidden.sum() == int(0.1 * known.sum())
    lengths = runs(hidden)
    assert lengths.count(3) > 0.9 * len(lengths)
    assert not hidden[:40].any(), "rows with a run of their own have no example"


@pytest.mark.parametrize("missing", [0.0, 0.1, 0.5])
def test_single_cells_are_hidden_where_these_are_missing(missing, rng):
    known = rng.random((150, 12)) > missing
    hidden = hide_alike(holding(known, rng), 0.1, rng)
    assert not (hidden & ~known).any()
    assert hidden.sum() == int(0.1 * known.sum())
    by_column = hidden.sum(axis=0)
    assert by_column.min() > 0.2 * by_column.mean()
    if missing == 0.1:  # rows with something hidden lack as much as others do
        lost = (~known | hidden).sum(axis=1)[hidden.any(axis=1)]
        assert abs(lost.mean() - (~known).sum(axis=1)[~known.all(axis=1)].mean()) < 1.0


def test_columns_that_are_always_known_stay(rng):
    """Where a column decides what is missing, and is always known, examples do not hide it."""
    known = np.ones((300, 6), bool)
    known[:200, 1:] = rng.random((200, 5)) > 0.3
    hidden = hide_alike(holding(known, rng), 0.1, rng)
    assert hidden[:, 0].sum() < 0.3 * hidden[:, 1:].sum(axis=0).mean()


def test_lines_keep_enough():
    lines = np.array([0, 0, 1, 2])
    assert leave_enough(np.array([3, 1, 2]), lines).tolist() == [True, True, False, True]
    assert leave_enough(np.array([3, 1, 2]), lines, 2).tolist() == [False, False, False, False]


def test_cells_are_drawn_by_their_keys(rng):
    keys = rng.integers(2**64, size=1000, dtype=np.uint64)
    hidden = single_cells(keys, 100)
    assert hidden.sum() == 100
    assert keys[hidden].max() < keys[~hidden].min()
    assert not single_cells(keys, 0).any()
    assert not some_cells(keys, 0.0).any()
    assert some_cells(keys, 1.0).all()
    np.testing.assert_array_equal(some_cells(keys, 0.25), keys < 2**62)


def test_each_point_is_in_one_fold(rng):
    folds = folds_of(23, 5, rng)
    assert np.bincount(folds).tolist() == [5, 5, 5, 4, 4]


def test_cells_of_asked_columns_alone_are_hidden(rng):
    table = ll.Observations.from_array(rng.standard_normal((400, 4)))
    hidden = hide_in_columns(table, [1, 3], Hiding(0.25), rng)
    assert set(table.columns[hidden].tolist()) == {1, 3}
    assert 0.2 < hidden.sum() / 800 < 0.3


def some_table():
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((9, 7))
    whole[rng.random(whole.shape) < 0.2] = np.nan
    whole[2, 3:6] = whole[5, 3:5] = np.nan
    return ll.Observations.from_array(whole)


MASKS = {
    "cells": lambda table, rng: hide_cells(table, Hiding(0.2, nearest=True), rng),
    "gaps": lambda table, rng: hide_gaps(table, Hiding(0.2), rng),
    "alike": lambda table, rng: hide_alike(table.to_array(), 0.2, rng)[table.rows, table.columns],
    "along rows": lambda table, rng: hide_along(table, (True, False), Hiding(0.3), rng),
    "along both": lambda table, rng: hide_along(table, (True, True), Hiding(0.3), rng),
    "runs": lambda table, rng: hide_runs(table, rng, cells=3, rows=2, length=3)[1],
}
DRAWN = {
    "cells": ([4, 5, 7, 9, 13, 17, 29, 31, 39, 45], 755),
    "gaps": ([8, 11, 19, 21, 24, 26, 30, 35, 39, 40], 249),
    "alike": ([8, 11, 19, 20, 26, 37, 39, 44, 45], 872),
    "along rows": ([0, 1, 4, 11, 13, 14, 15, 21, 23, 25, 26, 27, 31, 32, 38, 39, 41, 42], 311),
    "along both": ([0, 3, 4, 8, 13, 14, 15, 17, 19, 21, 23, 24, 26, 31, 32, 36, 38, 43, 45, 46, 47], 837),
    "runs": ([6, 7, 8, 42, 43, 44], 869),
}


@pytest.mark.parametrize("name", [name for name in MASKS if name != "runs"])
def test_masks_follow_permuted_rows_and_columns(name):
    """The same cells are hidden, wherever they are; only the direction of gaps is read from the order."""
    table, places = some_table(), np.random.default_rng(4)
    rows, columns = (places.permutation(length) for length in table.shape)
    moved = ll.Observations.from_array(table.to_array()[np.ix_(rows, columns)])
    hidden, there = np.zeros(table.shape, bool), np.zeros(table.shape, bool)
    hidden[table.rows, table.columns] = MASKS[name](table, np.random.default_rng(1))
    there[moved.rows, moved.columns] = MASKS[name](moved, np.random.default_rng(1))
    np.testing.assert_array_equal(there, hidden[np.ix_(rows, columns)])


def test_a_mask_by_place_is_seen():
    table = some_table()
    moved = ll.Observations.from_array(table.to_array()[::-1])
    keys = [np.random.default_rng(1).integers(2**64, size=t.size, dtype=np.uint64) for t in (table, moved)]
    hidden = [np.sort(t.values[single_cells(k, 9)]) for t, k in zip((table, moved), keys, strict=True)]
    assert not np.array_equal(*hidden)


@pytest.mark.parametrize("name", MASKS)
def test_draws_are_those_of_earlier_versions(name):
    """Other draws would change every fit that something was chosen for."""
    rng = np.random.default_rng(1)
    hidden = MASKS[name](some_table(), rng)
    assert (np.flatnonzero(hidden).tolist(), int(rng.integers(1000))) == DRAWN[name]
