"""Sort the cells of many parts onto the disk: blocks of rows and columns, in a folder that appears whole."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lowland.cells.sorting import append_cells, load_part, remove_part, save_part, take_cells
from lowland.completion.storage.contents import write_block
from lowland.completion.storage.part_names import PartNames, joined_names
from lowland.completion.storage.parts import LabelledPart, assemble, cut_part, names_of
from lowland.core.arrays import Indices
from lowland.core.cells.line_bounds import block_bounds
from lowland.core.running.stages import announce, stage


def sort_parts(
    parts: Iterable[LabelledPart], folder: Path, dtype: str, *, keep_last: bool
) -> tuple[list[Indices], list[Indices], list[Any]]:
    """Write the blocks of both sides; return numbers of cells by line, ends of blocks, and names."""
    known, number = (PartNames(), PartNames()), 0
    with stage("reading the files"):
        for part in parts:
            save_part(folder, number, *part.codes, part.values, *part.names)
            for every, mine in zip(known, names_of(part), strict=True):
                every.add(*mine)
            number += 1
            announce("parts", number)
    names, counts = joined_names(known)
    bounds = (block_bounds(counts[0]), block_bounds(counts[1]))
    with stage("sorting the cells by row and by column"):
        began = time.monotonic()
        for p in range(number):
            rows, columns, values, *names_of_part = load_part(folder, p, 5)
            remove_part(folder, p, 5)
            part = LabelledPart((names_of_part[0], names_of_part[1]), (rows, columns), values)
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
