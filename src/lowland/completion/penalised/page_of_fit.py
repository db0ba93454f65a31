"""The page of a completed table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.completion.penalised.fit import CompletionFit
from lowland.core.results.records import Factors
from lowland.core.wording import counted
from lowland.report.displays import PatternDisplay, PredictionDisplay
from lowland.report.page import FigureEntry, Page, TableEntry
from lowland.sensing.report import asked_search, prediction_figure, search_figures

# number of rows and columns listed with the most undetermined cells
LISTED = 12


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
        As in `Page`.
    asked : sequence of pairs
        Further entries on the problem, as pairs of name and value.

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
        + ("; cells that the data alone do not determine are orange." if open_cells is not None else "."),
        display.plot,
    )
    # cells that all hold the same have no figure of what is fitted by what is observed
    single = held_out is None and bool((seen.values == seen.values[0]).all())
    prediction = held_out or PredictionDisplay(
        seen.values, fit.model.predict(seen.rows, seen.columns), "fitted cells"
    )
    factors = Factors(fit.model.row_factors, fit.model.column_factors)
    asked = [
        ("table", f"{counted(m, 'row')}, {counted(n, 'column')}, {counted(seen.size, 'observed cell')}"),
        *asked,
    ]
    return Page(
        title,
        asked + asked_search(fit.objective.describe(), fit.search),
        fit.certificate,
        notes=notes,
        tables=(*tables, *_open_lines(fit)),
        figures=(
            *([] if single else [prediction_figure(prediction)]),
            *figures,
            pattern,
            *search_figures(fit.search, factors),
        ),
        settings=settings,
    )


def _open_lines(fit: CompletionFit) -> tuple[TableEntry, ...]:
    """Return tables of the rows and columns with the most cells that the data alone do not determine."""
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
        title = f"{kind.capitalize()}s with cells that the data alone do not determine"
        if 0 < int((still > 0).sum()) < 0.9 * still.size:  # a list of nearly all lines tells nothing
            tables.append(TableEntry(title, (kind, "observed", "undetermined"), rows))
    return tuple(tables)
