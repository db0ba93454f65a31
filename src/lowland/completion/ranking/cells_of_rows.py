"""The known cells of some rows of a table, of which a row may be asked for more than once."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Indices
from lowland.core.cells.observations import Observations


def cells_of(seen: Observations, rows: Indices) -> tuple[Indices, Indices]:
    """Return the cells of some rows: places of the rows among those asked for, and columns."""
    order = np.argsort(rows, kind="stable")
    cells = np.flatnonzero(np.isin(seen.rows, rows))
    cell_rows, columns = seen.rows[cells], seen.columns[cells]
    first, last = (np.searchsorted(rows[order], cell_rows, side) for side in ("left", "right"))
    repeats = last - first  # a row may be asked for more than once
    places = order[np.repeat(first, repeats) + _counters(repeats)]
    return places, np.repeat(columns, repeats)


def _counters(repeats: Indices) -> Indices:
    """Return 0, 1, ... for each of a list of lengths."""
    ends = np.cumsum(repeats)
    return np.arange(ends[-1] if ends.size else 0) - np.repeat(ends - repeats, repeats)
