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


# numbers of known cells of rows and columns that are told apart, and the level of their coverage
KNOWN = {
    (0, 5): "fewer than 5 cells",
    (5, 20): "5 to 19 cells",
    (20, np.inf): "20 cells or more",
}
TOLD_APART = 0.9
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
    by_column = TableEntry(title, ("column", "held-out cells", "root-mean-square error"), rows)
    by_counts = _by_counts(trial, seen)
    return (coverage, by_column) if by_counts is None else (coverage, by_counts, by_column)


def _by_counts(trial: Trial, seen: Observations) -> TableEntry | None:
    """Return errors and coverage by how many cells are known of rows and columns, None if all have many."""
    if trial.rows is None or trial.likeliest is not None:
        return None
    lines, few, inside = [], False, trial.inside(TOLD_APART)
    for name, at, counts in (
        ("rows", trial.rows, seen.row_counts()),
        ("columns", trial.columns, seen.column_counts()),
    ):
        left = (counts - np.bincount(at, minlength=counts.size))[at]
        for (low, high), words in KNOWN.items():
            of_kind = (low <= left) & (left < high)
            if of_kind.sum() >= FEW_CELLS:
                few |= np.isfinite(high)
                error = np.sqrt(np.mean((trial.predicted - trial.observed)[of_kind] ** 2))
                share = f"{np.mean(inside[of_kind]):.1%}"
                lines.append((f"{name} with {words}", f"{of_kind.sum():,}", number(error), share))
    titles = (
        "known besides",
        "held-out cells",
        "root-mean-square error",
        f"inside {TOLD_APART:.0%} intervals",
    )
    return TableEntry("Errors by how much is known", titles, lines) if few else None
