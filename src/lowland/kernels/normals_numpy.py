"""The generator of `normals` in NumPy, for few numbers."""

from __future__ import annotations

import numpy as np

_F = np.float32
# masks of 32-bit words, multipliers of the counter, increments of the key
MASK, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


def row_normals(rows, width, iterations, key, first):
    """Return the normals of `normals.row_normals` for several iterations, which come first in their shape."""
    row = np.arange(first, first + rows, dtype=np.uint64)[:, None]
    number, key = np.arange(-(-width // 4), dtype=np.uint64), np.uint64(key)
    words = philox(row, number, iterations[:, None, None], np.uint64(0), key & MASK, key >> HALF)
    normals = _box_muller(np.stack(words[::2]), np.stack(words[1::2]))  # of the first pair and of the second
    return np.concatenate([normal[pair] for pair in range(2) for normal in normals], axis=2)[:, :, :width]


def philox(c0, c1, c2, c3, k0, k1):
    """Return four random 32-bit words of a counter of four and a key of two words.

    All are uint64 that hold 32 bits: Numba, which compiles this for `normals_vector`, widens products of
    uint32 anyway.
    """
    for _ in range(10):
        p0, p1 = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & MASK, (p0 >> HALF) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
    return np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)


def _box_muller(a, b):
    """Return two normals of two random words, with the operations of `normals_vector.box_muller`."""
    one, half = _F(1), _F(0.5)
    u = ((a >> np.uint32(9)).astype(np.float32) + half) * _F(2.0**-23)
    bits = u.view(np.int32)
    exponent = (bits - np.int32(0x3F3504F3)) >> np.int32(23)
    m = (bits - (exponent << np.int32(23))).view(np.float32)
    s = (m - one) / (m + one)
    q = s * s
    series = one + q * (_F(1 / 3) + q * (_F(0.2) + q * (_F(1 / 7) + q * _F(1 / 9))))
    log = exponent.astype(np.float32) * _F(0.6931471805599453) + _F(2) * s * series
    radius = np.sqrt(np.maximum(_F(-2) * log, _F(0)))
    x = ((b >> np.uint32(3)).astype(np.float32) * _F(2.0**-29) - half) * _F(1.5707963267948966)
    y = x * x
    sine = x * (one + y * (_F(-1 / 6) + y * (_F(1 / 120) - y * _F(1 / 5040))))
    cosine = one + y * (-half + y * (_F(1 / 24) + y * (_F(-1 / 720) + y * _F(1 / 40320))))
    cosine = np.where(b & np.uint32(2), cosine, -cosine)
    swap = (b & np.uint32(1)).astype(bool)
    return radius * np.where(swap, cosine, sine), radius * np.where(swap, sine, cosine)
