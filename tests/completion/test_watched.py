"""Cells that are watched along a chain are those that its averages are averages of."""

import numpy as np
import pytest

from lowland.completion.bayesian.gaussian.watched import MOST_WATCHED, watched_cells


@pytest.mark.parametrize("shape", [(5, 4), (90, 20)])
def test_cells_are_found_again_by_the_pattern(shape):
    known = np.random.default_rng(1).random(shape) < 0.7
    rows, columns = watched_cells(known)
    assert rows.size == min(MOST_WATCHED, (~known).sum())
    assert not known[rows, columns].any()
    assert (np.diff(rows * shape[1] + columns) > 0).all()
    again = watched_cells(known)
    assert np.array_equal(rows, again[0])
    assert np.array_equal(columns, again[1])
