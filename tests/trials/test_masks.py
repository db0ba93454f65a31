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
    known_cells,
    leave_enough,
)


def runs(mask):
    """Lengths of the runs of each row of a mask."""
    return sorted(len(part) for row in mask for part in "".join("x" if x else " " for x in row).split())


def test_runs_are_hidden_where_runs_are_missing(rng):
    known = np.ones((200, 9), bool)
    for row in range(40):
        first = rng.integers(0, 7)
        known[row, first : first + 3] = False
    hidden = hide_alike(known, 0.1, rng)
    assert not (hidden & ~known).any()
    assert hidden.sum() == int(0.1 * known.sum())
    lengths = runs(hidden)
    assert lengths.count(3) > 0.9 * len(lengths)
    assert not hidden[:40].any(), "rows with a run of their own have no example"


@pytest.mark.parametrize("missing", [0.0, 0.1, 0.5])
def test_single_cells_are_hidden_where_these_are_missing(missing, rng):
    known = rng.random((150, 12)) > missing
    hidden = hide_alike(known, 0.1, rng)
    assert not (hidden & ~known).any()
    assert hidden.sum() == int(0.1 * known.sum())
    by_column = hidden.sum(axis=0)
    assert by_column.min() > 0.4 * by_column.mean()
    if missing == 0.1:  # rows with something hidden lack as much as others do
        lost = (~known | hidden).sum(axis=1)[hidden.any(axis=1)]
        assert abs(lost.mean() - (~known).sum(axis=1)[~known.all(axis=1)].mean()) < 1.0


def test_columns_that_are_always_known_stay(rng):
    """Where a column decides what is missing, and is always known, examples do not hide it."""
    known = np.ones((300, 6), bool)
    known[:200, 1:] = rng.random((200, 5)) > 0.3
    hidden = hide_alike(known, 0.1, rng)
    assert hidden[:, 0].sum() < 0.3 * hidden[:, 1:].sum(axis=0).mean()


def test_lines_keep_enough():
    lines = np.array([0, 0, 1, 2])
    assert leave_enough(np.array([3, 1, 2]), lines).tolist() == [True, True, False, True]
    assert leave_enough(np.array([3, 1, 2]), lines, 2).tolist() == [False, False, False, False]


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
    "alike": lambda table, rng: hide_alike(known_cells(table), 0.2, rng)[table.rows, table.columns],
    "along rows": lambda table, rng: hide_along(table, (True, False), Hiding(0.3), rng),
    "along both": lambda table, rng: hide_along(table, (True, True), Hiding(0.3), rng),
    "runs": lambda table, rng: hide_runs(table, rng, cells=3, rows=2, length=3)[1],
}
DRAWN = {
    "cells": ([1, 6, 11, 14, 18, 20, 30, 37, 39, 43], 27),
    "gaps": ([1, 4, 9, 19, 21, 28, 30, 35, 44, 47], 27),
    "alike": ([6, 7, 8, 9, 10, 18, 19, 30, 31], 150),
    "along rows": ([0, 4, 5, 12, 15, 17, 19, 21, 23, 25, 27, 31, 32, 35, 36, 38, 39, 40], 549),
    "along both": ([0, 4, 11, 12, 15, 16, 19, 23, 25, 27, 29, 31, 32, 33, 35, 36, 38, 40, 42], 403),
    "runs": ([6, 7, 8, 42, 43, 44], 869),
}


@pytest.mark.parametrize("name", MASKS)
def test_draws_are_those_of_earlier_versions(name):
    """Other draws would change every fit that something was chosen for."""
    rng = np.random.default_rng(1)
    hidden = MASKS[name](some_table(), rng)
    assert (np.flatnonzero(hidden).tolist(), int(rng.integers(1000))) == DRAWN[name]
