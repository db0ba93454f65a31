"""Missing cells are counted and sampled alike, listed or not."""

import numpy as np
import pytest

import lowland as ll
from lowland.trials.audits import missing_cells as module
from lowland.trials.audits.missing_cells import ListedCells, UnlistedCells, is_listed, missing_cells
from lowland.trials.audits.patterns import Pattern
from lowland.trials.audits.scope import Scope
from lowland.trials.audits.surroundings import Surroundings


@pytest.fixture
def setting(rng):
    known = rng.random((30, 12)) < 0.3
    known[4], known[:, 7] = False, False
    training = known & (rng.random(known.shape) < 0.8)
    values = np.where(training, rng.standard_normal(known.shape), np.nan)
    columns = np.arange(12)
    around = Surroundings.of(ll.Observations.from_array(values))
    scope = Scope(around, censored=columns == 2, few=np.isin(columns, (2, 7, 9)))
    return Pattern.of(*np.nonzero(known), known.shape), scope


def test_counts_are_those_of_the_list(setting):
    pattern, scope = setting
    listed, unlisted = ListedCells(*np.nonzero(~pattern.dense())), UnlistedCells(pattern)
    for exact, counted in zip(listed.tally(scope), unlisted.tally(scope), strict=True):
        np.testing.assert_array_equal(exact, counted)
    assert listed.tally(scope)[0].sum() == 30 * 12 - pattern.size


@pytest.mark.parametrize("kind", ["listed", "unlisted"])
def test_samples_are_of_distinct_missing_cells_in_scope(setting, rng, kind):
    pattern, scope = setting
    cells = UnlistedCells(pattern) if kind == "unlisted" else missing_cells(pattern)
    size = int(cells.tally(scope)[1].sum())
    every = set(zip(*ListedCells(*np.nonzero(~pattern.dense())).some(scope, 999, rng), strict=True))
    assert len(every) == size
    assert set(zip(*cells.some(scope, 999, rng), strict=True)) == every
    some = [set(zip(*cells.some(scope, 20, rng), strict=True)) for _ in range(200)]
    assert all(len(chosen) == 20 and chosen <= every for chosen in some)
    counts = np.array([sum(cell in chosen for chosen in some) for cell in every])
    share = 20 / size
    assert np.abs(counts - 200 * share).max() < 4.5 * np.sqrt(200 * share * (1 - share)), "all alike"


def test_large_tables_are_listed_only_if_mostly_known(setting, monkeypatch):
    pattern, _ = setting
    assert is_listed(pattern)
    monkeypatch.setattr(module, "LISTED", 100)
    assert is_listed(pattern) == (360 <= 4 * pattern.size)
    monkeypatch.setattr(module, "LISTED_PER_KNOWN", 1)
    assert isinstance(missing_cells(pattern), UnlistedCells)
