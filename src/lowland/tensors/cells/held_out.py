"""Cells held out of a tensor as cells are missing: single ones, whole fibres, and whole slices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector
from lowland.core.errors import InvalidInputError
from lowland.tensors.cells.protocol import KnownCells
from lowland.tensors.cells.unfoldings import fibre_numbers

# share of the cells that is held out one by one, and at most
HELD_OUT, MOST_HELD_OUT = 0.1, 20_000
# this share of a mode's known slices is held out as a whole, at most; of a mode without an order as many as
# are missing, and so many at least
MOST_SLICES, LEAST_SLICES = 0.25, 5
# tensors of more known cells are not searched for missing fibres; shares of fewer missing cells are chance
LARGEST_SEARCHED, LEAST_SHARE = 10_000_000, 0.1


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
    weights : ndarray, shape (k,), or None
        Relative precisions; None means one.
    """

    part: KnownCells
    positions: NDArray[np.int64]
    values: Vector
    slices: Indices
    weights: Vector | None


def hold_out(
    data: KnownCells, ordered: Collection[int], rng: np.random.Generator, *, every_mode: bool = False
) -> HeldOut:
    """Hold out cells, every slice that has some keeping one, and whole slices where slices are missing.

    Parameters
    ----------
    data : KnownCells
    ordered : collection of int
        Modes whose slices are in order.
    rng : numpy.random.Generator
    every_mode : bool
        Whether slices of modes without an order are held out, too. No model predicts these better than by
        the law of the others, so they say nothing of which is best.

    Raises
    ------
    InvalidInputError
        If no cell can be held out.
    """
    known = data.slice_counts()
    slices = dict[int, Indices]()
    for mode, own in enumerate(known):
        if mode in ordered:
            slices[mode] = _hidden_slices(own > 0, rng)
        elif every_mode and not own.all():
            slices[mode] = _some_slices(own > 0, rng)
    if any(own.size for own in slices.values()):
        positions, places, numbers = _with_slices(data, slices, rng)
    else:
        places, positions = _cells_alike(data, None, known, rng)
        numbers = np.full(places.size, -1)
    if not places.size:
        raise InvalidInputError(
            "no cell can be held out", f"{data.size} known cells", "every slice needs one", "pass more data"
        )
    weights = None if data.weights is None else data.weights[places]
    return HeldOut(data.without(places), positions, data.cells(places)[1], numbers, weights)


def _with_slices(
    data: KnownCells, slices: dict[int, Indices], rng: np.random.Generator
) -> tuple[NDArray[np.int64], Indices, Indices]:
    """Return the cells of whole slices and single ones: their positions, places, and numbers of slices."""
    everything, _ = data.cells(np.arange(data.size))
    number, count = np.full(data.size, -1), 0
    for mode, own in slices.items():
        for place in own:
            number[everything[:, mode] == place] = count
            count += 1
    # slices of other modes keep what they have if it all lies in these
    for mode, length in enumerate(data.shape):
        at = everything[:, mode]
        left = np.bincount(at[number < 0], minlength=length)
        emptied = (left[at] == 0) & ~np.isin(at, slices.get(mode, np.zeros(0, np.intp)))
        number[emptied] = -1
    others = np.flatnonzero(number < 0)
    counts = [np.bincount(everything[others, k], minlength=length) for k, length in enumerate(data.shape)]
    single, _ = _cells_alike(data, others, counts, rng)
    places = np.union1d(single, np.flatnonzero(number >= 0))
    return everything[places], places, number[places]


