"""`LANES` packed systems at once: into lanes, factored, solved, inverted, and back into rows.

A packed system (see `gram_microkernel`) is a symmetric k x k matrix and a right-hand side. In lanes the
factor L lies in panels (see `lane_cholesky`), a right-hand side as ``right[c * LANES + lane]``.
"""

from __future__ import annotations

import numpy as np

from lowland.kernels.compiler import njit
from lowland.kernels.lanes.gram_microkernel import layout
from lowland.kernels.lanes.lane_cholesky import factor_below, factor_diagonal, solve_back, transpose
from lowland.kernels.lanes.lane_products import multiply_four
from lowland.kernels.lanes.llvm_simd import LANES


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


def factor_length(k):
    """Return how many numbers the factors of `LANES` systems occupy."""
    blocks = layout(k)[0]
    return LANES * LANES * blocks * (blocks + 1) // 2 * LANES


@njit(cache=True)
def panel_start(panel):
    """Return the element offset of a panel (four rows) of the factor."""
    block = panel * 4 // LANES
    inside = (panel - block * (LANES // 4)) * 4 * LANES * (block + 1)
    return (LANES * block * (block + 1) // 2 * LANES + inside) * LANES


@njit(cache=True, nogil=True, error_model="numpy")
def load_systems(k, gram, system, factor, right):
    """Transpose `LANES` packed systems, `system` numbers apart, into the factor's place and `right`."""
    blocks, full, panels = -(-k // LANES), k // LANES, -(-k // 4)
    vectors = system // LANES - blocks
    q = 0
    for block in range(full):
        for c in range(LANES * (block + 1)):
            to = panel_start(block * LANES // 4) + c * 4 * LANES
            transpose(gram, q * LANES, system, factor, to, LANES, 4 * LANES * (block + 1) * LANES)
            q += 1
    for c in range(full * LANES, k):  # columns of the tail become rows of L
        for block in range(full):
            to = panel_start(c // 4) + (4 * block * LANES + c % 4) * LANES
            transpose(gram, q * LANES, system, factor, to, 4 * LANES, 16 * LANES)
            q += 1
        to = panel_start(full * LANES // 4) + c * 4 * LANES
        transpose(gram, q * LANES, system, factor, to, LANES, 4 * LANES * blocks * LANES)
        q += 1
    for block in range(blocks):
        transpose(gram, (vectors + block) * LANES, system, right, block * LANES * LANES, LANES, 4 * LANES)
    for r in range(k, 4 * panels):  # rows past k in the last panel
        for p in range(4 * panels):
            for t in range(LANES):
                factor[panel_start(panels - 1) + (4 * p + r % 4) * LANES + t] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def factor_systems(k, factor, right, ridge, floor):
    """Replace systems by their Cholesky factors (reciprocals on the diagonal), right by L^-1 right."""
    panels = -(-k // 4)
    for j in range(panels):
        factor_diagonal(factor, panel_start(j), right, 4 * j, ridge, floor)
        for i in range(j + 1, panels):
            factor_below(factor, panel_start(i), panel_start(j), 4 * j)


@njit(cache=True, nogil=True, error_model="numpy")
def solve_systems(k, factor, right):
    """Replace right by L^-T right."""
    for i in range(-(-k // 4) - 1, -1, -1):
        solve_back(factor, panel_start(i), right, 4 * i)


@njit(cache=True, nogil=True, error_model="numpy")
def store_rows(k, right, out, first):
    """Write the solutions as rows first .. first + LANES of a padded array."""
    blocks = -(-k // LANES)
    width = blocks * LANES
    for t in range(k * LANES, width * LANES):
        right[t] = 0
    for block in range(blocks):
        transpose(right, block * LANES * LANES, LANES, out, first * width + block * LANES, width, 4 * width)


@njit(cache=True, nogil=True, error_model="numpy")
def invert_systems(k, factor, inverse, product):
    """Write L^-T L^-1 into `product`: entry (a, b), b <= a, at (a w + b) LANES, w = k up to four.

    `inverse` and `product` hold w^2 LANES numbers each.
    """
    w = 4 * (-(-k // 4))
    for t in range(w * w * LANES):
        inverse[t] = 0
    for r in range(k):  # row r of L^-1 from the rows above it
        row = panel_start(r // 4) + r % 4 * LANES
        for c in range(0, r, 4):
            to = (r * w + c) * LANES
            multiply_four(
                factor,
                row + c * 4 * LANES,
                4 * LANES,
                inverse,
                (c * w + c) * LANES,
                w * LANES,
                r - c,
                inverse,
                to,
            )
        diagonal = row + r * 4 * LANES
        for c in range(r):
            for t in range(LANES):
                inverse[(r * w + c) * LANES + t] *= -factor[diagonal + t]
        for t in range(LANES):
            inverse[(r * w + r) * LANES + t] = factor[diagonal + t]
        for c in range(r + 1, w):  # the last product may have run over the diagonal
            for t in range(LANES):
                inverse[(r * w + c) * LANES + t] = 0
    for a in range(k):
        for b in range(0, a + 1, 4):
            start = a * w * LANES
            multiply_four(
                inverse,
                start + a * LANES,
                w * LANES,
                inverse,
                start + b * LANES,
                w * LANES,
                k - a,
                product,
                (a * w + b) * LANES,
            )
