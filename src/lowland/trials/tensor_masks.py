"""Which known cells of a tensor a trial hides: single ones, whole fibres, and whole slices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector, fibre_numbers
from lowland.trials.masks import Hiding, Mask, leave_enough

# this share of a mode's known slices is hidden as a whole, at most; of a mode without an order as many as
# are missing, and so many at least
MOST_SLICES, LEAST_SLICES = 0.25, 5
# tensors of more known cells are not searched for missing fibres; shares of fewer missing cells are chance
LARGEST_SEARCHED, LEAST_SHARE = 10_000_000, 0.1


class ListedCells(Protocol):
    """Known cells of a tensor, found by their places in lexicographic order."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""

    @property
    def size(self) -> int:
        """Number of known cells."""

    def slice_counts(self) -> list[Indices]:
        """Return the number of known cells of each slice, by mode."""

    def cells(self, places: Indices) -> tuple[NDArray[np.int64], Vector]:
        """Return positions and values of some of all cells."""


def hide_like_missing(
    data: ListedCells,
    hides: Hiding,
    ordered: Collection[int],
    rng: np.random.Generator,
    *,
    every_mode: bool = False,
) -> tuple[Indices, Indices]:
    """Hide cells, every slice that has some keeping one, and whole slices where slices are missing.

    Parameters
    ----------
    data : ListedCells
    hides : Hiding
        The share of single cells, and most.
    ordered : collection of int
        Modes whose slices are in order.
    rng : numpy.random.Generator
    every_mode : bool
        Whether slices of modes without an order are hidden, too.

    Returns
    -------
    places : ndarray of int, shape (k,)
        Of the hidden cells, ascending; maybe none.
    slices : ndarray of int, shape (k,)
        The number of the slice that is hidden as a whole, counted from zero; -1 for single cells.
    """
    known = data.slice_counts()
    whole = dict[int, Indices]()
    for mode, counts in enumerate(known):
        if mode in ordered:
            whole[mode] = _slices_in_order(counts > 0, rng)
        elif every_mode and not counts.all():
            whole[mode] = _some_slices(counts > 0, rng)
    if any(slices.size for slices in whole.values()):
        return _with_slices(data, hides, whole, rng)
    places = _cells_alike(data, hides, None, known, rng)
    return places, np.full(places.size, -1)


def _with_slices(
    data: ListedCells, hides: Hiding, whole: dict[int, Indices], rng: np.random.Generator
) -> tuple[Indices, Indices]:
    """Return the places of the cells of whole slices and of single ones, and numbers of slices."""
    everything, _ = data.cells(np.arange(data.size))
    number = np.full(data.size, -1)
    for k, (mode, place) in enumerate((mode, place) for mode, slices in whole.items() for place in slices):
        number[everything[:, mode] == place] = k
    # slices of other modes keep what they have if it all lies in these
    for mode, length in enumerate(data.shape):
        at = everything[:, mode]
        left = np.bincount(at[number < 0], minlength=length)
        emptied = (left[at] == 0) & ~np.isin(at, whole.get(mode, np.zeros(0, np.intp)))
        number[emptied] = -1
    others = np.flatnonzero(number < 0)
    counts = [np.bincount(everything[others, k], minlength=length) for k, length in enumerate(data.shape)]
    single = _cells_alike(data, hides, others, counts, rng)
    places = np.union1d(single, np.flatnonzero(number >= 0))
    return places, number[places]


def _cells_alike(
    data: ListedCells, hides: Hiding, among: Indices | None, known: list[Indices], rng: np.random.Generator
) -> Indices:
    """Return places of cells chosen among some, or all, ascending.

    They are single cells, and whole fibres as far as these are missing. `known` counts cells by slices.
    """
    size = data.size if among is None else among.size
    places, everywhere = np.sort(rng.choice(size, hides.count(size), replace=False)), None
    if size <= LARGEST_SEARCHED:
        everywhere, _ = data.cells(np.arange(size) if among is None else among)
        places = _with_fibres(places, everywhere, known, rng)
    drawn = (
        data.cells(places if among is None else among[places])[0]
        if everywhere is None
        else everywhere[places]
    )
    for mode, counts in enumerate(known):
        enough = leave_enough(counts, drawn[:, mode])
        places, drawn = places[enough], drawn[enough]
    if not places.size and everywhere is not None:
        # all that were drawn are needed by their slices: one that is not, if there is any
        spare = np.flatnonzero(
            np.min([counts[at] for counts, at in zip(known, everywhere.T, strict=True)], axis=0) > 1
        )
        places = rng.choice(spare, min(1, spare.size), replace=False)
    return places if among is None else among[places]


