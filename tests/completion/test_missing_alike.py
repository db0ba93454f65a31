"""Cells are held out as cells are missing."""

import numpy as np
import pytest

from lowland.completion.refinement.missing_alike import hidden_cells


def runs(mask):
    """Lengths of the runs of each row of a mask."""
    return sorted(len(part) for row in mask for part in "".join("x" if x else " " for x in row).split())


def test_runs_are_hidden_where_runs_are_missing(rng):
    known = np.ones((200, 9), bool)
    for row in range(40):
        first = rng.integers(0, 7)
        known[row, first : first + 3] = False
    hidden = hidden_cells(known, 0.1, rng)
    assert not (hidden & ~known).any()
    assert hidden.sum() == int(0.1 * known.sum())
    lengths = runs(hidden)
    assert lengths.count(3) > 0.9 * len(lengths)
    assert not hidden[:40].any(), "rows with a run of their own have no example"


@pytest.mark.parametrize("missing", [0.0, 0.1, 0.5])
def test_single_cells_are_hidden_where_these_are_missing(missing, rng):
    known = rng.random((150, 12)) > missing
    hidden = hidden_cells(known, 0.1, rng)
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
    hidden = hidden_cells(known, 0.1, rng)
    assert hidden[:, 0].sum() < 0.3 * hidden[:, 1:].sum(axis=0).mean()
