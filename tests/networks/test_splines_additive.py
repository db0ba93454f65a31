"""Sums of splines: planted functions, what is left out, networks, intervals, scikit-learn's checks, pages."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.networks.splines.additive import (
    AdditiveSpline,
    features,
    least_squares,
    moved,
    shrunk,
    straightened,
)
from lowland.networks.splines.additive_choice import additive_fit
from lowland.networks.splines.knot_choice import cross_interval
from lowland.networks.splines.level_splines import paths_of


def truth(X):
    return np.abs(X[:, 0]) + 2 * np.maximum(X[:, 1] - 0.2, 0) - X[:, 2]


def data(n=300, d=6, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, d))
    return X, truth(X) + noise * rng.standard_normal(n)


@pytest.fixture(scope="module")
def fitted():
    X, y = data()
    return ll.AdditiveSplineRegressor(random_state=0).fit(X, y), X, y


def test_planted_functions_are_found(fitted):
    model, _, _ = fitted
    new = data(4000, seed=1)[0]
    assert np.sqrt(np.mean((model.predict(new) - truth(new)) ** 2)) < 0.1
    np.testing.assert_array_equal(model.used_, [True, True, True, False, False, False])
    np.testing.assert_array_equal(model.n_knots_[:3], [1, 1, 0])
    assert abs(model.knots_[0][0]) < 0.1
    assert abs(model.knots_[1][0] - 0.2) < 0.15
    assert 0.28 < np.sqrt(model.cv_error_) < 0.34


def test_functions_add_up_to_predictions(fitted):
    model, X, _ = fitted
    parts = model.components(X)
    rest = model.predict(X) - parts.sum(axis=1)
    np.testing.assert_allclose(rest, model.intercept_, atol=1e-12)
    np.testing.assert_allclose(parts.mean(axis=0), 0, atol=1e-12)
    single = ll.AdditiveSplineRegressor(average=False, random_state=0).fit(*data())
    np.testing.assert_allclose(single.spreads_, single.components(X).std(axis=0), atol=1e-12)
    np.testing.assert_allclose(single.network_(X), single.predict(X), atol=1e-10)


def test_one_input_is_a_spline_of_one_input():
    X, _ = data(d=3)
    y = np.abs(X[:, 0]) + 0.1 * np.random.default_rng(2).standard_normal(300)
    alone = ll.StableSplineRegressor(random_state=0).fit(X[:, 0], y)
    model = ll.AdditiveSplineRegressor(random_state=0).fit(X[:, :1], y)
    assert model.n_knots_[0] == alone.n_knots_
    grid = np.linspace(-1, 1, 50)
    np.testing.assert_allclose(model.predict(grid[:, None]), alone.predict(grid), atol=0.02)


def test_many_inputs_of_which_few_matter():
    rng = np.random.default_rng(3)
    X, new = rng.standard_normal((120, 20)), rng.standard_normal((2000, 20))
    y = truth(X) + 0.3 * rng.standard_normal(120)
    model = ll.AdditiveSplineRegressor(cv=3, max_knots=5, random_state=0).fit(X, y)
    assert model.used_[:3].all()
    assert model.used_.sum() < 15
    assert np.sqrt(np.mean((model.predict(new) - truth(new)) ** 2)) < 0.5


def test_inputs_that_matter_a_little_each_are_kept_together():
    rng = np.random.default_rng(4)
    X = rng.standard_normal((160, 15))
    weights = rng.choice([-1.0, 1.0], 15) * 0.3
    y = X @ weights + rng.standard_normal(160)
    model = ll.AdditiveSplineRegressor(cv=3, max_knots=3, random_state=0).fit(X, y)
    assert model.used_.all()
    new = rng.standard_normal((2000, 15))
    plain = np.linalg.lstsq(np.c_[np.ones(160), X], y, rcond=None)[0]
    ours, theirs = (
        np.sqrt(np.mean((values - new @ weights) ** 2))
        for values in (model.predict(new), np.c_[np.ones(2000), new] @ plain)
    )
    assert ours < 1.05 * theirs


def test_intervals_hold_as_many_new_values_as_they_say():
    held, wide = [], []
    for seed in range(3):
        X, y = data(seed=seed)
        model = ll.AdditiveSplineRegressor(random_state=0).fit(X, y)
        new, values = data(500, seed=seed + 50)
        low, high = model.predict_interval(new, 0.8)
        held.append(np.mean((low <= values) & (values <= high)))
        wide.append(np.mean(high - low))
    assert 0.76 < np.mean(held) < 0.86
    assert np.mean(wide) < 1.15 * 2 * 1.2816 * 0.3
    assert np.all(np.isinf(model.predict_interval(new, 0.999)[1]))


@pytest.mark.parametrize(
    ("rows", "columns", "seeds"),
    [
        (30, 4, 4),
        pytest.param(40, 5, 6, marks=pytest.mark.slow),
        pytest.param(60, 12, 3, marks=pytest.mark.slow),
    ],
)
def test_intervals_of_few_rows_per_input_are_honest(rows, columns, seeds):
    """Inputs are chosen anew without each fold: what chose a point's fit has not seen it."""
    held, ratio = [], []
    for seed in range(seeds):
        X, y = data(rows, columns, seed=seed)
        model = ll.AdditiveSplineRegressor(random_state=0).fit(X, y)
        assert model._fit.nested
        new, values = data(1000, columns, seed=seed + 50)
        low, high = model.predict_interval(new, 0.9)
        held.append(np.mean((low <= values) & (values <= high)))
        ratio.append(np.mean((model.predict(new) - values) ** 2) / model.cv_error_)
    assert np.mean(held) > 0.88
    assert np.mean(ratio) < 1.15


