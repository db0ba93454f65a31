"""Censored cells: what is predicted and drawn lies beyond their bounds, and is nearer to what was there."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

import lowland as ll
from lowland.bayes.truncated import TruncatedNormal
from lowland.completion.bayesian.gaussian.between import Between
from lowland.completion.censored.cells import CensoredCells
from lowland.completion.encoded.powers import Power
from lowland.completion.plan import CompletionPlan
from lowland.completion.planned_fit import fit_plan
from lowland.completion.settling import _is_likelier
from lowland.core.errors import InvalidInputError, UnsupportedError

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
FAST = {"random_state": 0, "certify": False, "refine": False, "powers": False, "max_iter": 60}
LIMIT = 0.4


@pytest.fixture(scope="module")
def planted():
    """What was there, which cells are missing, and which of half the columns lie below their limit."""
    rng = np.random.default_rng(3)
    full = rng.standard_normal((90, 2)) @ rng.standard_normal((2, 8)) + 0.3 * rng.standard_normal((90, 8))
    missing = rng.random(full.shape) < 0.2
    limits = np.where(np.arange(8) % 2 == 0, np.quantile(full, LIMIT, axis=0), -np.inf)
    return full, missing, (full < limits) & ~missing, np.maximum(full, limits)


def observed(planted, how):
    _, missing, below, listed = planted
    table = np.where(missing, np.nan, listed)
    if how == "missing":
        table[below] = np.nan
    return ll.Observations.from_array(table, censored=-1 * below if how == "within" else None)


@pytest.fixture(scope="module", params=["gaussian", "variational"])
def fits(request, planted):
    plan = CompletionPlan(method=request.param, powers=False, refine=False, max_iter=100)
    rng = np.random.default_rng(0)
    return {
        how: fit_plan(observed(planted, how), plan, rng=rng).table for how in ("bound", "missing", "within")
    }


def test_holes_and_censored_cells_are_nearer_than_by_bounds_or_without_them(fits, planted):
    full, missing, below, _ = planted

    def error(how, cells):
        return np.sqrt(np.mean((fits[how].model.predict(*np.nonzero(cells)) - full[cells]) ** 2))

    for how in ("bound", "missing"):
        assert error("within", missing) < 0.97 * error(how, missing)
        assert error("within", below) < 0.7 * error(how, below)


def test_predictions_draws_and_intervals_lie_beyond_the_bounds(fits, planted):
    full, _, below, listed = planted
    model, at, bounds = fits["within"].model, np.nonzero(below), listed[below]
    assert (model.predict(*at) < bounds).all()
    assert (model.matrix()[at] < bounds).all()
    drawn = np.stack(list(model.draws(*at, 50, np.random.default_rng(0))))
    assert (drawn <= bounds).all()
    low, high = model.intervals(*at, 0.9)
    assert (high <= bounds).all()
    assert 0.75 < np.mean((low <= full[below]) & (full[below] <= high)) <= 1
    inside = np.mean((low <= drawn) & (drawn <= high))
    assert 0.85 < inside < 0.95


def test_cells_between_two_numbers_are_drawn_from_their_law():
    mean, covariance = (
        np.array([0.5, -0.2, 0.1]),
        np.array([[1.0, 0.8, 0.3], [0.8, 1.5, 0.2], [0.3, 0.2, 0.7]]),
    )
    # both of each row, given the third number, by quadrature
    low, high, rows = np.array([-np.inf, 0.2]), np.array([0.1, np.inf]), 4_000
    grids = np.meshgrid(np.linspace(-6, 0.1, 400), np.linspace(0.2, 7, 400), indexing="ij")
    third = np.full_like(grids[0], 0.9)
    weights = multivariate_normal(mean, covariance).pdf(np.stack([*grids, third], axis=-1))
    cells = Between(
        np.tile(np.arange(rows), 2), np.repeat([0, 1], rows), np.repeat(low, rows), np.repeat(high, rows)
    )
    table = np.tile([0.0, 1.0, 0.9], (rows, 1))
    rng = np.random.default_rng(0)
    for _ in range(12):
        cells.draw(table, np.linalg.inv(covariance), mean, rng)
    assert (table[:, 2] == 0.9).all()
    for j, grid in enumerate(grids):
        exact = np.average(grid, weights=weights)
        spread = np.sqrt(np.average((grid - exact) ** 2, weights=weights))
        assert abs(table[:, j].mean() - exact) < 4 * spread / np.sqrt(rows) + 0.01
        assert abs(table[:, j].std() / spread - 1) < 0.06


def test_observed_cells_and_bounds_stay_and_new_rows_take_bounds_for_values(planted):
    table = observed(planted, "within")
    model = ll.MatrixCompletion(**FAST).fit(table)
    filled = model.transform(table)
    np.testing.assert_array_equal(filled[table.rows, table.columns], table.values)
    drawn = model.completions(3, random_state=0)
    exact = table.censored == 0
    np.testing.assert_array_equal(
        drawn[:, table.rows, table.columns][:, exact], np.tile(table.values[exact], (3, 1))
    )
    assert (drawn[:, table.rows, table.columns][:, ~exact] < table.values[~exact]).all()
    some = table.select(table.rows < 3)
    part = replace(some, shape=(3, 8))
    plain = replace(part, censored=None)
    np.testing.assert_array_equal(model.transform(part), model.transform(plain))
    np.testing.assert_array_equal(
        model.completions(1, part, random_state=0), model.completions(1, plain, random_state=0)
    )


def test_a_number_that_takes_the_place_of_a_bound_is_kept(planted):
    table = observed(planted, "within")
    model = ll.MatrixCompletion(**FAST, method="variational").fit(table)
    k = np.flatnonzero(table.censored)[0]
    row, column = table.rows[k], table.columns[k]
    model.update([row], [column], [table.values[k] - 3.0])
    assert model._completed.model.apply(model._completed.table.observations).to_array()[row, column] == (
        table.values[k] - 3.0
    )
    assert (model._completed.table.observations.censored != 0).sum() == (table.censored != 0).sum() - 1


def test_bounds_of_numbers_that_are_never_negative_leave_none_below_zero():
    table = ll.Observations.from_array(
        np.array([[0.5, 2.0], [0.5, 3.0], [1.0, 4.0]]), censored=[[-1, 0], [0, 1], [0, 0]]
    )
    cells = CensoredCells.of(table)
    np.testing.assert_array_equal([cells.low, cells.high], [[0, 3], [0.5, np.inf]])
    below = CensoredCells.of(replace(table, values=table.values - 1))
    np.testing.assert_array_equal(below.low, [-np.inf, 2])
    bounded = CensoredCells.of(table, {0: (0.1, 9.0), 1: (0.0, 8.0)})
    np.testing.assert_array_equal([bounded.low, bounded.high], [[0.1, 3], [0.5, 8]])
    with pytest.raises(InvalidInputError, match="nothing is possible beyond the bound"):
        CensoredCells.of(table, {1: (0.0, 3.0)})


def test_what_cannot_be_said_of_censored_cells_is_refused(planted):
    table = observed(planted, "within")
    with pytest.raises(UnsupportedError, match="knows no bounds of cells"):
        fit_plan(table, CompletionPlan(method="map", rank=1, penalty=1.0), rng=np.random.default_rng(0))
    model = ll.MatrixCompletion(**{**FAST, "certify": True}, method="variational", rank=2).fit(table)
    assert "likely numbers beyond their bounds" in model._completed.table.describe_certificate()
    with pytest.raises(UnsupportedError, match="cannot be derived again"):
        model._completed.table.document()


@pytest.mark.parametrize("sides", [[[2, 0]], [[-1]], [[0.5, 0]]])
def test_sides_that_mean_nothing_are_refused(sides):
    with pytest.raises(InvalidInputError, match="censored must"):
        ll.Observations.from_array([[1.0, 2.0]], censored=sides)


@pytest.mark.parametrize("skewed", [False, True])
def test_what_lies_above_a_limit_is_skewed_only_if_the_cells_below_say_so(skewed):
    """Of a normal column with a limit, the known numbers are skewed and positive."""
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal(400) + 0.5
    full = np.exp(numbers) if skewed else numbers
    limit = np.quantile(full, 0.4)
    table = ll.Observations.from_array(
        np.maximum(full, limit)[:, None], censored=-1 * (full < limit)[:, None]
    )
    cells = CensoredCells.of(replace(table, values=table.values - 1e-9))
    power = Power.of(cells.put(table).values)
    assert power is not None
    cells = replace(cells, low=np.full(cells.size, -np.inf))  # as beside columns with numbers below zero
    assert _is_likelier(power, cells, table, 0) is skewed


def test_shares_within_bounds_are_those_of_the_law():
    law = TruncatedNormal(
        np.array([0.0, 1.0, -3.0]), np.array([1.0, 2.0, 0.5]), np.full(3, -0.5), np.full(3, 1.0)
    )
    exact = [norm(m, s).cdf(1.0) - norm(m, s).cdf(-0.5) for m, s in zip(law.means, law.spreads, strict=True)]
    np.testing.assert_allclose(law.log_shares(), np.log(exact), rtol=1e-9)
