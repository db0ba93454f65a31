"""Some entries of a Tucker tensor, and derivatives of them, in compiled loops for any order.

For an entry at (i_1, ..., i_N) the row i_1 of F_1 S_(1) is contracted with row i_2 of F_2, that with row i_3
of F_3, and so on: about r_2 ... r_N products an entry. Derivatives carry a tangent along (forward), or go the
same way back (reverse). Entries are sorted by their first index, so that blocks of entries share no row of
the first mode; sums over blocks are added up in order, whatever the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.threads import WORTH_IT, run_chunks

# blocks of entries, each with sums of its own: a fixed number, so that bits do not depend on threads
BLOCKS = 16


def block_bounds(first: NDArray[np.int64], work: int) -> NDArray[np.int64]:
    """Return ends of blocks of entries sorted by their first index, no index in two blocks."""
    blocks = BLOCKS if first.size * work >= WORTH_IT else 1
    at = np.linspace(0, first.size, blocks + 1).astype(np.int64)
    inner = at[1:-1]
    at[1:-1] = np.searchsorted(first, first[inner]) if first.size else 0
    return np.unique(at)


def trailing_sizes(ranks: Sequence[int]) -> NDArray[np.int64]:
    """Return, for each mode, the product of the ranks after it."""
    return np.array([int(np.prod(ranks[n + 1 :], dtype=np.int64)) for n in range(len(ranks))], np.int64)


def flat_factors(factors: Sequence[Matrix]) -> tuple[Vector, NDArray[np.int64]]:
    """Return the factors after the first end to end, and where each of them starts."""
    ends = np.cumsum([0, *(factor.size for factor in factors[1:])]).astype(np.int64)
    return np.concatenate([factor.ravel() for factor in factors[1:]]), ends[:-1]


def cell_values(
    positions: NDArray[np.int64], grid: Matrix, factors: Sequence[Matrix], bounds: NDArray[np.int64]
) -> Vector:
    """Return entries, shape (p,): grid is F_1 S_(1), shape (I_1, r_2 ... r_N)."""
    flat, starts = flat_factors(factors)
    ranks = np.array([factor.shape[1] for factor in factors], np.int64)
    sizes, out = trailing_sizes(ranks.tolist()), np.empty(len(positions), grid.dtype)
    run_chunks(lambda lo, hi: _values(positions, grid, flat, starts, ranks, sizes, out, lo, hi), bounds)
    return out


def cell_tangents(
    positions: NDArray[np.int64],
    grids: tuple[Matrix, Matrix],
    factors: Sequence[Matrix],
    changes: Sequence[Matrix],
    bounds: NDArray[np.int64],
) -> Vector:
    """Return derivatives of entries, the grid and the factors changing together."""
    (flat, starts), (turned, _) = flat_factors(factors), flat_factors(changes)
    ranks = np.array([factor.shape[1] for factor in factors], np.int64)
    sizes, out = trailing_sizes(ranks.tolist()), np.empty(len(positions), grids[0].dtype)

    def part(lo: int, hi: int) -> None:
        _tangents(positions, grids[0], grids[1], flat, turned, starts, ranks, sizes, out, lo, hi)

    run_chunks(part, bounds)
    return out


def pull_cells(
    positions: NDArray[np.int64],
    weights: Vector,
    grid: Matrix,
    factors: Sequence[Matrix],
    bounds: NDArray[np.int64],
) -> tuple[Matrix, list[Matrix]]:
    """Return the gradients of sum weights * entries in the grid and in the factors after the first."""
    flat, starts = flat_factors(factors)
    ranks = np.array([factor.shape[1] for factor in factors], np.int64)
    sizes, on_grid = trailing_sizes(ranks.tolist()), np.zeros_like(grid)
    sums = np.zeros((len(bounds) - 1, flat.size), grid.dtype)

    def part(lo: int, hi: int) -> None:
        own = sums[np.searchsorted(bounds, lo)]
        _pull(positions, weights, grid, flat, starts, ranks, sizes, on_grid, own, lo, hi)

    run_chunks(part, bounds)
    return on_grid, _split(sums.sum(axis=0), factors)


def pull_cells_with_tangents(
    positions: NDArray[np.int64],
    weights: Vector,
    grids: tuple[Matrix, Matrix],
    factors: Sequence[Matrix],
    changes: Sequence[Matrix],
    bounds: NDArray[np.int64],
) -> tuple[Matrix, Matrix, list[Matrix]]:
    """Return the gradient in the grid, and derivatives of the gradients in the grid and the factors."""
    (flat, starts), (turned, _) = flat_factors(factors), flat_factors(changes)
    ranks = np.array([factor.shape[1] for factor in factors], np.int64)
    sizes = trailing_sizes(ranks.tolist())
    on_grid, slope_on_grid = np.zeros_like(grids[0]), np.zeros_like(grids[0])
    sums = np.zeros((len(bounds) - 1, flat.size), grids[0].dtype)

    def part(lo: int, hi: int) -> None:
        own = sums[np.searchsorted(bounds, lo)]
        _pull_tangents(
            positions,
            weights,
            grids[0],
            grids[1],
            flat,
            turned,
            starts,
            ranks,
            sizes,
            on_grid,
            slope_on_grid,
            own,
            lo,
            hi,
        )

    run_chunks(part, bounds)
    return on_grid, slope_on_grid, _split(sums.sum(axis=0), factors)


def _split(flat: Vector, factors: Sequence[Matrix]) -> list[Matrix]:
    out, at = [], 0
    for factor in factors[1:]:
        out.append(flat[at : at + factor.size].reshape(factor.shape))
        at += factor.size
    return out


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _values(positions, grid, flat, starts, ranks, sizes, out, low, high):
    order = ranks.size
    now, after = np.empty(sizes[0], grid.dtype), np.empty(sizes[0], grid.dtype)
    for p in range(low, high):
        first = positions[p, 0]
        for b in range(sizes[0]):
            now[b] = grid[first, b]
        for n in range(1, order):
            size, row = sizes[n], starts[n - 1] + positions[p, n] * ranks[n]
            for b in range(size):
                after[b] = flat[row] * now[b]
            for a in range(1, ranks[n]):
                x = flat[row + a]
                for b in range(size):
                    after[b] += x * now[a * size + b]
            now, after = after, now
        out[p] = now[0]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _tangents(positions, grid, slope, flat, turned, starts, ranks, sizes, out, low, high):
    order = ranks.size
    now, after = np.empty(sizes[0], grid.dtype), np.empty(sizes[0], grid.dtype)
    now_d, after_d = np.empty(sizes[0], grid.dtype), np.empty(sizes[0], grid.dtype)
    for p in range(low, high):
        first = positions[p, 0]
        for b in range(sizes[0]):
            now[b], now_d[b] = grid[first, b], slope[first, b]
        for n in range(1, order):
            size, row = sizes[n], starts[n - 1] + positions[p, n] * ranks[n]
            for b in range(size):
                after[b], after_d[b] = 0, 0
            for a in range(ranks[n]):
                x, d = flat[row + a], turned[row + a]
                for b in range(size):
                    after[b] += x * now[a * size + b]
                    after_d[b] += x * now_d[a * size + b] + d * now[a * size + b]
            now, after, now_d, after_d = after, now, after_d, now_d
        out[p] = now_d[0]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _pull(positions, weights, grid, flat, starts, ranks, sizes, on_grid, own, low, high):
    order = ranks.size
    kept = np.empty((order, sizes[0]), grid.dtype)
    back, further = np.empty(sizes[0], grid.dtype), np.empty(sizes[0], grid.dtype)
    for p in range(low, high):
        first = positions[p, 0]
        for b in range(sizes[0]):
            kept[0, b] = grid[first, b]
        for n in range(1, order):
            size, row = sizes[n], starts[n - 1] + positions[p, n] * ranks[n]
            for b in range(size):
                kept[n, b] = 0
            for a in range(ranks[n]):
                x = flat[row + a]
                for b in range(size):
                    kept[n, b] += x * kept[n - 1, a * size + b]
        back[0] = weights[p]
        for n in range(order - 1, 0, -1):
            size, row = sizes[n], starts[n - 1] + positions[p, n] * ranks[n]
            for a in range(ranks[n]):
                x, total = flat[row + a], grid.dtype.type(0)
                for b in range(size):
                    total += kept[n - 1, a * size + b] * back[b]
                    further[a * size + b] = x * back[b]
                own[row + a] += total
            back, further = further, back
        for b in range(sizes[0]):
            on_grid[first, b] += back[b]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _pull_tangents(
    positions,
    weights,
    grid,
    slope,
    flat,
    turned,
    starts,
    ranks,
    sizes,
    on_grid,
    slope_on_grid,
    own,
    low,
    high,
):
    order = ranks.size
    kept, kept_d = np.empty((order, sizes[0]), grid.dtype), np.empty((order, sizes[0]), grid.dtype)
    back, further = np.empty(sizes[0], grid.dtype), np.empty(sizes[0], grid.dtype)
    back_d, further_d = np.empty(sizes[0], grid.dtype), np.empty(sizes[0], grid.dtype)
    for p in range(low, high):
        first = positions[p, 0]
        for b in range(sizes[0]):
            kept[0, b], kept_d[0, b] = grid[first, b], slope[first, b]
        for n in range(1, order):
            size, row = sizes[n], starts[n - 1] + positions[p, n] * ranks[n]
            for b in range(size):
                kept[n, b], kept_d[n, b] = 0, 0
            for a in range(ranks[n]):
                x, d = flat[row + a], turned[row + a]
                for b in range(size):
                    kept[n, b] += x * kept[n - 1, a * size + b]
                    kept_d[n, b] += x * kept_d[n - 1, a * size + b] + d * kept[n - 1, a * size + b]
        back[0], back_d[0] = weights[p], 0
        for n in range(order - 1, 0, -1):
            size, row = sizes[n], starts[n - 1] + positions[p, n] * ranks[n]
            for a in range(ranks[n]):
                x, d, total = flat[row + a], turned[row + a], grid.dtype.type(0)
                for b in range(size):
                    total += kept_d[n - 1, a * size + b] * back[b] + kept[n - 1, a * size + b] * back_d[b]
                    further[a * size + b] = x * back[b]
                    further_d[a * size + b] = d * back[b] + x * back_d[b]
                own[row + a] += total
            back, further, back_d, further_d = further, back, further_d, back_d
        for b in range(sizes[0]):
            on_grid[first, b] += back[b]
            slope_on_grid[first, b] += back_d[b]