def test_inputs_of_few_levels_bend_at_these():
    rng = np.random.default_rng(1)
    X = rng.integers(0, 5, (300, 3)) / 2 - 1
    y = np.abs(X[:, 0]) + 2 * np.maximum(X[:, 1], 0) + 0.2 * rng.standard_normal(300)
    model = ll.AdditiveSplineRegressor(random_state=0).fit(X, y)
    assert model.used_[:2].all()
    assert model.spreads_[2] < 0.05
    assert model.knots_[0].tolist() == model.knots_[1].tolist() == [0.0]
    assert np.sqrt(model.cv_error_) < 0.23


def test_levels_by_all_subsets():
    """With every weight positive, the path's ends are the least squares over all knots and none."""
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 5, 60) / 2.0, rng.standard_normal(60)
    weights = rng.random((1, 60))
    ((splines, losses),) = paths_of(x, y, weights, 9)
    assert [spline.knots.size for spline in splines] == [0, 1, 2, 3]
    assert np.all(np.diff(losses) <= 1e-12)
    share = weights[0] / weights[0].sum()
    means = {level: share[x == level] @ y[x == level] / share[x == level].sum() for level in np.unique(x)}
    np.testing.assert_allclose(splines[-1](x), [means[level] for level in x], atol=1e-10)
    for spline, loss in zip(splines, losses, strict=True):
        assert share @ (y - spline(x)) ** 2 / 2 == pytest.approx(loss, rel=1e-10)
    line = np.polyfit(x, y, 1, w=np.sqrt(share))
    np.testing.assert_allclose(splines[0](x), np.polyval(line, x), atol=1e-10)


def test_cross_intervals_by_definition():
    rng = np.random.default_rng(0)
    by_fold, folds, misses = rng.standard_normal((3, 4)), np.arange(11) % 3, rng.random(11)
    low, high = cross_interval(by_fold, folds, misses, 0.7)
    for j in range(4):
        upper = sorted(by_fold[f, j] + m for f, m in zip(folds, misses, strict=True))
        lower = sorted(by_fold[f, j] - m for f, m in zip(folds, misses, strict=True))
        assert high[j] == upper[8]  # the ceil(12 * .7) = 9th
        assert low[j] == lower[2]


def test_penalised_and_plain_least_squares():
    rng = np.random.default_rng(5)
    X, y = data(80, 4, seed=5)
    knots = (np.array([-0.3, 0.4]), None, np.zeros(0), np.array([0.1]))
    plain = least_squares(X, y, knots)
    for _ in range(20):
        other = AdditiveSpline(
            knots, plain.coefficients + 0.01 * rng.standard_normal(plain.coefficients.size)
        )
        assert np.sum((y - other(X)) ** 2) > np.sum((y - plain(X)) ** 2)
    # ridge regression by its normal equations, at every penalty: the one of least generalised error is taken
    own = features(X, knots)[:, 1:]
    F = (own - own.mean(axis=0)) / own.std(axis=0)
    scores = {}
    for penalty in np.geomspace(1e-6, 1e3, 37):
        hat = F @ np.linalg.solve(F.T @ F + 80 * penalty * np.eye(F.shape[1]), F.T) + 1 / 80
        scores[penalty] = np.sum((y - hat @ y) ** 2) / (1 - np.trace(hat) / 80) ** 2, hat @ y
    np.testing.assert_allclose(shrunk(X, y, knots)(X), min(scores.values(), key=lambda s: s[0])[1], atol=1e-9)
    assert [k.size for k in straightened(knots)] == [2, 0, 0, 1]


