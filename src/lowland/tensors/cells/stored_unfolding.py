"""An unfolding in a file that is mapped while its blocks are used."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.line_bounds import block_bounds
from lowland.core.errors import InvalidInputError
from lowland.kernels.sparse_tables.sparse import squared_errors
from lowland.kernels.systems.rows import Noise, solve_rows
from lowland.tensors.cells.unfoldings import SlicePrecisions, products, row_sums, tensor_form

# what is stored of a mode's cells
PARTS = ("others", "values")
# bytes of a file that are read at once for its checksum
READ_AT_ONCE = 1 << 24


@final
@dataclass(frozen=True, eq=False)
class StoredUnfolding:
    """The known cells by the rows of one mode, on the disk.

    Parameters
    ----------
    folder : Path
    mode : int
    stored : ndarray of int
        Number of cells of each row in the files.
    centre, unit : float
        Values are distances from the centre in this unit.
    hidden : ndarray of int
        Cells in the files that are left out, by their places there, ascending.
    """

    folder: Path
    mode: int
    stored: Indices
    centre: float
    unit: float
    hidden: Indices

    @property
    def counts(self) -> Indices:
        """Number of known cells of each row."""
        rows = np.searchsorted(np.cumsum(self.stored), self.hidden, side="right")
        left: Indices = self.stored - np.bincount(rows, minlength=self.stored.size)
        return left

    def sums(self) -> tuple[Vector, Vector]:
        """Return the sums and sums of squares of each row's values, shape (rows,)."""
        parts = [row_sums(block.starts, block.values, None) for block in self.blocks()]
        sums, squares = (np.concatenate(own) for own in zip(*parts, strict=True))
        return sums, squares

    def scaled(self, centre: float, unit: float) -> StoredUnfolding:
        """Return the same cells with other values: their distances from a centre, in a unit."""
        return replace(self, centre=centre, unit=unit)

    def solve(
        self,
        factors: Sequence[Matrix],
        precision: Matrix,
        shift: Matrix,
        noise: Noise,
        slices: SlicePrecisions | None = None,
    ) -> Matrix:
        """Return draws of the mode's rows, given the factors of the other modes, shape (rows, r)."""
        drawn = np.empty((self.stored.size, factors[self.mode].shape[1]))
        for block in self.blocks():
            rows = slice(block.first, block.first + block.starts.size - 1)
            drawn[rows] = solve_rows(
                self._design(factors, block),
                block.starts,
                np.arange(block.values.size, dtype=np.int32),
                block.values,
                weights=None if slices is None else block.weights(self.mode, slices),
                precision=precision,
                shift=shift[rows] if shift.ndim == 2 else shift,
                noise=replace(noise, first=block.first),
                form=tensor_form(factors),
            )
        return drawn

    def errors(self, factors: Sequence[Matrix]) -> Vector:
        """Return the squared errors of each row, shape (rows,)."""
        out = np.empty(self.stored.size)
        for block in self.blocks():
            rows = slice(block.first, block.first + block.starts.size - 1)
            places = np.arange(block.values.size, dtype=np.int32)
            design, own = self._design(factors, block), factors[self.mode][rows]
            out[rows] = squared_errors(own, design, block.starts, places, block.values, None)
        return out

    def blocks(self) -> Iterator[TensorBlock]:
        """Yield blocks of consecutive rows."""
        others, values = (mapped_cells(self.folder, self.mode, name) for name in PARTS)
        ends = np.concatenate([[0], np.cumsum(self.stored)])
        for first, last in pairwise(block_bounds(self.stored).tolist()):
            cells, starts = slice(ends[first], ends[last]), ends[first : last + 1] - ends[first]
            low, high = np.searchsorted(self.hidden, (cells.start, cells.stop))
            own, at = values[cells], others[cells]
            if high > low:
                left = np.ones(own.size, bool)
                left[self.hidden[low:high] - cells.start] = False
                own, at = own[left], at[left]
                starts = np.concatenate([[0], np.cumsum(left)])[starts]
            scaled = (own.astype(np.float64) - self.centre) / self.unit
            yield TensorBlock(first, starts.astype(np.int64), at, scaled)

    def _design(self, factors: Sequence[Matrix], block: TensorBlock) -> Matrix:
        others = [factor for k, factor in enumerate(factors) if k != self.mode]
        return products(others, block.others)


