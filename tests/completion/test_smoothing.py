"""Rows that are smooth along columns in order: curves where held-out cells show them, and only then."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import lowland as ll
from lowland.bayes.row_curves import curves_about, kernels_along
from lowland.completion.files.smoothing import smoothed_arrays, smoothed_model
from lowland.completion.refinement import learning, smoothing_learning
from lowland.completion.refinement.layer import RefinementLayer
from lowland.completion.refinement.smoothing import RowSmoothing, kinds_of
from lowland.core.errors import FileFormatError
from lowland.files.bundle import save_bundle
from lowland.trials.choices import CURVES
from lowland.trials.gains import Rule
from saved_models import contents

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

COLUMNS = 16
# few draws and sweeps and no other choices, where it is not these that are tested
LIGHT = {"method": "gaussian", "n_draws": 6, "max_iter": 20, "powers": False, "row_units": False}


def curves_of(rows, kernels):
    """Return the curves of rows as they stand."""
    return curves_about(rows, np.zeros((1, rows.shape[1])), kernels)[0]


def smooth(rng, m=60):
    """Rows that wander, each by itself and some far more than others, and lack single cells and runs."""
    steps = rng.standard_normal((m, COLUMNS)).cumsum(axis=1).cumsum(axis=1) / 10
    table = rng.choice([0.1, 1.0], (m, 1)) * steps + 0.01 * rng.standard_normal((m, COLUMNS))
    gaps = rng.random(table.shape) < 0.1
    for row in rng.choice(m, m // 3, replace=False):
        first = rng.integers(COLUMNS - 4)
        gaps[row, first : first + 4] = True
    return table, gaps


def fitted(table, gaps, order=range(COLUMNS), **settings):
    holes = np.where(gaps, np.nan, table)
    model = ll.MatrixCompletion(random_state=0, certify=False, **settings)
    return model.fit(holes, column_order=np.array(order)), holes


def error(model, table, gaps):
    return float(np.mean(np.abs(model.predict_table() - table)[gaps]))


@pytest.fixture(scope="module")
def smoothed():
    table, gaps = smooth(np.random.default_rng(1), 40)
    model, holes = fitted(table, gaps, **LIGHT)
    return model, table, gaps, holes


@pytest.fixture(scope="module")
def plain(smoothed):
    """The same fit without curves."""
    return fitted(*smoothed[1:3], refine=False, **LIGHT)[0]


def test_smooth_rows_are_smoothed(smoothed, plain):
    model, table, gaps, _ = smoothed
    known = model._completed.model.refinement
    assert isinstance(known, RowSmoothing)
    assert ((known.weights >= 0) & (known.weights <= 1)).all()
    assert known.weights[0] > 0.5
    assert (known.ratios > 0).all()
    assert "smooth curves of their rows" in model._completed.table.describe_method()
    assert error(model, table, gaps) < 0.87 * error(plain, table, gaps)
    np.testing.assert_array_equal(model.predict_table()[~gaps], plain.predict_table()[~gaps])


def learns(order, table, gaps, axis):
    """Whether curves along an order are used beside a fit that knows no more than means along an axis."""
    rng = np.random.default_rng(0)

    def complete(holes):
        found = np.broadcast_to(np.nanmean(holes, axis=axis, keepdims=True), holes.shape)
        return found, np.ones(holes.shape)

    holes = np.where(gaps, np.nan, table)
    places = np.array(order, float)[:, None]
    return smoothing_learning.learn_smoothing(holes, complete, rng, places) is not None


def test_levels_of_rows_are_no_order(monkeypatch):
    """The mutant: gains along permuted columns are not looked at, and levels of rows pass as an order."""
    rng = np.random.default_rng(2)
    table = rng.standard_normal((24, 1)) + 0.5 * rng.standard_normal((24, COLUMNS))
    gaps = rng.random(table.shape) < 0.1
    assert not learns(range(COLUMNS), table, gaps, 0)
    curves, holes = smooth(rng, 24)
    assert learns(range(COLUMNS), curves, holes, 1)
    assert not learns(rng.permutation(COLUMNS), curves, holes, 1)
    monkeypatch.setattr(smoothing_learning, "PERMUTED", 0)
    assert learns(range(COLUMNS), table, gaps, 0)


@pytest.mark.slow
def test_weights_of_one_cost_accuracy(monkeypatch):
    """The mutant: curves are trusted wholly, also far from any known cell."""
    rng = np.random.default_rng(4)
    factors = rng.standard_normal((60, 2)) @ rng.standard_normal((2, COLUMNS)).cumsum(axis=1)
    holes = rng.random(factors.shape) < 0.3
    noisy = factors + 0.3 * rng.standard_normal(factors.shape)
    best = error(fitted(noisy, holes)[0], factors, holes)
    monkeypatch.setattr(smoothing_learning, "CURVES", replace(CURVES, rules=(Rule(),)))
    monkeypatch.setattr(smoothing_learning, "PERMUTED", 0)
    monkeypatch.setattr(smoothing_learning, "_share", lambda errors, steps: 1.0)
    assert error(fitted(noisy, holes)[0], factors, holes) > 1.1 * best


def test_curves_are_conditional_means(rng):
    """Beside the textbook: a Gaussian with a flat prior of its level, one kernel at a time."""
    places = np.sort(rng.random(9))[:, None]
    kernels = kernels_along(places)
    row = np.cumsum(rng.standard_normal(9)) + 100
    row[[2, 6, 8]] = np.nan
    known, gaps = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
    curves = curves_of(row[None], kernels)
    assert list(curves.rows) == [0]
    logs = []
    for kernel, found in zip(kernels, curves.means[0], strict=True):
        flat = kernel + 1e7  # a level whose prior is nearly flat
        naive = flat[np.ix_(gaps, known)] @ np.linalg.solve(flat[np.ix_(known, known)], row[known])
        np.testing.assert_allclose(found, naive, rtol=1e-5)
        # the likelihood of contrasts at its likeliest variance
        contrasts = np.linalg.svd(np.ones((1, known.size)))[2][1:]
        own, seen = contrasts @ kernel[np.ix_(known, known)] @ contrasts.T, contrasts @ row[known]
        size = seen @ np.linalg.solve(own, seen) / seen.size
        logs.append(multivariate_normal(cov=size * own).logpdf(seen))
    np.testing.assert_allclose(curves.likelihoods[0], np.array(logs) - max(logs), atol=1e-6)
    even = np.full(len(kernels), 1 / len(kernels))
    weights = np.exp(curves.likelihoods[0])
    np.testing.assert_allclose(curves.values(even)[0, gaps], weights / weights.sum() @ curves.means[0])
    assert np.isnan(curves.values(even)[0, known]).all()


def test_rows_with_hardly_any_cell_have_no_curve():
    rows = np.full((3, 6), np.nan)
    rows[0, :2], rows[1, :4], rows[2, :4] = (1, 2), 5, (1, 2, 4, 8)
    found = curves_of(rows, kernels_along(np.arange(6.0)[:, None]))
    assert list(found.rows) == [2]
    assert found.shares().sum() == pytest.approx(1)
    assert np.isnan(found.values(found.shares())[:2]).all()


def test_kinds_of_missing_cells():
    known = "..x.x..xx...x.."
    expected = [5, 4, 0, 1, 0, 2, 2, 0, 0, 2, 3, 2, 0, 4, 5]
    row = np.array([[np.nan if mark == "." else k for k, mark in enumerate(known)]])
    places = 1950.0 + np.arange(15)[:, None]
    assert kinds_of(row, places)[0].tolist() == expected
    turned = np.random.default_rng(0).permutation(15)
    assert kinds_of(row[:, turned], places[turned])[0].tolist() == np.array(expected)[turned].tolist()
    for none in (
        np.full((1, 15), np.nan),
        np.where(np.isnan(row), np.nan, 3.0),
        np.where(row < 5, row, np.nan),
    ):
        assert not kinds_of(none, places).any()  # such rows have no curve
    # a column without neighbours has none that is known
    apart = np.array([0, 1, 2, 3, 4, 20, 40.0])[:, None]
    assert kinds_of(np.array([[0, 1, np.nan, 3, 4, np.nan, 6]]), apart)[0].tolist() == [0, 0, 1, 0, 0, 3, 0]
    grid = np.argwhere(np.ones((3, 3))).astype(float)
    middle = np.arange(9.0)[None]
    middle[0, [0, 1, 4]] = np.nan
    assert kinds_of(middle, grid)[0].tolist() == [2, 2, 0, 0, 2, 0, 0, 0, 0]


@pytest.mark.slow
def test_intervals_hold_what_they_say():
    inside, standard = [], []
    for seed in range(3):
        table, gaps = smooth(np.random.default_rng(20 + seed))
        model, _ = fitted(table, gaps)
        at = np.nonzero(gaps)
        ends = [model.predict_interval(*at, level) for level in (0.5, 0.9)]
        inside.append([np.mean((low <= table[at]) & (table[at] <= high)) for low, high in ends])
        scores = (model.predict_cells(*at) - table[at]) / model._completed.model.standard_errors(*at)
        standard.append(np.mean(scores**2))
    np.testing.assert_allclose(np.mean(inside, axis=0), [0.5, 0.9], atol=0.07)
    assert 0.4 < np.mean(standard) < 2.5


def test_rows_without_a_curve_stay_as_they_are(smoothed, plain):
    """Their predictions and intervals are those of the fit, which no curve has narrowed."""
    model, rng = smoothed[0], np.random.default_rng(6)
    more, _ = smooth(rng, 40)
    blank = np.full(more.shape, np.nan)
    blank[:, [7, 9]] = more[:, [7, 9]]
    rows, columns = np.arange(40), np.full(40, 8)
    ends = []
    for own in (model, plain):
        new = own._completed.model.of_rows(ll.Observations.from_array(blank))
        ends.append(new.intervals(rows, columns, 0.9))
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-12)
    np.testing.assert_array_equal(model.transform(blank), plain.transform(blank))


def test_a_level_costs_no_digits(rng):
    """Curves of rows far from zero are those of rows near it, moved."""
    table, gaps = smooth(rng, 8)
    holes, kernels = np.where(gaps, np.nan, table), kernels_along(np.arange(COLUMNS)[:, None] * 1e160)
    near, far = curves_of(holes, kernels), curves_of(holes + 1e8, kernels)
    np.testing.assert_allclose(far.likelihoods, near.likelihoods, atol=1e-3)
    np.testing.assert_allclose(
        (far.values(far.shares()) - 1e8)[gaps], near.values(near.shares())[gaps], atol=1e-5
    )


def test_new_rows_and_files(smoothed, plain, tmp_path):
    model = smoothed[0]
    more, holes = smooth(np.random.default_rng(5), 30)
    blank = np.where(holes, np.nan, more)
    errors = [np.mean(np.abs(own.transform(blank) - more)[holes]) for own in (model, plain)]
    assert errors[0] < 0.87 * errors[1]
    for data in (True, False):
        model.save(tmp_path / "model.npz", data=data)
        loaded = ll.MatrixCompletion.load(tmp_path / "model.npz")
        np.testing.assert_array_equal(loaded.predict_table(), model.predict_table())
        np.testing.assert_array_equal(loaded.transform(blank), model.transform(blank))
        found, expected = (own.predict_interval([0, 1], [2, 3]) for own in (loaded, model))
        np.testing.assert_array_equal(found, expected)
    again = smoothed_model(
        model._completed.model.base,
        smoothed_arrays(model._completed.model, model._completed.model.refinement),
    )
    np.testing.assert_array_equal(again.matrix(), model._completed.model.matrix())
    assert again.refinement.learnt_from == model._completed.model.refinement.learnt_from


@pytest.fixture(scope="module")
def saved(smoothed, tmp_path_factory):
    """What a file of the fit holds."""
    return contents(smoothed[0], tmp_path_factory.mktemp("smoothed"))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("weights", lambda array: array + 1),
        ("ratios", lambda array: -array),
        ("shares", lambda array: array[:, :-1]),
        ("shares", lambda array: 0 * array),
        ("centred", lambda array: array.astype(float)),
        ("score_kinds", lambda array: array[:-1]),
        ("kinds", lambda array: array.astype(float)),
        ("kinds", lambda array: array + 5),
        ("widest", lambda array: -array),
        ("shifts", lambda array: array[:-1]),
        ("places", lambda array: array[:, :0]),
    ],
)
def test_damaged_files_are_refused(name, change, saved, tmp_path):
    header, arrays = saved
    damaged = arrays | {f"smoothed_{name}": change(arrays[f"smoothed_{name}"])}
    save_bundle(tmp_path / "bad.npz", "model", header, damaged)
    with pytest.raises(FileFormatError, match=r"bad.npz is a damaged model"):
        ll.MatrixCompletion.load(tmp_path / "bad.npz")


def test_what_is_asked_of_a_smoothed_table(smoothed, monkeypatch):
    model, table, gaps, holes = smoothed
    drawn = model.completions(6)
    np.testing.assert_array_equal(drawn[:, ~gaps], np.broadcast_to(holes[~gaps], (6, (~gaps).sum())))
    at = np.nonzero(gaps)
    lower, upper = model.predict_interval(*at, 0.9, method="conformal")
    assert 0.8 < np.mean((lower <= table[at]) & (table[at] <= upper)) <= 1
    # some cells more keep the shares, many more learn them anew
    learnt = []
    monkeypatch.setattr(learning, "choose_refinement", lambda base, *_: learnt.append(base))
    few = deepcopy(model)
    few.update([at[0][0]], [at[1][0]], [table[at[0][0], at[1][0]]])
    assert isinstance(few._completed.model, RefinementLayer)
    assert not learnt
    few.update(at[0], at[1], table[at])
    assert len(learnt) == 1


def test_a_clear_gain_looks_at_one_permuted_order():
    for permuted, is_order, left in (
        ((0.05, 0.9, 0.9), True, 2),
        ((-0.5, 0.9, 0.9), True, 2),
        ((0.2, 0.2, 0.2), True, 0),
        ((0.2, 0.2, 0.4), False, 0),
        ((0.4, 0.1, 0.1), False, 2),
        ((), True, 0),
    ):
        gains = iter(permuted)
        assert smoothing_learning._is_of_the_order(1.0, gains) == is_order
        assert len(list(gains)) == left