def _with_fibres(
    places: Indices, positions: NDArray[np.int64], known: list[Indices], rng: np.random.Generator
) -> Indices:
    """Return places of as many cells, in whole fibres as far as these are missing."""
    mode, share = _missing_fibres(positions, known)
    if not share > LEAST_SHARE:
        return places
    fibres = _fibres(positions, mode, [counts.size for counts in known])[1]
    order = rng.permutation(int(fibres.max()) + 1)
    upto = np.cumsum(np.bincount(fibres)[order])
    whole = np.isin(fibres, order[: int(np.searchsorted(upto, share * places.size)) + 1])
    few = rng.choice(places, int((1 - share) * places.size), replace=False)
    return np.union1d(np.flatnonzero(whole), few)


def _missing_fibres(positions: NDArray[np.int64], known: list[Indices]) -> tuple[int, float]:
    """Return the mode along which whole fibres are missing, and the share of missing cells in them.

    Beyond chance: of cells missing at random some make whole fibres. Slices without known cells do not count.
    """
    lengths = [int(np.count_nonzero(counts)) for counts in known]
    cells, shape = prod(lengths), [counts.size for counts in known]
    gaps, largest = cells - len(positions), (0, 0.0)
    for mode, length in enumerate(lengths):
        if not gaps or length < 2:
            continue
        seen = _fibres(positions, mode, shape)[0].size
        share, chance = (cells - seen * length) / gaps, (gaps / cells) ** (length - 1)
        beyond = (share - chance) / (1 - chance) if chance < 1 else 0.0
        largest = max(largest, (mode, beyond), key=lambda missing: missing[1])
    return largest


def _fibres(positions: NDArray[np.int64], mode: int, shape: Sequence[int]) -> tuple[Indices, Indices]:
    """Return the fibres along a mode that have cells, and the number among these of each cell's."""
    fibres, numbers = np.unique(fibre_numbers(positions, mode, shape), return_inverse=True)
    return fibres, numbers


def _some_slices(seen: Mask, rng: np.random.Generator) -> Indices:
    """Return slices to hide of a mode without an order."""
    known = np.flatnonzero(seen)
    wanted = max(seen.size - known.size, LEAST_SLICES)
    count = min(wanted, max(int(MOST_SLICES * known.size), int(known.size > 1)))
    return np.sort(rng.choice(known, count, replace=False))


def _slices_in_order(seen: Mask, rng: np.random.Generator) -> Indices:
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
            hidden[np.flatnonzero(seen[:low])[-length:]] = True
    for low, high in runs * (seen.size if runs else 0):
        length = min(high - low, most - int(hidden.sum()))
        if length < 1:
            break
        known = np.convolve(seen & ~hidden, np.ones(length), mode="valid")
        first = int(rng.choice(np.flatnonzero(known == known.max())))
        run = np.arange(first, first + length)
        hidden[run[seen[run]]] = True
    return np.flatnonzero(hidden)


def hide_half_at_most(
    positions: NDArray[np.int64], shape: Sequence[int], hides: Hiding, rng: np.random.Generator
) -> Mask:
    """Return which cells to hide; every slice keeps at least half of its cells."""
    left = [np.bincount(positions[:, n], minlength=length) for n, length in enumerate(shape)]
    least = [(counts + 1) // 2 for counts in left]
    hidden, wanted = np.zeros(len(positions), bool), hides.count(len(positions))
    for k in rng.permutation(len(positions)):
        if all(counts[i] > low[i] for counts, low, i in zip(left, least, positions[k], strict=True)):
            hidden[k] = True
            for counts, i in zip(left, positions[k], strict=True):
                counts[i] -= 1
            wanted -= 1
            if not wanted:
                break
    return hidden
