"""Normals and uniforms of a chain's step: they depend on key, chain and step alone.

Normal c of step s of a chain that uses w normals per step is number s w + c of the chain's stream, four
numbers per counter, so neither blocks nor threads nor the number of steps per call changes a bit.
"""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.kernels.compiler import njit
from lowland.kernels.normals_numpy import HALF, MASK
from lowland.kernels.normals_vector import box_muller, philox

NORMAL_STREAM, UNIFORM_STREAM, START_STREAM = 0, 1, 2


def steps_together(width: int) -> int:
    """Return how many steps fill whole counters of four normals."""
    return 4 // gcd(4, width)


@njit(fastmath=True, error_model="numpy")
def fill_normals(out, ids, first, stream, key):
    """Write the normals from number `first`, a multiple of four, on: out[n, lane], n a multiple of four."""
    groups, lanes = out.shape[0] // 4, out.shape[1]
    k0, k1 = key & MASK, key >> HALF
    for q in range(groups):
        counter = np.uint64(first // 4 + q)
        low, high = counter & MASK, (counter >> HALF) | (np.uint64(stream) << np.uint64(24))
        for lane in range(lanes):
            a, b, c, d = philox(np.uint64(ids[lane]), low, high, np.uint64(0), k0, k1)
            out[4 * q, lane], out[4 * q + 1, lane] = box_muller(a, b)
            out[4 * q + 2, lane], out[4 * q + 3, lane] = box_muller(c, d)


@njit(error_model="numpy")
def uniform(chain, step, key):
    """Return the uniform number between 0 and 1 of a chain's step, with 53 bits."""
    low, high = (
        np.uint64(step) & MASK,
        (np.uint64(step) >> HALF) | (np.uint64(UNIFORM_STREAM) << np.uint64(24)),
    )
    a, b, _, _ = philox(np.uint64(chain), low, high, np.uint64(0), key & MASK, key >> HALF)
    bits = (np.uint64(a) << np.uint64(21)) ^ (np.uint64(b) >> np.uint64(11))
    return (np.float64(np.int64(bits)) + 0.5) * 2.0**-53


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _fill(out, ids, first, stream, key):
    fill_normals(out, ids, first, stream, key)


@njit(cache=True, nogil=True, error_model="numpy")
def _uniforms(out, ids, step, key):
    for lane in range(out.size):
        out[lane] = uniform(ids[lane], step, key)


def step_normals(
    ids: NDArray[np.uint32], step: int, width: int, key: int, stream: int = NORMAL_STREAM
) -> Matrix:
    """Return the normals of one step of some chains, shape (chains, width)."""
    first = step * width
    whole = 4 * (first // 4)
    rows = -(-(first + width - whole) // 4) * 4
    out = np.empty((rows, ids.size), np.float32)
    _fill(out, ids, whole, stream, np.uint64(key))
    return out[first - whole : first - whole + width].T.astype(float)


def start_velocities(ids: NDArray[np.uint32], dimension: int, beta: float, key: int) -> Matrix:
    """Return velocities of some chains from the invariant law, shape (chains, dimension)."""
    return np.asarray(step_normals(ids, 0, dimension, key, START_STREAM) / np.sqrt(beta))


def step_uniforms(ids: NDArray[np.uint32], step: int, key: int) -> Vector:
    """Return the uniform number of one step of some chains, shape (chains,)."""
    out = np.empty(ids.size)
    _uniforms(out, ids, step, np.uint64(key))
    return out
