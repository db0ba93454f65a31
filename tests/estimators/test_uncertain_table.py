"""Intervals, probabilities and draws of rows that were not fitted."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lowland as ll
from lowland.core.errors import InvalidInputError, UnsupportedError

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout")
FAST = {"random_state": 0, "certify": False, "refine": False, "powers": False, "max_iter": 60}


def rows_of(rng, m):
    """Rows of two hidden numbers and noise, and what is left of them."""
    full = rng.standard_normal((m, 2)) @ LOADINGS + 0.4 * rng.standard_normal((m, 6))
    holes = full.copy()
    holes[rng.random(full.shape) < 0.3] = np.nan
    return full, holes


LOADINGS = np.random.default_rng(5).standard_normal((2, 6))


@pytest.fixture(scope="module")
def fits():
    _, holes = rows_of(np.random.default_rng(0), 90)
    return {
        method: ll.MatrixCompletion(**FAST, method=method).fit(holes)
        for method in ("gaussian", "variational")
    }, holes


@pytest.mark.parametrize("method", ["gaussian", "variational"])
def test_intervals_of_new_rows_hold_their_share(method, fits):
    models, _ = fits
    model = models[method]
    full, holes = rows_of(np.random.default_rng(1), 300)
    at = np.nonzero(np.isnan(holes))
    low, high = model.predict_interval(*at, 0.8, X=holes)
    assert 0.74 < np.mean((low < full[at]) & (full[at] < high)) < 0.86
    np.testing.assert_allclose((low + high) / 2, model.transform(holes)[at])
    # draws have the ends as their quantiles
    draws = model.sample(at[0][:20], at[1][:20], 2000, random_state=0, X=holes)
    assert draws.shape == (2000, 20)
    ends = np.quantile(draws, [0.1, 0.9], axis=0)
    assert (np.abs(ends - [low[:20], high[:20]]) < 0.15 * (high - low)[:20]).all()


def test_intervals_of_a_gaussian_are_those_of_the_conditional(fits):
    model, row = fits[0]["gaussian"], np.array([0.5, np.nan, -1.0, np.nan, 0.2, np.nan])
    inner = model._completed.model
    covariance = np.linalg.inv(inner.row_prior.precision) + np.diag(1 / inner.column_precisions)
    seen, mean = [0, 2, 4], inner.row_prior.coefficients[0]
    slopes = covariance[3, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)])
    centre = mean[3] + slopes @ ((row - inner.scaling.centres) / inner.scaling.spreads - mean)[seen]
    spread = np.sqrt(covariance[3, 3] - slopes @ covariance[seen, 3])
    reach = stats.norm.ppf([0.05, 0.95]) * spread
    expected = inner.scaling.centres[3] + inner.scaling.spreads[3] * (centre + reach)
    ends = model.predict_interval([0], [3], 0.9, X=row[None])
    np.testing.assert_allclose(np.ravel(ends), expected, rtol=1e-6)


def test_the_fitted_rows_stay_those_of_the_fit(fits):
    models, holes = fits
    for model in models.values():
        np.testing.assert_array_equal(
            model.predict_interval([3, 4], [1, 2], X=holes), model.predict_interval([3, 4], [1, 2])
        )
        drawn = [model.sample([3, 4], [1, 2], 3, random_state=1, X=X) for X in (None, holes)]
        np.testing.assert_array_equal(*drawn)


def frame(rng, m):
    size = rng.standard_normal(m)
    held = pd.DataFrame({"size": size, "weight": 2 * size + 0.3 * rng.standard_normal(m)})
    held["kind"] = np.array(["cat", "dog"])[(size + 0.5 * rng.standard_normal(m) > 0).astype(int)]
    held.loc[rng.random(m) < 0.2, "kind"] = None
    return held


@pytest.mark.parametrize("settings", [{}, {"loss": {"kind": "logistic"}, "rank": 1, "penalty": 1.0}])
def test_probabilities_of_new_rows(settings, rng):
    light = {"random_state": 0, "certify": False} if settings else FAST
    model = ll.MatrixCompletion(**light, **settings).fit(frame(rng, 120))
    new = pd.DataFrame({"size": [-2.0, 0.0, 2.0], "weight": [-4.0, 0.1, 4.1], "kind": [None] * 3})
    new.index = ["small", "middle", "large"]
    shares = model.level_probabilities(["large", "small", "middle"], "kind", X=new)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert shares[0, 1] > 0.8 > 0.75 > shares[2, 1] > 0.25 > 0.2 > shares[1, 1]
    assert model.fill(new)["kind"].tolist()[::2] == ["cat", "dog"]
    if settings:  # the mean of two levels is the probability of the second
        known = {"size": 2.0, "weight": 4.1}
        assert model.fold_in(known)[2] == pytest.approx(shares[0, 1])
        with pytest.raises(UnsupportedError, match="posterior is needed for intervals of new rows"):
            model.predict_interval(["large"], ["size"], X=new)
        with pytest.raises(UnsupportedError, match="posterior is needed for draws of new rows"):
            model.sample(["large"], ["size"], X=new)
    else:
        with pytest.raises(UnsupportedError, match="columns of levels have no intervals"):
            model.predict_interval(["large"], ["kind"], X=new)
    with pytest.raises(InvalidInputError, match="no such row"):
        model.level_probabilities(["tiny"], "kind", X=new)


def test_what_new_rows_lack_is_refused(fits):
    models, holes = fits
    with pytest.raises(UnsupportedError, match="posterior alone"):
        models["gaussian"].predict_interval([0], [1], method="conformal", X=holes[:5])
    with pytest.raises(InvalidInputError, match="equally long"):
        models["gaussian"].predict_interval([0, 1], [1], X=holes[:5])
    with pytest.raises(InvalidInputError):
        models["gaussian"].predict_interval([5], [1], X=holes[:5])
