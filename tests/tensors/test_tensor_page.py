"""The page of a tensor: its answer first, its factors over the coordinates of the array."""

import numpy as np
import pytest

import lowland as ll
from lowland.tensors.displays import FactorDisplay


def test_a_labelled_array_names_what_is_drawn(tmp_path, rng):
    xarray = pytest.importorskip("xarray")
    parts = [rng.standard_normal((size, 2)) for size in (12, 5, 4)]
    values = np.einsum("ia,ja,ka->ijk", *parts)
    values[rng.random(values.shape) < 0.2] = np.nan
    array = xarray.DataArray(
        values,
        dims=("time", "species", "depth"),
        coords={
            "time": np.datetime64("2020-01-01") + 30 * np.arange(12),
            "species": [f"kind {k}" for k in range(5)],
        },
    )
    fit = ll.decompose_tucker(values, (2, 2, 2), rng=0)
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
