"""Tables of xarray: coordinates are labels, and a DataArray comes back."""

import numpy as np
import pandas as pd
import pytest
import xarray

import lowland as ll
from lowland.core.errors import InvalidInputError

LIGHT = {"rank": 1, "method": "variational", "refine": False, "powers": False, "pattern": False}
LIGHT |= {"certify": False, "random_state": 0, "max_iter": 20}


@pytest.fixture(scope="module")
def array():
    rng = np.random.default_rng(0)
    full = np.outer(rng.standard_normal(14), rng.standard_normal(6)) + 0.1 * rng.standard_normal((14, 6))
    return xarray.DataArray(
        np.where(rng.random(full.shape) < 0.2, np.nan, full),
        dims=("site", "day"),
        coords={
            "site": [f"s{k}" for k in range(14)],
            "day": pd.date_range("2024-01-01", periods=6),
            "height": ("site", np.arange(14.0)),
        },
        attrs={"units": "m"},
        name="snow",
    )


@pytest.fixture(scope="module")
def model(array):
    return ll.MatrixCompletion(**LIGHT).fit(array, column_order=None)


def test_an_array_comes_back_with_all_that_it_says(array, model):
    filled, plain = model.fill(array), array.to_numpy()
    expected = ll.MatrixCompletion(**LIGHT).fit(plain).fill(plain)
    xarray.testing.assert_identical(filled, array.copy(data=expected))
    assert np.isnan(array).any()
    assert not np.isnan(filled).any()
    np.testing.assert_array_equal(model.transform(array), expected)
    assert model.row_labels_.tolist() == array["site"].to_numpy().tolist()
    assert model.column_labels_[1] == "2024-01-02"
    assert model.predict_cells(["s3"], ["2024-01-02"])[0] == model.predict_table()[3, 1]


def test_completions_are_arrays_too(array, model):
    own = model.completions(2, random_state=0)
    given = model.completions(2, array, random_state=0)
    for one in (*own, *given):
        assert isinstance(one, xarray.DataArray)
        assert not np.isnan(one).any()
        xarray.testing.assert_identical(one.where(array.notnull()), array)
    sets = xarray.Dataset({"snow": array, "rain": 2 * array})
    for act in (model.fill, ll.MatrixCompletion(**LIGHT).fit):
        with pytest.raises(InvalidInputError, match=r"a Dataset is several arrays\n  found: 'snow', 'rain'"):
            act(sets)


def test_columns_are_matched_by_their_coordinates(array, model):
    some = array[2:5]
    turned = model.fill(some[:, ::-1])
    xarray.testing.assert_allclose(turned[:, ::-1], model.fill(some))
    assert turned.dims == array.dims
    few = model.fill(some[:, :3])
    assert few.shape == (3, 3)
    assert not np.isnan(few).any()
    with pytest.raises(InvalidInputError, match="has no such column"):
        model.fill(array.assign_coords(day=array["day"] + np.timedelta64(400, "D")))


@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
def test_kinds_of_numbers_are_kept(array, model, kind):
    given = array.fillna(0.0).astype(kind) if kind == "int64" else array.astype(kind)
    assert model.fill(given).dtype == kind


def test_arrays_without_coordinates_and_of_other_dimensions(array):
    bare = array.drop_vars(["site", "day", "height"])
    model = ll.MatrixCompletion(**LIGHT).fit(bare)
    assert model.column_labels_.tolist() == list(range(6))
    assert not np.isnan(model.fill(bare)).any()
    for wrong in (array[0], array.expand_dims("run")):
        with pytest.raises(InvalidInputError, match=r"two dimensions(.|\n)*complete_tensor"):
            model.fit(wrong)


def test_scores_and_proofs_of_arrays(array, model, tmp_path):
    assert model.score(array) == pytest.approx(model.score(array.to_numpy()))
    proved = ll.MatrixCompletion(method="map", rank=1, penalty=0.5, random_state=0).fit(array)
    proved.save_certificate(tmp_path / "proof.json")
    assert ll.verify(tmp_path / "proof.json", array).is_confirmed
