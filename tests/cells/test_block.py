"""Cells sorted by a side: what each line holds, and what is left of it."""

from itertools import pairwise

import numpy as np
import pytest

from lowland.cells import block as cell_block
from lowland.cells.block import CellBlock, sort_cells

SHAPE = (6, 5)


@pytest.fixture
def listed(rng):
    """Cells in any order, one of them twice, none in the second row."""
    rows, columns = np.nonzero(rng.random(SHAPE) < 0.6)
    some = rows != 1
    order = rng.permutation(np.append(np.flatnonzero(some), np.flatnonzero(some)[0]))
    return rows[order], columns[order]


def test_sorted_cells_hold_their_places_in_the_list(listed):
    for block, (lines, partners) in zip(sort_cells(*listed, SHAPE), (listed, listed[::-1]), strict=True):
        np.testing.assert_array_equal(block.lines, lines[block.values])
        np.testing.assert_array_equal(block.partners, partners[block.values])
        np.testing.assert_array_equal(block.counts, np.bincount(lines, minlength=block.size))
        keys = list(zip(block.lines, block.partners, block.values, strict=True))
        assert keys == sorted(keys)


def test_values_of_a_list_come_in_the_order_of_lines(listed, rng):
    values, weights = rng.standard_normal(listed[0].size), rng.uniform(1, 2, listed[0].size)
    by_row, _ = sort_cells(*listed, SHAPE)
    held = by_row.holding(values, weights)
    np.testing.assert_array_equal(held.values, values[by_row.values])
    np.testing.assert_array_equal(held.weights, weights[by_row.values])
    assert by_row.holding(values).weights is None


def test_some_cells_of_a_block(listed, rng):
    by_row, _ = sort_cells(*listed, SHAPE)
    kept = rng.random(by_row.values.size) < 0.5
    part = by_row.where(kept)
    for name in ("lines", "partners", "values"):
        np.testing.assert_array_equal(getattr(part, name), getattr(by_row, name)[kept])
    assert part.size == by_row.size


@pytest.mark.parametrize("together", [1, 4, 100])
def test_stretches_hold_whole_lines(together, listed, monkeypatch):
    monkeypatch.setattr(cell_block, "TOGETHER", together)
    by_row, _ = sort_cells(*listed, SHAPE)
    places, lines = zip(*by_row.stretches(), strict=True)
    np.testing.assert_array_equal(np.concatenate(lines), by_row.lines)
    assert [part.start for part in places[1:]] == [part.stop for part in places[:-1]]
    assert all(a[-1] < b[0] for a, b in pairwise(lines) if a.size and b.size)


def test_a_block_may_be_empty():
    block = CellBlock(3, np.zeros(3, np.int64), np.zeros(0, np.int32), np.zeros(0))
    assert block.lines.size == 0
    assert sum(lines.size for _, lines in block.stretches()) == 0
