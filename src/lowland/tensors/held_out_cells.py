"""Cells held out of a tensor as cells are missing: single ones, and whole slices where slices are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.errors import InvalidInputError
from lowland.tensors.known_cells import KnownCells

# share of the cells that is held out one by one, and at most
HELD_OUT, MOST_HELD_OUT = 0.1, 20_000
# at most this share of a mode's known slices is held out as a whole
MOST_SLICES = 0.34


@final
@dataclass(frozen=True, eq=False)
class HeldOut:
    """Cells held out.

    Parameters
    ----------
    part : KnownCells
        The tensor without them.
    positions : ndarray of int, shape (k, N)
    values : ndarray, shape (k,)
    slices : ndarray of int, shape (k,)
        The number of the slice that is held out as a whole, counted from zero; -1 for single cells.
    """

    part: KnownCells
    positions: NDArray[np.int64]
    values: Vector
    slices: Indices


def hold_out(data: KnownCells, ordered: Collection[int], rng: np.random.Generator) -> HeldOut:
    """Hold out cells, every slice that has some keeping one, and whole slices where slices are missing.

    Parameters
    ----------
    data : KnownCells
    ordered : collection of int
        Modes in which whole slices may be missing.
    rng : numpy.random.Generator

    Raises
    ------
    InvalidInputError
        If no cell can be held out.
    """
    known = data.slice_counts()
    slices = {mode: _hidden_slices(known[mode] > 0, rng) for mode in sorted(ordered)}
    places, positions = _single_cells(data, known, rng)
    if any(own.size for own in slices.values()):
        everything, _ = data.cells(np.arange(data.size))
        number, count = np.full(data.size, -1), 0
        for mode, own in slices.items():
            for place in own:
                number[everything[:, mode] == place] = count
                count += 1
        gone = number >= 0
        places = np.union1d(places[~gone[places]], np.flatnonzero(gone))
        positions, numbers = everything[places], number[places]
    else:
        numbers = np.full(places.size, -1)
    if not places.size:
        raise InvalidInputError(
            "no cell can be held out", f"{data.size} known cells", "every slice needs one", "pass more data"
        )
    return HeldOut(data.without(places), positions, data.cells(places)[1], numbers)


def _single_cells(
    data: KnownCells, known: list[Indices], rng: np.random.Generator
) -> tuple[Indices, NDArray[np.int64]]:
    """Return places of cells chosen at random, ascending, and their positions."""
    count = min(max(int(HELD_OUT * data.size), 1), MOST_HELD_OUT)
    places = np.sort(rng.choice(data.size, count, replace=False))
    positions, _ = data.cells(places)
    for mode, own in enumerate(known):
        left = own - np.bincount(positions[:, mode], minlength=own.size)
        some = left[positions[:, mode]] > 0
        places, positions = places[some], positions[some]
    return places, positions


def _hidden_slices(seen: NDArray[np.bool_], rng: np.random.Generator) -> Indices:
    """Return slices to hide, as slices are missing: for each run one as long, at the end before it."""
    bounds = np.flatnonzero(np.diff(np.concatenate([[True], seen, [True]]).astype(int)))
    runs = [(low, high) for low, high in pairwise(bounds.tolist()) if not seen[low]]
    most, hidden = int(MOST_SLICES * seen.sum()), np.zeros(seen.size, bool)
    for low, high in runs:
        length = min(high - low, most - int(hidden.sum()))
        if length < 1:
            break
        if high == seen.size:
            first = max(low - length, 0)
        elif low == 0:
            first = high
        else:
            first = int(rng.integers(0, seen.size - length + 1))
        own = np.arange(first, min(first + length, seen.size))
        hidden[own[seen[own]]] = True
    return np.flatnonzero(hidden)
