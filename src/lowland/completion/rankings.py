"""Best columns of a row, and similar columns, for any model with row and column factors."""

from __future__ import annotations

import numpy as np

from lowland.completion.fitted_table import FittedTable
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import UnsupportedError


def recommend(table: FittedTable, row: int, count: int, *, exclude_observed: bool) -> tuple[Indices, Vector]:
    """Return the columns with the largest predictions for a row, the best first, and these predictions.

    Parameters
    ----------
    table : FittedTable
    row : int
    count : int
        Maximum number of columns.
    exclude_observed : bool
        Whether to leave out the columns observed in the row.
    """
    n, seen = table.model.shape[1], np.zeros(0, np.intp)
    scores = table.model.scores(np.full(n, row), np.arange(n))
    if exclude_observed:
        if table.observations is None:
            raise UnsupportedError(
                "the observed cells are not known",
                "a model loaded from a file, without its data",
                fix="pass exclude_observed=False, or fit the table again",
            )
        seen = table.observations.columns[table.observations.rows == row]
    chosen = best_columns(scores, seen, count)
    return chosen, table.model.predict(np.full(chosen.size, row), chosen)


def best_columns(scores: Vector, seen: Indices, count: int) -> Indices:
    """Return the columns with the largest scores, the best first, without those in `seen`.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Scores of all columns for one row.
    seen : ndarray of int
        Columns to leave out.
    count : int
        Maximum number of columns.
    """
    open_columns = np.setdiff1d(np.arange(scores.size), seen)
    order = np.argsort(-scores[open_columns], kind="stable")[:count]
    return open_columns[order]


def alike(rows: Matrix, columns: Matrix, column: int, count: int) -> tuple[Indices, Vector]:
    """Return the columns most similar to one, with the correlations of their low-rank parts.

    Parameters
    ----------
    rows, columns : ndarray, shape (m, r) and (n, r)
        Factors, without biases.
    column : int
    count : int
        Maximum number of columns; the column itself is left out.

    Notes
    -----
    The correlation is over the rows, so that it is invariant to rotation and scaling of the factors.
    """
    centred = rows - rows.mean(axis=0)
    gram = (centred.T @ centred).astype(np.float64)
    products = columns @ (gram @ columns[column])
    norms = np.sqrt(np.maximum(np.einsum("na,ab,nb->n", columns, gram, columns), 0))
    scale = norms * norms[column]
    correlations = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    order = np.argsort(-correlations, kind="stable")
    chosen = order[order != column][:count]
    return chosen, correlations[chosen]
