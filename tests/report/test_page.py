"""The report in a real browser: no console error, its plots there, light and dark."""

import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from lowland import MatrixCompletion, recover
from lowland.core.errors import InvalidInputError
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.records import Factors
from lowland.core.results.status import Rigour, Verdict
from lowland.datasets import planted_sensing
from lowland.report.displays import ConvergenceDisplay, PatternDisplay, PredictionDisplay, SpectrumDisplay
from lowland.report.words import verdict_sentence


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    instance = planted_sensing(60, 10, 2, 0)
    fit = recover(instance.measurement, instance.y, rank=2, structure="psd", rng=0)
    path = tmp_path_factory.mktemp("report") / "page.html"
    fit.report(path)
    return path


class Structure(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href", "xlink:href")]


def test_page_is_self_contained(page):
    structure = Structure()
    structure.feed(page.read_text())
    assert structure.tags.count("svg") == 3
    assert all(link.startswith("#") for link in structure.links)
    assert "script" not in structure.tags
    text = page.read_text()
    assert "prefers-color-scheme: dark" in text
    assert text.count('role="img"') == 3
    assert "http" not in text.replace("http://www.w3.org", "")


def test_page_is_the_same_bits_again(page, tmp_path):
    instance = planted_sensing(60, 10, 2, 0)
    fit = recover(instance.measurement, instance.y, rank=2, structure="psd", rng=0)
    fit.report(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text().count("<path") == page.read_text().count("<path")


def test_report_into_no_folder(tmp_path, undrawn):
    instance = planted_sensing(60, 10, 2, 0)
    fit = recover(instance.measurement, instance.y, rank=2, structure="psd", rng=0, certify=False)
    with pytest.raises(InvalidInputError, match="cannot write"):
        fit.report(tmp_path / "none" / "page.html")
    fit.report(tmp_path / "page.html")
    assert "has not been judged" in (tmp_path / "page.html").read_text()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_in_a_browser(page, driver, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    driver.get(page.as_uri())
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []
    sizes = driver.execute_script(
        "return [...document.querySelectorAll('figure svg')].map(s => [s.getBoundingClientRect().width,"
        " s.getBoundingClientRect().height, s.querySelectorAll('path').length])"
    )
    assert len(sizes) == 3
    assert all(width > 200 and height > 100 and paths > 5 for width, height, paths in sizes)
    background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    darkness = sum(int(x) for x in background.strip("rgb()").split(","))
    assert darkness > 600 if scheme == "light" else darkness < 150
    overflow = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert driver.execute_script(overflow)


def test_there_is_a_browser_where_ci_installs_one():
    if shutil.which("chromium"):
        result = subprocess.run(["chromium", "--version"], capture_output=True, text=True, timeout=60)
        assert "Chromium" in result.stdout


# ------------------------------------------------------------------ displays and words
def test_displays_keep_their_numbers(rng):
    from matplotlib.figure import Figure

    left, right = rng.standard_normal((9, 2)), rng.standard_normal((7, 2))
    spectrum = SpectrumDisplay.from_factors(Factors(left, right))
    np.testing.assert_allclose(spectrum.singular_values, np.linalg.svd(left @ right.T)[1][:2])
    table = rng.standard_normal((300, 200))
    table[rng.random(table.shape) < 0.5] = np.nan
    from lowland import Observations

    pattern = PatternDisplay.from_observations(Observations.from_array(table), blocks=50)
    assert pattern.density.shape == (50, 50)
    assert pattern.density.mean() == pytest.approx(np.mean(~np.isnan(table)), abs=0.01)
    model = MatrixCompletion(rank=1, random_state=0, certify=False).fit(table)
    convergence = ConvergenceDisplay.from_result(model.search_)
    for display in (spectrum, pattern, convergence, PredictionDisplay(left[:, 0], left[:, 1])):
        axes = Figure().add_subplot()
        assert display.plot(axes).ax_ is axes
        assert axes.get_xlabel()
        assert axes.has_data()


def certificate(verdict, value=1e-3, rigour=Rigour.RIGOROUS, unique=None, limit="", **witness):
    witness = {"lower_bound": 1.0, **witness}
    findings = [Finding("globally_optimal", verdict, value, rigour=rigour, witness=witness)]
    if unique:
        findings += [Finding("determined_by_data", unique, rigour=Rigour.RIGOROUS, limited_by=limit)]
        findings += [Finding("uniquely_determined", unique, rigour=Rigour.RIGOROUS)]
    return Certificate(tuple(findings))


@pytest.mark.parametrize(
    ("proof", "words"),
    [
        (None, "not been judged"),
        (Certificate((Finding("stationary", Verdict.SUPPORTED),)), "was not checked"),
        (certificate(Verdict.PROVED), "Proved: the best possible objective is at most 0.1 % below"),
        (certificate(Verdict.PROVED, misfit=1e-14), "reproduces the data to the last digits"),
        (certificate(Verdict.SUPPORTED, rigour=Rigour.ESTIMATE), "Supported, not proved"),
        (
            certificate(Verdict.INCONCLUSIVE),
            "may exist, but the best possible objective is at most 0.1 % below",
        ),
        (certificate(Verdict.INCONCLUSIVE, lower_bound=0.0), "no positive lower bound"),
        (certificate(Verdict.PROVED, unique=Verdict.PROVED), "determine one matrix"),
        (certificate(Verdict.PROVED, unique=Verdict.REFUTED), "undetermined"),
        (certificate(Verdict.PROVED, unique=Verdict.INCONCLUSIVE), "of this rank remains open"),
        (
            certificate(Verdict.PROVED, unique=Verdict.INCONCLUSIVE, limit="largest_modular"),
            "too costly to check",
        ),
    ],
)
def test_sentences(proof, words):
    assert words in verdict_sentence(proof)
    if proof is not None and proof.verdict is not Verdict.PROVED:
        assert not verdict_sentence(proof).startswith("Proved")
