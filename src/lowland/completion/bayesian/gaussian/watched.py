"""Some missing cells whose conditional means are kept along a chain: they say how far it has settled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices

# cells that are watched at most: of so many, 99 % are all but two
MOST_WATCHED = 200


def watched_cells(known: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Return some of the missing cells, row by row: all of few, and of others those that a fixed seed draws.

    Whoever knows the pattern finds them again.
    """
    missing = np.flatnonzero(~known.ravel())
    if missing.size > MOST_WATCHED:
        missing = np.sort(np.random.default_rng(0).choice(missing, MOST_WATCHED, replace=False))
    rows, columns = np.divmod(missing, known.shape[1])
    return rows, columns
