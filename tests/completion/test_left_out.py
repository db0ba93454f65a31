"""Cells predicted from the others of their row by a Gaussian without that row, beside all other rows."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.bayes.row_scales import RowScales
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.gaussian import left_out as module
from lowland.completion.bayesian.gaussian.left_out import left_out, without
from lowland.completion.bayesian.gaussian.objective import GaussianRows


def with_law_of_rows(table, holes):
    """Return a Gaussian that holds what the completed table does, without doubt or prior."""
    objective = GaussianRows(TableCells.of(ll.Observations.from_array(holes)))
    state = objective.first_draw(table.ravel(), 0, np.random.default_rng(0))
    covariance = np.cov(table.T)
    sums = {"mean_sum": table.mean(axis=0), "covariance_sum": covariance}
    return objective, replace(state, kept=1, excess=0.0, **sums)


def given_the_others(table, known, i, j, groups):
    """Return the mean and variance of a cell given known cells of other groups, as all other rows tell."""
    rows = np.delete(table, i, axis=0)
    others = [k for k in np.flatnonzero(known[i]) if groups[k] != groups[j]]
    mean, law = rows.mean(axis=0), np.cov(rows.T)
    slopes = np.linalg.solve(law[np.ix_(others, others)], law[others, j])
    variance = law[j, j] - slopes @ law[others, j]
    return mean[j] + slopes @ (table[i, others] - mean[others]), variance * (1 + 1 / len(table))


@pytest.mark.parametrize("groups", [[0, 1, 2, 3, 4], [0, 1, 1, 2, 1], [0, 0, 1, 2, 2]])
@pytest.mark.parametrize("at_once", [1, 1 << 20])
def test_they_are_predictions_by_all_other_rows(at_once, groups, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    monkeypatch.setattr(RowScales, "learn", staticmethod(lambda distances, counts: None))
    rng = np.random.default_rng(3)
    table = rng.standard_normal((25, 2)) @ rng.standard_normal((2, 5)) + rng.standard_normal((25, 5))
    groups = np.array(groups)
    known = (rng.random(table.shape) < 0.8)[:, groups]  # columns of one group are known together
    known[~known.any(axis=1)] = True
    predictions, errors = left_out(*with_law_of_rows(table, np.where(known, table, np.nan)), groups)
    for i, j in zip(*np.nonzero(known), strict=True):
        mean, variance = given_the_others(table, known, i, j, groups)
        np.testing.assert_allclose(predictions[i, j], mean, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(errors[i, j] ** 2, variance, rtol=1e-9)


def distance_of(table, kept, i):
    """Return the squared Mahalanobis distance of the kept cells of a row from the mean of all other rows."""
    at, rows = np.flatnonzero(kept[i]), np.delete(table, i, axis=0)
    away = (table[i] - rows.mean(axis=0))[at]
    return away @ np.linalg.solve(np.cov(rows.T)[np.ix_(at, at)], away) if at.size else 0.0


@pytest.mark.parametrize("at_once", [1, 1 << 20])
def test_some_cells_of_rows_predict_the_others(at_once, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    rng = np.random.default_rng(3)
    table = rng.standard_normal((25, 2)) @ rng.standard_normal((2, 5)) + rng.standard_normal((25, 5))
    known = rng.random(table.shape) < 0.8
    kept = known & (rng.random(table.shape) < 0.7)
    scales = RowScales(5.0, 1.5, 0.8)
    problem = with_law_of_rows(table, np.where(known, table, np.nan))
    predictions, errors = without(*problem, kept, None)
    for i, j in zip(*np.nonzero(known & ~kept), strict=True):
        mean, variance = given_the_others(table, known, i, j, np.where(kept[i], -1, 0))
        np.testing.assert_allclose(predictions[i, j], mean, rtol=1e-9, atol=1e-9)
        of_slopes = 1 + distance_of(table, kept, i) / (1 + 1 / 25) / 24
        np.testing.assert_allclose(errors[i, j] ** 2, variance * of_slopes, rtol=1e-9)
    law, centre = np.cov(table.T), table.mean(axis=0)
    for i, j in zip(*np.nonzero(~known), strict=True):  # the row has told nothing of them
        at = np.flatnonzero(kept[i])
        slopes = np.linalg.solve(law[np.ix_(at, at)], law[at, j])
        np.testing.assert_allclose(predictions[i, j], centre[j] + slopes @ (table[i] - centre)[at])
    np.testing.assert_allclose(predictions[kept], table[kept])
    _, scaled = without(*problem, kept, scales)
    for i in range(25):
        factor = scales.factors(np.array([distance_of(table, kept, i)]), kept[i].sum())
        np.testing.assert_allclose(scaled[i] ** 2, factor * errors[i] ** 2, rtol=1e-9, atol=1e-12)


def test_a_row_far_away_does_not_pull_its_own_predictions():
    rng = np.random.default_rng(0)
    first = rng.standard_normal(30)
    table = np.column_stack([first, first + 0.1 * rng.standard_normal(30), rng.standard_normal(30)])
    table[0] = 5.0, -5.0, 0.0
    predictions, _ = left_out(*with_law_of_rows(table, table))
    assert abs(predictions[0, 1] - 5.0) < 0.5


def test_rows_that_differ_in_size_have_errors_of_their_own():
    rng = np.random.default_rng(0)
    sizes = np.where(np.arange(200) % 4 == 0, 8.0, 1.0)
    table = sizes[:, None] * (rng.standard_normal((200, 1)) + 0.5 * rng.standard_normal((200, 6)))
    predictions, errors = left_out(*with_law_of_rows(table, table))
    scores = np.abs(table - predictions) / errors
    of_large, of_small = np.median(errors[sizes > 1]), np.median(errors[sizes == 1])
    assert of_large > 3 * of_small
    assert 0.8 < np.mean(scores < 1.645) < 0.97
