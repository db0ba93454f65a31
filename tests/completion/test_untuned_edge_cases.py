"""Ways to a wrong number or a crash that a review of the untuned completion found."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.cells.summary import TableSummary
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import StopReason

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

M = ll.MatrixCompletion
# without certificate and forests, on which none of this depends
PLAIN = {"certify": False, "refine": False}
# and by few sweeps
LIGHT = {**PLAIN, "max_iter": 20, "random_state": 0}


def low_rank(m=30, n=20, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    full = rng.standard_normal((m, 2)) @ rng.standard_normal((2, n)) + noise * rng.standard_normal((m, n))
    return full, np.where(rng.random((m, n)) < 0.3, np.nan, full)


@pytest.mark.parametrize(
    ("seed", "noise"),
    [
        pytest.param(seed, noise, marks=[pytest.mark.slow] * ((seed, noise) not in {(0, 1.0), (1, 1.2)}))
        for seed in range(6)
        for noise in (1.0, 1.2)
    ],
)
def test_a_negative_energy_is_no_divergence(noise, seed, monkeypatch):
    monkeypatch.setattr("lowland.completion.bayesian.settings.BURN_IN", 40)  # where it becomes negative
    _, holes = low_rank(40, 20, noise, seed)
    model = M(method="gibbs", n_draws=20, random_state=0, **PLAIN).fit(holes)
    assert model._completed.model.row_draws.shape[0] == 20
    assert model._completed.table.stop_reason is StopReason.DRAWN


def test_a_penalty_of_zero_is_a_penalty():
    model = M(method="map", rank="auto", penalty=0.0, random_state=0, certify=False).fit(low_rank(12, 8)[1])
    assert model._completed.model.penalty == 0


def test_covariates_must_be_those_of_the_fit():
    rng = np.random.default_rng(0)
    about = rng.standard_normal((60, 3))
    table = np.where(rng.random((60, 12)) < 0.5, about @ rng.standard_normal((3, 12)), np.nan)
    model = M(**LIGHT).fit(table, row_covariates=about)
    for other in (about[:5, :1], about[:5, :2], None):
        with pytest.raises(InvalidInputError, match="covariates are"):
            model.transform(table[:5], row_covariates=other)
    plain = M(**LIGHT).fit(table)
    with pytest.raises(InvalidInputError, match="covariates are not those"):
        plain.transform(table[:5], row_covariates=about[:5])
    filled = M(**LIGHT).fit_transform(table, row_covariates=about)
    assert np.isfinite(filled).all()


def test_constant_covariates_have_no_effect():
    _, holes = low_rank()
    about = np.column_stack([np.random.default_rng(0).standard_normal(30), np.full(30, 0.1)])
    model = M(**LIGHT).fit(holes, row_covariates=about)
    other = about[:9].copy()
    other[:, 1] = 0.3
    expected = model.transform(holes[:9], row_covariates=about[:9])
    np.testing.assert_allclose(model.transform(holes[:9], row_covariates=other), expected)


def test_weights_of_rows_count_in_every_answer(tmp_path):
    _, holes = low_rank()
    weight = np.r_[np.full(15, 100.0), np.ones(15)]
    model = M(**LIGHT).fit(holes, sample_weight=weight)
    rows, columns = np.nonzero(np.isnan(holes))
    np.testing.assert_allclose(model.transform(holes)[rows, columns], model.predict_cells(rows, columns))
    low, high = model.predict_interval(rows, columns, 0.95)
    draws = np.quantile(model.sample(rows, columns, 4000, random_state=0), [0.025, 0.975], axis=0)
    np.testing.assert_allclose(np.ptp(draws, axis=0), high - low, rtol=0.2)
    model.save(tmp_path / "w.npz")
    again = M.load(tmp_path / "w.npz").predict_interval(rows, columns, 0.95)
    np.testing.assert_array_equal(again, (low, high))


def test_files_keep_feature_names_and_what_was_fitted(tmp_path):
    _, holes = low_rank()
    frame = pd.DataFrame(holes, columns=[f"c{j}" for j in range(20)])
    model = M(method="gibbs", n_draws=10, random_state=0, **PLAIN).fit(frame)
    model.save(tmp_path / "m.npz")
    again = M.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(again.transform(frame), model.transform(frame))
    assert again.get_feature_names_out().tolist() == frame.columns.tolist()
    with pytest.raises(ValueError, match="feature names"):
        again.transform(frame[frame.columns[::-1]])


def test_top_tells_apart_what_clipping_makes_equal():
    rng = np.random.default_rng(0)
    level = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 200)) + np.linspace(1, 4, 200) * 1.5
    stars = np.clip(np.round(level + 2), 1, 5)
    stars[rng.random(stars.shape) < 0.7] = np.nan
    model = M(**LIGHT).fit(stars)
    found, predictions = model.top(0, 5, exclude_observed=False, rank_by="value")
    scores = model._completed.model.scores(np.zeros(200, int), np.arange(200))
    assert found.tolist() == np.argsort(-scores, kind="stable")[:5].tolist()
    assert predictions.max() <= 5


@pytest.mark.usefixtures("plain_kernels")
def test_large_tables_of_grades_are_fitted_by_default(monkeypatch):
    monkeypatch.setattr("lowland.completion.bayesian.pattern_design.MOST_DIRECTIONS", 8)
    rng = np.random.default_rng(0)
    cells = np.unique(rng.integers(0, 12_500**2, 30_000))
    stars = rng.integers(1, 6, cells.size).astype(float)
    table = ll.Observations.from_triples(*np.divmod(cells, 12_500), stars, shape=(12_500, 12_500))
    assert BayesianSettings().resolve(TableSummary.of(TableCells.of(table))).pattern is True
    for pattern in ("auto", True):
        model = M(rank=2, max_iter=2, certify=False, pattern=pattern).fit(table)
        assert np.sqrt(np.mean((model.predict_cells(table.rows, table.columns) - stars) ** 2)) < 1.6


def test_updates_keep_names_and_refuse_slips():
    _, holes = low_rank()
    frame = pd.DataFrame(holes, columns=[f"c{j}" for j in range(20)])
    model = M(**LIGHT).fit(frame)
    model.update([0, 1, 2], ["new"] * 3, [1.0, 2.0, 3.0])
    assert model.get_feature_names_out()[-1] == "new"
    assert np.isfinite(model.transform(frame.assign(new=np.nan))).all()
    with pytest.raises(InvalidInputError, match="one-dimensional"):
        model.update([0], "c5", [1.0])
    plain = M(**LIGHT).fit(holes)
    with pytest.raises(InvalidInputError, match="rows must lie between"):
        plain.update([2_000_000_000], [5], [1.0])
    with pytest.raises(InvalidInputError, match="listed more than once"):
        plain.update([0, 0], [0, 0], [1.0, 2.0])
    plain.update([0, 0], [0, 0], [1.0, 2.0], duplicates="last")
    seen = plain._completed.table.observations
    assert seen.values[(seen.rows == 0) & (seen.columns == 0)] == [2.0]


@pytest.fixture(scope="module")
def numbered():
    """A fit of a table whose rows are named by numbers."""
    return M(**LIGHT).fit(ll.Observations.from_array(low_rank()[1], row_labels=np.arange(30)))


@pytest.mark.parametrize("label", ["007", "--5", "\u00b3", "99999999999999999999", "x"])
def test_labels_that_are_not_quite_numbers_become_text(label, numbered):
    model = deepcopy(numbered).update([label], [3], [1.0])
    assert np.isfinite(model.predict_cells([label, "7"], [3, 3])).all()


def test_dates_are_labels():
    _, holes = low_rank(12, 8)
    dates = pd.date_range("2020-01-01", periods=14).values
    table = ll.Observations.from_array(holes, row_labels=dates[:12])
    model = M(**LIGHT).fit(table, row_order=None).update(dates[11:], [0, 1, 2], [1.0, 2.0, 3.0])
    assert np.isfinite(model.predict_cells(dates, np.zeros(14, int))).all()


@pytest.mark.parametrize("scale", [1e160, 1e-170])
def test_data_out_of_scale_are_refused_before_the_fit(scale):
    with pytest.raises(InvalidInputError, match="scale"):
        M(certify=False).fit(low_rank()[1] * scale)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_draws": 7}, "n_draws is not used"),
        ({"method": "gibbs", "n_draws": 1}, "n_draws"),
        ({"biases": "no"}, "biases must be a boolean"),
    ],
)
def test_settings_that_would_be_ignored_are_refused(settings, words):
    with pytest.raises(InvalidInputError, match=words):
        M(**settings).fit(low_rank()[1])


def test_text_covariates_without_labels_are_refused():
    _, holes = low_rank()
    with pytest.raises(InvalidInputError, match="must hold numbers"):
        M().fit(holes, row_covariates=pd.DataFrame({"a": ["x"] * 30}))


def test_attributes_of_another_method_do_not_stay():
    _, holes = low_rank(12, 8)
    model = M(method="map", random_state=0, certify=False).fit(holes)
    assert model.rank_path_.held_out > 0
    model.set_params(method="variational", max_iter=20, refine=False).fit(holes)
    assert "rank_path_" not in vars(model)
    model.set_params(method="map", rank=2, penalty=1.0, refine="auto").fit(holes)
    assert "noise_" not in vars(model)


def test_draws_of_grades_are_grades_in_range():
    rng = np.random.default_rng(1)
    stars = np.where(rng.random((60, 40)) < 0.3, rng.integers(1, 6, (60, 40)), np.nan)
    model = M(**LIGHT).fit(stars)
    draws = model.sample(np.arange(40), np.arange(40), 200, random_state=0)
    assert draws.min() >= 1
    assert draws.max() <= 5
    low, high = model.predict_interval(np.arange(40), np.arange(40), 0.9, method="conformal")
    assert low.min() >= 1
    assert high.max() <= 5
