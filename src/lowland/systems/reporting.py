"""What the report of each system shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.findings import Certificate
from lowland.core.records import Attempt, Factors, SearchResult
from lowland.objectives import RecoveryObjective
from lowland.report.displays import ConvergenceDisplay, PatternDisplay, PredictionDisplay, SpectrumDisplay
from lowland.report.page import FigureEntry, Page, TableEntry
from lowland.systems.completion import CompletionFit

# rows and columns with open cells that are named
LISTED = 12


def recovery_page(
    objective: RecoveryObjective,
    search: SearchResult,
    factors: Factors,
    certificate: Certificate | None,
    attempts: Sequence[Attempt],
) -> Page:
    """Return the page of a recovery."""
    rows = [
        (
            str(k),
            a.start,
            a.solver,
            f"{a.value:.4g}",
            str(a.iterations),
            a.stop_reason.value.replace("_", " "),
        )
        for k, a in enumerate(attempts)
    ]
    header = ("start", "from", "solver", "objective", "steps", "stopped")
    residual = PredictionDisplay(objective.y, objective.predict(search.theta), "measurements")
    return Page(
        f"Recovery of a rank-{objective.rank} matrix",
        _asked_search(objective.describe(), search),
        certificate,
        tables=(TableEntry("Starts", header, rows),),
        figures=(*search_figures(search, factors), prediction_figure(residual)),
    )


def completion_page(
    fit: CompletionFit,
    *,
    title: str,
    held_out: PredictionDisplay | None = None,
    figures: Sequence[FigureEntry] = (),
    tables: Sequence[TableEntry] = (),
    notes: Sequence[str] = (),
    asked: Sequence[tuple[str, str]] = (),
    settings: Sequence[tuple[str, str]] = (),
) -> Page:
    """Return the page of a completion.

    Parameters
    ----------
    fit : CompletionFit
    title : str
    held_out : PredictionDisplay, optional
        Observed and predicted values of held-out cells.
    figures : sequence of FigureEntry
        Further plots, after the predictions.
    tables, notes, settings
        As of `Page`.
    asked : sequence of pairs
        What else was asked for, and how.

    Returns
    -------
    Page
    """
    seen = fit.observations
    m, n = seen.shape
    open_cells = None
    if fit.certificate is not None and "determined_by_data" in fit.certificate:
        open_cells = fit.certificate["determined_by_data"].witness.get("open_cells")
    display = PatternDisplay.from_observations(seen, open_cells)
    pattern = FigureEntry(
        "Observed cells",
        f"{seen.size} of {m} x {n} cells are observed ({seen.size / (m * n):.1%})"
        + ("; orange: cells that the data alone leave open." if open_cells is not None else "."),
        display.plot,
    )
    prediction = held_out or PredictionDisplay(
        seen.values, fit.model.predict(seen.rows, seen.columns), "fitted cells"
    )
    factors = Factors(fit.model.row_factors, fit.model.column_factors)
    asked = [("table", f"{m} rows, {n} columns, {seen.size} observed cells"), *asked]
    return Page(
        title,
        asked + _asked_search(fit.objective.describe(), fit.search),
        fit.certificate,
        notes=notes,
        tables=(*tables, *_open_lines(fit)),
        figures=(prediction_figure(prediction), *figures, pattern, *search_figures(fit.search, factors)),
        settings=settings,
    )


def _open_lines(fit: CompletionFit) -> tuple[TableEntry, ...]:
    """Return the rows and columns of which the data alone leave most cells open, by name."""
    seen = fit.observations
    judged = fit.certificate is not None and "determined_by_data" in fit.certificate
    witness = fit.certificate["determined_by_data"].witness if judged and fit.certificate else {}
    tables = []
    for kind, counts, labels in (
        ("row", seen.row_counts(), seen.row_labels),
        ("column", seen.column_counts(), seen.column_labels),
    ):
        still = np.asarray(witness.get(f"open_by_{kind}", []), dtype=np.intp)
        worst = [k for k in np.argsort(-still, kind="stable")[:LISTED].tolist() if still[k]]
        rows = [(str(k if labels is None else labels[k]), str(counts[k]), str(still[k])) for k in worst]
        title = f"Where the data alone leave cells open: {kind}s"
        if 0 < int((still > 0).sum()) < 0.9 * still.size:  # all of them say nothing
            tables.append(TableEntry(title, (kind, "observed", "open"), rows))
    return tuple(tables)


def _asked_search(problem: str, search: SearchResult) -> list[tuple[str, str]]:
    return [
        ("problem", problem),
        ("solver", _words(search.solver)),
        ("stopped", f"{_words(search.stop_reason.value)}: {search.message}"),
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
    return (
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


def _words(name: str) -> str:
    return name.replace("_", " ")
