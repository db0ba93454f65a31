"""Sort the cells of many parts onto the disk: blocks of rows and columns, in a folder that appears whole."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lowland.cells.sorting import append_cells, take_cells
from lowland.completion.storage.contents import write_block
from lowland.completion.storage.part_names import PartNames
from lowland.completion.storage.parts import LabelledPart, assemble, cut_part, names_of
from lowland.core.arrays import Indices
from lowland.core.cells.line_bounds import block_bounds
from lowland.core.errors import InvalidInputError
from lowland.core.running.stages import announce, stage

# of a part: places of names, values, names
_ARRAYS = ("row-codes", "column-codes", "values", "row-names", "column-names")


def sort_parts(
    parts: Iterable[LabelledPart], folder: Path, dtype: str, *, keep_last: bool
) -> tuple[list[Indices], list[Indices], list[Any]]:
    """Write the blocks of both sides; return numbers of cells by line, ends of blocks, and names."""
    known, number = (PartNames(), PartNames()), 0
    with stage("reading the files"):
        for part in parts:
            stored = (*part.codes, part.values, *part.names)
            for name, array in zip(_ARRAYS, stored, strict=True):
                np.save(folder / f"part-{number}-{name}.npy", array)
            for every, mine in zip(known, names_of(part), strict=True):
                every.add(*mine)
            number += 1
            announce("parts", number)
    joined = [every.joined() for every in known]
    names, counts = [own[0] for own in joined], [own[1] for own in joined]
    if not counts[0].sum():
        raise InvalidInputError("the table is empty", "no observed cell", fix="pass a table with data")
    bounds = (block_bounds(counts[0]), block_bounds(counts[1]))
    with stage("sorting the cells by row and by column"):
        began = time.monotonic()
        for p in range(number):
            part = _stored_part(folder, p)
            for side, cut in enumerate(cut_part(part, names, bounds)):
                append_cells(folder, side, cut)
            announce("parts", p + 1, number, started=began)
        for side in (0, 1):
            lengths = np.diff(bounds[side])
            for k, lines in enumerate(lengths.tolist()):
                first = int(bounds[side][k])
                cells = take_cells(folder, side, k, "int32", "int32", dtype)
                block = assemble(first, lines, counts[1 - side].size, keep_last, cells)
                write_block(folder, side, k, block)
                counts[side][first : first + lines] = block.counts
    return counts, list(bounds), names


def _stored_part(folder: Path, p: int) -> LabelledPart:
    """Return a part, and remove its files."""
    files = [folder / f"part-{p}-{name}.npy" for name in _ARRAYS]
    rows, columns, values, row_names, column_names = (np.load(file) for file in files)
    for stored in files:
        stored.unlink()
    return LabelledPart((row_names, column_names), (rows, columns), values)
