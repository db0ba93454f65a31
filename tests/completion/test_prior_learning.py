"""Priors and noise: learnt until predictions settle, then held; what cells held out say of both."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.bayes.products import product_means, product_variances
from lowland.bayes.side_prior import unpack_lower
from lowland.cells.sides import TableCells
from lowland.cells.taken import without_cells
from lowland.completion.bayesian import features, pattern_choice, pattern_design
from lowland.completion.bayesian import settings as bayesian_settings
from lowland.completion.bayesian.objective import BayesianCompletion
from lowland.completion.bayesian.pattern_choice import choose_pattern
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.bayesian.starting.start import feature_maps, first_point, make_objective
from lowland.completion.cells import held_out as held_cells
from lowland.completion.cells.held_out import hold_out
from lowland.core.cells import line_bounds
from lowland.core.cells.observations import Observations
from lowland.kernels.systems.moments import Moments
from lowland.search import Iterations, run
from lowland.search.variational import Variational
from lowland.trials.choices import PRIORS


def grades(rng, shape=(150, 40), share=0.25, taste=None, noise=0.7):
    """Grades whose cells are seen at random, or more often where `taste` times the grade is large."""
    m, n = shape
    truth = 3 + rng.standard_normal((m, 3)) @ rng.standard_normal((3, n)) / 2
    odds = np.zeros(shape) if taste is None else taste(truth - 3, rng)
    chance = np.exp(np.clip(odds, -3, 3))
    seen = rng.random(shape) < np.minimum(share * chance / chance.mean(), 0.95)
    rows, columns = np.nonzero(seen)
    stars = np.clip(np.rint(truth[seen] + noise * rng.standard_normal(rows.size)), 1, 5)
    return Observations.from_triples(rows, columns, stars, shape=shape)


def objective_of(table, **settings):
    cells = TableCells.of(table)
    scaled = cells.scaled(np.full(table.shape[1], 3.0), np.ones(table.shape[1]))
    chosen = BayesianSettings(
        **{"pattern": False, "noise": "common", "scale": "common", "rank": 3, **settings}
    )
    maps = feature_maps(chosen, scaled, (None, None))
    return make_objective(scaled, chosen, maps, (None, None), graded=True)


def swept(objective, count, seed=0):
    rng = np.random.default_rng(seed)
    return run(objective, Variational(), first_point(objective, rng), stop=Iterations(count), rng=rng)


def naive(state, objective, row, column):
    """Mean and variance of one cell under independent rows and columns, factor by factor."""
    rows, columns = objective.moments(state)
    r, d = objective.model.rank, objective.width
    (p,), (q,) = (unpack_lower(side.covariances[[k]], d) for side, k in ((rows, row), (columns, column)))
    a, b = rows.means[row], columns.means[column]
    second = np.sum((p[:r, :r] + np.outer(a[:r], a[:r])) * (q[:r, :r] + np.outer(b[:r], b[:r])))
    mean = a[:r] @ b[:r]
    crossed = 2 * (p[r, :r] @ b[:r] + q[r, :r] @ a[:r])
    return mean + a[r] + b[r], second - mean**2 + p[r, r] + q[r, r] + crossed


def test_products_have_their_moments(rng):
    objective = objective_of(grades(rng))
    state = swept(objective, 3).state
    at = (np.array([0, 5, 140]), np.array([3, 3, 39]))
    expected = np.array([naive(state, objective, *pair) for pair in zip(*at, strict=True)])
    rows, columns = objective.moments(state)
    np.testing.assert_allclose(product_means(rows.means, columns.means, at, 3), expected[:, 0])
    np.testing.assert_allclose(product_variances(rows, columns, at, 3), expected[:, 1])


def test_variances_are_those_of_draws(rng):
    d, r, count = 3, 2, 400_000
    roots = [np.linalg.cholesky(np.cov(rng.standard_normal((d, 9)))) for _ in range(2)]
    means = rng.standard_normal((2, d))
    lower = np.tril_indices(d)
    rows, columns = (
        Moments(mean[None], (root @ root.T)[lower][None]) for mean, root in zip(means, roots, strict=True)
    )
    a, b = (mean + rng.standard_normal((count, d)) @ root.T for mean, root in zip(means, roots, strict=True))
    drawn = np.sum(a[:, :r] * b[:, :r], axis=1) + a[:, r] + b[:, r]
    at = (np.zeros(1, int), np.zeros(1, int))
    assert product_variances(rows, columns, at, r)[0] == pytest.approx(drawn.var(), rel=0.02)


@pytest.mark.parametrize("weighted", [False, True])
def test_cells_held_out_are_missing_from_both_sides_and_kept_apart(weighted, rng):
    table = grades(rng)
    if weighted:
        table = replace(table, weights=rng.uniform(0.5, 2, table.size))
    cells = TableCells.of(table)
    others, held = hold_out(cells)
    assert held.rows.size == int(0.05 * table.size) == table.size - others.size
    full = table.to_array() if not weighted else np.full(table.shape, np.nan)
    full[table.rows, table.columns] = table.values
    np.testing.assert_array_equal(full[held.at], held.values)
    full[held.at] = np.nan
    for side, block in enumerate(own.block for own in others.sides):
        found = np.full(full.shape[:: 1 - 2 * side], np.nan)
        lines = np.repeat(np.arange(found.shape[0]), np.diff(block.starts))
        found[lines, block.partners] = block.values
        np.testing.assert_array_equal(found, full if side == 0 else full.T)
        np.testing.assert_array_equal(others.sides[side].counts, (~np.isnan(found)).sum(axis=1))
    if weighted:
        whole = np.full(table.shape, np.nan)
        whole[table.rows, table.columns] = table.weights
        np.testing.assert_array_equal(whole[held.at], held.weights)


@pytest.mark.parametrize("graded", [True, False])
def test_cells_held_out_follow_permuted_rows_and_columns(graded, rng):
    """Scaled by sums that round in another order, grades have the same ranks."""
    numbers = rng.integers(1, 6, (60, 40)) if graded else rng.standard_normal((60, 40))
    full = np.where(rng.random((60, 40)) < 0.4, numbers, np.nan)
    rows, columns = rng.permutation(60), rng.permutation(40)
    masks = []
    for k, table in enumerate((full, full[np.ix_(rows, columns)])):
        cells = TableCells.of(ll.Observations.from_array(table))
        if graded:
            cells = cells.scaled(np.full(40, 3.1 + 1e-15 * k), np.full(40, 1.3 + 1e-15 * k))
        mask = np.zeros((60, 40), bool)
        mask[hold_out(cells)[1].at] = True
        masks.append(mask)
    np.testing.assert_array_equal(masks[1], masks[0][np.ix_(rows, columns)])
    assert masks[0].sum() == int(0.05 * np.sum(~np.isnan(full)))


def test_blocks_leave_out_what_the_whole_leaves_out(rng):
    table = grades(rng)
    whole = TableCells.of(table).sides[0].block
    rows, columns = hold_out(TableCells.of(table))[1].at
    expected = without_cells(whole, rows, columns)
    for first, last in ((0, 40), (40, 41), (41, 150)):
        cells = slice(whole.starts[first], whole.starts[last])
        part = replace(
            whole,
            first=first,
            starts=whole.starts[first : last + 1] - whole.starts[first],
            partners=whole.partners[cells],
            values=whole.values[cells],
        )
        found = without_cells(part, rows, columns)
        own = slice(expected.starts[first], expected.starts[last])
        np.testing.assert_array_equal(found.partners, expected.partners[own])
        np.testing.assert_array_equal(found.values, expected.values[own])
        np.testing.assert_array_equal(np.diff(found.starts), np.diff(expected.starts[first : last + 1]))


def test_the_noise_explains_errors_on_cells_held_out(rng):
    objective = objective_of(grades(rng), calibrated=True)
    state = swept(objective, 2).state
    rows, columns = objective.moments(state)
    held = objective.trial.held
    beyond = []
    for row, column, value in zip(held.rows, held.columns, held.values, strict=True):
        mean, variance = naive(state, objective, row, column)
        beyond.append((mean - value) ** 2 - variance)
    tau = np.ones(40)
    assert objective.trial.noise_variance(rows, columns, tau, 3) == pytest.approx(np.mean(beyond))
    found = objective.average(replace(state, held=False), "noise").noise_precision
    own = objective.trial.cells.size / state.errors.sum()
    assert found == pytest.approx(min(1 / np.mean(beyond), own))


def noise_of_a_few_types(seed):
    """The noise precision of grades learnt from cells held out, over the one learnt without these."""
    rng, shape = np.random.default_rng(seed), (400, 200)
    kinds = 3 + 1.5 * rng.standard_normal((12, 200))
    full = kinds[rng.integers(0, 12, 400)] + 0.7 * rng.standard_normal(shape)
    chance = np.outer(rng.pareto(1.3, 400) + 0.3, rng.pareto(1.2, 200) + 0.2)
    rows, columns = np.nonzero(rng.random(shape) < np.minimum(0.06 * chance / chance.mean(), 0.9))
    stars = np.clip(np.rint(full[rows, columns]), 1, 5)
    table = Observations.from_triples(rows, columns, stars, shape=shape)
    sizes = [
        swept(objective_of(table, rank=4, calibrated=choice), 30).state.noise_precision
        for choice in (True, False)
    ]
    return sizes[0] / sizes[1]


def test_noise_is_not_taken_for_smaller_than_errors_show():
    """Where rows are of a few types and most have few cells, Gaussian factors take noise for structure.

    By how much differs by table, from next to nothing to a quarter.
    """
    ratios = [noise_of_a_few_types(seed) for seed in range(4)]
    assert np.mean(ratios) < 0.95
    assert max(ratios) < 1.05


def test_priors_are_held_once_predictions_settle_and_nothing_changes_then(rng):
    table = grades(rng, (300, 60))
    objective = objective_of(table, calibrated=True)
    states = [swept(objective, count).state for count in (40, 120)]
    assert all(state.held for state in states)
    for name in ("row_precision", "row_coefficients", "noise_precision", "column_precisions"):
        np.testing.assert_array_equal(*(getattr(state, name) for state in states))
    assert states[1].change < 1e-4
    predicted = [objective.sides(state.theta) for state in states]
    tables = [left[:, :3] @ right[:, :3].T + left[:, 3:] + right[:, 3:].T for left, right in predicted]
    assert np.abs(tables[0] - tables[1]).max() < 0.01


def test_a_prior_that_is_still_learnt_is_found_out(rng, monkeypatch):
    """The mutant: nothing is ever held."""
    monkeypatch.setattr("lowland.completion.bayesian.objective.SETTLED", 0.0)
    with pytest.raises(AssertionError):
        test_priors_are_held_once_predictions_settle_and_nothing_changes_then(rng)


def test_sweeps_with_priors_held_do_not_lower_the_bound(rng):
    objective = objective_of(grades(rng), calibrated=True)
    values = swept(objective, 60).trace.values
    held = swept(objective, 60).trace.measures["priors held"]
    first = int(np.argmax(held)) + 1  # the first sweep over all cells
    assert (np.diff(values[first:]) <= 1e-8 * np.abs(values[first:-1])).all()


def test_a_fit_that_ends_early_has_seen_all_cells(rng, monkeypatch, quick_starts):
    monkeypatch.setattr(bayesian_settings, "LEAST_CALIBRATED", 500)
    table = grades(rng)
    settings = {"rank": 2, "method": "variational", "pattern": False, "max_iter": 1, "random_state": 0}
    fit = ll.MatrixCompletion(certify=False, refine=False, **settings).fit(table)
    held = hold_out(TableCells.of(table))[1]
    # a cell that a fit has seen has moved its predictions towards itself
    changed = replace(table, values=table.values.copy())
    place = int(np.flatnonzero((table.rows == held.rows[0]) & (table.columns == held.columns[0]))[0])
    changed.values[place] = 1.0 if table.values[place] > 3 else 5.0
    again = ll.MatrixCompletion(certify=False, refine=False, **settings).fit(changed)
    before, after = (own.predict_cells([held.rows[0]], [held.columns[0]])[0] for own in (fit, again))
    assert abs(after - before) > 0.01


def by_grade(deviations, rng):
    return 1.5 * deviations


def by_other_taste(deviations, rng):
    m, n = deviations.shape
    return 1.5 * rng.standard_normal((m, 2)) @ rng.standard_normal((2, n))


@pytest.mark.parametrize(("taste", "wanted"), [(by_grade, True), (by_other_taste, False)])
@pytest.mark.usefixtures("plain_kernels")
def test_the_pattern_is_a_feature_where_cells_held_out_show_it(taste, wanted):
    table = grades(np.random.default_rng(5), (1200, 400), 0.05, taste)
    cells = TableCells.of(table)
    scaled = cells.scaled(np.full(400, 3.0), np.ones(400))
    settings = BayesianSettings(rank=6, pattern=True, noise="common", scale="common", calibrated=True)
    maps = feature_maps(settings, scaled, (None, None))
    chosen, _, trial = choose_pattern(scaled, settings, maps, (None, None))
    assert chosen.pattern is wanted
    assert (trial is not None) is wanted


@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.parametrize(
    ("noise", "count"),
    [(0.75, 2_400), *(pytest.param(noise, 4_800, marks=pytest.mark.slow) for noise in (0.75, 1.2))],
)
def test_the_noise_of_few_ratings_is_learnt_to_the_end(noise, count):
    """Held after three sweeps, it was larger than the spread of the ratings: 90 % intervals held 99 %."""
    rng, m, n = np.random.default_rng(0), 5 * count // 8, 5 * count // 8
    seen = np.outer(1 / np.arange(1, m + 1) ** 0.5, 1 / np.arange(1, n + 1) ** 0.7)
    rows, columns = np.divmod(rng.choice(m * n, count, replace=False, p=(seen / seen.sum()).ravel()), n)
    sides = 0.5 * rng.standard_normal(m)[rows] + 0.5 * rng.standard_normal(n)[columns]
    values = np.clip(np.round(55 + 23 * (sides + noise * rng.standard_normal(count))), 0, 100)
    rows, columns = (np.unique(own, return_inverse=True)[1] for own in (rows, columns))
    table = Observations.from_triples(rows, columns, values)
    out = rng.random(count) < 0.1
    fit = ll.MatrixCompletion(random_state=0, certify=False, refine=False).fit(table.select(~out))
    assert np.mean(fit.noise_) < values.std()
    low, high = fit.predict_interval(rows[out], columns[out], 0.9)
    assert 0.82 < np.mean((low <= values[out]) & (values[out] <= high)) < 0.96


@pytest.mark.parametrize(
    ("errors", "wanted"), [((0.9986, 0.999), 2.0), ((1.01, 0.9999), 10.0), ((1.001, 1.0), None)]
)
def test_the_pattern_is_kept_unless_errors_rise(errors, wanted, rng, monkeypatch):
    table = grades(rng)
    scaled = TableCells.of(table).scaled(np.full(table.shape[1], 3.0), np.ones(table.shape[1]))
    settings = BayesianSettings(rank=2, pattern=True, noise="common", scale="common", calibrated=True)
    told = {2.0: errors[0], 10.0: errors[1], None: 1.0}
    monkeypatch.setattr(
        pattern_choice,
        "_error",
        lambda scaled, own, maps, covariates: (told[maps[0].ridge if maps[0].partners else None], None),
    )
    maps = feature_maps(settings, scaled, (None, None))
    chosen, kept, _ = choose_pattern(scaled, settings, maps, (None, None))
    assert (kept[0].ridge if kept[0].partners else None) == wanted
    assert (chosen.pattern_ridge if chosen.pattern else None) == wanted


def test_the_ridge_of_the_pattern_is_saved(rng, tmp_path, monkeypatch, quick_starts):
    monkeypatch.setattr(bayesian_settings, "LEAST_CALIBRATED", 500)
    table = grades(rng)
    monkeypatch.setattr("lowland.completion.bayesian.pattern_choice.RIDGES", (10.0, 7.0))
    errors = dict(zip((10.0, 7.0, None), (0.5, 0.6, 0.7), strict=True))
    tried = pattern_choice._error

    def told(scaled, settings, maps, covariates):
        trial = tried(scaled, settings, maps, covariates)[1]
        return errors[maps[0].ridge if maps[0].partners else None], trial

    monkeypatch.setattr(pattern_choice, "_error", told)
    options = {"rank": 2, "method": "variational", "certify": False, "random_state": 0, "refine": False}
    fit = ll.MatrixCompletion(**options).fit(table)
    assert fit._completed.model.row_prior.mapping.ridge == 10.0
    fit.save(tmp_path / "model.npz")
    read = ll.MatrixCompletion.load(tmp_path / "model.npz")
    rows = np.full((3, 40), np.nan)
    rows[:, [2, 5, 9]] = [[1, 5, 3], [4, 4, 1], [2, 2, 5]]
    np.testing.assert_array_equal(read.transform(rows), fit.transform(rows))


@pytest.mark.parametrize(("method", "widest"), [("variational", 6_000), ("gibbs", 6_000), ("gibbs", 20)])
def test_calibrated_fits_on_the_disk_have_the_bits_of_those_in_memory(
    method, widest, rng, tmp_path, monkeypatch, quick_starts
):
    monkeypatch.setattr(features, "WIDEST_PATTERN", widest)
    monkeypatch.setattr(pattern_design, "MOST_DIRECTIONS", 15)
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(line_bounds, "BLOCK", 250)
    monkeypatch.setattr(bayesian_settings, "LEAST_CALIBRATED", 500)
    monkeypatch.setattr(pattern_choice, "RIDGES", (10.0,))
    table = grades(rng, (90, 30))
    frame = pa.table({"row": table.rows, "column": table.columns, "value": table.values})
    parquet.write_table(frame, tmp_path / "cells.parquet")
    names = {"row": "row", "column": "column", "value": "value"}
    stored = ll.StoredObservations.from_parquet(tmp_path, tmp_path / "cells", dtype="float64", **names)
    options = {"rank": 2, "method": method, "certify": False, "random_state": 0, "refine": False}
    options |= {"max_iter": 6}
    options |= {"n_draws": 3} if method == "gibbs" else {}
    here = ll.MatrixCompletion(**options).fit(Observations.from_frame(frame, **names))
    there = ll.MatrixCompletion(**options).fit(stored)
    assert here._completed.table.fit.settings.calibrated
    np.testing.assert_array_equal(here.predict_table(), there.predict_table())


def test_few_cells_are_held_out_of_large_tables(monkeypatch, rng):
    few = replace(PRIORS, hides=replace(PRIORS.hides, most=20))
    monkeypatch.setattr(held_cells, "PRIORS", few)
    table = grades(rng)
    others, held = hold_out(TableCells.of(table))
    assert held.rows.size == 20
    assert isinstance(objective_of(table, calibrated=True), BayesianCompletion)
    assert others.size == table.size - 20
