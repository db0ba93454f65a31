"""What the report of a recovery shows, and what reports of searches share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.records import Factors, SearchResult
from lowland.core.wording import Writer, in_python
from lowland.report.displays import ConvergenceDisplay, PredictionDisplay, SpectrumDisplay
from lowland.report.page import FigureEntry, Lead, Page, TableEntry

if TYPE_CHECKING:
    from lowland.sensing.recovery import RecoveryFit

# a plot of fewer values of the objective tells nothing
FEWEST_STEPS = 3


def recovery_page(fit: RecoveryFit, writer: Writer = in_python) -> Page:
    """Return the report page of a recovery, whose advice names settings as a front end writes them."""
    advice = "" if fit.advice is None else fit.advice.write(writer)
    rows = [
        (
            str(k),
            a.start,
            a.solver,
            f"{a.value:.4g}",
            str(a.iterations),
            a.stop_reason.value.replace("_", " "),
        )
        for k, a in enumerate(fit.attempts)
    ]
    header = ("start", "from", "solver", "objective", "steps", "stopped")
    y, predicted = fit.objective.y, fit.objective.predict(fit.search.theta)
    residual = PredictionDisplay(y, predicted, "measurements")
    asked = asked_search(fit.objective.describe(), fit.search)
    return Page(
        f"Recovery of a rank-{fit.objective.rank} matrix",
        [*asked, *([("its end", fit.polishing)] if fit.polishing else [])],
        fit.certificate,
        notes=[f"{advice[0].upper()}{advice[1:]}."] if advice else [],
        tables=(TableEntry("Starts", header, rows),),
        figures=search_figures(fit.own_end, fit.factors),
        lead=Lead([_answer(fit, predicted)], figures=[prediction_figure(residual)]),
    )


def _answer(fit: RecoveryFit, predicted: Vector) -> str:
    """Return how well a matrix reproduces the measurements, in one sentence or two."""
    y, matrix = fit.objective.y, f"a matrix of rank {fit.rank} reproduces"
    if fit.misses:  # gross errors would be most of the norm
        error = float(np.median(np.abs(y - predicted)) / (np.median(np.abs(y)) or 1.0))
        words = f"{matrix} half of all measurements up to {error:.3g} of their median size"
        return f"{_sentence(words)} {_sentence(fit.misses)}"
    error = float(np.linalg.norm(y - predicted) / (np.linalg.norm(y) or 1.0))
    return _sentence(f"{matrix} the {y.size:,} measurements up to a relative error of {error:.3g}")


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def asked_search(problem: str, search: SearchResult) -> list[tuple[str, str]]:
    """Return the problem, the solver and the ending of a search, for the page's first table."""
    return [
        ("problem", problem),
        ("solver", _words(search.solver)),
        ("ended", search.ending),
        ("objective", f"{search.value:.6g} after {search.iterations} steps in {search.seconds:.2g} s"),
    ]


def prediction_figure(display: PredictionDisplay) -> FigureEntry:
    """Return the plot of predicted against observed values."""
    words = (
        f"Predicted against observed values of {display.observed.size} {display.label}; the line is equality."
    )
    return FigureEntry("Predicted and observed", words, display.plot)


def search_figures(
    search: SearchResult, factors: Factors, value: str = "The objective"
) -> tuple[FigureEntry, ...]:
    """Return the plots of the low-rank part's singular values and of the search, `value` being its value."""
    spectrum = SpectrumDisplay.from_factors(factors)
    figures = (
        FigureEntry(
            "Singular values",
            f"Singular values of the low-rank part, {spectrum.singular_values[0]:.3g} the largest and "
            f"{spectrum.singular_values[-1]:.3g} the smallest.",
            spectrum.plot,
        ),
        FigureEntry(
            "Convergence",
            f"{value} over {search.trace.values.size - 1} steps of the last stage.",
            ConvergenceDisplay.from_result(search).plot,
        ),
    )
    return figures if search.trace.values.size > FEWEST_STEPS else figures[:1]


def _words(name: str) -> str:
    return name.replace("_", " ")
