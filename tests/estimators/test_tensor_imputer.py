"""`TensorCompletion`: slices of the fit and new ones, in the kind in which they come, and scores."""

import joblib
import numpy as np
import pytest
import xarray
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import lowland as ll
from lowland.core.errors import InvalidInputError

LIGHT = {"rank": 1, "model": "cp", "burn_in": 5, "n_draws": 8, "random_state": 0}
SHAPE = (14, 6, 5)


@pytest.fixture(scope="module")
def brief():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lowland.tensors.filling.candidates.COMPARED", (4, 4))
        patch.setattr("lowland.tensors.filling.choice.ENOUGH", np.inf)  # noise by slices is not looked at
        patch.setattr("lowland.tensors.filling.sampling.LEAST_SQUARES_SWEEPS", 5)
        yield


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((length, 1)) for length in SHAPE))
    noisy = truth + 0.05 * rng.standard_normal(SHAPE)
    return truth, np.where(rng.random(SHAPE) < 0.75, noisy, np.nan)


@pytest.fixture(scope="module")
def model(data, brief):
    return ll.TensorCompletion(**LIGHT).fit(data[1][:11])


def test_slices_of_the_fit_are_those_of_the_function(data, model):
    holes = data[1][:11]
    found = ll.complete_tensor(holes, 1, model="cp", burn_in=5, n_draws=8, rng=0)
    np.testing.assert_array_equal(model.completed_, found.completed())
    np.testing.assert_array_equal(model.transform(holes), found.completed())
    np.testing.assert_array_equal(model.transform(holes[[7, 2]]), found.completed()[[7, 2]])
    at = np.argwhere(np.isnan(holes))[:5]
    np.testing.assert_array_equal(model.predict_cells(at), found.predict(at))
    np.testing.assert_array_equal(model.predict_interval(at, 0.8), found.interval(at, 0.8))
    assert model.completions(3, random_state=0).shape == (3, *holes.shape)


def test_new_slices_are_filled_and_known_cells_kept(data, model):
    truth, holes = data
    found = model.transform(holes[9:])
    np.testing.assert_array_equal(found[:2], model.completed_[9:])
    known = ~np.isnan(holes[9:])
    np.testing.assert_array_equal(found[known], holes[9:][known])
    assert np.sqrt(np.mean((found - truth[9:]) ** 2)) < 0.3 * truth.std()
    np.testing.assert_array_equal(found, model.transform(holes[9:]))


def test_a_slice_that_two_of_the_fit_are_alike_is_new(data, brief):
    holes = np.concatenate([data[1][:8], data[1][:1]])
    fitted = ll.TensorCompletion(**LIGHT).fit(holes)
    assert not np.isnan(fitted.transform(holes[8:])).any()
    np.testing.assert_array_equal(fitted.transform(holes), fitted.completed_)


def test_labels_and_precision_come_back(data, brief):
    coords = {"day": np.arange(14), "site": list("abcdef")}
    array = xarray.DataArray(data[1], dims=("day", "site", "depth"), coords=coords, attrs={"units": "K"})
    fitted = ll.TensorCompletion(**LIGHT).fit(array[:11])
    found = fitted.transform(array[10:])
    assert isinstance(found, xarray.DataArray)
    assert found.attrs == array.attrs
    assert found["day"].to_numpy().tolist() == [10, 11, 12, 13]
    xarray.testing.assert_identical(fitted.completed_[10:], found[:1])
    assert not np.isnan(found).any()
    single = ll.TensorCompletion(**LIGHT).fit(data[1][:11].astype(np.float32))
    assert single.completed_.dtype == single.transform(data[1].astype(np.float32)).dtype == np.float32
    flat = ll.TensorCompletion(**LIGHT, shape=SHAPE[1:]).fit(data[1][:11].reshape(11, -1))
    assert flat.completion_.shape == (11, *SHAPE[1:])
    assert flat.transform(data[1].reshape(14, -1)).shape == (14, 30)


def test_known_cells_as_a_list_are_fitted_too(data, model):
    cells = ll.TensorObservations.from_array(data[1][:11])
    listed = clone(model).fit(cells)
    np.testing.assert_array_equal(listed.completed_, model.completed_)
    np.testing.assert_array_equal(listed.transform(data[1]), model.transform(data[1]))


def test_an_order_of_the_slices_goes_on(brief):
    rng, times = np.random.default_rng(4), np.arange(24.0)
    smooth = np.sin(times / 3)[:, None, None] * rng.standard_normal((1, 9, 6))
    smooth += 0.5 * rng.standard_normal((24, 9, 6))
    smooth[[4, 9, 10, 17]] = np.nan
    holes = np.where(rng.random(smooth.shape) < 0.8, smooth, np.nan)
    fitted = ll.TensorCompletion(**LIGHT, orders={0: times[:22]}).fit(holes[:22])
    assert fitted.completion_.orders[0]
    found = fitted.transform(holes[20:], coordinates=times[20:])
    np.testing.assert_array_equal(found[:2], fitted.completed_[20:22])
    assert not np.isnan(found).any()
    with pytest.raises(InvalidInputError, match="coordinates"):
        fitted.transform(holes[22:])


def test_scores_hide_the_same_cells_and_searches_find_the_rank(brief):
    rng = np.random.default_rng(2)
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((length, 2)) for length in (16, 7, 6)))
    holes = np.where(rng.random(truth.shape) < 0.9, truth + 0.1 * rng.standard_normal(truth.shape), np.nan)
    plain = {**LIGHT, "burn_in": 20}
    search = GridSearchCV(ll.TensorCompletion(**plain), {"rank": [1, 2]}, cv=2).fit(holes)
    assert search.best_params_ == {"rank": 2}
    one, two = search.cv_results_["mean_test_score"]
    assert one < 2 * two < 0


def test_an_estimator_like_the_others(data, model, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(again.transform(data[1]), model.transform(data[1]))
    assert clone(model).get_params() == model.get_params() == again.get_params()
    assert "rank=1" in repr(clone(model))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (
            lambda holes, _: ll.TensorCompletion(**{**LIGHT, "model": "tucker"}).fit(holes),
            'use model="auto" or',
        ),
        (lambda holes, _: ll.TensorCompletion(**LIGHT).fit(holes[:1, :, 0]), "n_samples = 1"),
        (
            lambda holes, _: ll.TensorCompletion(**LIGHT, shape=(7, 5)).fit(holes.reshape(14, -1)),
            "30 features",
        ),
        (lambda holes, model: model.transform(holes[:, :, :3]), "another shape"),
        (lambda holes, model: model.score(np.full((2, 6, 5), np.nan)), "the table is empty"),
        (lambda holes, _: ll.TensorCompletion(**{**LIGHT, "random_state": "x"}).fit(holes), "random_state"),
    ],
)
def test_what_cannot_be_used_is_refused(data, model, act, words):
    with pytest.raises(InvalidInputError, match=words):
        act(data[1], model)