@final
@dataclass(frozen=True, eq=False)
class TensorBlock:
    """Known cells of consecutive rows of a mode, each row's by ascending positions in the other modes.

    Parameters
    ----------
    first : int
        The first row.
    starts : ndarray of int64, shape (rows + 1,)
    others : ndarray of int32, shape (p, modes - 1)
        Positions in the other modes.
    values : ndarray, shape (p,)
    """

    first: int
    starts: NDArray[np.int64]
    others: NDArray[np.int32]
    values: Vector

    def weights(self, mode: int, slices: SlicePrecisions) -> Vector:
        """Return the precisions of the cells' slices."""
        if slices.mode == mode:
            own: Vector = slices.values[self.first : self.first + self.starts.size - 1]
            return np.repeat(own, np.diff(self.starts))
        return slices.of_others(mode, self.others)

    def positions(self, mode: int) -> NDArray[np.int64]:
        """Return the positions of the cells in all modes, shape (p, modes)."""
        lines = self.first + np.repeat(np.arange(self.starts.size - 1), np.diff(self.starts))
        return np.insert(self.others.astype(np.int64), mode, lines, axis=1)


def cells_file(folder: Path, mode: int, name: str) -> Path:
    """Return the file of the "others" or the "values" of a mode's cells."""
    return folder / f"mode-{mode}-{name}.npy"


def checksums(folder: Path, modes: int) -> NDArray[np.int64]:
    """Return a checksum of each file of the cells."""
    found = []
    for mode in range(modes):
        for name in PARTS:
            total = 0
            with cells_file(folder, mode, name).open("rb") as file:
                while part := file.read(READ_AT_ONCE):
                    total = zlib.crc32(part, total)
            found.append(total)
    return np.array(found, np.int64)


def mapped_cells(folder: Path, mode: int, name: str) -> NDArray[Any]:
    """Return an array of a mode's cells, mapped from its file."""
    path = cells_file(folder, mode, name)
    try:
        # kernels take plain arrays; the map stays open as long as they do
        return np.asarray(np.load(path, mmap_mode="r"))
    except FileNotFoundError as error:
        raise InvalidInputError(
            "the stored tensor is gone", f"no {path}", fix="sort its files again"
        ) from error


def is_before(asked: NDArray[Any], found: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where positions come before others, in lexicographic order."""
    before, same = np.zeros(len(asked), bool), np.ones(len(asked), bool)
    for own, other in zip(asked.T, found.T, strict=True):
        before |= same & (own < other)
        same &= own == other
    return before


def is_whole(folder: Path, mode: int, counts: Sequence[Indices], dtype: str) -> bool:
    """Return whether the files of a mode hold as many cells as its counts say, in order, that can be used."""
    others, values = (mapped_cells(folder, mode, name) for name in PARTS)
    total, lengths = int(counts[mode].sum()), [own.size for k, own in enumerate(counts) if k != mode]
    kinds = (str(others.dtype), str(values.dtype))
    if kinds != ("int32", dtype) or others.shape != (total, len(lengths)) or values.shape != (total,):
        return False
    ends = np.concatenate([[0], np.cumsum(counts[mode])])
    for first, last in pairwise(block_bounds(counts[mode]).tolist()):
        cells = slice(ends[first], ends[last])
        at = others[cells].astype(np.int64)
        lines = np.repeat(np.arange(first, last), counts[mode][first:last])
        if not (np.isfinite(values[cells]).all() and (at >= 0).all() and (at < lengths).all()):
            return False
        whole = np.column_stack([lines, at])
        if not is_before(whole[:-1], whole[1:]).all():
            return False
    return True
