"""Searches from many starts at once: the same numbers as one by one, and planted answers found."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.work import Budget, counted
from lowland.measure import gaussian
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.sensing.searching.many_searches import (
    _Batch,
    affordable_searches,
    is_small,
    search_from_many_starts,
    searches_work,
)


def planted(kind, rng):
    u = rng.standard_normal((7, 2))
    v = u if kind == "psd" else rng.standard_normal((6, 2))
    model = Psd((7, 7), 2) if kind == "psd" else General((7, 6), 2)
    if kind == "entries":
        rows, columns = np.nonzero(rng.random((7, 6)) < 0.9)
        measurement = ll.Entries(rows, columns, (7, 6))
    else:
        measurement = gaussian(36, model.shape, 3)
    y = measurement.measure_matrix(u @ v.T)
    return make_objective(measurement, y, model, weights=rng.uniform(0.5, 2, y.size)), u @ v.T


@pytest.mark.parametrize("kind", ["psd", "general", "entries"])
def test_a_batch_is_many_single_points(kind, rng):
    objective, _ = planted(kind, rng)
    assert is_small(objective)
    thetas = rng.standard_normal((3, objective.size))
    residuals, jacobians = _Batch(objective).linearise(thetas)
    roots = np.sqrt(objective.weights)
    for theta, residual, jacobian in zip(thetas, residuals, jacobians, strict=True):
        at = objective.linearise(theta)
        np.testing.assert_allclose(residual, roots * at.residual, rtol=1e-10, atol=1e-10)
        direct = np.stack([at.jacobian_product(unit) for unit in np.eye(theta.size)], axis=1)
        np.testing.assert_allclose(jacobian, roots[:, None] * direct, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", ["psd", "general", "entries"])
def test_planted_answers_are_found(kind, rng):
    objective, truth = planted(kind, rng)
    ends = search_from_many_starts(objective, 8, np.random.default_rng(0))
    values = np.array([objective.value(theta) for theta in ends])
    assert (np.diff(values) >= -1e-20 * objective.unfitted[0]).all()
    np.testing.assert_allclose(objective.model.lift(ends[0]).matrix(), truth, atol=1e-6)


def test_work_is_what_was_foretold(rng):
    objective, _ = planted("psd", rng)
    with counted() as work:
        search_from_many_starts(objective, 5, np.random.default_rng(0))
    assert work.spent <= 1.1 * searches_work(objective, 5)
    assert affordable_searches(objective, Budget(0.0)) == 0
    budget = Budget(3 * searches_work(objective, 0))
    few = affordable_searches(objective, budget)
    assert 0 < few
    assert few == 24 or searches_work(objective, few) <= budget.limit + searches_work(objective, 0)
