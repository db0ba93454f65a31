"""Results are shown by their own words, and draw any figure of their page."""

from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.notebooks import lines_html
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
    assert found._repr_html_().startswith("<div><strong>Determinacy</strong> 3 measurements")
    check = ll.Verification((ll.Check("stationary", "proved", ll.Outcome.CONFIRMED, "a < b"),))
    assert "a &lt; b" in check._repr_html_()
    assert "a < b" in str(check)
    named = ["<script>", "b" * 90]
    table = ll.Observations.from_array(np.eye(2), row_labels=named, column_labels=named)._repr_html_()
    assert "<script>" not in table
    assert "&lt;script&gt;" in table
    assert "b" * 30 not in table
    finding = ll.Finding("stationary", ll.Verdict.SUPPORTED, method="1 < 2 & more")
    assert "1 &lt; 2 &amp; more" in finding._repr_html_()


class Balance(HTMLParser):
    """Which tags are open, and the text of cells."""

    def __init__(self, html):
        super().__init__()
        self.open, self.cells = [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


def test_tables_in_notebooks_show_their_beginning():
    table = np.arange(240.0).reshape(20, 12)
    table[3, 2] = np.nan
    cells = Balance(ll.Observations.from_array(table)._repr_html_()).cells
    lines = [cells[k : k + 10] for k in range(0, len(cells), 10)]
    assert lines[0] == ["", *map(str, range(8)), "..."]
    assert lines[4] == ["3", "36", "37", "", *map(str, range(39, 44)), "..."]
    assert lines[11:] == [["..."] * 10]
    small = ll.Observations.from_array(table[:2, :1], row_labels=["a", "b"], column_labels=["x"])
    assert Balance(small._repr_html_()).cells == ["", "x", "a", "0", "b", "12"]
    assert "2 rows, 1 column: 2 cells known, 0 missing" in small._repr_html_()
    empty = ll.Observations.from_triples([], [], [], shape=(0, 3))
    assert Balance(empty._repr_html_()).cells == ["", "0", "1", "2"]


@pytest.mark.parametrize("kind", ["recovery", "tensor", "region", "stability", "fit"])
def test_certificates_in_notebooks_are_tables(results, kind):
    certificate = getattr(results[kind], "certificate", None) or results[kind].stability.certificate
    for shown in (results[kind], certificate):
        cells = Balance(shown._repr_html_()).cells
        assert cells[:3] == ["claim", "verdict", "why"]
        assert cells[3::3] == [finding.claim for finding in certificate]
        assert cells[4::3] == [finding.verdict.name for finding in certificate]


def test_many_lines_are_shown_on_demand():
    lines = [f"line {k}" for k in range(30)]
    short, long = lines_html("Study", lines[:9]), lines_html("Study", lines)
    assert "<details>" not in short
    assert "<summary>21 more lines</summary>" in long
    assert Balance(long).cells == []
    assert [line for line in lines if line not in long] == []


def test_pooled_estimates_in_notebooks():
    pooled = ll.pool_estimates([(1.0, 0.04), (1.2, 0.04), (1.1, 0.05)])
    cells = Balance(pooled._repr_html_()).cells
    assert cells[:3] == ["", "estimate", "error"]
    assert cells[5:8] == ["0", "1.1", "0.238"]
    assert "pooled over 3 tables" in pooled._repr_html_()


def test_numbers_are_told_from_words():
    rows = [("a", "1.5", "spectral", "", "-3"), ("b", "nan", "2nd", "4 to 5", "information")]
    assert TableEntry("", ("name", "x", "from", "range", "last"), rows).numeric_columns() == [1, 3]
