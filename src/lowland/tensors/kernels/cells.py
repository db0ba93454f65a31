"""Some entries of a Tucker tensor, and derivatives of them, in compiled loops for any order.

For an entry at (i_1, ..., i_N) the row i_1 of F_1 S_(1) is contracted with row i_2 of F_2, that with row i_3
of F_3, and so on. Entries are sorted, so neighbours share their first indices: only contractions from the
first index that differs are recomputed. The same holds in reverse, where gradients are accumulated and
passed on once for all entries that share an index. Blocks of entries share no row of the first mode; sums
over blocks are added in order, whatever the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.compiled import compiled
from lowland.kernels.threads import WORTH_IT, run_chunks

# number of blocks of entries, each with its own sums: fixed, so that bits do not depend on threads
BLOCKS = 16


def block_bounds(first: NDArray[np.int64], work: int) -> NDArray[np.int64]:
    """Return bounds of blocks of entries sorted by their first index, with no index in two blocks."""
    blocks = BLOCKS if first.size * work >= WORTH_IT else 1
    at = np.linspace(0, first.size, blocks + 1).astype(np.int64)
    inner = at[1:-1]
    at[1:-1] = np.searchsorted(first, first[inner]) if first.size else 0
    return np.unique(at)


def _layout(factors: Sequence[Matrix]) -> tuple[Vector, Any]:
    """Return the concatenated factors after the first, their starts, all ranks, products of later ranks."""
    starts = np.cumsum([0, *(factor.size for factor in factors[1:-1])]).astype(np.int64)
    ranks = np.array([factor.shape[1] for factor in factors], np.int64)
    after = np.append(np.cumprod(ranks[:0:-1])[::-1], 1).astype(np.int64)
    return np.concatenate([factor.ravel() for factor in factors[1:]]), (starts, ranks, after)


def cell_values(
    positions: NDArray[np.int64], grid: Matrix, factors: Sequence[Matrix], bounds: NDArray[np.int64]
) -> Vector:
    """Return entries, shape (p,): grid is F_1 S_(1), shape (I_1, r_2 ... r_N)."""
    flat, layout = _layout(factors)
    out = np.empty(len(positions), grid.dtype)
    run_chunks(lambda lo, hi: _values(positions, grid, flat, *layout, out, lo, hi), bounds)
    return out


def cell_tangents(
    positions: NDArray[np.int64],
    grids: tuple[Matrix, Matrix],
    factors: Sequence[Matrix],
    changes: Sequence[Matrix],
    bounds: NDArray[np.int64],
) -> Vector:
    """Return derivatives of entries as the grid and the factors change together."""
    (flat, layout), (turned, _) = _layout(factors), _layout(changes)
    out = np.empty(len(positions), grids[0].dtype)
    run_chunks(lambda lo, hi: _tangents(positions, *grids, flat, turned, *layout, out, lo, hi), bounds)
    return out


def pull_cells(
    positions: NDArray[np.int64],
    weights: Vector,
    grid: Matrix,
    factors: Sequence[Matrix],
    bounds: NDArray[np.int64],
) -> tuple[Matrix, list[Matrix]]:
    """Return the gradients of sum weights * entries in the grid and in the factors after the first."""
    flat, layout = _layout(factors)
    on_grid = np.zeros_like(grid)
    sums = np.zeros((len(bounds) - 1, flat.size), grid.dtype)

    def part(lo: int, hi: int) -> None:
        out = sums[np.searchsorted(bounds, lo)]
        _pull(positions, weights, grid, flat, *layout, on_grid, out, lo, hi)

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
    (flat, layout), (turned, _) = _layout(factors), _layout(changes)
    on_grids = np.zeros((2, *grids[0].shape), grids[0].dtype)
    sums = np.zeros((len(bounds) - 1, flat.size), grids[0].dtype)

    def part(lo: int, hi: int) -> None:
        out = sums[np.searchsorted(bounds, lo)]
        _pull_tangents(positions, weights, *grids, flat, turned, *layout, on_grids, out, lo, hi)

    run_chunks(part, bounds)
    return on_grids[0], on_grids[1], _split(sums.sum(axis=0), factors)


def _split(flat: Vector, factors: Sequence[Matrix]) -> list[Matrix]:
    out, at = [], 0
    for factor in factors[1:]:
        out.append(flat[at : at + factor.size].reshape(factor.shape))
        at += factor.size
    return out


_FAST = {"contract", "reassoc"}


@compiled()
def _first_change(positions, p, low, last):
    """Return the first mode before the last in which an entry differs from the one before it."""
    if p == low:
        return 0
    for n in range(last):
        if positions[p, n] != positions[p - 1, n]:
            return n
    return last


@compiled(fastmath=_FAST)
def _contract(kept, flat, row, n, rank, size):
    """Contract level n - 1 with a row of factor n, giving level n."""
    x = flat[row]
    for b in range(size):
        kept[n, b] = x * kept[n - 1, b]
    for a in range(1, rank):
        x = flat[row + a]
        for b in range(size):
            kept[n, b] += x * kept[n - 1, a * size + b]


@compiled(fastmath=_FAST)
def _contract_tangent(kept, kept_d, flat, turned, row, n, rank, size):
    for b in range(size):
        kept_d[n, b] = 0
    for a in range(rank):
        x, d = flat[row + a], turned[row + a]
        for b in range(size):
            kept_d[n, b] += x * kept_d[n - 1, a * size + b] + d * kept[n - 1, a * size + b]


@compiled(fastmath=_FAST)
def _values(positions, grid, flat, starts, ranks, sizes, out, low, high):
    last = ranks.size - 1
    kept = np.empty((last, sizes[0]), grid.dtype)
    for p in range(low, high):
        change = _first_change(positions, p, low, last)
        if change == 0:
            for b in range(sizes[0]):
                kept[0, b] = grid[positions[p, 0], b]
        for n in range(max(change, 1), last):
            row = starts[n - 1] + positions[p, n] * ranks[n]
            _contract(kept, flat, row, n, ranks[n], sizes[n])
        row, total = starts[last - 1] + positions[p, last] * ranks[last], grid.dtype.type(0)
        for a in range(ranks[last]):
            total += flat[row + a] * kept[last - 1, a]
        out[p] = total


@compiled(fastmath=_FAST)
def _tangents(positions, grid, slope, flat, turned, starts, ranks, sizes, out, low, high):
    last = ranks.size - 1
    kept, kept_d = np.empty((last, sizes[0]), grid.dtype), np.empty((last, sizes[0]), grid.dtype)
    for p in range(low, high):
        change = _first_change(positions, p, low, last)
        if change == 0:
            for b in range(sizes[0]):
                kept[0, b], kept_d[0, b] = grid[positions[p, 0], b], slope[positions[p, 0], b]
        for n in range(max(change, 1), last):
            row = starts[n - 1] + positions[p, n] * ranks[n]
            _contract_tangent(kept, kept_d, flat, turned, row, n, ranks[n], sizes[n])
            _contract(kept, flat, row, n, ranks[n], sizes[n])
        row, total = starts[last - 1] + positions[p, last] * ranks[last], grid.dtype.type(0)
        for a in range(ranks[last]):
            total += flat[row + a] * kept_d[last - 1, a] + turned[row + a] * kept[last - 1, a]
        out[p] = total


@compiled(fastmath=_FAST)
def _flush(positions, p, change, kept, back, flat, starts, ranks, sizes, on_grid, out):
    """Pass the sums of entries up to p back to the level from which the next entry differs."""
    for n in range(ranks.size - 2, max(change, 1) - 1, -1):
        size, row = sizes[n], starts[n - 1] + positions[p, n] * ranks[n]
        for a in range(ranks[n]):
            x, total = flat[row + a], on_grid.dtype.type(0)
            for b in range(size):
                total += kept[n - 1, a * size + b] * back[n, b]
                back[n - 1, a * size + b] += x * back[n, b]
            out[row + a] += total
        for b in range(size):
            back[n, b] = 0
    if change == 0:
        for b in range(sizes[0]):
            on_grid[positions[p, 0], b] += back[0, b]
            back[0, b] = 0


@compiled(fastmath=_FAST)
def _pull(positions, weights, grid, flat, starts, ranks, sizes, on_grid, out, low, high):
    last = ranks.size - 1
    kept, back = np.empty((last, sizes[0]), grid.dtype), np.zeros((last, sizes[0]), grid.dtype)
    for p in range(low, high):
        change = _first_change(positions, p, low, last)
        if p > low and change < last:
            _flush(positions, p - 1, change, kept, back, flat, starts, ranks, sizes, on_grid, out)
        if change == 0:
            for b in range(sizes[0]):
                kept[0, b] = grid[positions[p, 0], b]
        for n in range(max(change, 1), last):
            row = starts[n - 1] + positions[p, n] * ranks[n]
            _contract(kept, flat, row, n, ranks[n], sizes[n])
        row, weight = starts[last - 1] + positions[p, last] * ranks[last], weights[p]
        for a in range(ranks[last]):
            out[row + a] += weight * kept[last - 1, a]
            back[last - 1, a] += weight * flat[row + a]
    if high > low:
        _flush(positions, high - 1, 0, kept, back, flat, starts, ranks, sizes, on_grid, out)


@compiled(fastmath=_FAST)
def _flush_tangents(
    positions, p, change, kept, kept_d, back, back_d, flat, turned, starts, ranks, sizes, sums, out
):
    for n in range(ranks.size - 2, max(change, 1) - 1, -1):
        size, row = sizes[n], starts[n - 1] + positions[p, n] * ranks[n]
        for a in range(ranks[n]):
            x, d, total = flat[row + a], turned[row + a], out.dtype.type(0)
            for b in range(size):
                total += kept_d[n - 1, a * size + b] * back[n, b] + kept[n - 1, a * size + b] * back_d[n, b]
                back[n - 1, a * size + b] += x * back[n, b]
                back_d[n - 1, a * size + b] += d * back[n, b] + x * back_d[n, b]
            out[row + a] += total
        for b in range(size):
            back[n, b], back_d[n, b] = 0, 0
    if change == 0:
        for b in range(sizes[0]):
            sums[0, positions[p, 0], b] += back[0, b]
            sums[1, positions[p, 0], b] += back_d[0, b]
            back[0, b], back_d[0, b] = 0, 0


@compiled(fastmath=_FAST)
def _pull_tangents(positions, weights, grid, slope, flat, turned, starts, ranks, sizes, sums, out, low, high):
    last, size = ranks.size - 1, sizes[0]
    kept, kept_d = np.empty((last, size), grid.dtype), np.empty((last, size), grid.dtype)
    back, back_d = np.zeros((last, size), grid.dtype), np.zeros((last, size), grid.dtype)
    for p in range(low, high):
        change = _first_change(positions, p, low, last)
        if p > low and change < last:
            _flush_tangents(
                positions,
                p - 1,
                change,
                kept,
                kept_d,
                back,
                back_d,
                flat,
                turned,
                starts,
                ranks,
                sizes,
                sums,
                out,
            )
        if change == 0:
            for b in range(size):
                kept[0, b], kept_d[0, b] = grid[positions[p, 0], b], slope[positions[p, 0], b]
        for n in range(max(change, 1), last):
            row = starts[n - 1] + positions[p, n] * ranks[n]
            _contract_tangent(kept, kept_d, flat, turned, row, n, ranks[n], sizes[n])
            _contract(kept, flat, row, n, ranks[n], sizes[n])
        row, weight = starts[last - 1] + positions[p, last] * ranks[last], weights[p]
        for a in range(ranks[last]):
            out[row + a] += weight * kept_d[last - 1, a]
            back[last - 1, a] += weight * flat[row + a]
            back_d[last - 1, a] += weight * turned[row + a]
    if high > low:
        _flush_tangents(
            positions, high - 1, 0, kept, kept_d, back, back_d, flat, turned, starts, ranks, sizes, sums, out
        )
