"""Plots and tables of a trial whose columns have several losses."""

from __future__ import annotations

import numpy as np

from lowland.completion.columns.losses import Columns
from lowland.completion.tables.trial import Trial
from lowland.completion.tables.trial_page import FEW_CELLS, LISTED
from lowland.core.cells.observations import Observations
from lowland.core.wording import number
from lowland.report.displays import PredictionDisplay
from lowland.report.page import TableEntry


def mixed_predictions(trial: Trial, columns: Columns) -> PredictionDisplay:
    """Return predicted against observed values of held-out cells, each column in units of its spread."""
    centres, spreads = np.zeros(columns.which.size), np.ones(columns.which.size)
    for j in np.unique(trial.columns):
        observed = trial.observed[trial.columns == j]
        centres[j], spreads[j] = observed.mean(), observed.std() or 1.0
    at = trial.columns
    return PredictionDisplay(
        (trial.observed - centres[at]) / spreads[at],
        (trial.predicted - centres[at]) / spreads[at],
        "held-out cells, in units of their columns' spread",
    )


def mixed_errors(trial: Trial, seen: Observations, columns: Columns) -> TableEntry:
    """Return each column's loss, its error and that of the column mean; the smallest gain first."""
    sums = np.bincount(seen.columns, seen.values, minlength=seen.shape[1])
    means = sums / np.maximum(seen.column_counts(), 1)
    at, counts, errors = trial.errors_by_column()
    usual = np.array(
        [np.sqrt(np.mean((trial.observed[trial.columns == j] - means[j]) ** 2)) for j in at.tolist()]
    )
    order = np.argsort(-errors / np.where(usual > 0, usual, 1), kind="stable")
    many = [k for k in order.tolist() if counts[k] >= FEW_CELLS] or order.tolist()
    labels = seen.column_labels
    rows = [
        (
            str(at[k] if labels is None else labels[at[k]]),
            columns.kinds[columns.which[at[k]]].word,
            str(counts[k]),
            number(errors[k]),
            number(usual[k]),
        )
        for k in many[:LISTED]
    ]
    header = ("column", "loss", "held-out cells", "root-mean-square error", "error of the column mean")
    return TableEntry("Errors by column", header, rows)
