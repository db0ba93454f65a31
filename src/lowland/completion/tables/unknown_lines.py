"""Predictions for rows and columns that a model does not know: those of the average one."""

from __future__ import annotations

import numpy as np

from lowland.completion.tables.model import TableModel
from lowland.core.arrays import Indices, Vector

UNKNOWN = -1


def predict_all(model: TableModel, rows: Indices, columns: Indices) -> Vector:
    """Return predictions of cells; of an unknown row or column (-1), those of the average row or column.

    If columns have several losses there is no average column, and such predictions are NaN.

    Parameters
    ----------
    model : TableModel
    rows, columns : ndarray of int, shape (k,)
    """
    known = (rows >= 0) & (columns >= 0)
    out = np.full(rows.size, np.nan)
    out[known] = model.predict(rows[known], columns[known])
    if known.all():
        return out
    parts = model.parts()
    left, right = parts.row_factors.mean(axis=0), parts.column_factors.mean(axis=0)
    some = np.flatnonzero(~known if model.losses is None else ~known & (columns >= 0))
    i, j = rows[some], columns[some]
    p = np.where((i >= 0)[:, None], parts.row_factors[i], left).astype(np.float64)
    q = np.where((j >= 0)[:, None], parts.column_factors[j], right)
    a = np.where(i >= 0, parts.row_biases[i], parts.row_biases.mean())
    b = np.where(j >= 0, parts.column_biases[j], parts.column_biases.mean())
    natural = (p * q).sum(axis=1) + a + b + parts.offset
    out[some] = natural if model.losses is None else model.losses.mean(natural, j)
    return out


def describe_unknown(rows: Indices, columns: Indices) -> list[str]:
    """Return for each cell which of its labels are not known: "", "row", "column" or "row and column"."""
    words = np.array(["", "row", "column", "row and column"])
    names: list[str] = words[(rows < 0) + 2 * (columns < 0)].tolist()
    return names
