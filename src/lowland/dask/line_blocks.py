"""Tasks that turn parts of a table, in any order, into blocks of its rows and of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.cell_blocks import CellBlock
from lowland.core.arrays import Indices, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.frame_cells import frame_column, label_cells, number_cells
from lowland.core.labels import label_column
from lowland.kernels.sort import sort_both_ways


@final
@dataclass(frozen=True, eq=False)
class LabelledPart:
    """Some cells of a table, with the names that occur among them.

    Parameters
    ----------
    names : pair of ndarray
        Distinct names of rows and of columns, ascending.
    codes : pair of ndarray of int32, shape (p,)
        Place of each cell's names among these.
    values : ndarray, shape (p,)
    """

    names: tuple[NDArray[Any], NDArray[Any]]
    codes: tuple[NDArray[np.int32], NDArray[np.int32]]
    values: Vector


Names = tuple[tuple[NDArray[Any], Indices], tuple[NDArray[Any], Indices]]
# lines, partners and values of some cells
Cells = tuple[NDArray[np.int32], NDArray[np.int32], Vector]


def part_of_frame(frame: Any, columns: Sequence[str], dtype: str) -> LabelledPart:
    """Return the cells of a data frame with one line per cell; lines whose value is missing are left out."""
    row, column, value = columns
    numbers = number_cells(frame_column(frame, value), value)
    if np.isinf(numbers).any():
        raise InvalidInputError(
            f"column {value!r} must be finite",
            "an infinite value",
            fix="drop such lines, or leave them empty",
        )
    known = ~np.isnan(numbers)
    labels = [
        label_column(label_cells(frame_column(frame, name)), name, "the data") for name in (row, column)
    ]
    codes = [own.codes[known] for own in labels]
    kept = [np.unique(own, return_inverse=True) for own in codes]
    return LabelledPart(
        (labels[0].names[kept[0][0]], labels[1].names[kept[1][0]]),
        (kept[0][1].astype(np.int32), kept[1][1].astype(np.int32)),
        numbers[known].astype(dtype),
    )


def part_of_file(path: str, columns: Sequence[str], dtype: str) -> LabelledPart:
    """Return the cells of a Parquet file."""
    from pyarrow import parquet

    return part_of_frame(parquet.read_table(path, columns=list(columns)), columns, dtype)


def part_of_array(chunk: NDArray[Any], corner: tuple[int, int], dtype: str) -> LabelledPart:
    """Return the cells of a chunk of a two-dimensional array, NaN where missing; names are positions."""
    array = np.asarray(chunk)
    if array.dtype.kind not in "fiub":
        raise InvalidInputError("the array must hold real numbers", f"dtype {array.dtype}")
    if np.isinf(array).any():
        raise InvalidInputError("the array must not hold infinities", "one", fix="use NaN for missing values")
    found = np.nonzero(~np.isnan(array))
    kept = [np.unique(own, return_inverse=True) for own in found]
    return LabelledPart(
        (kept[0][0] + corner[0], kept[1][0] + corner[1]),
        (kept[0][1].astype(np.int32), kept[1][1].astype(np.int32)),
        array[found].astype(dtype),
    )


def names_of(part: LabelledPart) -> Names:
    """Return the names of a part's rows and columns, with their numbers of cells."""
    rows, columns = (
        (names, np.bincount(codes, minlength=names.size))
        for names, codes in zip(part.names, part.codes, strict=True)
    )
    return rows, columns


def cut_part(
    part: LabelledPart, places: tuple[Indices, Indices], bounds: tuple[Indices, Indices]
) -> list[list[Cells]]:
    """Return the cells of a part for each block of rows, and for each block of columns.

    Parameters
    ----------
    part : LabelledPart
    places : pair of ndarray of int
        Position in the table of each of the part's names.
    bounds : pair of ndarray of int
        Ends of the blocks.
    """
    own = [place[codes].astype(np.int32) for place, codes in zip(places, part.codes, strict=True)]
    out = []
    for side in (0, 1):
        lines, partners = own[side], own[1 - side]
        owners = np.searchsorted(bounds[side], lines, side="right") - 1
        order = np.argsort(owners, kind="stable")
        ends = np.searchsorted(owners[order], np.arange(bounds[side].size))
        cells = (lines[order], partners[order], part.values[order])
        out.append([tuple(numbers[low:high] for numbers in cells) for low, high in pairwise(ends)])
    return out  # type: ignore[return-value]


def piece(cut: list[list[Cells]], side: int, k: int) -> Cells:
    """Return the cells of one block of a part, as arrays of their own: views would keep the whole alive."""
    lines, partners, values = cut[side][k]
    return lines.copy(), partners.copy(), values.copy()


def assemble(first: int, lines: int, partners: int, keep_last: bool, *pieces: Cells) -> CellBlock:
    """Return a block from its cells in the order of parts; of repeated cells the last, or all of them."""
    own, others, values = (np.concatenate(arrays) for arrays in zip(*pieces, strict=True))
    at = (own - np.int32(first)).astype(np.intp)
    starts, order, sorted_partners, *_ = sort_both_ways(at, others.astype(np.intp), (lines, partners))
    values = values[order]
    if keep_last:
        repeated = _repeats(starts, sorted_partners)
        kept = np.flatnonzero(~repeated)
        starts = np.searchsorted(kept, starts).astype(np.int64)
        sorted_partners, values = sorted_partners[kept], values[kept]
    return CellBlock(first, starts, sorted_partners, values)


def repeated_cell(block: CellBlock) -> tuple[int, int, int]:
    """Return the number of repeated cells of a block, and the row and column of the first (-1 if none)."""
    repeats = np.flatnonzero(_repeats(block.starts, block.partners))
    if not repeats.size:
        return 0, -1, -1
    line = int(np.searchsorted(block.starts, repeats[0], side="right")) - 1
    return repeats.size, block.first + line, int(block.partners[repeats[0]])


def block_counts(block: CellBlock) -> Indices:
    """Return the number of cells of each line."""
    return np.diff(block.starts)


def _repeats(starts: NDArray[np.int64], partners: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return whether each cell is followed by the same cell in its line."""
    repeated = np.zeros(partners.size, bool)
    repeated[:-1] = partners[1:] == partners[:-1]
    ends = starts[1:][np.diff(starts) > 0] - 1  # the last cell of a line
    repeated[ends] = False
    return repeated
