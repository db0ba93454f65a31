"""Pages in a real browser, light and dark, wide and narrow: axe-core finds no violation."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import lowland as ll
from lowland.datasets import data_path


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return the pages of small fits."""
    folder = tmp_path_factory.mktemp("pages")
    rng = np.random.default_rng(0)
    instance = ll.datasets.planted_sensing(60, 10, 2, 0)
    ll.recover(instance.measurement, instance.y, rank=2, structure="psd", rng=0).report(
        folder / "recovery.html"
    )
    table = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 12)) + 0.1 * rng.standard_normal((40, 12))
    table[rng.random(table.shape) < 0.2] = np.nan
    for method in ("variational", "map"):
        model = ll.MatrixCompletion(method=method, random_state=0).fit(table)
        model.report(folder / f"completion-{method}.html")
    data = ll.read_counts(data_path("photon_counts"))
    A = ll.pauli_outcomes(data.settings, data.outcomes)
    state = ll.estimate_state(A, data.counts, n_resamples=5, rng=0)
    state.report(folder / "state.html", target=[1, 0, 0, 1], settings=data.settings)
    cube = np.einsum("ia,ja,ka->ijk", *(rng.standard_normal((size, 2)) for size in (9, 6, 5)))
    ll.decompose_tucker(cube, 2, rng=0).report(folder / "tensor.html")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def axe():
    found = importlib.util.find_spec("axe_core_python")
    if found is None or not found.submodule_search_locations:
        pytest.skip("axe-core-python is not installed")
    return Path(found.submodule_search_locations[0], "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.browser
@pytest.mark.parametrize("width", [1200, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(pages, driver, axe, scheme, width):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for page in pages:
        driver.get(page.as_uri())
        assert driver.execute_script("return window.innerWidth") == width
        overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert driver.execute_script(overflow) <= 0, page.name
        driver.execute_script(axe)
        found = driver.execute_async_script("axe.run().then(r => arguments[0](r.violations))")
        told = [
            f"{page.name}: {one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}"
            for one in found
        ]
        assert not told, "\n".join(told)
