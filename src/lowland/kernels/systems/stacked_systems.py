"""Small systems of many rows at once in NumPy, for tables too small to repay a compiler.

Arrays have one system per last index: a matrix of k x k numbers per row is an array (k, k, rows). Every step
is elementwise, so that a row's bits do not depend on the rows beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector

# numbers of temporary arrays made at once
TOGETHER = 1 << 20


@lru_cache
def lower_triangle(width: int) -> tuple[Indices, Indices]:
    """Return the rows and columns of the packed lower triangle of a matrix, read-only."""
    places = np.tril_indices(width)
    for array in places:
        array.flags.writeable = False
    return places


def stretches(starts: NDArray[np.int64], width: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows whose entries, times `width`, and systems fit into temporary arrays."""
    cost = width * (starts + width * np.arange(starts.size))
    first, rows = 0, starts.size - 1
    while first < rows:
        last = int(np.searchsorted(cost, cost[first] + TOGETHER, side="right")) - 1
        last = min(max(last, first + 1), rows)
        yield first, last
        first = last


def row_sums(numbers: Matrix, starts: NDArray[np.int64]) -> Matrix:
    """Return the sums over each row's entries of arrays whose last axis lists entries, shape (..., rows)."""
    begins = starts[:-1]
    full = starts[1:] > begins
    if full.all():
        return np.add.reduceat(numbers, begins, axis=-1)
    sums = np.zeros((*numbers.shape[:-1], full.size), numbers.dtype)
    if full.any():
        sums[..., full] = np.add.reduceat(numbers, begins[full], axis=-1)
    return sums


def factor(grams: Matrix, floor: float) -> None:
    """Replace symmetric matrices by Cholesky factors L with reciprocal diagonals, in their lower triangles.

    A reciprocal is zero where the pivot is at most `floor` times its diagonal entry.
    """
    k = len(grams)
    diagonals = grams[np.arange(k), np.arange(k)].copy()
    for a in range(k):
        pivot = grams[a, a]
        kept = pivot > floor * diagonals[a]
        pivot[:] = np.where(kept, 1 / np.sqrt(np.where(kept, pivot, 1)), 0)
        column = grams[a + 1 :, a]
        column *= pivot
        grams[a + 1 :, a + 1 :] -= column[:, None] * column


def forward(factors: Matrix, right: Matrix) -> None:
    """Replace right sides, shape (k, rows) or (k, n, rows), by L^-1 times them."""
    for a in range(len(factors)):
        right[a] *= factors[a, a]
        below = factors[a + 1 :, a]
        right[a + 1 :] -= (below if right.ndim == 2 else below[:, None]) * right[a]


def backward(factors: Matrix, right: Matrix) -> None:
    """Replace right sides, shape (k, rows), by L^-T times them."""
    for a in reversed(range(len(factors))):
        right[a] *= factors[a, a]
        right[:a] -= factors[a, :a] * right[a]


def inverse(factors: Matrix) -> tuple[Matrix, Vector]:
    """Return the inverses of the matrices L L^T, and the log determinants of those matrices."""
    k, rows = len(factors), factors.shape[2]
    roots = np.zeros_like(factors)
    roots[np.arange(k), np.arange(k)] = 1
    forward(factors, roots)
    inverses = np.zeros_like(factors)
    for root in roots:
        inverses += root[:, None] * root
    logs = np.zeros(rows)
    for a in range(k):
        logs -= 2 * np.log(factors[a, a].astype(np.float64))
    return inverses, logs
