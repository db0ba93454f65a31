"""What pages of all methods show of a trial."""

from __future__ import annotations

import numpy as np

from lowland.completion.tables.trial import LEVELS, TOLD, Trial
from lowland.core.cells.observations import Observations
from lowland.core.wording import number
from lowland.report.displays import CalibrationDisplay
from lowland.report.page import FigureEntry, TableEntry

# number of columns whose errors are listed
LISTED = 12


# with fewer held-out cells than this, the error of a column is too uncertain to list
FEW_CELLS = 5


def calibration_figure(trial: Trial) -> FigureEntry:
    """Return the plot of the coverage of intervals on held-out cells, by level."""
    return FigureEntry(
        "Calibration of intervals",
        "Fraction of held-out cells inside their intervals against the level; on the line they are equal.",
        CalibrationDisplay(LEVELS, trial.coverage(LEVELS), trial.observed.size).plot,
    )


def trial_tables(trial: Trial, seen: Observations) -> tuple[TableEntry, ...]:
    """Return the tables of a trial: coverage of intervals, and the columns with the largest errors."""
    measured = trial.coverage(np.array(TOLD))
    coverage = TableEntry(
        "Coverage of intervals on held-out cells",
        ("level", "coverage"),
        [(f"{level:.0%}", f"{inside:.1%}") for level, inside in zip(TOLD, measured, strict=True)],
    )
    columns, counts, errors = trial.errors_by_column()
    many = counts >= FEW_CELLS if (counts >= FEW_CELLS).any() else counts > 0
    order = [k for k in np.argsort(-errors, kind="stable").tolist() if many[k]][:LISTED]
    labels = seen.column_labels
    rows = [
        (str(columns[k] if labels is None else labels[columns[k]]), str(counts[k]), number(errors[k]))
        for k in order
    ]
    title = "Columns with the largest errors" if many.sum() > LISTED else "Errors by column"
    return coverage, TableEntry(title, ("column", "held-out cells", "root-mean-square error"), rows)
