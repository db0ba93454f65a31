"""How wrong a fitted table is, or how good its lists are: at its own cells, or hidden ones of other rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lowland.completion.columns.spreads import spreads_of
from lowland.completion.ranking.list_gains import gains_of_apart
from lowland.completion.tables.model import KnowsContext, TableModel
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.trials.choices import SCORE
from lowland.trials.masks import folds_of

# what is hidden of rows depends on them alone, so that scores of all settings compare the same cells
SEED = 0


def check_any(table: Observations) -> None:
    """Raise if there is no cell to compare with."""
    if not table.size:
        raise InvalidInputError("the table is empty", "no observed cell", fix="pass cells to compare")


def error_of_cells(model: TableModel, table: Observations) -> float:
    """Return the root-mean-square error of predictions at cells of the fitted table."""
    table = table.exact()
    check_any(table)
    if table.shape != model.shape:
        raise InvalidInputError(
            "score compares cells of the fitted table, whose shape differs",
            f"shape {table.shape}, {model.shape} in the fit",
            fix="pass other rows as an array or a data frame",
        )
    if table.context is not None and isinstance(model, KnowsContext):
        model = model.among(table.context)
    errors = table.values - model.predict(table.rows, table.columns)
    return float(np.sqrt(np.average(errors**2, weights=table.weights)))


def gain_of_cells(model: TableModel, seen: Observations, table: Observations) -> float:
    """Return the mean gain of lists of the fitted table, which should hold the cells of another one."""
    check_any(table)
    return float(gains_of_apart(model.row_scores, seen, table).mean())


def gain_of_rows(model: TableModel, table: Observations) -> float:
    """Return the mean gain of lists of rows, each of whose cells is hidden once and should be listed."""
    check_any(table)
    gains = []
    for kept, apart in _hidden(table):
        scores = model.new_scores(kept)
        gains.append(gains_of_apart(scores.__getitem__, kept, apart))
    return float(np.concatenate(gains).mean())


def error_in_spreads(fill: Callable[[Observations], Matrix], table: Observations, words: Indices) -> float:
    """Return the error of `error_of_rows` in the spreads of columns among the known cells of the rows."""
    return error_of_rows(fill, table, words, spreads_of(table, words))


def error_of_rows(
    fill: Callable[[Observations], Matrix],
    table: Observations,
    words: Indices,
    spreads: Vector | None = None,
) -> float:
    """Return the root-mean-square error at cells of rows, each hidden once and filled from the others.

    Parameters
    ----------
    fill : callable
        Returns the table that it takes with its missing cells filled.
    table : Observations
    words : ndarray of int
        Columns of levels without an order: a wrong one is an error of one.
    spreads : ndarray, shape (n,), optional
        Units of errors by column.
    """
    check_any(table)
    units = np.ones(table.shape[1]) if spreads is None else spreads
    squares = 0.0
    for kept, apart in _hidden(table):
        apart = apart.exact()
        errors = np.asarray(fill(kept)[apart.rows, apart.columns] - apart.values, np.float64)
        at = np.isin(apart.columns, words)
        errors[at] = errors[at] != 0
        squares += float(np.sum((errors / units[apart.columns]) ** 2))
    return float(np.sqrt(squares / max(table.exact().size, 1)))


def _hidden(table: Observations) -> Iterator[tuple[Observations, Observations]]:
    """Yield what is kept and what is hidden of a table, each cell hidden once."""
    folds = folds_of(table.size, SCORE.hides.times, np.random.default_rng(SEED))
    for fold in np.unique(folds):
        yield table.hide(folds == fold)
