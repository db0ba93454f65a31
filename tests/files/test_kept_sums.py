"""Filled tables add up where they are known to."""

import numpy as np
import pytest

from lowland.files.columns.kept_sums import keep_sums
from lowland.files.columns.totals import Summary

ROWS = [Summary(6, np.arange(6), np.ones(5, bool))]
COLUMNS = [Summary(4, np.arange(4), np.ones(7, bool))]


def _table(rng, share):
    parts = rng.integers(1, 50, (6, 4)).astype(float)
    table = np.zeros((7, 5))
    table[:6, :4] = parts
    table[6, :4], table[:, 4] = parts.sum(axis=0), np.append(parts.sum(axis=1), parts.sum())
    cells = table.copy()
    cells[rng.random(table.shape) < share] = np.nan
    return table, cells


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
@pytest.mark.parametrize(
    "sums", [(ROWS, []), ([], COLUMNS), (ROWS, COLUMNS)], ids=["rows", "columns", "both"]
)
def test_what_is_filled_adds_up_and_what_is_known_stays(rng, share, sums):
    for _ in range(10):
        _, cells = _table(rng, share)
        made = keep_sums(cells, rng.random(cells.shape) * 50, sums)
        known = ~np.isnan(cells)
        assert (made[known] == cells[known]).all()
        assert made.min() >= 0
        if sums[0]:
            assert made[:6].sum(axis=0) == pytest.approx(made[6], abs=1e-3)
        if sums[1]:
            assert made[:, :4].sum(axis=1) == pytest.approx(made[:, 4], abs=1e-3)


def test_a_part_that_is_missing_alone_follows_exactly(rng):
    table, cells = _table(rng, 0)
    cells[2, 1] = cells[4, 4] = cells[6, 0] = np.nan
    assert (keep_sums(cells, np.full(cells.shape, np.nan), (ROWS, COLUMNS)) == table).all()


@pytest.mark.parametrize("sums", [(ROWS, []), ([], COLUMNS)], ids=["rows", "columns"])
def test_whole_numbers_that_are_filled_add_up(rng, sums):
    for _ in range(10):
        _, cells = _table(rng, 0.5)
        made = keep_sums(cells, rng.random(cells.shape) * 50, sums, np.zeros(5))
        assert (made == np.floor(made)).all()
        assert made.min() >= 0
        if sums[0]:
            assert (made[:6].sum(axis=0) == made[6]).all()
        else:
            assert (made[:, :4].sum(axis=1) == made[:, 4]).all()


def test_parts_share_what_is_left_in_proportion():
    cells = np.array([[10.0], [np.nan], [np.nan], [100.0]])
    made = keep_sums(
        cells, np.array([[0.0], [20.0], [40.0], [0.0]]), ([Summary(3, np.arange(3), np.ones(1, bool))], [])
    )
    assert made.ravel() == pytest.approx([10, 30, 60, 100])


def test_bounds_hold_for_parts_and_not_for_their_total():
    cells = np.array([[10.0], [np.nan], [np.nan], [np.nan], [100.0]])
    filled, sums = (
        np.array([[0.0], [20.0], [40.0], [5.0], [0.0]]),
        ([Summary(4, np.arange(4), np.ones(1, bool))], []),
    )
    made = keep_sums(cells, filled, sums, bounds={0: (0.0, 40.0)})
    assert made.sum() == pytest.approx(200)
    assert made[1:4].max() <= 40
    # where a total cannot be reached, bounds hold
    assert keep_sums(cells, filled, sums, bounds={0: (0.0, 20.0)})[1:4].ravel().tolist() == [20, 20, 20]
    cells[1:3, 0] = 50.0, 45.0
    assert keep_sums(cells, filled, sums)[3, 0] == 0  # sums of rounded parts leave less than nothing


def test_a_total_of_sums_that_skip_blanks_leaves_these_free():
    cells = np.array([[1.0, np.nan, 1.0], [2.0, 3.0, 5.0], [3.0, np.nan, 6.0]])  # to the right, and below
    rows = [Summary(2, np.arange(2), np.array([False, False, True]))]
    columns = [Summary(2, np.arange(2), np.array([False, True, True]))]
    made = keep_sums(cells, np.full((3, 3), 9.0), (rows, columns))
    assert made[0, 1] == 9
