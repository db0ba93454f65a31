"""One browser for the tests of pages, and one result of each kind."""

import shutil

import numpy as np
import pytest

import lowland as ll
from lowland.datasets import data_path


@pytest.fixture(scope="module")
def driver():
    """Return a browser without a window that keeps what pages write to its console."""
    driver_path, browser_path = shutil.which("chromedriver"), shutil.which("chromium")
    if not driver_path or not browser_path:
        pytest.skip("no Chromium or ChromeDriver on this machine (Debian: chromium, chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser_path
    quiet = ["background-networking", "component-update", "sync", "gpu", "quic", "dev-shm-usage"]
    for flag in [
        "headless",
        "no-sandbox",
        "no-first-run",
        "window-size=1100,1600",
        *(f"disable-{x}" for x in quiet),
    ]:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service(driver_path), options=options)
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def results():
    """Return one small result of each kind that has a page.

    Fits choose and refine nothing but the table's rank and penalty, of which its page has figures.
    """
    rng = np.random.default_rng(0)
    table = np.outer(np.arange(1.0, 15.0), np.arange(1.0, 7.0)) + 0.1 * rng.standard_normal((14, 6))
    table[rng.random(table.shape) < 0.2] = np.nan
    x = np.linspace(-1, 1, 30)
    y = np.abs(x) + 0.05 * rng.standard_normal(30)
    cube = np.einsum("ia,ja,ka->ijk", *(rng.random((n, 2)) for n in (5, 4, 3)))
    cube += 0.01 * rng.standard_normal(cube.shape)
    kinks = ll.networks.ReluNetwork(([[1.0], [-1.0]], [1.0, 1.0]), ([1.0, 1.0], None))
    slope = ll.networks.ReluNetwork(([[1.0]], [2.0]), ([0.5], [0.0]))
    counts = ll.read_counts(data_path("photon_counts"))
    outcomes = ll.pauli_outcomes(counts.settings, counts.outcomes)
    plain = {"refine": False, "powers": False, "random_state": 0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "lowland.completion.penalised.rank_path.PATH_SWEEPS", 5
        )  # figures of a path, however good
        path = ll.MatrixCompletion(method="map", max_iter=20, **plain).fit(table)
    return {
        "recovery": ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0),
        "tensor": ll.decompose_tucker(cube, (2, 2, 2), rng=0),
        "table": path,
        "posterior": ll.MatrixCompletion(rank=2, max_iter=10, **plain).fit(table),
        "state": ll.estimate_state(outcomes, counts.counts, n_resamples=5, rng=0),
        "region": ll.networks.region_report(kinks, [-2.0, -1.5, 1.5, 2.0]),
        "survey": ll.networks.survey_regions(x[:5], y[:5], width=4, n_regions=5, rng=0),
        "stability": ll.networks.stability_report(slope, [-1, 0, 1], [0, 1, 3], step_size=0.5),
        "fit": ll.networks.fit_stable(x, y, step_size=0.4, width=20, n_runs=2, n_steps=500, rng=0),
        "spline": ll.StableSplineRegressor(random_state=0).fit(x[:, None], y),
    }
