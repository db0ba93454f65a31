"""Parts of pages of all decompositions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.records import Attempt, SearchResult
from lowland.core.wording import counted
from lowland.report.displays import ConvergenceDisplay, PredictionDisplay
from lowland.report.page import FigureEntry, TableEntry
from lowland.sensing.report import FEWEST_STEPS, prediction_figure
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.displays import FactorDisplay
from lowland.tensors.residual_map import residual_figure

# most points in the plot of predictions
MOST_POINTS = 3000


@final
@dataclass(frozen=True, kw_only=True)
class ModelPage:
    """What the page of a decomposition says of its model.

    Parameters
    ----------
    title : str
    described_by : str
        What describes the known cells, up to the relative error; the end of a sentence.
    sentences : sequence of str
        What else answers the reader's question.
    size, quality : pair of str
        Name and text of how large the model is, and of how well it describes the tensor.
    remarks : sequence of pairs of str
        Other facts, by name.
    notes : sequence of str
        Sentences below the verdict.
    tables : sequence of TableEntry
    figures, more_figures : sequence of FigureEntry
        Before and after those of the known cells.
    """

    title: str
    described_by: str
    sentences: Sequence[str]
    size: tuple[str, str]
    quality: tuple[str, str]
    remarks: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    tables: Sequence[TableEntry] = ()
    figures: Sequence[FigureEntry] = ()
    more_figures: Sequence[FigureEntry] = ()


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


def factor_figure(
    factor: Matrix, name: str, coordinates: NDArray[Any] | None, words: str, most: int
) -> FigureEntry:
    """Return the plot of the first columns of the factor of a mode."""
    return FigureEntry(f"Factor: {name}", words, FactorDisplay(factor, name, coordinates, most=most).plot)


def known_cells_figures(
    data: TensorObservations,
    predicted: Vector,
    names: Sequence[str],
    coordinates: Sequence[NDArray[Any] | None],
) -> tuple[FigureEntry, ...]:
    """Return the plots of predictions against known values, of some if they are many, and of residuals."""
    at = np.unique(np.linspace(0, data.size - 1, min(data.size, MOST_POINTS)).astype(np.intp))
    shown = PredictionDisplay(data.values[at], predicted[at], "known cells")
    return (prediction_figure(shown), *residual_figure(data, predicted, names, coordinates))


def convergence_figures(search: SearchResult, *, polished: bool = False) -> tuple[FigureEntry, ...]:
    """Return the plot of the objective along the search, if it took more than a few steps.

    `polished` says that other steps followed, which are not drawn.
    """
    if search.trace.values.size <= FEWEST_STEPS:
        return ()
    words = "The objective in the last stage of the search."
    if polished:
        steps = counted(search.iterations, f"{search.solver} step")
        words = f"The objective over {steps}, before their end was polished."
    return (FigureEntry("Convergence", words, ConvergenceDisplay.from_result(search).plot),)
