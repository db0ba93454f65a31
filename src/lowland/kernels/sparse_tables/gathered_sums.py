"""Sums of multiples of gathered rows, the product of a sparse with a dense matrix, kept in registers."""

from __future__ import annotations

from functools import cache

import numpy as np

from lowland.core.arrays import Matrix
from lowland.kernels.compiler import intrinsic, njit
from lowland.kernels.lanes.llvm_simd import I64, LANES, kernel, literals
from lowland.kernels.threads import run_chunks

# vectors of sums that are kept at once; wider blocks take several passes
MOST_VECTORS = 8


def multiply_in_lanes(starts, indices, values, block, bounds):
    """Return the product of `sparse.multiply_rows` for real numbers and 32-bit indices; None: ones."""
    padded = pad_columns(block)
    width, weighted = padded.shape[1], int(values is not None)
    values = padded[:0, 0] if values is None else values
    out = np.empty((starts.size - 1, width), block.dtype)
    for first in range(0, width, MOST_VECTORS * LANES):
        multiply = make_multiply(min(MOST_VECTORS, (width - first) // LANES), width, weighted)
        run_chunks(
            lambda lo, hi, first=first, multiply=multiply: multiply(
                starts, indices, values, padded, first, out, lo, hi
            ),
            bounds,
        )
    return np.ascontiguousarray(out[:, : block.shape[1]])


def pad_columns(block: Matrix) -> Matrix:
    """Return a copy whose number of columns is a multiple of `LANES`, padded with zeros."""
    width = -(-block.shape[1] // LANES) * LANES
    return np.pad(block, ((0, 0), (0, width - block.shape[1])))


def emit_sums(e, vectors, width, weighted, block, index, value, low, high, at_block, out, at_out):
    """Write out = sum of value_j block[index_j] over j = low .. high - 1, `vectors` lane vectors of it.

    Without weights all values are one. Products are rounded before they are added, as everywhere in `sparse`.
    """
    b = e.b

    def body(j, sums):
        at = b.add(at_block, b.mul(b.sext(b.load(b.gep(index, [j])), I64), e.i(width)))
        terms = [e.load(block, e.at(at, (c, LANES))) for c in range(len(sums))]
        if weighted:
            v = e.broadcast(value, j)
            terms = [b.fmul(v, term) for term in terms]
        return [b.fadd(total, term) for total, term in zip(sums, terms, strict=True)]

    sums = e.loop(low, high, [e.constant(0.0)] * vectors, body)
    for c, total in enumerate(sums):
        e.store(total, out, e.at(at_out, (c, LANES)))


@intrinsic(prefer_literal=True)
def add_rows(typingctx, vectors, width, weighted, block, index, value, low, high, at_block, out, at_out):
    """Compile `emit_sums` for literal numbers of vectors and columns, with or without weights."""
    constants = literals(vectors, width, weighted)
    if constants is None:
        return None
    return kernel(emit_sums, constants, (block, index, value, low, high, at_block, out, at_out))


@cache
def make_multiply(vectors, width, weighted):
    """Return the compiled product with `vectors` lane vectors of a block of `width` columns.

    It takes starts, 32-bit indices, values, block, first column, output and a range of rows.
    """
    # the closure holds integers only: they are compile-time constants, and Numba can cache the code

    @njit(nogil=True, cache=True, error_model="numpy")
    def multiply(starts, indices, values, block, first, out, low, high):
        for i in range(low, high):
            begin, end, at = starts[i], starts[i + 1], i * width + first
            add_rows(vectors, width, weighted, block, indices, values, begin, end, first, out, at)

    return multiply
