"""The spread of a column, which is the unit of its errors."""

import numpy as np

import lowland as ll
from lowland.completion.columns.spreads import spreads_of


def test_spreads_of_columns_of_few_cells_are_those_of_others():
    known = np.full((12, 4), np.nan)
    known[:, 0], known[:, 1], known[:3, 2], known[:, 3] = np.arange(12), 100 * np.arange(12), [1, 2, 9], 7
    spread = np.arange(12).std()
    found = spreads_of(ll.Observations.from_array(known))
    np.testing.assert_allclose(found, [spread, 100 * spread, 50.5 * spread, 50.5 * spread])
    few = spreads_of(ll.Observations.from_array(known[:3]))
    deviations = [-1, 0, 1, -100, 0, 100, -3, -2, 5, 0, 0, 0]
    np.testing.assert_allclose(few, np.full(4, np.sqrt(np.mean(np.square(deviations)))))
    np.testing.assert_array_equal(spreads_of(ll.Observations.from_array(np.full((2, 2), 3.0))), [1, 1])
