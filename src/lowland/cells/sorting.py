"""Cells of many parts, in any order, brought to the blocks of a side, on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lowland.core.arrays import Indices

# arrays of the cells of a part: their lines first
CellArrays = tuple[NDArray[Any], ...]


def save_part(folder: Path, number: int, *arrays: NDArray[Any]) -> None:
    """Write the arrays of a part as they come."""
    for k, array in enumerate(arrays):
        np.save(_part_file(folder, number, k), array)


def load_part(folder: Path, number: int, count: int) -> CellArrays:
    """Return the arrays of a part."""
    return tuple(np.load(_part_file(folder, number, k)) for k in range(count))


def remove_part(folder: Path, number: int, count: int) -> None:
    """Remove the files of a part."""
    for k in range(count):
        _part_file(folder, number, k).unlink()


def _part_file(folder: Path, number: int, k: int) -> Path:
    return folder / f"part-{number}.{k}.npy"


def cut_cells(bounds: Indices, cells: CellArrays) -> list[CellArrays]:
    """Return the cells of each block, in their order; blocks end at some lines."""
    owners = np.searchsorted(bounds, cells[0], side="right") - 1
    order = np.argsort(owners, kind="stable")
    ends = np.searchsorted(owners[order], np.arange(bounds.size))
    ordered = [array[order] for array in cells]
    return [tuple(array[low:high] for array in ordered) for low, high in pairwise(ends)]


def append_cells(folder: Path, side: int, blocks: Sequence[CellArrays]) -> None:
    """Append the cells of a part to the files of their blocks."""
    for k, cells in enumerate(blocks):
        for number, array in enumerate(cells):
            with _file(folder, side, k, number).open("ab") as file:
                array.tofile(file)


def take_cells(folder: Path, side: int, k: int, *kinds: DTypeLike) -> CellArrays:
    """Return the cells of a block in the order of parts, and remove their files."""
    arrays = []
    for number, kind in enumerate(kinds):
        file = _file(folder, side, k, number)
        arrays.append(np.fromfile(file, kind))
        file.unlink()
    return tuple(arrays)


def _file(folder: Path, side: int, k: int, number: int) -> Path:
    return folder / f"side-{side}-{k}.{number}"
