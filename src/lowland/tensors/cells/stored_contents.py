"""The files of a stored tensor: the cells by the rows of each mode, and whether all of them are there."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.cells.block import CellBlock
from lowland.cells.stored import StoredBlocks, mapped
from lowland.core.arrays import Indices
from lowland.core.cells.line_bounds import block_bounds
from lowland.tensors.cells.unfoldings import positions_of

# what is stored of a mode's cells
PARTS = ("others", "values")
# bytes of a file that are read at once for its checksum
READ_AT_ONCE = 1 << 24


def cells_file(folder: Path, mode: int, name: str) -> Path:
    """Return the file of the "others" or the "values" of a mode's cells."""
    return folder / f"mode-{mode}-{name}.npy"


def checksums(folder: Path, modes: int) -> NDArray[np.int64]:
    """Return a checksum of each file of the cells."""
    sums = []
    for mode in range(modes):
        for name in PARTS:
            total = 0
            with cells_file(folder, mode, name).open("rb") as file:
                while part := file.read(READ_AT_ONCE):
                    total = zlib.crc32(part, total)
            sums.append(total)
    return np.array(sums, np.int64)


def mapped_cells(folder: Path, mode: int, name: str) -> NDArray[Any]:
    """Return an array of a mode's cells, mapped from its file."""
    return mapped(cells_file(folder, mode, name), "tensor")


def stored_blocks(folder: Path, mode: int, counts: Indices) -> StoredBlocks:
    """Return the cells of a mode, of whose rows numbers of cells are given, in blocks."""
    bounds = block_bounds(counts)
    return StoredBlocks(partial(_read_block, folder, mode, bounds, line_ends(counts)), folder, bounds, counts)


def line_ends(counts: Indices) -> Indices:
    """Return where the cells of each row begin, and the number of cells."""
    return np.concatenate([[0], np.cumsum(counts)])


def _read_block(folder: Path, mode: int, bounds: Indices, ends: Indices, k: int) -> CellBlock:
    first, last = (int(line) for line in bounds[k : k + 2])
    others, values = (mapped_cells(folder, mode, name)[ends[first] : ends[last]] for name in PARTS)
    starts = (ends[first : last + 1] - ends[first]).astype(np.int64)
    partners = np.arange(values.size, dtype=np.int32)
    return CellBlock(first, starts, partners, values.astype(np.float64), combinations=others)


def is_before(asked: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where positions come before others, in lexicographic order."""
    before, same = np.zeros(len(asked), bool), np.ones(len(asked), bool)
    for mine, other in zip(asked.T, others.T, strict=True):
        before |= same & (mine < other)
        same &= mine == other
    return before


def is_whole(folder: Path, mode: int, counts: Sequence[Indices], dtype: str) -> bool:
    """Return whether the files of a mode hold as many cells as its counts say, in order, that can be used."""
    others, values = (mapped_cells(folder, mode, name) for name in PARTS)
    total, lengths = int(counts[mode].sum()), [known.size for k, known in enumerate(counts) if k != mode]
    kinds = (str(others.dtype), str(values.dtype))
    if kinds != ("int32", dtype) or others.shape != (total, len(lengths)) or values.shape != (total,):
        return False
    for block in stored_blocks(folder, mode, counts[mode]):
        whole = positions_of(block, 0)  # the mode's own first
        at = whole[:, 1:]
        if not (np.isfinite(block.values).all() and (at >= 0).all() and (at < lengths).all()):
            return False
        if not is_before(whole[:-1], whole[1:]).all():
            return False
    return True
