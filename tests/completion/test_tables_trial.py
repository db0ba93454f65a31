"""Cells held out in gaps like those of the table, and the intervals calibrated on them."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

import lowland as ll
from lowland.core.errors import UnsupportedError
from lowland.trials.choices import GAP_INTERVALS
from lowland.trials.masks import hide_gaps

# few sweeps: it is not their number that is tested
LIGHT = {"certify": False, "random_state": 0, "max_iter": 30}


class Observed(NamedTuple):
    """Cells of a table."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray


def gapped(rng, m=60, n=24, noise=0.1):
    """A smooth table in which whole runs of a third of the rows are missing, and the whole of it."""
    truth = np.cumsum(rng.standard_normal((m, 2)), axis=0) @ rng.standard_normal((2, n)) / 3
    whole = truth + noise * rng.standard_normal((m, n))
    seen = np.ones((m, n), bool)
    for row in rng.choice(m, m // 3, replace=False):
        start = rng.integers(0, n - 6)
        seen[row, start : start + 6] = False
    return whole, seen


@pytest.mark.parametrize("down", [False, True])
def test_gaps_of_one_line_are_lent_to_another(rng, down):
    """Of a row to another row; where gaps run down the columns, of a column to another column."""
    whole, seen = gapped(rng)
    array = np.where(seen, whole, np.nan)
    table = ll.Observations.from_array(array.T if down else array)
    kept, held = table.hide(hide_gaps(table, GAP_INTERVALS.hides, rng))
    if down:
        kept, held = (Observed(part.columns, part.rows, part.values) for part in (kept, held))
    assert 0.05 * table.size < held.rows.size < 0.2 * table.size
    both = {*zip(kept.rows, kept.columns, strict=True), *zip(held.rows, held.columns, strict=True)}
    assert len(both) == kept.rows.size + held.rows.size == table.size
    np.testing.assert_array_equal(held.values, whole[held.rows, held.columns])
    runs = {tuple(np.flatnonzero(~row)) for row in seen if not row.all()}
    for row in np.unique(held.rows):
        lent = set(held.columns[held.rows == row].tolist())
        # what was observed there of somebody's gap, and at most half of the row
        assert any(lent == set(run) & set(np.flatnonzero(seen[row]).tolist()) for run in runs)
        assert 2 * len(lent) <= seen[row].sum()


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (np.ones((6, 5), bool), "mostly, but not fully, observed"),
        (np.eye(6, dtype=bool), "mostly, but not fully, observed"),
        (np.arange(4) < np.array([[1]] + 3 * [[3]]), "no column has enough observed cells"),
    ],
)
def test_tables_without_such_gaps_are_refused(seen, words, rng):
    table = ll.Observations.from_array(np.where(seen, 1.0, np.nan))
    if words.startswith("no column"):  # each row lacks what all others lack too
        table = ll.Observations.from_array(np.where(np.arange(5) < 4, 1.0, np.nan) * np.ones((4, 1)))
    with pytest.raises(UnsupportedError, match=words):
        hide_gaps(table, GAP_INTERVALS.hides, rng)


def test_intervals_calibrated_on_gaps_cover_the_missing_runs(rng):
    whole, seen = gapped(rng, m=90, noise=0.3)
    model = ll.MatrixCompletion(rank=2, method="map", penalty=1.0, certify=False, random_state=0)
    model.fit(np.where(seen, whole, np.nan))
    rows, columns = np.nonzero(~seen)
    low, high = model.predict_interval(rows, columns, level=0.8, method="conformal_gaps")
    inside = (low <= whole[rows, columns]) & (whole[rows, columns] <= high)
    assert (low < high).all()
    assert 0.65 < inside.mean() < 0.95
    again = model.predict_interval(rows, columns, level=0.8, method="conformal_gaps")
    np.testing.assert_array_equal(again, (low, high))
    wider = model.predict_interval(rows, columns, level=0.95, method="conformal_gaps")
    assert (wider[1] - wider[0] > high - low).all()


def test_coverage_is_that_of_the_intervals_that_are_given(few_trees):
    """Not of normal ones: intervals of skewed columns and of refined tables have a shape of their own."""
    rng = np.random.default_rng(0)  # a table whose columns are fitted as powers
    logs = rng.standard_normal((80, 2)) @ rng.standard_normal((2, 6)) + 0.3 * rng.standard_normal((80, 6))
    table = np.exp(logs)
    table[rng.random(table.shape) < 0.2] = np.nan
    for settings in ({"powers": True, "refine": False}, {"powers": False, "refine": True}):
        trial = ll.MatrixCompletion(**LIGHT, **settings).fit(table).held_out_errors()
        levels = np.array([0.3, 0.5, 0.7, 0.9])
        shares = trial.coverage(levels)
        for level, inside in zip(levels, shares, strict=True):
            low, high = trial.predictor.intervals(trial.rows, trial.columns, level)
            assert inside == np.mean((low <= trial.observed) & (trial.observed <= high))
        assert (shares != np.mean(trial.scores[:, None] < stats.norm.ppf((1 + levels) / 2), axis=0)).any()