def test_knots_move_to_where_they_fit_better():
    X, y = data(200, 3, noise=0.0, seed=6)
    start = least_squares(X, y, (np.array([0.5]), np.array([-0.4]), np.zeros(0)))
    best = moved(X, y, start)
    assert np.mean((y - best(X)) ** 2) < 1e-3 * np.mean((y - start(X)) ** 2)
    assert [own.size for own in best.knots] == [1, 1, 0]


def test_folds_that_are_left_out_are_not_seen():
    """The values of a fold change neither its own spline's knots nor its predictions, the choice given."""
    X, y = data(120, 3, seed=7)
    rng = np.random.default_rng(0)
    fit = additive_fit(X, y, most_knots=4, folds=rng.permutation(len(y)) % 3, rng=rng)
    held = fit.folds == 0
    own = moved(X[~held], y[~held], least_squares(X, y, fit.by_fold[0].knots))
    assert np.mean((own(X[~held]) - fit.by_fold[0](X[~held])) ** 2) < 0.01 * y.var()
    np.testing.assert_allclose(np.abs(y[held] - fit.by_fold[0](X[held])), fit.misses[held], atol=1e-12)


def test_degenerate_data_and_wrong_input():
    X, y = data(40, 3)
    flat = ll.AdditiveSplineRegressor(random_state=0).fit(X, np.full(40, 7.0))
    np.testing.assert_array_equal(flat.predict(X), 7.0)
    assert not flat.used_.any()
    same = X.copy()
    same[:, 1] = 3.0
    twice = np.c_[same, same[:, 0]]
    model = ll.AdditiveSplineRegressor(cv=3, max_knots=2, random_state=0).fit(twice, y)
    assert not model.used_[1]
    assert np.all(np.isfinite(model.predict(twice)))
    truths = ll.AdditiveSplineRegressor(cv=3, max_knots=2, random_state=0).fit(X, y > 1)
    assert np.all(np.isfinite(truths.predict(X)))
    with pytest.raises(InvalidInputError, match="one per input"):
        truths.report("nowhere.html", names=["a"])
    with pytest.raises(InvalidInputError, match="at least 6 points"):
        ll.AdditiveSplineRegressor().fit(X[:5], y[:5])
    with pytest.raises(InvalidInputError, match="max_knots"):
        ll.AdditiveSplineRegressor(max_knots=-1).fit(X, y)
    with pytest.raises(InvalidInputError, match="out of scale"):
        ll.AdditiveSplineRegressor().fit(1e200 * X, y)


def test_in_a_pipeline_with_the_same_seed():
    X, y = data(60, 3)
    make = lambda: make_pipeline(StandardScaler(), ll.AdditiveSplineRegressor(random_state=0))  # noqa: E731
    first, second = (make().fit(X, y).predict(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    plain = ll.AdditiveSplineRegressor(random_state=0).fit(X, y).predict(X)
    np.testing.assert_allclose(first, plain, atol=1e-6)


def test_progress_and_page(fitted, tmp_path, undrawn):
    seen = []
    ll.AdditiveSplineRegressor(cv=3, random_state=0, on_progress=lambda *a: seen.append(a[:2])).fit(
        *data(60, 3)
    )
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    model = fitted[0]
    model.report(tmp_path / "page.html", names=list("abcdef"), y="speed")
    words = (tmp_path / "page.html").read_text()
    assert "speed by 6 inputs" in words
    assert "3 of 6 inputs matter, with 2 knots in all" in words
    assert "d, e, f" in words


def test_pages_of_data_frames(tmp_path, recwarn, undrawn):
    import pandas as pd

    X, y = data(120, 3)
    frame = pd.DataFrame(X, columns=["age", "dose", "weight"])
    model = ll.AdditiveSplineRegressor(cv=3, max_knots=2, random_state=0).fit(frame, y)
    model.report(tmp_path / "page.html", y="speed")
    assert not [w for w in recwarn if "feature names" in str(w.message)]
    assert "dose" in (tmp_path / "page.html").read_text()
