"""Baselines that are summed line by line are those of tables in memory."""

import numpy as np
import pytest

import lowland as ll
from lowland.cells.sides import TableCells
from lowland.completion.comparing.comparison import compare_with_baselines
from lowland.completion.comparing.line_comparison import compare_lines


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_comparisons_are_those_in_memory(rng, dtype):
    values = rng.standard_normal((50, 9)) * np.arange(1, 10) + 100 * np.arange(9)
    values[rng.random(values.shape) < 0.4] = np.nan
    values[:, 3] = np.where(np.isnan(values[:, 3]), np.nan, 5.0)  # of one value
    values[4:, 6] = np.nan  # of few cells
    table = ll.Observations.from_array(values.astype(dtype)).in_order()
    training, held = table.hide(rng.random(table.size) < 0.3)
    training = training.select((training.columns != 2) & (training.rows != 7))  # some lines have none
    predicted = held.values + rng.standard_normal(held.size)
    expected = compare_with_baselines(training, held, predicted)
    found = compare_lines(TableCells.of(training), held, predicted)
    assert [one.baseline for one in found] == [one.baseline for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert (one.cells, one.rows, one.level) == (other.cells, other.rows, other.level)
        for name in ("error", "baseline_error", "gain", "lower", "upper"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-4, abs=1e-6), name
