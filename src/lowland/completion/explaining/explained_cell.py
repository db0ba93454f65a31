"""A prediction of one cell explained, by names of rows, columns and levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.completion.explaining.explanation import Explanation
from lowland.completion.explaining.leaning import lean
from lowland.completion.tables.model import TableModel
from lowland.core.arrays import Indices
from lowland.core.cells.observations import Observations

# of a rest: rounding
NEGLIGIBLE = 1e-9


def explain_cell(
    model: TableModel,
    labels: TableLabels,
    known: Observations,
    cell: tuple[int, int],
    levels: Mapping[Any, Sequence[Any]],
) -> Explanation:
    """Return what the prediction of a cell leans on.

    Parameters
    ----------
    model : TableModel
    labels : TableLabels
        Of the fitted table; a model of one new row has none.
    known : Observations
        The known cells of its row, shape (1, n).
    cell : pair of int
        Its place in the model.
    levels : mapping of label to sequence
        Levels of columns of them.
    """
    row, column = cell
    names = labels.columns_or_none(np.arange(labels.shape[1])).tolist()
    leaning = lean(model, known, row, column)
    order = np.lexsort((known.columns, -np.abs(leaning.contributions[known.columns])))
    parts, columns = leaning.contributions[known.columns][order], known.columns[order].tolist()
    values = known.values[order].tolist()
    unit = leaning.unit
    if leaning.level is not None:
        unit = f"score of level {_held(levels, names[column], leaning.level)!r}"
    rest = float(leaning.score - leaning.intercept - parts.sum())
    if abs(rest) <= NEGLIGIBLE * (abs(leaning.score) + abs(leaning.intercept)):
        rest = 0.0
    return Explanation(
        _row_name(labels, row),
        names[column],
        leaning.score,
        leaning.intercept,
        [names[j] for j in columns],
        [_held(levels, names[j], value) for j, value in zip(columns, values, strict=True)],
        parts,
        rest,
        unit,
        leaning.probability,
    )


def row_of(table: Observations, at: int) -> Observations:
    """Return one row of a table as a table of its own."""
    cells: Indices = np.flatnonzero(table.rows == at)
    weights = None if table.weights is None else table.weights[cells]
    blank = np.zeros(cells.size, np.intp)
    return Observations(blank, table.columns[cells], table.values[cells], (1, table.shape[1]), weights)


def _row_name(labels: TableLabels, row: int) -> Any:
    return row if labels.rows is None else labels.rows[[row]].tolist()[0]


def _held(levels: Mapping[Any, Sequence[Any]], name: Any, value: float) -> Any:
    """Return what a cell holds, a level by its name; one alone was fitted as a number."""
    known = levels.get(name, ())
    return known[int(value)] if len(known) > 1 else value
