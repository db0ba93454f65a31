"""Best columns of a row, and columns alike, of any model with row and column factors."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector


def best_columns(scores: Vector, seen: Indices, count: int) -> Indices:
    """Return the columns of the largest scores, the best first, those in `seen` left out.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Of all columns, for one row.
    seen : ndarray of int
        Columns that do not count.
    count : int
        How many, at most.
    """
    open_columns = np.setdiff1d(np.arange(scores.size), seen)
    order = np.argsort(-scores[open_columns], kind="stable")[:count]
    return open_columns[order]


def alike(rows: Matrix, columns: Matrix, column: int, count: int) -> tuple[Indices, Vector]:
    """Return the columns most alike one, with the correlations of what their factors predict.

    Parameters
    ----------
    rows, columns : ndarray, shape (m, r) and (n, r)
        Factors, without biases.
    column : int
    count : int
        How many, at most; the column itself is left out.

    Notes
    -----
    The correlation is over the rows, so it does not depend on how the factors are turned or scaled.
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
