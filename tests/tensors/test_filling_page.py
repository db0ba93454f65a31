"""The page of a completed tensor."""

import numpy as np
import pytest

import lowland as ll
from lowland.tensors.filling import candidates
from lowland.tensors.filling.page import LEVEL, filled_page

xarray = pytest.importorskip("xarray")


@pytest.fixture(scope="module")
def fit():
    """A labelled tensor, completed by a few draws."""
    rng = np.random.default_rng(0)
    cells = np.einsum("i,j,k->ijk", *(rng.uniform(1, 2, n) for n in (6, 5, 4)))
    cells[rng.random(cells.shape) < 0.3] = np.nan
    coords = {"day": list("abcdef"), "site": [10, 20, 30, 40]}
    array = xarray.DataArray(cells, dims=("day", "hour", "site"), coords=coords)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "COMPARED", (4, 4))
        return ll.complete_tensor(array, model="cp", burn_in=4, n_draws=4, rng=0)


def test_filled_cells_are_shown_by_their_labels(fit):
    page = filled_page(fit)
    (shown,) = page.lead.tables
    assert shown.header == ("day", "hour", "site", "filled with", "90% interval")
    days, sites = list("abcdef"), [10, 20, 30, 40]
    for day, hour, site, value, ends in shown.rows:
        at = [[days.index(day), int(hour), sites.index(int(site))]]
        assert np.isnan(fit.data.array()[tuple(at[0])])
        assert value == f"{fit.predict(at)[0]:.4g}"
        lower, upper = (float(end[0]) for end in fit.interval(at, LEVEL))
        assert ends == f"{lower:.4g} to {upper:.4g}"
    assert f"{fit.held_out_error:.3g}" in page.lead.sentences[0]
    assert ("ended", "all 4 draws made") in page.asked
    (ranks,) = page.tables
    assert [int(rank) for rank, _ in ranks.rows] == [rank for rank, _ in fit.tried]


def test_the_names_of_a_file_come_first(fit):
    page = filled_page(fit, ["x", "y", "z"], [None, None, None], [("seed", "3")])
    assert page.lead.tables[0].header[:3] == ("x", "y", "z")
    assert page.settings == [("seed", "3")]


@pytest.mark.usefixtures("undrawn")
def test_the_report_and_its_figures(fit, tmp_path, undrawn):
    pytest.importorskip("matplotlib")
    fit.report(tmp_path / "page.html")
    assert "Completion of a 6 x 5 x 4 tensor" in (tmp_path / "page.html").read_text()
    drawn = fit.plot("predicted")
    np.testing.assert_allclose(drawn.observed, fit.data.values)


def test_a_full_tensor_has_no_filled_cells():
    rng = np.random.default_rng(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "COMPARED", (4, 4))
        full = ll.complete_tensor(rng.random((4, 4, 4)), 1, model="cp", burn_in=4, n_draws=4, rng=0)
    page = filled_page(full)
    assert page.lead.tables == []
    assert page.lead.sentences
    assert not page.tables
