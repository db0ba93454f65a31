"""What a fill leans on: weights against slopes that are measured, and sums that are predictions."""

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from lowland.completion.bounded.layer import without_bounds
from lowland.core.errors import InvalidInputError, UnsupportedError

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
LIGHT = {"random_state": 0, "certify": False}
FAST = {**LIGHT, "refine": False, "powers": False, "max_iter": 60}
FITS = {
    "gaussian": {**FAST, "method": "gaussian", "n_draws": 20},
    "variational": {**FAST, "method": "variational", "tol": 1e-6, "max_iter": 400},
    "without biases": {**FAST, "method": "variational", "biases": False},
    "gibbs": {**FAST, "method": "gibbs", "n_draws": 8},
    "map": {**LIGHT, "rank": 2, "penalty": 0.5, "bias_penalty": 0.3},
    "counts": {**LIGHT, "rank": 2, "penalty": 0.5, "penalty_weights": "counts", "tol": 1e-12},
}


def table(m=40):
    rng = np.random.default_rng(3)
    full = rng.standard_normal((m, 2)) @ rng.standard_normal((2, 6)) + 0.2 * rng.standard_normal((m, 6))
    full = full * [1, 10, 1, 1, 5, 1] + [0, 100, 3, 0, 0, -2]
    full[rng.random(full.shape) < 0.2] = np.nan
    full[4] = [1.0, np.nan, 2.5, 0.3, np.nan, -1.0]
    return full


@pytest.fixture(scope="module")
def fits():
    return {name: ll.MatrixCompletion(**how).fit(table()) for name, how in FITS.items()}


@pytest.fixture(params=list(FITS))
def model(request, fits):
    return fits[request.param]


def measured(model, known, column, step=0.1):
    """Return the slope of a new row's prediction in each known cell, by changing them one at a time."""
    return {
        j: (model.fold_in({**known, j: v + step})[column] - model.fold_in({**known, j: v - step})[column])
        / (2 * step)
        for j, v in known.items()
    }


def test_weights_are_the_slopes_of_predictions(model):
    known = {0: 1.5, 2: 2.0, 5: -3.0}
    why = model.explain(known, 4)
    slopes = measured(model, known, 4)
    usual = model.column_biases_ + model.offset_
    by_hand = {j: slopes[j] * (v - usual[j]) for j, v in known.items()}
    np.testing.assert_allclose(why.contributions, [by_hand[j] for j in why.columns], rtol=1e-6, atol=1e-8)
    assert (np.diff(np.abs(why.contributions)) <= 0).all()
    assert [known[j] for j in why.columns] == list(why.values)
    # what is usual, predicted
    assert why.intercept == pytest.approx(model.fold_in({j: usual[j] for j in known})[4], rel=1e-6, abs=1e-8)
    assert why.prediction == pytest.approx(model.fold_in(known)[4])
    assert why.rest == pytest.approx(0, abs=1e-8 * abs(why.prediction) + 1e-8)
    assert why.row is None


def test_a_row_of_the_fit_leans_as_a_new_one_of_the_same_cells(model):
    row = table()[4]
    known = {j: v for j, v in enumerate(row) if not np.isnan(v)}
    own, new = model.explain(4, 1), model.explain(known, 1)
    assert sorted(own.columns) == [0, 2, 3, 5]
    by_column = [dict(zip(why.columns, why.contributions, strict=True)) for why in (own, new)]
    np.testing.assert_allclose(*[[one[j] for j in known] for one in by_column], rtol=1e-9)
    assert own.prediction == pytest.approx(model.predict_cells([4], [1])[0])
    assert own.intercept + own.contributions.sum() + own.rest == pytest.approx(own.prediction)
    # what a new row is predicted from is what the row of the fit was, up to draws and the last sweep
    spread = np.nanstd(table()[:, 1])
    assert abs(own.intercept + own.contributions.sum() - new.prediction) < 0.02 * spread
    if model.method_ in ("variational", "map"):
        assert own.rest == pytest.approx(0, abs=1e-9 * spread)
    assert abs(own.rest) < 0.3 * spread


def test_gaussian_weights_are_those_of_the_conditional_mean(fits):
    model = without_bounds(fits["gaussian"]._completed.model)
    covariance = np.linalg.inv(model.row_prior.precision) + np.diag(1 / model.column_precisions)
    seen = [0, 2, 3, 5]
    slopes = covariance[1, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)])
    scaled = (table()[4, seen] - model.scaling.centres[seen]) / model.scaling.spreads[seen]
    by_hand = dict(zip(seen, model.scaling.spreads[1] * slopes * scaled, strict=True))
    why = fits["gaussian"].explain(4, 1)
    np.testing.assert_allclose(why.contributions, [by_hand[j] for j in why.columns])


