"""Which absent cells of a tensor are in slices without known cells, or in runs that chance hardly leaves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix

Mask = NDArray[np.bool_]

# more runs than chance leaves: so many standard deviations
BEYOND = 2.0


def in_empty_slices(known: Mask) -> Mask:
    """Return the cells of all slices in which no cell is known."""
    found = np.zeros(known.shape, dtype=bool)
    for mode, length in enumerate(known.shape):
        for place in range(length):
            if not np.take(known, place, mode).any():
                found[(slice(None),) * mode + (place,)] = True
    return found


def run_lengths(known: Mask, mode: int) -> NDArray[np.intp]:
    """Return the length of the run that each absent cell is in along a mode, 0 for known cells."""
    lines = np.moveaxis(known, mode, -1)
    lengths = np.zeros(lines.shape, dtype=np.intp)
    for at in np.ndindex(lines.shape[:-1]):
        walls = np.flatnonzero(np.concatenate([[True], lines[at], [True]]))
        for left, right in pairwise(walls.tolist()):
            lengths[at][left : right - 1] = right - left - 1
    return np.moveaxis(lengths, -1, mode)


def in_unlikely_runs(known: Mask) -> Mask:
    """Return the absent cells in empty fibres, or in runs of which independent cells leave fewer."""
    found = np.zeros(known.shape, dtype=bool)
    chances = _chances(known)
    for mode in range(known.ndim):
        longest = _longest(
            np.moveaxis(known, mode, -1).reshape(-1, known.shape[mode]),
            np.moveaxis(chances, mode, -1).reshape(-1, known.shape[mode]),
        )
        found |= run_lengths(known, mode) > longest
    return found


def _chances(known: Mask) -> Matrix:
    """Return the product of the shares missing in a cell's slices, over the average; 1 in empty slices."""
    empty = in_empty_slices(known)
    inside = ~empty
    absent = ~known & inside
    average = max(float(absent.sum()) / max(int(inside.sum()), 1), 1e-9)
    product = np.full(known.shape, average)
    for mode in range(known.ndim):
        others = tuple(k for k in range(known.ndim) if k != mode)
        sizes = np.maximum(inside.sum(axis=others), 1)
        shape = [1] * known.ndim
        shape[mode] = -1
        product = product * (absent.sum(axis=others) / sizes / average).reshape(shape)
    return np.where(empty, 1.0, np.clip(product, 1e-9, 1.0))


def _longest(known: Mask, chances: Matrix) -> int:
    """Return the longest run along lines that chance explains."""
    length = known.shape[1]
    share = float(chances.mean())
    for least in range(2, length):
        windows = np.lib.stride_tricks.sliding_window_view(~known, least, axis=1).all(axis=2).sum()
        expected = np.lib.stride_tricks.sliding_window_view(chances, least, axis=1).prod(axis=2).sum()
        both = share**least
        variance = 1 - both + 2 * sum(share**k - both for k in range(1, least))
        if windows > expected + BEYOND * np.sqrt(expected * max(variance, 0.0)):
            return least - 1
    return max(int(length) - 1, 1)
