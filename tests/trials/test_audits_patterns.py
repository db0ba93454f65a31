"""Patterns asked about cell by cell, as the dense mask has them."""

import numpy as np
import pytest

from lowland.trials.audits.patterns import Pattern


def run_at(line, place):
    """Return the length of the run of absent cells around a place, step by step."""
    first = last = place
    while first > 0 and not line[first - 1]:
        first -= 1
    while last < len(line) - 1 and not line[last + 1]:
        last += 1
    return last - first + 1


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_a_pattern_is_that_of_the_dense_mask(rng, share):
    mask = rng.random((9, 7)) < share
    pattern = Pattern.of(*np.nonzero(mask), mask.shape)
    np.testing.assert_array_equal(pattern.dense(), mask)
    np.testing.assert_array_equal(pattern.row_counts, mask.sum(axis=1))
    np.testing.assert_array_equal(pattern.column_counts, mask.sum(axis=0))
    walled = np.pad(mask, 1, constant_values=True)  # beyond the table cells count as there
    rows, columns = np.indices(walled.shape).reshape(2, -1) - 1
    np.testing.assert_array_equal(pattern.holds(rows, columns), walled.ravel())
    absent = np.nonzero(~mask)
    along, down = pattern.runs(*absent)
    assert along.tolist() == [run_at(mask[i], j) for i, j in zip(*absent, strict=True)]
    assert down.tolist() == [run_at(mask[:, j], i) for i, j in zip(*absent, strict=True)]
