"""The generator of `normals` in NumPy, for few numbers."""

from __future__ import annotations

import numpy as np

from lowland.kernels.normals import HALF, M0, M1, MASK, W0, W1

_F = np.float32


def row_normals(rows, width, iterations, key, first):
    """Return the normals of `normals.row_normals` for several iterations, which come first in their shape."""
    row = np.arange(first, first + rows, dtype=np.uint64)[:, None]
    number = np.arange(-(-width // 4), dtype=np.uint64)
    words = np.stack(_philox(row, number, iterations[:, None, None], np.uint64(0), int(key)))
    normals = _box_muller(words[::2], words[1::2])  # of the first pair and of the second
    return np.concatenate([normal[pair] for pair in range(2) for normal in normals], axis=2)[:, :, :width]


def _philox(c0, c1, c2, c3, key):
    """Return four random 32-bit words of counters, as `normals_vector.philox`."""
    k0, k1 = key & int(MASK), key >> int(HALF)
    for _ in range(10):
        p0, p1 = M0 * c0, M1 * c2
        own0, own1 = np.uint64(k0), np.uint64(k1)
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ own0, p1 & MASK, (p0 >> HALF) ^ c3 ^ own1, p0 & MASK
        k0, k1 = (k0 + int(W0)) & int(MASK), (k1 + int(W1)) & int(MASK)
    return [word.astype(np.uint32) for word in np.broadcast_arrays(c0, c1, c2, c3)]


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
