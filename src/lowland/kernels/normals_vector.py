"""The generator of `normals` compiled, for many numbers and inside the row kernel."""

from __future__ import annotations

import numpy as np

from lowland.kernels import normals_numpy
from lowland.kernels.compiler import njit
from lowland.kernels.lanes.llvm_simd import LANES
from lowland.kernels.normals_numpy import HALF, MASK

_F = np.float32


# too long for LLVM to inline unasked
philox = njit(forceinline=True, error_model="numpy")(normals_numpy.philox)


@njit(forceinline=True, error_model="numpy")
def box_muller(a, b):
    """Return two normals of two random 32-bit words; selects instead of branches, no library calls."""
    one, half = _F(1), _F(0.5)
    u = (_F(np.int32(a >> np.uint32(9))) + half) * _F(2.0**-23)
    bits = _F(u).view(np.int32)  # log u = exponent log 2 + log m with m between sqrt(1/2) and sqrt(2)
    exponent = np.int32(np.int32(bits - np.int32(0x3F3504F3)) >> np.int32(23))
    m = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32)
    s = (m - one) / (m + one)
    q = s * s
    series = one + q * (_F(1 / 3) + q * (_F(0.2) + q * (_F(1 / 7) + q * _F(1 / 9))))
    log = _F(exponent) * _F(0.6931471805599453) + _F(2) * s * series
    radius = np.sqrt(max(_F(-2) * log, _F(0)))
    # an angle between -pi/4 and pi/4 from the high bits, the quarter turn from the two low ones
    x = (_F(np.int32(b >> np.uint32(3))) * _F(2.0**-29) - half) * _F(1.5707963267948966)
    y = x * x
    sine = x * (one + y * (_F(-1 / 6) + y * (_F(1 / 120) - y * _F(1 / 5040))))
    cosine = one + y * (-half + y * (_F(1 / 24) + y * (_F(-1 / 720) + y * _F(1 / 40320))))
    cosine = cosine if b & np.uint32(2) else -cosine
    swap = b & np.uint32(1)
    return radius * (cosine if swap else sine), radius * (sine if swap else cosine)


@njit(cache=True, nogil=True, error_model="numpy")
def fill_lanes(out, groups, first, iteration, key):
    """Write normals of `LANES` rows from `first`: number c of a row at c LANES + lane, c = q groups + g.

    `out` holds 4 groups LANES numbers; q counts the four normals of one counter.
    """
    n = groups * LANES
    for t in range(n):
        a, b, c, d = philox(
            np.uint64(first + (t & (LANES - 1))),
            np.uint64(t // LANES),
            np.uint64(iteration),
            np.uint64(0),
            np.uint64(key) & MASK,
            np.uint64(key) >> HALF,
        )
        out[t], out[n + t] = box_muller(a, b)
        out[2 * n + t], out[3 * n + t] = box_muller(c, d)


@njit(cache=True, nogil=True, error_model="numpy")
def fill_rows(out, groups, iteration, key, row):
    """Write the normals of `normals.row_normals`."""
    count, width = out.shape
    lanes = np.empty(4 * groups * LANES, np.float32)
    for first in range(0, count, LANES):
        fill_lanes(lanes, groups, row + first, iteration, key)
        for lane in range(min(LANES, count - first)):
            for c in range(width):
                out[first + lane, c] = lanes[c * LANES + lane]
