"""Which cells are observed, by counts, against a dense mask."""

import numpy as np

from lowland.cells.pattern import LinePattern, observed_in

SHAPE = (9, 7)


def test_each_cell_counts_once(rng):
    mask = rng.random(SHAPE) < 0.5
    mask[4] = False
    rows, columns = np.nonzero(mask)
    order = rng.permutation(np.concatenate([np.arange(rows.size), np.arange(5)]))  # some are listed twice
    pattern = LinePattern.of(rows[order], columns[order], SHAPE)
    assert (pattern.shape, pattern.size) == (SHAPE, rows.size)
    for side, known in ((0, rng.random(SHAPE[1]) < 0.5), (1, rng.random(SHAPE[0]) < 0.5)):
        turned = mask.T if side else mask
        np.testing.assert_array_equal(pattern.counts(side), turned.sum(axis=1))
        np.testing.assert_array_equal(pattern.inside(side, known), turned[:, known].sum(axis=1))
    for row in (0, 4):
        np.testing.assert_array_equal(pattern.columns_of(row), np.flatnonzero(mask[row]))
    some = np.array([6, 2, 4]), np.array([5, 0, 3, 1])
    np.testing.assert_array_equal(pattern.part(*some).toarray(), mask[np.ix_(*some)])
    found = observed_in(pattern.cells, np.array([2, 6, 2]))
    np.testing.assert_array_equal(found.rows, np.nonzero(mask[[2, 6]])[0] * 4 + 2)
