"""Arrays of xarray: modes by name, orders by coordinates, results with dimensions."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError

xarray = pytest.importorskip("xarray")


@pytest.fixture(scope="module")
def readings():
    rng = np.random.default_rng(0)
    days = np.arange("2024-01-01", "2024-01-22", dtype="datetime64[D]")
    weekly = 1 + 0.8 * (np.arange(21) % 7 < 5)
    values = rng.gamma(2, 1, 10)[:, None, None] * weekly[:, None] * (1 + np.sin(np.arange(6)))
    values += 0.05 * rng.standard_normal(values.shape)
    values[:, 12] = np.nan
    return xarray.DataArray(
        values, dims=("sensor", "day", "hour"), coords={"day": days, "hour": np.arange(6)}, name="load"
    )


def test_orders_by_name_and_results_with_dimensions(readings):
    found = ll.complete_tensor(readings, 2, orders={"day": ("coordinates", 7)}, rng=0)
    done = found.completed()
    assert done.dims == readings.dims
    assert done.name == "load"
    np.testing.assert_array_equal(done.coords["day"], readings.coords["day"])
    assert not done.isnull().any()
    assert found.tensor().dims == readings.dims
    # the same by numbers, without names
    plain = ll.complete_tensor(
        readings.to_numpy(), 2, orders={1: (readings.coords["day"].to_numpy(), 7)}, rng=0
    )
    np.testing.assert_array_equal(plain.completed(), done.to_numpy())
    assert isinstance(plain.completed(), np.ndarray)
    assert np.isnan(readings.to_numpy()[:, 12]).all(), "the data are left alone"


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ({"week": "line"}, "orders name a mode"),
        ({"sensor": "coordinates"}, "no coordinates of this mode"),
        ({"day": "line", 7: "coordinates"}, "orders name a mode"),
    ],
)
def test_bad_names(readings, orders, words):
    with pytest.raises(InvalidInputError, match=words):
        ll.complete_tensor(readings, 2, orders=orders, rng=0)
