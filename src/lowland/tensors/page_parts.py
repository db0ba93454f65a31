"""Parts of pages of all decompositions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.records import Attempt, SearchResult
from lowland.report.displays import ConvergenceDisplay, PredictionDisplay
from lowland.report.page import FigureEntry, TableEntry
from lowland.sensing.report import FEWEST_STEPS, prediction_figure

# most points in the plot of predictions
MOST_POINTS = 3000


def starts_table(attempts: Sequence[Attempt]) -> TableEntry:
    """Return the table of all starts, and how each ended."""
    rows = [
        (
            str(k),
            a.start,
            a.solver.replace("_", " "),
            f"{a.value:.4g}",
            str(a.iterations),
            a.stop_reason.value.replace("_", " "),
        )
        for k, a in enumerate(attempts)
    ]
    return TableEntry("Starts", ("start", "from", "solver", "objective", "steps", "stopped"), rows)


def known_cells_figure(values: Vector, predicted: Vector) -> FigureEntry:
    """Return the plot of predictions of known cells against their values, of some if they are many."""
    at = np.unique(np.linspace(0, values.size - 1, min(values.size, MOST_POINTS)).astype(np.intp))
    return prediction_figure(PredictionDisplay(values[at], predicted[at], "known cells"))


def convergence_figures(search: SearchResult) -> tuple[FigureEntry, ...]:
    """Return the plot of the objective along the search, if it took more than a few steps."""
    if search.trace.values.size <= FEWEST_STEPS:
        return ()
    words = "The objective in the last stage of the search."
    return (FigureEntry("Convergence", words, ConvergenceDisplay.from_result(search).plot),)
