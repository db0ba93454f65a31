"""Best columns of a row, and similar columns, for any model with row and column factors."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector


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