def frame(m=80):
    rng = np.random.default_rng(1)
    size = rng.standard_normal(m)
    held = pd.DataFrame({"size": size, "weight": np.exp(size + 0.3 * rng.standard_normal(m))})
    held["kind"] = np.array(["cat", "dog", "owl"])[
        np.digitize(size + 0.3 * rng.standard_normal(m), [-0.5, 0.5])
    ]
    held["height"] = 2 * size + 0.3 * rng.standard_normal(m)
    held.iloc[3] = [np.nan, 2.0, "owl", 0.5]
    held.iloc[5] = [1.0, np.nan, "owl", 0.5]
    held.iloc[7] = [1.0, 2.0, None, 0.5]
    return held


def test_levels_and_logarithms_are_explained_in_their_unit():
    model = ll.MatrixCompletion(**{**FAST, "powers": True}).fit(frame())
    of_number, of_power, of_level = (
        model.explain(row, name) for row, name in ((3, "size"), (5, "weight"), (7, "kind"))
    )
    assert (of_number.unit, of_power.unit) == ("", "logarithm")
    assert of_number.prediction == pytest.approx(model.predict_cells([3], ["size"])[0])
    assert dict(zip(of_number.columns, of_number.values, strict=True)) == {
        "weight": 2.0,
        "kind": "owl",
        "height": 0.5,
    }
    # the median of what a logarithm stands for
    low, high = model.predict_interval([5], ["weight"], 0.01)
    assert low[0] * 0.99 < np.exp(of_power.prediction) < high[0] * 1.01
    likeliest = model.fill(frame())["kind"][7]
    assert of_level.unit == f"score of level {likeliest!r}"  # which is no share, and may be above 1
    assert of_level.probability == model.level_probabilities([7], "kind").max()
    assert f"whose probability is {of_level.probability:.0%}" in repr(of_level)
    assert of_number.probability is None
    for why in (of_number, of_power, of_level):
        assert why.intercept + why.contributions.sum() + why.rest == pytest.approx(why.prediction)
        assert abs(why.rest) < 0.1
    new = model.explain({"weight": 2.0, "kind": "owl", "height": 0.5}, "size")
    np.testing.assert_allclose(new.contributions, of_number.contributions)
    by_code = {"weight": 2.0, "kind": model.levels_["kind"].index("owl"), "height": 0.5}
    np.testing.assert_array_equal(model.fold_in(by_code), model.fold_in({**by_code, "kind": "owl"}))
    for known, words in (
        ({"kind": "owls"}, "column 'kind' has no such level\n  found: 'owls'\n.*has: 'owl'"),
        ({"weight": "heavy"}, "column 'weight' holds numbers\n  found: 'heavy'"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            model.explain(known, "size")


def test_forests_are_told_apart(monkeypatch):
    for name, count in (("TREES", (20, 60)), ("WEIGHED", (12, 30))):  # few would hardly bend
        monkeypatch.setattr(f"lowland.completion.refinement.forest_learning.{name}", count)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((150, 3))
    full = np.column_stack([x, x[:, 0] ** 2 + 0.1 * rng.standard_normal(150)])
    full[rng.random(full.shape) < 0.15] = np.nan
    full[6] = [2.0, 0.0, 0.0, np.nan]
    model = ll.MatrixCompletion(**{**FAST, "refine": True}).fit(full)
    why = model.explain(6, 3)
    # the linear part of a fit cannot bend; the forests add what bends
    assert why.rest > 0.4
    assert why.prediction == pytest.approx(model.predict_cells([6], [3])[0])
    assert "by draws, forests or curves" in str(why)


def test_it_is_said_in_a_few_lines(fits):
    why = fits["map"].explain(4, 1)
    lines = str(why).splitlines()
    assert lines[0] == f"1 of row 4: {why.prediction:.4g}"
    assert lines[1] == f"{why.intercept:.4g} if all known cells were as usual"
    assert lines[2].endswith(f"by {why.columns[0]!r}, which is {why.values[0]:g}")
    assert len(lines) == 6
    assert repr(why) == f"<Explanation: {lines[0]}>"
    many = ll.Explanation("a", "b", 1.0, 0.0, list(range(10)), [1.0] * 10, np.full(10, 0.1))
    assert str(many).splitlines()[-1] == "+0.2 by 2 more cells"


def test_what_is_not_linear_is_refused(tmp_path, fits):
    counts = np.random.default_rng(0).poisson(3.0, (20, 4)).astype(float)
    robust = {"rank": 1, "penalty": 1.0, "random_state": 0, "certify": False}
    for how in ({"loss": "huber"}, {"nonnegative": True, "biases": False}):
        model = ll.MatrixCompletion(**robust, **how).fit(counts)
        with pytest.raises(UnsupportedError, match="linear in the known cells"):
            model.explain(1, 2)
    fits["map"].save(tmp_path / "m.npz", data=False)
    bare = ll.MatrixCompletion.load(tmp_path / "m.npz")
    with pytest.raises(UnsupportedError, match="pass the known values"):
        bare.explain(4, 1)
    assert bare.explain({0: 1.0}, 1).columns == [0]
    assert not fits["map"].explain({}, 1).columns
    with pytest.raises(InvalidInputError):
        bare.explain({0: 1.0}, 9)
