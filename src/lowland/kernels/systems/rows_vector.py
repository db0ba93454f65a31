"""The row kernel in vector form: `LANES` rows per batch, see `gram_microkernel` and `lane_systems`."""

from __future__ import annotations

from functools import cache

import numpy as np

from lowland.kernels.compiler import njit
from lowland.kernels.lanes.gram_microkernel import add_gram, layout, plan_tiles, position
from lowland.kernels.lanes.lane_systems import (
    aligned,
    factor_length,
    factor_systems,
    load_systems,
    pad_rows,
    solve_systems,
    store_rows,
)
from lowland.kernels.lanes.llvm_simd import LANES
from lowland.kernels.normals_vector import fill_lanes
from lowland.kernels.threads import balanced_bounds, run_chunks


def pack_base(precision, shift):
    """Return the start value of every system: a symmetric k x k matrix and a vector, packed."""
    k = shift.size
    blocks, width, vectors = layout(k)
    packed = np.zeros((vectors + blocks) * LANES, shift.dtype)
    full = np.zeros((width, k), shift.dtype)
    full[:k] = precision
    packed[vectors * LANES : vectors * LANES + k] = shift
    for pairs, _ in plan_tiles(k):
        for block, column in pairs:
            start = position(k, block, column) * LANES
            packed[start : start + LANES] = full[block * LANES : (block + 1) * LANES, column]
    return packed


def solve_rows(
    partner, starts, indices, values, weights, precision, shift, count_ridge, noise, tolerance, out
):
    """Solve every row's normal equations; the vector form of `rows.solve_rows`."""
    k, dtype = out.shape[1], out.dtype
    by_row = shift.ndim == 2
    solve, scratch_size = _make_solver(k, dtype.itemsize, weights is not None, by_row, noise is not None)
    padded = pad_rows(partner)
    base = pack_base(precision, np.zeros(k, dtype) if by_row else shift)
    shifts = np.ascontiguousarray(shift.reshape(-1, k), dtype)
    result = aligned((-(-out.shape[0] // LANES) * LANES, layout(k)[1]), dtype)
    weight = values if weights is None else weights
    ridge, floor = dtype.type(count_ridge), np.full(LANES, tolerance, dtype)
    key, sweep, scale, row = (0, 0, 0.0, 0)
    if noise is not None:
        key, sweep, scale, row = noise.key, noise.sweep, noise.scale, noise.first

    def chunk(low, high):
        scratch = aligned(scratch_size, dtype)
        random = np.empty(4 * -(-k // 4) * LANES, np.float32)
        data = (padded, starts, indices, values, weight, base, shifts)
        draw = (random, np.uint64(key), sweep, dtype.type(scale), row)
        solve(*data, ridge, floor, *draw, result, scratch, low, high)

    run_chunks(chunk, balanced_bounds(starts, 4 + k // 2, LANES))
    out[:] = result[: out.shape[0], :k]


@cache
def _make_solver(k, item_bytes, weighted, by_row, draws):
    # the closure holds integers only: they are compile-time constants, and Numba can cache the code
    blocks, width, vectors = layout(k)
    system, weighted, groups = (vectors + blocks) * LANES, int(weighted), -(-k // 4)
    by_row, draws = int(by_row), int(draws)
    at_factor = LANES * system
    at_right = at_factor + factor_length(k)
    at_ridge = at_right + width * LANES
    # gathered rows of a chunk should stay in the first-level cache for all tiles
    span = 1 << 30 if len(plan_tiles(k)) == 1 else max(48, 16384 // (width * item_bytes))

    @njit(nogil=True, cache=True, error_model="numpy")
    def solve(
        y, starts, indices, values, weights, base, shifts, count_ridge, floor,
        random, key, sweep, scale, row, out, scratch, low, high,
    ):  # fmt: skip
        rows = starts.size - 1
        gram, factor = scratch[:at_factor], scratch[at_factor:at_right]
        right, ridge = scratch[at_right:at_ridge], scratch[at_ridge : at_ridge + LANES]
        for first in range(low, high, LANES):
            for i in range(LANES):
                begin, end = 0, 0
                if first + i < rows:
                    begin, end = starts[first + i], starts[first + i + 1]
                ridge[i] = count_ridge * (end - begin)
                stop, at = min(begin + span, end), i * system
                add_gram(k, weighted, y, indices, values, weights, begin, stop, base, 0, gram, at)
                while stop < end:
                    begin, stop = stop, min(stop + span, end)
                    add_gram(k, weighted, y, indices, values, weights, begin, stop, gram, at, gram, at)
                if by_row and first + i < rows:
                    for c in range(k):
                        gram[at + vectors * LANES + c] += shifts[first + i, c]
            load_systems(k, gram, system, factor, right)
            factor_systems(k, factor, right, ridge, floor)
            if draws:
                fill_lanes(random, groups, row + first, sweep, key)
                for t in range(k * LANES):
                    right[t] += scale * random[t]
            solve_systems(k, factor, right)
            store_rows(k, right, out, first)

    return solve, -(-(at_ridge + LANES) // 16) * 16
