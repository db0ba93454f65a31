"""Where consecutive lines with many cells are cut into blocks."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Indices

# cells of a block, at least; at most `MOST_BLOCKS` blocks per side
BLOCK, MOST_BLOCKS = 500_000, 256


def block_bounds(counts: Indices) -> Indices:
    """Return the ends of blocks of lines with about equally many cells, which depend on the data alone."""
    ends = np.concatenate([[0], np.cumsum(counts)])
    number = int(np.clip(ends[-1] // BLOCK, 1, MOST_BLOCKS))
    inner = np.searchsorted(ends, np.linspace(0, ends[-1], number + 1)[1:-1])
    bounds: Indices = np.unique(np.concatenate([[0], inner, [counts.size]]))
    return bounds
