"""The connected components of a table: rows and columns linked by observed cells."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Indices


def connected_parts(rows: Indices, columns: Indices, shape: tuple[int, int]) -> Indices:
    """Return the component number of each row, then of each column, shape (m + n,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    m, n = shape
    links = coo_array((np.ones(rows.size), (rows, m + columns)), shape=(m + n, m + n))
    return np.asarray(connected_components(links, directed=False)[1], np.intp)
