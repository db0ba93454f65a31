"""Intervals hold the truth as often as they say, and are refused where nothing is known."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.datasets import data_path
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives import make_objective
from lowland.search import Iterations
from lowland.sensing.intervals import functional_intervals
from lowland.sensing.tangent_covariance import TangentCovariance, degrees_of_freedom, estimate_noise


def noisy_table(seed, n=60, rank=2, share=0.35, sigma=0.1, heteroscedastic=False):
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, n))
    rows, columns = np.nonzero(rng.random((n, n)) < share)
    scale = rng.choice([0.3, 3.0], rows.size) if heteroscedastic else np.ones(rows.size)
    y = truth[rows, columns] + sigma * scale * rng.standard_normal(rows.size)
    return truth, rows, columns, y, scale**-2.0


@cache
def noisy_fit(seed, heteroscedastic):
    """Return the truth of a table and its fit, which several tests ask."""
    truth, rows, columns, y, weights = noisy_table(seed, heteroscedastic=heteroscedastic)
    # the last digits of the search are not its subject
    how = {"solver": "variable_projection", "stop": Iterations(30), "n_restarts": 0, "certify": False}
    fit = ll.recover(Entries(rows, columns, (60, 60)), y, rank=2, weights=weights, rng=0, **how)
    return truth, fit


@pytest.mark.covering
@pytest.mark.parametrize("tables", [3, pytest.param(8, marks=pytest.mark.slow)])
@pytest.mark.parametrize("form", ["exact", "block"])
@pytest.mark.parametrize("heteroscedastic", [False, True])
def test_coverage_of_entries(form, heteroscedastic, tables):
    covered, noises = [], []
    every = 19 if form == "exact" and tables < 8 else 1
    some = np.indices((60, 60)).reshape(2, -1)[:, ::every]
    for seed in range(tables):
        truth, fit = noisy_fit(seed, heteroscedastic)
        found, true = fit.interval(*some, form=form), truth[tuple(some)]
        covered.append(np.mean((found.lower <= true) & (true <= found.upper)))
        noises.append(found.noise)
        assert found.form == form
    # the block form takes the other side for known, which costs where few data weigh much
    least = 0.9 if form == "block" and heteroscedastic else 0.935
    assert least < np.mean(covered) < 0.965
    assert np.mean(noises) == pytest.approx(0.1, rel=0.03)


@pytest.mark.parametrize("tables", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_coverage_of_new_observations_and_levels(tables):
    hits = {0.5: [], 0.9: []}
    for seed in range(tables):
        truth, fit = noisy_fit(seed, False)
        rng = np.random.default_rng(100 + seed)
        i, j = rng.integers(0, 60, (2, 1000))
        new = truth[i, j] + 0.1 * rng.standard_normal(1000)
        for level, rates in hits.items():
            found = fit.interval(i, j, level=level, new_observation=True)
            rates.append(np.mean((found.lower <= new) & (new <= found.upper)))
    for level, rates in hits.items():
        assert np.mean(rates) == pytest.approx(level, abs=0.03)


def test_exact_variances_against_a_dense_pseudo_inverse(rng):
    rows, columns = np.nonzero(rng.random((7, 6)) < 0.8)
    weights = rng.uniform(0.5, 2, rows.size)
    objective = make_objective(
        Entries(rows, columns, (7, 6)), rng.standard_normal(rows.size), General((7, 6), 2), weights=weights
    )
    u, v = rng.standard_normal((7, 2)), rng.standard_normal((6, 2))
    theta = objective.from_factors(ll.Factors(u, v))
    i, j = np.indices((7, 6)).reshape(2, -1)
    jacobian = np.zeros((42, 26))
    for k, (a, b) in enumerate(zip(i, j, strict=True)):
        jacobian[k, 2 * a : 2 * a + 2] = v[b]
        jacobian[k, 14 + 2 * b : 16 + 2 * b] = u[a]
    seen = jacobian[rows * 6 + columns]
    naive = jacobian @ np.linalg.pinv(seen.T @ (weights[:, None] * seen), rcond=1e-10) @ jacobian.T
    found = TangentCovariance(objective, theta, "exact").of_entries(i, j)
    np.testing.assert_allclose(found, np.diag(naive), rtol=1e-6)


@pytest.mark.slow
def test_functionals_of_positive_semidefinite_matrices(rng):
    """The trace and a contrast, over repeated noise."""
    n, m = 8, 120
    measurement = ll.gaussian(m, (n, n), rng, symmetric=True)
    factor = rng.standard_normal((n, 2))
    truth = factor @ factor.T
    contrast = np.zeros((n, n))
    contrast[0, 0], contrast[1, 1] = 1, -1
    arrays = np.stack([np.eye(n), contrast])
    values = np.einsum("kij,ij->k", arrays, truth)
    hits = []
    for _ in range(60):
        y = measurement.measure_matrix(truth) + 0.2 * rng.standard_normal(m)
        fit = ll.recover(measurement, y, rank=2, structure="psd", rng=0, certify=False)
        found = functional_intervals(fit.objective, fit.search.theta, arrays)
        hits.append((found.lower <= values) & (values <= found.upper))
    assert 0.88 < np.mean(hits) <= 1


def test_refusals(rng):
    truth, rows, columns, y, _ = noisy_table(0)
    entries = Entries(rows, columns, (60, 60))
    low = ll.recover(entries, y, rank=1, n_restarts=0, rng=0, certify=False)
    with pytest.raises(UnsupportedError, match="residuals are not noise"):
        low.interval([0], [0])
    full = Entries(*np.indices((4, 4)).reshape(2, -1), (4, 4))
    saturated = ll.recover(full, truth[:4, :4].ravel(), rank=4, n_restarts=0, rng=0, certify=False)
    with pytest.raises(UnsupportedError, match="saturated"):
        saturated.interval([0], [0])
    fit = noisy_fit(0, False)[1]
    for bad, words in ((([0, 1], [0]), "equally long"), (([60], [0]), "rows")):
        with pytest.raises(InvalidInputError, match=words):
            fit.interval(*bad)
    with pytest.raises(InvalidInputError, match="level"):
        fit.interval([0], [0], level=1.0)
    with pytest.raises(InvalidInputError, match="form"):
        fit.interval([0], [0], form="bayes")
    how = {"rank": 1, "structure": "psd", "certify": False, "rng": 0}
    counts = ll.recover(ll.RankOne(np.eye(3)), np.ones(3), loss="poisson", **how)
    with pytest.raises(UnsupportedError, match="squared loss"):
        counts.interval([0], [0])
    states = ll.recover(ll.Pauli(["X", "Y", "Z", "I"] * 3), [0.1] * 12, **how)
    with pytest.raises(UnsupportedError, match="real matrix"):
        states.interval([0], [0])


def test_held_out_cells_of_a_real_table():
    """Nominal against measured on the fertility table, a tenth of its cells held out."""
    table = ll.read_table(data_path("fertility"))
    rng = np.random.default_rng(0)
    out = rng.random(table.size) < 0.1
    settings = {"rank": 5, "penalty": 0.1, "max_iter": 20, "random_state": 0, "certify": False}
    model = ll.MatrixCompletion(**settings).fit(table.select(~out))
    held = table.select(out)
    rows, columns = held.row_labels[held.rows], held.column_labels[held.columns]
    widths = []
    for level in (0.5, 0.9, 0.95):
        low, high = model.predict_interval(rows, columns, level=level)
        measured = np.mean((low <= held.values) & (held.values <= high))
        # residuals have heavier tails than a Gaussian: more than asked for in the middle
        assert level - 0.05 < measured < level + 0.3
        widths.append(np.median(high - low))
    assert widths == sorted(widths)
    assert widths[-1] < 0.5


def test_a_penalty_leaves_fewer_degrees_of_freedom(rng):
    _, rows, columns, y, _ = noisy_table(0, n=40, share=0.5)
    entries = Entries(rows, columns, (40, 40))
    light, heavy = (
        make_objective(entries, y, General((40, 40), 5, ("row",)), penalty=penalty)
        for penalty in (1e-8, 20.0)
    )
    theta = rng.standard_normal(light.size)
    most = light.model.degrees_of_freedom
    assert degrees_of_freedom(light, theta) == pytest.approx(most, rel=0.03)
    assert degrees_of_freedom(heavy, theta) < 0.8 * most
    fit = ll.recover(entries, y, rank=5, penalty=0.3, n_restarts=0, rng=0, certify=False)
    assert estimate_noise(fit.objective, fit.search.theta).level == pytest.approx(0.1, rel=0.15)


def heavy_tailed(seed, n=60):
    """A table of rank one with noise of another kind in each row, and cells left out."""
    rng = np.random.default_rng(seed)
    truth = np.outer(rng.standard_normal(n), rng.standard_normal(n)) + rng.standard_normal(n)
    noise = 0.3 * rng.standard_t(2, (n, n)) * rng.choice([0.3, 1.0, 3.0], (n, 1))
    seen = rng.random((n, n)) < 0.5
    return truth + noise, seen


def conformal_rates(levels, seeds):
    rates = []
    for seed in seeds:
        values, seen = heavy_tailed(seed)
        model = ll.MatrixCompletion(rank=3, penalty=2.0, max_iter=30, certify=False, random_state=seed)
        model.fit(np.where(seen, values, np.nan))
        rows, columns = np.nonzero(~seen)
        new, own = values[rows, columns], []
        for level in levels:
            lower, upper = model.predict_interval(rows, columns, level, method="conformal")
            own.append(np.mean((lower <= new) & (new <= upper)))
        rates.append(own)
    return np.mean(rates, axis=0)


@pytest.mark.parametrize("tables", [3, pytest.param(12, marks=pytest.mark.slow)])
def test_conformal_intervals_hold_whatever_the_noise(tables):
    levels = (0.5, 0.9)
    np.testing.assert_allclose(conformal_rates(levels, range(tables)), levels, rtol=0, atol=0.025)


def test_scores_on_cells_that_were_fitted_are_too_small(monkeypatch):
    """The mutant: errors of the whole fit on its own cells, as calibration."""
    from lowland.completion import planned_fit

    fit = planned_fit.fit_completion

    def hold_nothing_out(observations, hidden):
        return observations, observations.select(hidden)

    def overfit(table, settings, **others):
        return fit(table, replace(settings, rank=8, penalty=0.1), **others)

    monkeypatch.setattr(ll.Observations, "hide", hold_nothing_out)
    monkeypatch.setattr(planned_fit, "fit_completion", overfit)
    assert conformal_rates((0.9,), range(1))[0] < 0.85


def test_conformal_intervals_are_repeatable_and_refuse_levels_out_of_reach():
    values, seen = heavy_tailed(0, 24)
    table = np.where(seen, values, np.nan)
    model = ll.MatrixCompletion(rank=1, certify=False, random_state=3).fit(table)
    again = ll.MatrixCompletion(rank=1, certify=False, random_state=3).fit(table)
    again.predict_interval([1], [1])
    one, two = (m.predict_interval([0, 1], [2, 2], 0.8, method="conformal") for m in (model, again))
    np.testing.assert_array_equal(one, two)
    with pytest.raises(UnsupportedError, match="too few for this level"):
        model.predict_interval([0], [2], 0.999, method="conformal")
    with pytest.raises(InvalidInputError, match="method is unknown"):
        model.predict_interval([0], [2], method="bayes")
    with pytest.raises(InvalidInputError, match="between 0 and 1"):
        model.predict_interval([0], [2], 1.5, method="conformal")


def test_conformal_intervals_of_saturated_models():
    """Fisher variances are refused; scores of plain errors still work."""
    values, seen = heavy_tailed(1, 24)
    table = np.where(seen, values, np.nan)
    settings = {"rank": 20, "penalty": 1e-6, "max_iter": 20, "certify": False, "random_state": 0}
    model = ll.MatrixCompletion(**settings).fit(table)
    rows, columns = np.nonzero(~seen)
    lower, upper = model.predict_interval(rows, columns, 0.8, method="conformal")
    new = values[rows, columns]
    assert np.mean((lower <= new) & (new <= upper)) > 0.7
