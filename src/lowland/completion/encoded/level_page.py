"""What a page shows of held-out cells of a table with levels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.completion.encoded.levels import Levels
from lowland.completion.tables.trial import Trial
from lowland.completion.tables.trial_page import trial_tables
from lowland.core.cells.observations import Observations
from lowland.report.page import Page, TableEntry


def with_levels(page: Page, trial: Trial, table: Observations, levels: Levels) -> Page:
    """Return a page with the errors of columns of numbers and the levels that are predicted right."""
    errors, names = trial_tables(trial, table)[1], table.column_labels
    numbers = np.flatnonzero(levels.is_number)
    named = {str(j if names is None else names[j]) for j in numbers.tolist()}
    rows = [row for row in errors.rows if row[0] in named]
    shown = (replace(errors, rows=rows),) if rows else ()
    return replace(page, tables=(*page.tables, *shown, *_levels_right(trial, table)))


def _levels_right(trial: Trial, table: Observations) -> list[TableEntry]:
    """Return the table of columns of levels: how many held-out cells are right."""
    rows, names = [], table.column_labels
    for j, count, _ in zip(*trial.errors_by_column(), strict=True):
        right = trial.right_in(int(j))
        if right is not None:
            commonest = np.bincount(table.values[table.columns == j].astype(np.intp)).argmax()
            usual = int(np.sum(trial.observed[trial.columns == j] == commonest))
            rows.append((str(j if names is None else names[j]), str(count), str(right), str(usual)))
    header = ("column", "held-out cells", "right", "right by the commonest level")
    return [TableEntry("Levels by column", header, rows)] if rows else []
