"""Pages in a real browser, light and dark, wide and narrow: axe-core finds no violation."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import lowland as ll
from lowland.dynamics.report import escape_page
from lowland.report.page import write_report

# wide tables are scrolled where they are, as in notebooks
NOTEBOOK = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A notebook</title>
<style>:root {{ color-scheme: light dark }} section {{ overflow-x: auto }}</style>
<main><h1>Cells</h1>{}</main>"""


@pytest.fixture(scope="module")
def pages(results, tmp_path_factory):
    """Return a page of each kind; parts of figures are not moved apart, which takes half of their time."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("matplotlib.layout_engine.ConstrainedLayoutEngine.execute", lambda *_: {})
        write_pages(folder, results)
    return sorted(folder.iterdir())


def write_pages(folder, results):
    for kind, result in results.items():
        result.report(folder / f"{kind}.html")
    exit, dynamics = ll.dynamics.HalfSpace([1.0], 0.7), ll.dynamics.Overdamped(0.05, beta=4)
    study = ll.dynamics.escape_times("double_well", [-1.0], exit=exit, dynamics=dynamics, n_chains=50, rng=0)
    well = ll.dynamics.potential("double_well")
    advice = ll.dynamics.advise_dynamics(well, [-1.0], [0.0], beta=4)
    page = escape_page(study, potential="double_well", exit=exit, asymptotic=12.0, suggestions=advice)
    write_report(folder / "escape.html", page)
    shown = [results[kind] for kind in ("recovery", "tensor", "stability", "fit")]
    shown += [ll.Observations.from_array(np.eye(12)), study, results["recovery"].certificate]
    body = "".join(f'<section tabindex="0">{one._repr_html_()}</section>' for one in shown)
    (folder / "notebook.html").write_text(NOTEBOOK.format(body), encoding="utf-8")


@pytest.fixture(scope="module")
def axe():
    found = importlib.util.find_spec("axe_core_python")
    if found is None or not found.submodule_search_locations:
        pytest.skip("axe-core-python is not installed")
    return Path(found.submodule_search_locations[0], "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("scheme", "width", "share"),
    [
        # every page is opened once, every other one in each way
        pytest.param("light", 1200, slice(0, None, 2), id="light-1200-every other page"),
        pytest.param("dark", 400, slice(1, None, 2), id="dark-400-the others"),
        *(
            pytest.param(scheme, width, slice(None), id=f"{scheme}-{width}", marks=pytest.mark.slow)
            for scheme in ("light", "dark")
            for width in (1200, 400)
        ),
    ],
)
def test_pages_are_accessible(pages, driver, axe, scheme, width, share):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for page in pages[share]:
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
