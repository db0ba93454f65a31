"""Arrays of xarray: modes by name, orders by coordinates, results with dimensions."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.tensors.filling import candidates
from lowland.tensors.filling import sampling as cp_sampling

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


def test_orders_by_name_and_results_with_dimensions(readings, monkeypatch):
    monkeypatch.setattr(candidates, "COMPARED", (2, 2))
    monkeypatch.setattr(cp_sampling, "LEAST_SQUARES_SWEEPS", 3)
    brief = {"model": "cp", "burn_in": 3, "n_draws": 3, "rng": 0}
    found = ll.complete_tensor(readings, 2, orders={"day": ("coordinates", 7)}, **brief)
    done = found.completed()
    assert done.dims == readings.dims
    assert done.name == "load"
    np.testing.assert_array_equal(done.coords["day"], readings.coords["day"])
    assert not done.isnull().any()
    assert found.tensor().dims == readings.dims
    # the same by numbers, without names
    plain = ll.complete_tensor(
        readings.to_numpy(), 2, orders={1: (readings.coords["day"].to_numpy(), 7)}, **brief
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


# ------------------------------------------------------------------ decompositions
def spectra(rng):
    """A labelled array of two components, some cells missing."""
    factors = [rng.uniform(0.2, 1, (length, 2)) for length in (6, 9, 7)]
    values = np.einsum("ir,jr,kr->ijk", *factors)
    values[rng.random(values.shape) < 0.1] = np.nan
    coords = {"emission": np.arange(300.0, 390, 10), "sample": [f"s{k}" for k in range(6)], "day": 3}
    return factors, xarray.DataArray(values, dims=("sample", "emission", "excitation"), coords=coords)


def test_components_keep_names_and_coordinates(rng, tmp_path, undrawn):
    factors, array = spectra(rng)
    known = {"emission": factors[1][:, :1]}
    plan = {"n_restarts": 0, "max_iter": 10, "rng": 0, "certify": False}
    fit = ll.decompose_cp(array, 2, nonnegative="emission", smooth={"excitation": 5}, known=known, **plan)
    plain = ll.decompose_cp(
        array.to_numpy(), 2, nonnegative=[1], smooth={2: 5}, known={1: factors[1][:, :1]}, **plan
    )
    for own, other in zip(fit.factors, plain.factors, strict=True):
        np.testing.assert_array_equal(own, other)
    completed = fit.completed()
    assert completed.dims == array.dims
    assert completed.sel(emission=310.0, sample="s3").shape == (7,)
    np.testing.assert_array_equal(completed.to_numpy(), plain.completed())
    np.testing.assert_array_equal(fit.tensor().to_numpy(), plain.tensor())
    assert fit.core_consistency == plain.core_consistency
    parts = fit.components()
    assert parts["factor_emission"].sel(emission=330.0).dims == ("component",)
    np.testing.assert_array_equal(parts["factor_emission"][:, 0], factors[1][:, 0])
    parts.to_netcdf(tmp_path / "parts.nc", engine="h5netcdf")
    np.testing.assert_array_equal(
        xarray.load_dataset(tmp_path / "parts.nc", engine="h5netcdf")["strength"], fit.strengths
    )
    fit.report(tmp_path / "page.html")
    assert "factor: emission" in (tmp_path / "page.html").read_text().lower()
    with pytest.raises(InvalidInputError, match="smooth names a mode"):
        ll.decompose_cp(array, 2, smooth=["wavelength"])


def test_tucker_keeps_names_and_coordinates(rng):
    _, array = spectra(rng)
    fit = ll.decompose_tucker(array, (2, 1, 2), rng=0, certify=False)
    assert fit.completed().sel(emission=310.0).dims == ("sample", "excitation")
    parts = fit.components()
    assert parts["core"].dims == ("rank of sample", "rank of emission", "rank of excitation")
    both = xarray.dot(parts["core"], *(parts[f"factor_{name}"] for name in array.dims))
    np.testing.assert_allclose(both.transpose(*array.dims), fit.tensor(), atol=1e-12)


def test_a_mode_that_has_the_name_of_columns_keeps_it(rng):
    array = xarray.DataArray(rng.random((4, 5, 3)), dims=("component", "b", "c"))
    parts = ll.decompose_cp(array, 1, rng=0, certify=False).components()
    assert parts["factor_component"].dims == ("component", "component_")


def test_names_of_results_give_way_to_those_of_modes(rng):
    values = rng.random((4, 5, 3))
    coords = {"strength": np.arange(4.0), "factor_b": np.arange(5.0)}
    array = xarray.DataArray(values, dims=("strength", "factor_b", "b"), coords=coords)
    parts = ll.decompose_cp(array, 1, rng=0, certify=False).components()
    assert parts["strength_"].dims == ("component",)
    assert parts["factor_b_"].dims == ("b", "component")
    assert len(parts.data_vars) == 4
    array = xarray.DataArray(values, dims=("core", "component", "component_"))
    assert "core_" in ll.decompose_tucker(array, 1, certify=False, rng=0).components()
    assert ll.decompose_cp(array, 1, rng=0, certify=False).components()["strength"].dims == ("component__",)


def test_known_entries_are_matched_by_their_labels(rng):
    factors, array = spectra(rng)
    pure = xarray.DataArray(
        factors[1][:, :1], dims=("emission", "substance"), coords={"emission": array["emission"]}
    )
    plan = {"n_restarts": 0, "max_iter": 10, "rng": 0, "certify": False}
    fits = [ll.decompose_cp(array, 2, known={"emission": own}, **plan) for own in (pure, pure[::-1], pure.T)]
    for fit in fits:
        np.testing.assert_array_equal(fit.factors[1][:, :1], factors[1][:, :1])
    fewer = ll.decompose_cp(array, 2, known={"emission": pure[2:]}, **plan)
    np.testing.assert_array_equal(fewer.factors[1][2:, 0], factors[1][2:, 0])
    with pytest.raises(InvalidInputError, match="does not have, or of one twice"):
        ll.decompose_cp(array, 2, known={"emission": pure.assign_coords(emission=np.arange(9.0))})
    with pytest.raises(InvalidInputError, match="smooth names a mode twice"):
        ll.decompose_cp(array, 2, smooth={"emission": 5, 1: 6})
