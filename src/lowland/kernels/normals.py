"""Counter-based normal numbers: the same bits on any number of threads, compiled or not.

Philox 4x32-10 turns (row, group, iteration, stream) and a key into four random words; the
Box-Muller formula turns two words into two normals, in single precision and without branches, so
that the loops are vectorised. A normal carries 23 random bits and is at most 5.8 in size. Neither form may
join a product and a sum into one rounding, so that both give the same bits.

References
----------
J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lowland.kernels import normals_numpy
from lowland.kernels.compiled import compiler_is_there

# up to so many numbers NumPy is used if the compiler is not there yet, for so many sweeps at once
FEW, SWEEPS = 1 << 13, 16


def row_normals(rows: int, width: int, iteration: int, key: int, first: int = 0) -> NDArray[np.float32]:
    """Return the normals that the row kernel adds to its draws.

    Parameters
    ----------
    rows, width : int
        How many rows, and numbers per row.
    iteration : int
        Counter of the sweep, below 2^32.
    key : int
        Seed of the stream, below 2^64.
    first : int
        Number of the first row in the stream.

    Returns
    -------
    ndarray of float32, shape (rows, width)
        Rows do not depend on the number of rows.
    """
    if rows * width <= FEW and not compiler_is_there():  # which gives the same bits
        sweeps = _few_sweeps(rows, width, iteration // SWEEPS, key, first)
        normals: NDArray[np.float32] = sweeps[iteration % SWEEPS]
        return normals
    out = np.empty((rows, width), np.float32)
    from lowland.kernels.normals_vector import fill_rows  # which imports the compiler

    fill_rows(out, -(-width // 4), iteration, np.uint64(key), first)
    return out


@lru_cache(maxsize=8)
def _few_sweeps(rows: int, width: int, block: int, key: int, first: int) -> NDArray[np.float32]:
    """Return few normals of many sweeps: NumPy takes hardly longer than for those of one."""
    iterations = np.arange(block * SWEEPS, (block + 1) * SWEEPS, dtype=np.uint64)
    normals: NDArray[np.float32] = normals_numpy.row_normals(rows, width, iterations, key, first)
    normals.flags.writeable = False  # the same for all who ask
    return normals
