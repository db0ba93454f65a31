"""Slices and fibres of a tensor whose cells are those of a table: what surrounds a cell along other modes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Matrix
from lowland.trials.audits.patterns import Mask, Pattern, runs_along

# runs beyond chance: so many standard deviations more of them than independent cells would leave
BEYOND_CHANCE = 2.0


@final
@dataclass(frozen=True, eq=False)
class Folds:
    """The known cells of a tensor that was unfolded: rows of the table by its other modes, in C order.

    Parameters
    ----------
    modes : tuple of int
        Lengths of the modes that the rows run over.
    length : int
        Number of columns, the slices of the mode that is left.
    gaps : tuple of ndarray of int
        Number of cells that each slice lacks in columns with gaps, by mode of the rows.
    sizes : tuple of int
        Number of cells of a slice in columns with gaps.
    codes : tuple of ndarray of int
        Known cells fibre after fibre along each mode of the rows, ascending.
    counts : tuple of ndarray of int
        Number of known cells of each of these fibres.
    shunned : ndarray of bool, shape (m, n)
        Absent cells in fibres without known cells, or in runs so long that there are more of them than chance
        explains, along any mode.
    """

    modes: tuple[int, ...]
    length: int
    gaps: tuple[Indices, ...]
    sizes: tuple[int, ...]
    codes: tuple[Indices, ...]
    counts: tuple[Indices, ...]
    shunned: Mask

    @classmethod
    def of(cls, pattern: Pattern, modes: tuple[int, ...]) -> Folds:
        """Return the slices and fibres of a pattern.

        Parameters
        ----------
        pattern : Pattern
        modes : tuple of int
            Their product is the number of rows.
        """
        m, n = pattern.shape
        with_gaps = pattern.column_counts < m
        rows, columns = np.divmod(pattern.by_row, n)
        open_cells = with_gaps[columns]
        wide = int(with_gaps.sum())
        gaps, sizes, codes, counts = [], [], [], []
        for mode, length in enumerate(modes):
            size = wide * (m // length)
            place = np.unravel_index(rows, modes)[mode]
            gaps.append(size - np.bincount(place[open_cells], minlength=length))
            sizes.append(size)
            fibres = _fibres(rows, columns, modes, n, mode)
            codes.append(np.sort(fibres * length + place))
            counts.append(np.bincount(fibres, minlength=m * n // length))
        shunned = np.zeros((m, n), dtype=bool)
        if wide:
            known = pattern.dense()[:, with_gaps]
            shunned[:, with_gaps] = _beyond_chance(known.reshape(*modes, wide)).reshape(m, wide)
        return cls(modes, n, tuple(gaps), tuple(sizes), tuple(codes), tuple(counts), shunned)

    def rates(self, rows: Indices, columns: Indices, known: Mask) -> list[tuple[Indices, int]]:
        """Return how many other cells lack in the slices and fibres of cells, and of how many.

        Parameters
        ----------
        rows, columns : ndarray of int
        known : ndarray of bool
            Which of the cells are known.
        """
        found: list[tuple[Indices, int]] = []
        for mode, place in enumerate(np.unravel_index(rows, self.modes)):
            length = self.modes[mode]
            fibre = self.counts[mode][_fibres(rows, columns, self.modes, self.length, mode)]
            found.append((self.gaps[mode][place] - ~known, self.sizes[mode]))
            found.append((length - fibre - ~known, length))
        return found

    def runs(self, rows: Indices, columns: Indices) -> list[Indices]:
        """Return the length of the run of absent cells around each absent cell, along each mode of rows."""
        places = np.unravel_index(rows, self.modes)
        return [
            runs_along(
                self.codes[mode], _fibres(rows, columns, self.modes, self.length, mode), places[mode], length
            )
            for mode, length in enumerate(self.modes)
        ]

    def in_empty_slices(self, rows: Indices) -> Mask:
        """Return which cells are in slices without a known cell, by their rows."""
        places = zip(self.gaps, self.sizes, np.unravel_index(rows, self.modes), strict=True)
        return np.asarray(np.any([gaps[place] == size for gaps, size, place in places], axis=0))


def _fibres(rows: Indices, columns: Indices, modes: tuple[int, ...], n: int, mode: int) -> Indices:
    """Return the number of the fibre along a mode of the rows that each cell lies in."""
    inner = prod(modes[mode + 1 :])
    before = rows // (inner * modes[mode])
    return np.asarray((before * inner + rows % inner) * n + columns)


def _beyond_chance(known: Mask) -> Mask:
    """Return the absent cells in empty fibres, or in runs along a mode too many for independent cells."""
    found, absent = np.zeros(known.shape, dtype=bool), _chances(known)
    for mode in range(known.ndim):
        along = np.moveaxis(known, mode, -1)
        lengths = _lengths(along.reshape(-1, along.shape[-1]))
        least = _longest_by_chance(lengths, np.moveaxis(absent, mode, -1).reshape(lengths.shape)) + 1
        found |= np.moveaxis((lengths >= least).reshape(along.shape), -1, mode)
    return found


def _chances(known: Mask) -> Matrix:
    """Return the chance that each cell is absent, by the rates of its slices; 1 in empty slices."""
    missing = 0.0 + ~known
    modes = range(known.ndim)
    empty = np.zeros(known.shape, dtype=bool)
    for mode in modes:
        empty |= ~known.any(axis=tuple(k for k in modes if k != mode), keepdims=True)
    weights = 0.0 + ~empty
    average = max(float((missing * weights).sum() / max(weights.sum(), 1.0)), 1e-9)
    chances = np.full(known.shape, average)
    for mode in modes:
        others = tuple(k for k in modes if k != mode)
        size = np.maximum(weights.sum(axis=others, keepdims=True), 1.0)
        chances *= (missing * weights).sum(axis=others, keepdims=True) / size / average
    return np.where(empty, 1.0, np.clip(chances, 1e-9, 1.0))


def _longest_by_chance(lengths: Indices, absent: Matrix) -> int:
    """Return the length of the longest runs of which there are no more than chance explains.

    Parameters
    ----------
    lengths : ndarray of int, shape (lines, length)
        Of the run that each cell is in, 0 for known ones.
    absent : ndarray, shape (lines, length)
        Chance that a cell is absent.
    """
    lines, length = lengths.shape
    gone = np.concatenate([np.zeros((lines, 1)), np.cumsum(lengths > 0, axis=1)], axis=1)
    logs = np.concatenate([np.zeros((lines, 1)), np.cumsum(np.log(absent), axis=1)], axis=1)
    share = float(absent.mean())
    for least in range(2, length):
        windows = int((gone[:, least:] - gone[:, :-least] == least).sum())
        chances = np.exp(logs[:, least:] - logs[:, :-least])
        if windows > chances.sum() + BEYOND_CHANCE * np.sqrt(chances.sum() * _overlap(share, least)):
            return least - 1
    # of a fibre without any known cell none can be held out: as of rows of a table nothing is said of it
    return max(int(length) - 1, 1)


def _overlap(share: float, length: int) -> float:
    """Return the variance of a number of windows of absent cells over its mean: windows overlap."""
    whole, more = share**length, share ** np.arange(1.0, length)
    return float(max(1 - whole + 2 * (more - whole).sum(), 0.0))


def _lengths(known: Mask) -> Indices:
    """Return the length of the run of absent cells that each cell of a line is in, 0 for known ones."""
    lines, length = known.shape
    walls = np.ones((lines, length + 2), dtype=bool)
    walls[:, 1:-1] = known
    at = np.flatnonzero(walls)
    gaps = np.diff(at)
    inside = np.repeat(np.append(gaps - 1, 0), np.append(gaps, 1))
    inside[at] = 0
    return np.asarray(inside.reshape(lines, length + 2)[:, 1:-1])