def _cells_alike(
    data: KnownCells, among: Indices | None, known: list[Indices], rng: np.random.Generator
) -> tuple[Indices, NDArray[np.int64]]:
    """Return places of cells chosen among some, or all, ascending, and their positions.

    They are single cells, and whole fibres as far as these are missing. `known` counts cells by slices.
    """
    size = data.size if among is None else among.size
    count = min(max(int(HELD_OUT * size), 1), MOST_HELD_OUT)
    places = np.sort(rng.choice(size, count, replace=False))
    if size <= LARGEST_SEARCHED:
        positions, _ = data.cells(np.arange(size) if among is None else among)
        mode, share = _missing_fibres(positions, known)
        if share > LEAST_SHARE:
            fibres = _fibre_numbers(positions, mode, data.shape)
            order = rng.permutation(int(fibres.max()) + 1)
            upto = np.cumsum(np.bincount(fibres)[order])
            whole = np.isin(fibres, order[: int(np.searchsorted(upto, share * count)) + 1])
            few = rng.choice(places, int((1 - share) * count), replace=False)
            places = np.union1d(np.flatnonzero(whole), few)
    places = places if among is None else among[places]
    positions, _ = data.cells(places)
    for mode, own in enumerate(known):
        left = own - np.bincount(positions[:, mode], minlength=own.size)
        some = left[positions[:, mode]] > 0
        places, positions = places[some], positions[some]
    if not places.size and size <= LARGEST_SEARCHED:
        # all that were drawn are needed by their slices: one that is not, if there is any
        everything = np.arange(size) if among is None else among
        positions, _ = data.cells(everything)
        counts = [own[positions[:, mode]] for mode, own in enumerate(known)]
        spare = np.flatnonzero(np.min(counts, axis=0) > 1)
        spare = rng.choice(spare, min(1, spare.size), replace=False)
        places, positions = everything[spare], positions[spare]
    return places, positions


def _missing_fibres(positions: NDArray[np.int64], known: list[Indices]) -> tuple[int, float]:
    """Return the mode along which whole fibres are missing, and the share of missing cells in them.

    Beyond chance: of cells missing at random some make whole fibres. Slices without known cells do not count.
    """
    lengths = [int(np.count_nonzero(own)) for own in known]
    cells, shape = prod(lengths), [own.size for own in known]
    gaps, found = cells - len(positions), (0, 0.0)
    for mode, length in enumerate(lengths):
        if not gaps or length < 2:
            continue
        seen = np.unique(_fibre_numbers(positions, mode, shape)).size
        share, chance = (cells - seen * length) / gaps, (gaps / cells) ** (length - 1)
        beyond = (share - chance) / (1 - chance) if chance < 1 else 0.0
        found = max(found, (mode, beyond), key=lambda own: own[1])
    return found


def _fibre_numbers(positions: NDArray[np.int64], mode: int, shape: Sequence[int]) -> Indices:
    """Return the number of the fibre along a mode that each cell lies in, of those with cells."""
    return np.asarray(np.unique(fibre_numbers(positions, mode, shape), return_inverse=True)[1])


def _some_slices(seen: NDArray[np.bool_], rng: np.random.Generator) -> Indices:
    """Return slices to hide of a mode without an order."""
    known = np.flatnonzero(seen)
    wanted = max(seen.size - known.size, LEAST_SLICES)
    count = min(wanted, max(int(MOST_SLICES * known.size), int(known.size > 1)))
    return np.sort(rng.choice(known, count, replace=False))


def _hidden_slices(seen: NDArray[np.bool_], rng: np.random.Generator) -> Indices:
    """Return slices to hide, as slices are missing: those before the end if the last are, others at random.

    For each missing run one as long is hidden, and more of them until a quarter of the slices is: of few, all
    may happen to be of one kind.
    """
    bounds = np.flatnonzero(np.diff(np.concatenate([[True], seen, [True]]).astype(int)))
    runs = [(low, high) for low, high in pairwise(bounds.tolist()) if not seen[low]]
    most, hidden = max(int(MOST_SLICES * seen.sum()), int(seen.sum() > 1)), np.zeros(seen.size, bool)
    for low, high in runs:
        length = min(high - low, most - int(hidden.sum()))
        if high == seen.size and length > 0:
            before = np.flatnonzero(seen[:low])[-length:]
            hidden[before] = True
    for low, high in runs * (seen.size if runs else 0):
        length = min(high - low, most - int(hidden.sum()))
        if length < 1:
            break
        known = np.convolve(seen & ~hidden, np.ones(length), mode="valid")
        first = int(rng.choice(np.flatnonzero(known == known.max())))
        own = np.arange(first, first + length)
        hidden[own[seen[own]]] = True
    return np.flatnonzero(hidden)
