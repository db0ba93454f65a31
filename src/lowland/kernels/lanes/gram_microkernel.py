"""Gram matrices of gathered factor rows, summed in registers.

The lower triangle of G = base + sum_j w_j y_j y_j^T is kept as vectors of `LANES` rows of one
column and cut into tiles that fit the registers. A tile runs over all ratings of a row: one load
per row block, one broadcast per column, one fused multiply-add per pair, straight from the gathered row.
"""

from __future__ import annotations

from functools import cache

from lowland.kernels.compiler import intrinsic
from lowland.kernels.lanes.llvm_simd import ACCUMULATORS, I64, LANES, kernel, literals


@cache
def layout(k):
    """Return (row blocks, padded width, vectors of the triangle) of k columns.

    Full row blocks hold `LANES` rows of the columns up to their end. The last k % LANES rows
    are kept as columns instead (G is symmetric), so that nothing is computed on padding.
    """
    blocks, full = -(-k // LANES), k // LANES
    return blocks, blocks * LANES, LANES * full * (full + 1) // 2 + (k - full * LANES) * blocks


def position(k, block, column):
    """Return which vector of the packed triangle holds rows of `block` in `column`."""
    blocks, full = -(-k // LANES), k // LANES
    if column < full * LANES:
        return LANES * block * (block + 1) // 2 + column
    return LANES * full * (full + 1) // 2 + (column - full * LANES) * blocks + block


@cache
def plan_tiles(k):
    """Cut the triangle into tiles: a list of (pairs (row block, column), right-hand-side blocks)."""
    blocks, full = -(-k // LANES), k // LANES
    group = LANES
    units = [
        [(block, c) for c in range(first, first + group)]
        for first in range(0, full * LANES, group)
        for block in range(first // LANES, full)
    ]
    units += [
        [(block, c) for c in range(first, min(first + group, k))]
        for first in range(full * LANES, k, group)
        for block in range(blocks)
    ]
    tiles = [([], [])]
    for unit in units:
        if tiles[-1][0] and len(tiles[-1][0]) + len(unit) > max(ACCUMULATORS, group):
            tiles.append(([], []))
        tiles[-1][0].extend(unit)
    for pairs, _ in tiles:
        pairs.sort(key=lambda pair: pair[::-1])  # column by column: one broadcast serves all blocks
    for block in range(blocks):  # a right-hand-side block joins the smallest tile that loads its rows
        fitting = (tile for tile in tiles if any(b == block for b, _ in tile[0]))
        min(fitting, key=lambda tile: len(tile[0]) + len(tile[1]))[1].append(block)
    return tiles


def emit_gram(e, k, weighted, y, index, value, weight, low, high, source, at_source, target, at_target):
    """Write target = source + sums of w y y^T and w v y over ratings low..high."""
    b = e.b
    _, width, vectors = layout(k)
    for pairs, right_blocks in plan_tiles(k):
        places = [position(k, *pair) * LANES for pair in pairs]
        places += [(vectors + block) * LANES for block in right_blocks]
        needed = sorted({block for block, _ in pairs})

        def body(j, sums, pairs=pairs, right_blocks=right_blocks, needed=needed):
            row = b.gep(y, [b.mul(b.sext(b.load(b.gep(index, [j])), I64), e.i(width))])
            loaded = {block: e.load(row, e.i(block * LANES)) for block in needed}
            if weighted:
                w = e.broadcast(weight, j)
                loaded = {block: b.fmul(w, vector) for block, vector in loaded.items()}
            new, last, entry = [], None, None
            for (block, column), total in zip(pairs, sums[: len(pairs)], strict=True):
                if column != last:
                    entry, last = e.broadcast(row, e.i(column)), column
                new.append(e.fma(loaded[block], entry, total))
            if right_blocks:
                v = e.broadcast(value, j)
                new += [e.fma(loaded[r], v, s) for r, s in zip(right_blocks, sums[len(pairs) :], strict=True)]
            return new

        sums = e.loop(low, high, [e.load(source, e.at(at_source, (1, p))) for p in places], body)
        for total, place in zip(sums, places, strict=True):
            e.store(total, target, e.at(at_target, (1, place)))


@intrinsic(prefer_literal=True)
def add_gram(
    typingctx, k, weighted, y, index, value, weight, low, high, source, at_source, target, at_target
):
    """Compile `emit_gram` for literal k and weighted."""
    constants = literals(k, weighted)
    if constants is None:
        return None
    arguments = (y, index, value, weight, low, high, source, at_source, target, at_target)
    return kernel(emit_gram, constants, arguments)
