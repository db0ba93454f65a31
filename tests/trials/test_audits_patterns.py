"""Patterns asked about cell by cell, as the dense mask has them, in memory and by lines."""

import numpy as np
import pytest

from lowland.cells.pattern import LinePattern
from lowland.trials.audits.patterns import Pattern, run_lengths


def run_at(line, place):
    """Return the length of the run of absent cells around a place, step by step."""
    first = last = place
    while first > 0 and not line[first - 1]:
        first -= 1
    while last < len(line) - 1 and not line[last + 1]:
        last += 1
    return last - first + 1


@pytest.mark.parametrize("kind", [Pattern, LinePattern])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_a_pattern_is_that_of_the_dense_mask(rng, share, kind):
    mask = rng.random((9, 7)) < share
    pattern = kind.of(*np.nonzero(mask), mask.shape)
    if kind is Pattern:
        np.testing.assert_array_equal(pattern.dense(), mask)
    np.testing.assert_array_equal(pattern.row_counts, mask.sum(axis=1))
    np.testing.assert_array_equal(pattern.column_counts, mask.sum(axis=0))
    assert pattern.size == mask.sum()
    assert pattern.shape == mask.shape
    for side, known in enumerate((rng.random(7) < 0.5, rng.random(9) < 0.5)):
        lines = mask if side == 0 else mask.T
        np.testing.assert_array_equal(pattern.inside(side, known), lines[:, known].sum(axis=1))
    absent = rng.permutation(np.argwhere(~mask)).T  # in any order
    along, down = pattern.walls(*absent)
    assert run_lengths(along).tolist() == [run_at(mask[i], j) for i, j in absent.T]
    assert run_lengths(down).tolist() == [run_at(mask[:, j], i) for i, j in absent.T]
    walled = np.pad(mask, 1, constant_values=True)  # beyond the table cells count as there
    rows, columns = absent + 1
    np.testing.assert_array_equal(along[0] == absent[1] - 1, walled[rows, columns - 1])
    np.testing.assert_array_equal(down[1] == absent[0] + 1, walled[rows + 1, columns])
    known = np.argwhere(mask).T
    if kind is LinePattern:
        np.testing.assert_array_equal(pattern.walls(*known)[0][0], known[1])


@pytest.mark.parametrize("kind", [Pattern, LinePattern])
def test_absent_cells_are_numbered_within_their_columns(rng, kind):
    mask, counted = rng.random((9, 7)) < 0.5, rng.random(9) < 0.7
    pattern = kind.of(*np.nonzero(mask), mask.shape)
    columns, rows = np.nonzero(~mask.T & counted)
    ranks = np.concatenate([np.arange(k) for k in np.bincount(columns, minlength=7)])
    order = rng.permutation(columns.size)
    np.testing.assert_array_equal(pattern.absent(columns[order], ranks[order], counted), rows[order])
