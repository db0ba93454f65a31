"""Positions in row order and in column order, by counting sorts."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Indices
from lowland.kernels.compiled import compiled

# entries from which on the compiled loops are worth loading
WORTH_COMPILING = 50_000


def sort_both_ways(rows: Indices, columns: Indices, shape: tuple[int, int]) -> Any:
    """Return the positions of the entries of each row and of each column.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (p,)
        Positions; may repeat; p and both sides below 2^31.
    shape : tuple of int

    Returns
    -------
    row_starts, row_order, row_columns : ndarray
        Entries of row i are `row_order[row_starts[i]:row_starts[i + 1]]`, by ascending column.
    column_starts, column_order, column_rows : ndarray
        The same by columns.
    """
    if rows.size < WORTH_COMPILING:
        return sorted_plainly(rows, columns, shape)
    return _sort(rows, columns, shape[0], shape[1])


def sorted_plainly(rows: Indices, columns: Indices, shape: tuple[int, int]) -> Any:
    """Return the same without compiled code, which takes longer to load than few entries take to sort."""
    arrays = []
    for keys, other, length in ((rows, columns, shape[0]), (columns, rows, shape[1])):
        starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=length))]).astype(np.int64)
        order = np.lexsort((other, keys)).astype(np.int32)
        arrays += [starts, order, np.asarray(other)[order].astype(np.int32)]
    return tuple(arrays)


@compiled()
def _starts(positions, length):
    starts = np.zeros(length + 1, np.int64)
    for p in positions:
        starts[p + 1] += 1
    for i in range(length):
        starts[i + 1] += starts[i]
    return starts


@compiled()
def _sort(rows, columns, m, n):
    size = rows.size
    row_starts, column_starts = _starts(rows, m), _starts(columns, n)
    column_order = np.empty(size, np.int32)
    at = column_starts[:-1].copy()
    for k in range(size):
        c = columns[k]
        column_order[at[c]] = k
        at[c] += 1
    # reading by ascending column makes the rows' lists ascend; reading those does the same for columns
    row_order = np.empty(size, np.int32)
    row_columns = np.empty(size, np.int32)
    at = row_starts[:-1].copy()
    for q in range(size):
        k = column_order[q]
        i = rows[k]
        row_order[at[i]] = k
        row_columns[at[i]] = columns[k]
        at[i] += 1
    column_rows = np.empty(size, np.int32)
    at = column_starts[:-1].copy()
    for q in range(size):
        k = row_order[q]
        c = columns[k]
        column_order[at[c]] = k
        column_rows[at[c]] = rows[k]
        at[c] += 1
    return row_starts, row_order, row_columns, column_starts, column_order, column_rows
