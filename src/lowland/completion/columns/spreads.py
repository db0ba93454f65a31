"""The spread of each column: what an error in it is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.cells.observations import Observations

# known cells that say the spread of a column
LEAST_KNOWN = 10


def spreads_of(table: Observations, words: Sequence[int] | Indices = ()) -> Vector:
    """Return the spread of each column of rows, shape (n,): what an error in it is compared with.

    A column of few known cells, or of one value, has the middle one of the others' spreads; where there are
    no others, that of all cells about the means of their columns. Columns of words have a unit of one.
    """
    values, n = table.values.astype(np.float64), table.shape[1]
    counts = np.bincount(table.columns, minlength=n)
    means = np.bincount(table.columns, values, n) / np.maximum(counts, 1)
    squares = np.bincount(table.columns, (values - means[table.columns]) ** 2, n).astype(np.float64)
    return spreads_by_sums(counts, means, squares, np.isin(np.arange(n), words))


def spreads_by_sums(counts: Indices, means: Vector, squares: Vector, words: NDArray[np.bool_]) -> Vector:
    """Return the same from what is summed of each column.

    Parameters
    ----------
    counts : ndarray of int, shape (n,)
        Number of known cells.
    means, squares : ndarray, shape (n,)
        Mean of the values, and sum of their squares about it.
    words : ndarray of bool, shape (n,)
    """
    spreads = np.sqrt(squares / np.maximum(counts, 1))
    usable = (counts >= LEAST_KNOWN) & (spreads > 1e-12 * np.abs(means)) & ~words
    common = (
        np.median(spreads[usable])
        if usable.any()
        else np.sqrt(squares[~words].sum() / max(counts[~words].sum(), 1))
    )
    return np.where(words, 1.0, np.where(usable, spreads, common if common > 0 else 1.0))
