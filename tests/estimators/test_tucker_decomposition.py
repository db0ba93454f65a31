"""`TuckerDecomposition`: scikit-learn's checks, new slices, labels."""

import numpy as np
import pytest
import xarray
from sklearn.utils.estimator_checks import parametrize_with_checks

import lowland as ll
from lowland.core.errors import InvalidInputError


@parametrize_with_checks([ll.TuckerDecomposition(random_state=0)])
def test_scikit_learn_on_tensors(estimator, check):
    check(estimator)


@pytest.fixture
def stack(rng):
    factors = tuple(rng.standard_normal((length, rank)) for length, rank in ((12, 3), (6, 2), (5, 2)))
    return ll.TuckerTensor(rng.standard_normal((3, 2, 2)), factors).tensor()


def test_new_slices_with_and_without_holes(stack, rng):
    model = ll.TuckerDecomposition(ranks=(3, 2, 2), random_state=0).fit(stack[:9])
    np.testing.assert_allclose(model.transform(stack[:9]), model.factors_[0], atol=1e-9)
    holes = np.where(rng.random(stack[9:].shape) < 0.4, np.nan, stack[9:])
    found = model.inverse_transform(model.transform(holes))
    np.testing.assert_allclose(found, stack[9:], atol=1e-8)
    assert model.score(stack[9:]) == pytest.approx(1)
    assert model.score(rng.standard_normal((4, 6, 5))) < 0.9
    holes[1] = np.nan
    with pytest.raises(InvalidInputError, match="slice 1"):
        model.transform(holes)
    with pytest.raises(InvalidInputError, match="another shape"):
        model.transform(stack[:, :, :4])


def test_rows_are_slices_of_a_shape(stack):
    flat = stack.reshape(12, -1)
    model = ll.TuckerDecomposition(ranks=(3, 2, 2), shape=(6, 5), random_state=0).fit(flat)
    whole = ll.TuckerDecomposition(ranks=(3, 2, 2), random_state=0).fit(stack)
    np.testing.assert_allclose(model.core_, whole.core_, atol=1e-10)
    assert model.inverse_transform(model.transform(flat)).shape == flat.shape
    with pytest.raises(InvalidInputError, match="30 features"):
        ll.TuckerDecomposition(shape=(7, 5)).fit(flat)


def test_labels_of_xarray_are_kept(stack, rng):
    holes = np.where(rng.random(stack.shape) < 0.2, np.nan, stack)
    coords = {"sample": [f"s{k}" for k in range(12)], "day": np.arange(6)}
    array = xarray.DataArray(holes, dims=("sample", "day", "probe"), coords=coords)
    model = ll.TuckerDecomposition(ranks=(3, 2, 2), random_state=0).fit(array)
    assert model.completed_.dims == array.dims
    assert list(model.completed_["sample"].to_numpy()) == coords["sample"]
    np.testing.assert_allclose(model.completed_.to_numpy(), stack, atol=1e-7)
    found = model.transform(array)
    assert found.dims == ("sample", "component")
    assert list(found["sample"].to_numpy()) == coords["sample"]
    assert np.isnan(array.to_numpy()).any()  # the input is as it was
