"""Results are shown by their own words, and draw any figure of their page."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.report.page import Page, TableEntry
from lowland.report.reported import draw_figure

# the beginnings of titles that each result's page must have
FIGURES = {
    "recovery": ("predicted and observed", "singular values"),
    "tensor": ("spectra of the modes", "core", "factor: mode 2"),
    "table": ("predicted and observed", "observed cells", "calibration"),
    "state": ("density matrix, real", "density matrix, imaginary", "predicted"),
    "region": ("activation pattern",),
    "survey": ("best losses",),
    "stability": ("knots", "weight"),
    "fit": ("fit", "knots", "weight"),
    "spline": ("fit", "weight"),
}


@pytest.mark.parametrize("kind", FIGURES)
def test_figures_of_the_page_by_title(results, kind):
    result, titles = results[kind], FIGURES[kind]
    for title in titles:
        ax = plt.figure().add_subplot()
        display = result.plot(title.upper(), ax=ax)
        assert display.ax_ is ax
        assert ax.has_data()
    first = result.plot()
    assert type(first) is type(result.plot(titles[0]))
    assert len(repr(first)) < 200
    plt.close("all")


@pytest.mark.parametrize("kind", FIGURES)
def test_a_title_that_no_figure_has(results, kind):
    result, titles = results[kind], FIGURES[kind]
    with pytest.raises(InvalidInputError, match="pass one of") as caught:
        result.plot("no such figure")
    assert titles[0] in str(caught.value)


def test_a_title_must_tell_figures_apart(results):
    with pytest.raises(InvalidInputError, match="several"):
        results["tensor"].plot("factor")


def test_a_page_without_figures():
    with pytest.raises(UnsupportedError, match="nothing to draw"):
        draw_figure(Page("A page", (), None), None)


@pytest.mark.parametrize("kind", ["recovery", "tensor", "region", "stability", "fit"])
def test_words_of_results(results, kind):
    result = results[kind]
    whole, line, page = str(result), repr(result), result._repr_html_()
    assert "\n" in whole
    assert "\n" not in line
    assert line.startswith(f"<{type(result).__name__}: ")
    assert len(line) < 200
    # what is proved is said in full, in both
    claims = [
        finding.claim for finding in (getattr(result, "certificate", None) or result.stability.certificate)
    ]
    assert all(claim in whole and claim in page for claim in claims)


def test_words_are_escaped_in_notebooks():
    found = ll.diagnose(ll.Observations.from_array([[1, np.nan], [2, 3]]), rank=1)
    assert found._repr_html_().startswith("<pre>3 measurements")
    check = ll.Verification((ll.Check("stationary", "proved", ll.Outcome.CONFIRMED, "a < b"),))
    assert "a &lt; b" in check._repr_html_()
    assert "a < b" in str(check)


def test_numbers_are_told_from_words():
    rows = [("a", "1.5", "spectral", "", "-3"), ("b", "nan", "2nd", "4 to 5", "information")]
    assert TableEntry("", ("name", "x", "from", "range", "last"), rows).numeric_columns() == [1, 3]
