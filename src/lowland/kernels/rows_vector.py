"""The row kernel in vector form: `LANES` rows a batch, see `gram_tiles` and `lane_cholesky`."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit

from lowland.kernels.emitter import LANES
from lowland.kernels.gram_tiles import add_gram, layout, plan_tiles, position
from lowland.kernels.lane_cholesky import factor_below, factor_diagonal, solve_back, transpose
from lowland.kernels.threads import balanced_bounds, run_chunks


def aligned(shape, dtype):
    """Return a zeroed array whose data start on a cache line."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(count + 64, np.uint8)
    offset = -raw.ctypes.data % 64
    return raw[offset : offset + count].view(dtype).reshape(shape)


def pad_rows(array):
    """Return a copy with rows and columns padded with zeros to multiples of `LANES`."""
    rows, k = array.shape
    padded = aligned((-(-rows // LANES) * LANES, layout(k)[1]), array.dtype)
    padded[:rows, :k] = array
    return padded


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


def solve_rows(partner, starts, indices, values, weights, precision, shift, count_ridge, tolerance, out):
    """Solve every row's normal equations; the vector form of `rows.solve_rows`."""
    k, dtype = shift.size, out.dtype
    solve, scratch_size = _make_solver(k, dtype.itemsize, weights is not None)
    padded, base = pad_rows(partner), pack_base(precision, shift)
    result = aligned((-(-out.shape[0] // LANES) * LANES, layout(k)[1]), dtype)
    weight = values if weights is None else weights
    ridge, floor = dtype.type(count_ridge), np.full(LANES, tolerance, dtype)

    def chunk(low, high):
        scratch = aligned(scratch_size, dtype)
        solve(padded, starts, indices, values, weight, base, ridge, floor, result, scratch, low, high)

    run_chunks(chunk, balanced_bounds(starts, 4 + k // 2, LANES))
    out[:] = result[: out.shape[0], :k]


@cache
def _make_solver(k, item_bytes, weighted):
    # the closure holds integers only: they are compile-time constants, and Numba can cache the code
    blocks, width, vectors = layout(k)
    full, panels = k // LANES, -(-k // 4)
    system, weighted = (vectors + blocks) * LANES, int(weighted)
    factor_size = LANES * LANES * blocks * (blocks + 1) // 2 * LANES
    at_factor = LANES * system
    at_right = at_factor + factor_size
    at_ridge = at_right + width * LANES
    # gathered rows of a chunk should stay in the first-level cache for all tiles
    span = 1 << 30 if len(plan_tiles(k)) == 1 else max(48, 16384 // (width * item_bytes))

    @njit(nogil=True, cache=True, error_model="numpy")
    def solve(y, starts, indices, values, weights, base, count_ridge, floor, out, scratch, low, high):
        rows = starts.size - 1
        gram, factor = scratch[:at_factor], scratch[at_factor:at_right]
        right, ridge = scratch[at_right:at_ridge], scratch[at_ridge : at_ridge + LANES]
        for first in range(low, high, LANES):
            for i in range(LANES):
                begin, end = 0, 0
                if first + i < rows:
                    begin, end = starts[first + i], starts[first + i + 1]
                ridge[i] = count_ridge * (end - begin)
                stop = min(begin + span, end)
                add_gram(k, weighted, y, indices, values, weights, begin, stop, base, 0, gram, i * system)
                while stop < end:
                    begin, stop = stop, min(stop + span, end)
                    add_gram(
                        k,
                        weighted,
                        y,
                        indices,
                        values,
                        weights,
                        begin,
                        stop,
                        gram,
                        i * system,
                        gram,
                        i * system,
                    )
            q = 0
            for block in range(full):
                for c in range(LANES * (block + 1)):
                    to = _panel_start(block * LANES // 4) + c * 4 * LANES
                    transpose(gram, q * LANES, system, factor, to, LANES, 4 * LANES * (block + 1) * LANES)
                    q += 1
            for c in range(full * LANES, k):  # columns of the tail become rows of L
                for block in range(full):
                    to = _panel_start(c // 4) + (4 * block * LANES + c % 4) * LANES
                    transpose(gram, q * LANES, system, factor, to, 4 * LANES, 16 * LANES)
                    q += 1
                to = _panel_start(full * LANES // 4) + c * 4 * LANES
                transpose(gram, q * LANES, system, factor, to, LANES, 4 * LANES * blocks * LANES)
                q += 1
            for block in range(blocks):
                transpose(
                    gram, (vectors + block) * LANES, system, right, block * LANES * LANES, LANES, 4 * LANES
                )
            for r in range(k, 4 * panels):  # rows past k in the last panel
                for p in range(4 * panels):
                    for t in range(LANES):
                        factor[_panel_start(panels - 1) + (4 * p + r % 4) * LANES + t] = 0
            for j in range(panels):
                factor_diagonal(factor, _panel_start(j), right, 4 * j, ridge, floor)
                for i in range(j + 1, panels):
                    factor_below(factor, _panel_start(i), _panel_start(j), 4 * j)
            for i in range(panels - 1, -1, -1):
                solve_back(factor, _panel_start(i), right, 4 * i)
            for t in range(k * LANES, width * LANES):
                right[t] = 0
            for block in range(blocks):
                transpose(
                    right, block * LANES * LANES, LANES, out, first * width + block * LANES, width, 4 * width
                )

    return solve, -(-(at_ridge + LANES) // 16) * 16


@njit(cache=True)
def _panel_start(panel):
    # element offset of panel `panel` (four rows) of the packed factor
    block = panel * 4 // LANES
    inside = (panel - block * (LANES // 4)) * 4 * LANES * (block + 1)
    return (LANES * block * (block + 1) // 2 * LANES + inside) * LANES
