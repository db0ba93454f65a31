"""Sums over Pauli words by bit tricks and fast Walsh-Hadamard transforms.

A word with flip mask x and sign mask z has one entry per row: P[i, i ^ x] = phase * (-1)^|i & z|. Words
with the same flip differ only in signs, and one transform of length n gives the sums of all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.kernels.compiled import compiled
from lowland.kernels.threads import even_bounds, run_chunks


def flipped_sums(
    left: Matrix, right: Matrix, flips: NDArray[np.int64], starts: NDArray[np.int64], signs: NDArray[np.int64]
) -> Matrix:
    """Return sum_i (-1)^|i & z| (left right^H)[i, i ^ x] for every word.

    Parameters
    ----------
    left, right : ndarray of complex128, shape (n, w), n a power of two
    flips : ndarray of int64, shape (g,)
        Flip masks, each once.
    starts : ndarray of int64, shape (g + 1,)
        Where the words of each flip begin.
    signs : ndarray of int64, shape (p,)
        Sign mask of each word.

    Returns
    -------
    ndarray of complex128, shape (p,)
    """
    out = np.empty(signs.size, np.complex128)
    left, right = np.ascontiguousarray(left, np.complex128), np.ascontiguousarray(right, np.complex128)
    bounds = even_bounds(flips.size, flips.size * left.size)
    run_chunks(lambda lo, hi: _sums(left, right, flips, starts, signs, out, lo, hi), bounds)
    return out


def flipped_rows(
    weights: Matrix, flips: NDArray[np.int64], starts: NDArray[np.int64], signs: NDArray[np.int64], side: int
) -> Matrix:
    """Return D[g, i] = sum over the words of flip g of weights_k (-1)^|i & z_k|, shape (g, side)."""
    out = np.zeros((flips.size, side), np.complex128)
    weights = np.ascontiguousarray(weights, np.complex128)
    bounds = even_bounds(flips.size, flips.size * side * 8)
    run_chunks(lambda lo, hi: _spread(weights, starts, signs, out, lo, hi), bounds)
    return out


def multiply_flipped(rows: Matrix, flips: NDArray[np.int64], block: Matrix) -> Matrix:
    """Return sum_g rows[g, i] block[i ^ flips[g]], shape (n, w)."""
    block = np.ascontiguousarray(block, np.complex128)
    out = np.zeros((rows.shape[1], block.shape[1]), np.complex128)
    bounds = even_bounds(out.shape[0], rows.size * block.shape[1])
    run_chunks(lambda lo, hi: _multiply(rows, flips, block, out, lo, hi), bounds)
    return out


@compiled()
def _transform(values):
    """Walsh-Hadamard transform in place: values[z] <- sum_i (-1)^|i & z| values[i]."""
    half, n = 1, values.size
    while half < n:
        for low in range(0, n, 2 * half):
            for i in range(low, low + half):
                a, b = values[i], values[i + half]
                values[i] = a + b
                values[i + half] = a - b
        half *= 2


@compiled(fastmath={"contract"})
def _sums(left, right, flips, starts, signs, out, low, high):
    n, width = left.shape
    values = np.empty(n, np.complex128)
    for g in range(low, high):
        flip = flips[g]
        for i in range(n):
            total = left[i, 0] * np.conj(right[i ^ flip, 0])
            for c in range(1, width):
                total += left[i, c] * np.conj(right[i ^ flip, c])
            values[i] = total
        _transform(values)
        for k in range(starts[g], starts[g + 1]):
            out[k] = values[signs[k]]


@compiled()
def _spread(weights, starts, signs, out, low, high):
    for g in range(low, high):
        for k in range(starts[g], starts[g + 1]):
            out[g, signs[k]] += weights[k]
        _transform(out[g])


@compiled(fastmath={"contract"})
def _multiply(rows, flips, block, out, low, high):
    width = block.shape[1]
    for g in range(flips.size):
        flip = flips[g]
        for i in range(low, high):
            value, j = rows[g, i], i ^ flip
            for c in range(width):
                out[i, c] += value * block[j, c]
