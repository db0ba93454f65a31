"""The page of a tensor: its answer first, its factors over the coordinates of the array."""

import numpy as np
import pytest

import lowland as ll
from lowland.tensors.displays import FactorDisplay
from lowland.tensors.residual_map import residuals_by


def test_a_labelled_array_names_what_is_drawn(tmp_path, rng):
    xarray = pytest.importorskip("xarray")
    parts = [rng.standard_normal((size, 2)) for size in (9, 5, 4)]
    values = np.einsum("ia,ja,ka->ijk", *parts)
    values[rng.random(values.shape) < 0.2] = np.nan
    array = xarray.DataArray(
        values,
        dims=("time", "species", "depth"),
        coords={
            "time": np.datetime64("2020-01-01") + 30 * np.arange(9),
            "species": [f"kind {k}" for k in range(5)],
        },
    )
    fit = ll.decompose_tucker(values, (2, 2, 2), n_restarts=0, rng=0)
    fit.report(tmp_path / "page.html", like=array)
    page = (tmp_path / "page.html").read_text()
    assert f"{np.isnan(values).sum()} missing cells were filled" in page
    assert "2 of time, 2 of species, 2 of depth" in page
    assert "kind 3" in page
    assert "2020" in page


@pytest.mark.parametrize(
    ("coordinates", "ends"),
    [(None, (0, 3)), (np.array([1.5, 2.0, 4.0, 8.0]), (1.5, 8.0)), (np.array(["a", "b", "c", "d"]), (0, 3))],
)
def test_where_a_factor_is_drawn(coordinates, ends):
    display = FactorDisplay(np.ones((4, 2)), "x", coordinates).plot()
    at = display.ax_.lines[0].get_xdata()
    assert (at[0], at[-1]) == ends
    if coordinates is not None and coordinates.dtype.kind == "U":
        assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == ["a", "b", "c", "d"]


def test_residuals_by_the_slices_of_two_modes(rng):
    """A line of cells that the model misses stands out, and what nobody knows is left blank."""
    values = np.einsum("i,j,k->ijk", *(rng.uniform(1, 2, n) for n in (3, 12, 9)))
    values[:, 4, 6] += 5
    values[:, 2, 3] = np.nan
    data = ll.TensorObservations.from_array(values)
    fit = ll.decompose_cp(data, 1, certify=False, rng=0)
    misses = fit.objective.predict(fit.search.theta) - data.values
    found = residuals_by(data, misses, (1, 2))
    expected = np.sqrt(np.mean((fit.tensor() - values) ** 2, axis=0))
    np.testing.assert_allclose(found, expected)
    assert np.unravel_index(np.nanargmax(found), found.shape) == (4, 6)
    assert np.isnan(found[2, 3])
    display = fit.plot("residuals")
    np.testing.assert_array_equal(display.residuals, found)
    assert display.names == ("mode 1", "mode 2")


def test_residuals_have_the_coordinates_of_the_modes(rng):
    xarray = pytest.importorskip("xarray")
    coords = {"emission": 300 + 10 * np.arange(12), "day": np.array(["mo", "tu", "we", "th"])}
    array = xarray.DataArray(rng.random((3, 12, 4)), dims=("sample", "emission", "day"), coords=coords)
    ax = (
        ll.decompose_tucker(array, (2, 2, 1), certify=False, n_restarts=0, max_iter=5, rng=0)
        .plot("residuals")
        .ax_
    )
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("emission", "day")
    assert [ax.xaxis.get_major_formatter()(place) for place in (0, 1, 0.5, 7)] == ["mo", "tu", "", ""]
    assert ax.yaxis.get_major_formatter()(2) == "320"


def test_exact_fits_have_no_map_of_residuals():
    i, j, k = np.indices((6, 5, 4)) + 1.0
    fit = ll.decompose_tucker(i * j * k, 1, certify=False, rng=0)
    with pytest.raises(ll.errors.LowlandError, match="residuals"):
        fit.plot("residuals")
