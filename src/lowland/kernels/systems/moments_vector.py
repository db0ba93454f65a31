"""The moment kernel in vector form: packed second moments are summed, then solved in lanes.

A packed moment is far longer than a factor row, so the sums are bound by the cache. A batch of rows
therefore processes the other side tile by tile: the moments of a tile stay in the second-level cache
while all rows of the batch add theirs. Every row still adds in ascending order of its partners.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from lowland.kernels.compiler import njit
from lowland.kernels.lanes.gram_microkernel import layout, plan_tiles, position
from lowland.kernels.lanes.lane_systems import (
    aligned,
    factor_length,
    factor_systems,
    invert_systems,
    load_systems,
    solve_systems,
    store_rows,
)
from lowland.kernels.lanes.llvm_simd import LANES
from lowland.kernels.systems.moments_microkernel import add_moments
from lowland.kernels.systems.rows_vector import pack_base
from lowland.kernels.threads import balanced_bounds, even_bounds, run_chunks

# bytes of packed moments, and of systems in progress, that fit into the second-level cache together
TILE, BATCH, VISIT = 1 << 19, 1 << 20, 6


def row_moments(partner, biased, starts, indices, values, weights, precision, shift, tolerance, out, derived):
    """Solve every row's expected normal equations; the vector form of `moments.row_moments`."""
    means, covariances, logs, explained, squares = out
    (count, k), dtype = means.shape, means.dtype
    width = layout(k)[1]
    solve, scratch_size, batch = _make_solver(k, dtype.itemsize, weights is not None)
    blocks, design, bias, spread = _packed(partner, derived, biased)
    base = pack_base(precision, np.zeros(k, dtype))
    result = aligned((-(-count // LANES) * LANES, width), dtype)
    weight = values if weights is None else weights
    ridge, floor = np.zeros(LANES, dtype), np.full(LANES, tolerance, dtype)
    side = 4 * -(-k // 4)
    # a row needs some entries in a tile, or returning to it costs more than the cache saves
    per_tile = VISIT * blocks.shape[0] * max(count, 1) // max(values.size, 1)
    tile = max(LANES, TILE // blocks.strides[0], per_tile)

    def chunk(low, high):
        scratch, square = aligned(scratch_size, dtype), np.empty((2, side * side * LANES), dtype)
        data = (
            blocks,
            design,
            bias,
            spread,
            starts,
            indices,
            values,
            weight,
            base,
            shift,
            ridge,
            floor,
            tile,
        )
        solve(*data, result, covariances, logs, explained, squares, scratch, square[0], square[1], low, high)

    run_chunks(chunk, balanced_bounds(starts, 4 + k // 2, batch))
    means[:] = result[:count, :k]


@cache
def _places(k, free):
    """Return (row, column, packed lower position or -1) of every number of a packed matrix."""
    vectors = layout(k)[2]
    table = np.full((3, vectors * LANES), -1, np.int32)
    for pairs, _ in plan_tiles(k):
        for block, column in pairs:
            for lane in range(LANES):
                row = block * LANES + lane
                if row < k:
                    low, high = min(row, column), max(row, column)
                    packed = high * (high + 1) // 2 + low if high < free else -1
                    table[:, position(k, block, column) * LANES + lane] = row, column, packed
    return table


def _packed(partner, derived, biased):
    """Return the packed partner, which is kept where there is a place for it."""
    if derived is None:
        return _pack_partner(partner, biased)
    key = (partner[0].dtype.str, biased)
    if key not in derived:
        derived[key] = _pack_partner(partner, biased)
    return derived[key]


def _pack_partner(partner, biased):
    """Return packed moments (see `moments_microkernel`), designs, biases and their variances."""
    means, covariances = partner
    n, k = means.shape
    dtype, free = means.dtype, k - biased
    blocks, width, vectors = layout(k)
    design = aligned((n, width), dtype)
    design[:, :k] = means
    packed = aligned((n, (vectors + blocks) * LANES), dtype)
    bias, spread = np.zeros(n, dtype), np.zeros(n, dtype)
    if biased:
        design[:, free] = 1
        bias[:], spread[:] = means[:, free], covariances[:, -1]
    places = _places(k, free)
    run_chunks(
        lambda low, high: _pack(
            design, covariances, places, vectors * LANES, free, biased, packed, low, high
        ),
        even_bounds(n, n * vectors * LANES),
    )
    return packed, design, bias, spread


@njit(cache=True, nogil=True, error_model="numpy")
def _pack(design, covariances, places, length, free, biased, packed, low, high):
    rows, columns, lower = places[0], places[1], places[2]
    last = free * (free + 1) // 2
    for j in range(low, high):
        for t in range(length):
            if rows[t] >= 0:
                value = design[j, rows[t]] * design[j, columns[t]]
                if lower[t] >= 0:
                    value += covariances[j, lower[t]]
                packed[j, t] = value
        if biased:
            for c in range(free):
                packed[j, length + c] = -covariances[j, last + c]


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_squares(bias, spread, indices, values, weights, weighted, begin, end):
    total = 0.0
    for j in range(begin, end):
        i = indices[j]
        v = values[j] - bias[i]
        square = np.float64(v * v + spread[i])
        total += weights[j] * square if weighted else square
    return total


@cache
def _make_solver(k, item_bytes, weighted):
    # the closure holds integers only: they are compile-time constants, and Numba can cache the code
    blocks, width, vectors = layout(k)
    system, weighted = (vectors + blocks) * LANES, int(weighted)
    batch = max(1, BATCH // (system * item_bytes * LANES)) * LANES
    at_factor = batch * system
    at_right = at_factor + factor_length(k)
    end_right = at_right + width * LANES

    @njit(nogil=True, cache=True, error_model="numpy")
    def solve(
        packed, design, bias, spread, starts, indices, values, weights, base, shifts, ridge, floor, tile,
        means, covariances, logs, explained, squares, scratch, inverse, product, low, high,
    ):  # fmt: skip
        rows, partners = starts.size - 1, packed.shape[0]
        gram, factor, right = scratch[:at_factor], scratch[at_factor:at_right], scratch[at_right:end_right]
        at = np.empty(batch, np.int64)
        for lot in range(low, high, batch):
            size = min(batch, high - lot)
            for i in range(size):
                block = gram[i * system : (i + 1) * system]
                for t in range(system):  # an assignment of arrays would take seconds to compile
                    block[t] = base[t]
                for c in range(k):
                    block[vectors * LANES + c] += shifts[lot + i, c]
                begin, end = starts[lot + i], starts[lot + i + 1]
                at[i] = begin
                squares[lot + i] = _sum_squares(bias, spread, indices, values, weights, weighted, begin, end)
            for upper in range(tile, partners + tile, tile):
                for i in range(size):
                    begin, end = at[i], starts[lot + i + 1]
                    stop = begin
                    while stop < end and indices[stop] < upper:
                        stop += 1
                    add_moments(
                        k,
                        weighted,
                        packed,
                        design,
                        bias,
                        indices,
                        values,
                        weights,
                        begin,
                        stop,
                        gram,
                        i * system,
                    )
                    at[i] = stop
            for first in range(lot, lot + size, LANES):
                count = min(LANES, rows - first)
                block = gram[(first - lot) * system : (first - lot + LANES) * system]
                _finish(
                    k,
                    block,
                    system,
                    factor,
                    right,
                    ridge,
                    floor,
                    inverse,
                    product,
                    first,
                    count,
                    logs,
                    explained,
                    covariances,
                )
                solve_systems(k, factor, right)
                store_rows(k, right, means, first)

    return solve, -(-end_right // 16) * 16, batch


@njit(cache=True, nogil=True, error_model="numpy")
def _finish(
    k, gram, system, factor, right, ridge, floor, inverse, product, first, count, logs, explained, covariances
):
    """Factor and invert the systems of one load of lanes; right becomes L^-1 right."""
    side = 4 * -(-k // 4)
    load_systems(k, gram, system, factor, right)
    factor_systems(k, factor, right, ridge, floor)
    invert_systems(k, factor, inverse, product)
    for i in range(count):
        square, pivots = 0.0, 1.0
        for c in range(k):
            square += np.float64(right[c * LANES + i]) ** 2
            pivots *= np.float64(inverse[(c * side + c) * LANES + i])
        explained[first + i], logs[first + i] = square, -2 * np.log(pivots)
        at = 0
        for a in range(k):
            for b in range(a + 1):
                covariances[first + i, at] = product[(a * side + b) * LANES + i]
                at += 1
