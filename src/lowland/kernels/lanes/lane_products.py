"""Sums of products of lane vectors, four sums at once in registers."""

from __future__ import annotations

from lowland.kernels.compiler import intrinsic
from lowland.kernels.lanes.llvm_simd import LANES, kernel


def emit_four(e, left, at_left, left_step, right, at_right, right_step, count, out, at_out):
    """Write out[c] = sum over i of left[i] right[i, c] for c = 0 .. 3, neighbouring lane vectors."""

    def body(i, sums):
        x = e.load(left, e.at(at_left, (i, left_step)))
        row = e.at(at_right, (i, right_step))
        return [e.fma(x, e.load(right, e.at(row, (c, LANES))), s) for c, s in enumerate(sums)]

    sums = e.loop(e.i(0), count, [e.constant(0.0)] * 4, body)
    for c, total in enumerate(sums):
        e.store(total, out, e.at(at_out, (c, LANES)))


@intrinsic
def multiply_four(typingctx, left, at_left, left_step, right, at_right, right_step, count, out, at_out):
    """Compile `emit_four`."""
    arguments = (left, at_left, left_step, right, at_right, right_step, count, out, at_out)
    return kernel(emit_four, (), arguments)
