"""Of which cells an audit speaks, and what is paid for columns that have missing cells."""

from itertools import combinations

import numpy as np
import pytest

import lowland as ll
from lowland.trials.audits.odds import Odds
from lowland.trials.audits.scope import (
    CENSORED,
    COLUMNS,
    DOUBT,
    FEW,
    IN_SCOPE,
    ODDS,
    OTHER,
    REASONS,
    ROWS,
    RUNS,
    SLICES,
    Scope,
)
from lowland.trials.audits.surroundings import Surroundings

GAP = np.nan


def scope_of(values, **rules):
    training = Surroundings.of(ll.Observations.from_array(np.asarray(values, dtype=float)))
    return Scope(training, **{"censored": np.zeros(len(values[0]), bool), **rules})


def test_the_first_reason_counts():
    values = [[1, GAP, GAP, GAP], [GAP, GAP, GAP, GAP], [2, GAP, 1, GAP], [3, GAP, 2, 1], [4, GAP, 4, 2]]
    other = np.zeros((5, 4), bool)
    other[0] = True
    scope = scope_of(values, censored=np.arange(4) == 2, other=other, few=np.arange(4) == 3)
    rows, columns = np.array([1, 0, 0, 0, 2, 1]), np.array([0, 1, 2, 3, 3, 1])
    assert scope.reasons(rows, columns).tolist() == [ROWS, COLUMNS, CENSORED, OTHER, FEW, ROWS]
    assert len(REASONS) == len({*REASONS}) == SLICES + 1
    assert scope.reasons(rows[:0], columns[:0]).size == 0


def test_runs_are_counted_along_rows_and_columns():
    values = [[1, GAP, GAP, 1, 2], [2, 3, 4, GAP, 1], [3, 1, GAP, 2, 2], [1, 2, 3, 4, 3]]
    cells = np.nonzero(np.isnan(np.array(values)))
    longest_one = scope_of(values, longest=1).reasons(*cells)
    assert longest_one.tolist() == [RUNS, RUNS, IN_SCOPE, IN_SCOPE]
    assert not scope_of(values, longest=2).reasons(*cells).any()


def test_large_odds_are_outside_and_nan_is_no_odds(rng):
    values = rng.standard_normal((9, 3))
    values[2:5, 1] = values[4, 2] = GAP
    cells = np.nonzero(np.isnan(values))
    odds = Odds(np.array([0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    features = scope_of(values).training.of_odds(*cells, np.zeros(4, bool), np.zeros(4)).shape[1]
    odds = Odds(np.eye(features + 1)[1])  # the rate of the row
    scope = scope_of(values, odds=odds)
    logarithms = scope.log_odds(*cells)
    assert logarithms[2] == logarithms[3] > logarithms[0]
    found = scope_of(values, odds=odds, largest=logarithms[0]).reasons(*cells)
    assert found.tolist() == [IN_SCOPE, IN_SCOPE, ODDS, ODDS]
    nothing = Odds(np.full(features + 1, np.nan))
    assert (scope_of(values, odds=nothing).reasons(*cells) == ODDS).all()


@pytest.mark.parametrize(
    ("counts", "held"),
    [([3, 4, 4], [2, 1, 1]), ([6, 2, 0], [3, 0, 0]), ([5, 5, 1], [2, 3, 0]), ([2, 2, 2], [1, 0, 0])],
)
def test_the_allowance_is_no_larger_than_the_chance_of_a_missing_cell_per_column(counts, held):
    scope, counts, held = scope_of([[1.0, 2.0, 3.0]]), np.array(counts), np.array(held)
    limited, allowance = scope.without_few(counts, held, 1.0)
    kept = ~limited.few & (counts > 0)
    assert kept.sum() >= 2 - (counts == 0).any()
    columns = np.repeat(np.arange(3)[kept], counts[kept])
    choices = combinations(range(columns.size), int(held[kept].sum()))
    left = [np.bincount(np.delete(columns, choice), minlength=3) for choice in choices]
    exact = np.mean([(missing[kept] > 0).all() for missing in left])
    assert 1 - 2 * DOUBT <= allowance <= exact
    doubtful, smaller = scope.without_few(counts, held, 1.5)
    assert smaller < allowance or (doubtful.few & ~limited.few).any()


def test_columns_of_many_cells_cost_nothing():
    limited, allowance = scope_of([[1.0, 2.0]]).without_few(np.array([300, 400]), np.array([40, 60]), 1.2)
    assert allowance == pytest.approx(1, abs=1e-12)
    assert not limited.few.any()
    limited, _ = scope_of([[1.0, 2.0]]).without_few(np.array([300, 1]), np.array([99, 1]), 1.0)
    assert limited.few.tolist() == [False, True]
