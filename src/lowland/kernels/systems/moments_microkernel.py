"""Sums of packed second moments of gathered rows, in registers.

A packed moment has the form of a packed system (see `gram_microkernel`): the triangle of E[x x^T], then
minus the covariances of x with the bias. It is added vector by vector, as many vectors at once as
fit the registers, each set running over all ratings of a row.
"""

from __future__ import annotations

from lowland.kernels.compiler import intrinsic
from lowland.kernels.lanes.gram_microkernel import layout
from lowland.kernels.lanes.llvm_simd import ACCUMULATORS, I64, LANES, kernel, literals


def emit_moments(e, k, weighted, packed, design, bias, index, value, weight, low, high, target, at):
    """Add w packed_i, and w (value - bias_i) design_i to its right-hand side, over ratings low..high."""
    b = e.b
    blocks, width, vectors = layout(k)
    system = (vectors + blocks) * LANES
    for first in range(0, vectors + blocks, ACCUMULATORS):
        places = range(first, min(first + ACCUMULATORS, vectors + blocks))

        def body(j, sums, places=places):
            i = b.sext(b.load(b.gep(index, [j])), I64)
            moment, factors = b.gep(packed, [b.mul(i, e.i(system))]), b.gep(design, [b.mul(i, e.i(width))])
            scale = e.broadcast(weight, j) if weighted else None
            new, reach = [], None
            for place, total in zip(places, sums, strict=True):
                term = e.load(moment, e.i(place * LANES))
                if place >= vectors:
                    if reach is None:
                        reach = b.fsub(e.broadcast(value, j), e.broadcast(bias, i))
                    term = e.fma(reach, e.load(factors, e.i((place - vectors) * LANES)), term)
                new.append(e.fma(scale, term, total) if weighted else b.fadd(term, total))
            return new

        starts = [e.load(target, e.at(at, (1, place * LANES))) for place in places]
        for place, total in zip(places, e.loop(low, high, starts, body), strict=True):
            e.store(total, target, e.at(at, (1, place * LANES)))


@intrinsic(prefer_literal=True)
def add_moments(typingctx, k, weighted, packed, design, bias, index, value, weight, low, high, target, at):
    """Compile `emit_moments` for literal k and weighted."""
    constants = literals(k, weighted)
    if constants is None:
        return None
    return kernel(
        emit_moments, constants, (packed, design, bias, index, value, weight, low, high, target, at)
    )
