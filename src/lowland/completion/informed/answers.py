"""What is known of each missing cell of a fitted table, in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.completion.encoded.level_model import LevelLayer
from lowland.completion.informed.laws import ColumnLaws
from lowland.completion.informed.layer import ColumnAloneLayer
from lowland.completion.informed.marks import (
    EMPTY_ROW,
    INFORMED,
    NEVER_TOGETHER,
    NO_RELATION,
    WORDS,
    can_be_marked,
)
from lowland.completion.layers.model import Layer
from lowland.completion.tables.fitted import FittedTable, data_of
from lowland.completion.tables.model import SamplingModel, TableModel
from lowland.core.arrays import Indices
from lowland.core.errors import UnsupportedError
from lowland.core.wording import Option, Words, counted

# share of a column's variance that a prediction must explain to lean on a relation
LEAST_EXPLAINED = 0.1


def marks_of_model(model: TableModel) -> NDArray[np.int8] | None:
    """Return the marks of all cells by the layer that predicts marked ones, None if no cell is marked."""
    if isinstance(model, ColumnAloneLayer):
        return model.marks
    if not isinstance(model, Layer):
        return None
    marks = marks_of_model(model.base)
    if marks is None or not isinstance(model, LevelLayer):
        return marks
    return marks[:, model.levels.starts]


def told_cells(table: FittedTable, rows: Indices, columns: Indices) -> NDArray[np.int8]:
    """Return what is known of missing cells of a fitted table, as numbers of `WORDS`.

    Parameters
    ----------
    table : FittedTable
        Fitted by a Bayesian method.
    rows, columns : ndarray of int, shape (k,)

    Returns
    -------
    ndarray of int8, shape (k,)

    Raises
    ------
    UnsupportedError
        If the fit has no posterior, its data are not known, or the table is too large to be marked.

    Notes
    -----
    A cell is NO_RELATION if it is not marked, and the variance of a new observation is more than .9 of that
    by its column alone: an estimate.
    """
    model, seen = table.model, data_of(table, "what is known of missing cells")
    if not isinstance(model, SamplingModel):
        raise UnsupportedError(
            "what is known of missing cells needs a posterior",
            f'method "{table.method}"',
            fix=Words("fit with ", Option("method", "variational", "gibbs", "gaussian")),
        )
    if not can_be_marked(seen.shape):
        raise UnsupportedError(
            "the table is too large for its missing cells to be marked",
            f"{counted(seen.shape[0], 'row')} and {counted(seen.shape[1], 'column')}",
            fix="fit a part of it",
        )
    marks = marks_of_model(model)
    told = np.full(rows.size, INFORMED, np.int8) if marks is None else marks[rows, columns]
    empty = np.bincount(seen.rows, minlength=seen.shape[0]) == 0
    told[(told == INFORMED) & empty[rows]] = EMPTY_ROW
    at = np.flatnonzero(told == INFORMED)
    if at.size:
        alone = ColumnLaws.of(seen).standard_errors[columns[at]]
        stated = model.standard_errors(rows[at], columns[at])
        told[at[stated**2 > (1 - LEAST_EXPLAINED) * alone**2]] = NO_RELATION
    return told


def words_of(told: NDArray[np.int8]) -> NDArray[np.str_]:
    """Return the words of marks."""
    return np.array(WORDS)[told]


def marked_counts(model: TableModel) -> dict[str, int]:
    """Return how many cells are marked, by their words."""
    marks = marks_of_model(model)
    kinds = range(NEVER_TOGETHER, len(WORDS))
    return {WORDS[kind]: 0 if marks is None else int((marks == kind).sum()) for kind in kinds}
