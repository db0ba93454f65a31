"""Sort the cells of many parts onto the disk: blocks of rows and columns, in a folder that appears whole."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lowland.completion.storage.blocks import write_block
from lowland.completion.storage.part_names import PartNames
from lowland.completion.storage.parts import (
    Cells,
    LabelledPart,
    assemble,
    cut_part,
    names_of,
)
from lowland.core.arrays import Indices
from lowland.core.cells.line_bounds import block_bounds
from lowland.core.errors import InvalidInputError
from lowland.core.running.stages import announce, stage

# of a part: places of names, values, names
_ARRAYS = ("row-codes", "column-codes", "values", "row-names", "column-names")


def block_place(folder: Path, side: int, k: int) -> Path:
    """Return the path of a block, to which `write_block` adds endings."""
    return folder / f"{('rows', 'columns')[side]}-{k:03}"


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
            for own, mine in zip(known, names_of(part), strict=True):
                own.add(*mine)
            number += 1
            announce("parts", number)
    joined = [own.joined() for own in known]
    names, counts = [own[0] for own in joined], [own[1] for own in joined]
    if not counts[0].sum():
        raise InvalidInputError("the table is empty", "no observed cell", fix="pass a table with data")
    bounds = (block_bounds(counts[0]), block_bounds(counts[1]))
    with stage("sorting the cells by row and by column"):
        began = time.monotonic()
        for p in range(number):
            _spread(folder, p, names, bounds)
            announce("parts", p + 1, number, started=began)
        for side in (0, 1):
            lengths = np.diff(bounds[side])
            for k, lines in enumerate(lengths.tolist()):
                first = int(bounds[side][k])
                cells = _gathered(block_place(folder, side, k), dtype)
                block = assemble(first, lines, counts[1 - side].size, keep_last, cells)
                write_block(block_place(folder, side, k), block)
                counts[side][first : first + lines] = np.diff(block.starts)
    return counts, list(bounds), names


def _spread(folder: Path, p: int, names: Sequence[Any], bounds: Sequence[Indices]) -> None:
    """Append the cells of a part to the files of their blocks."""
    files = [folder / f"part-{p}-{name}.npy" for name in _ARRAYS]
    rows, columns, values, *own = (np.load(file) for file in files)
    part = LabelledPart((own[0], own[1]), (rows, columns), values)
    for side, cut in enumerate(cut_part(part, names, bounds)):
        for k, cells in enumerate(cut):
            for name, array in zip("lpv", cells, strict=True):
                with block_place(folder, side, k).with_suffix(f".{name}").open("ab") as file:
                    array.tofile(file)
    for stored in files:
        stored.unlink()


def _gathered(place: Path, dtype: str) -> Cells:
    """Return the cells of a block in the order of parts, and remove their files."""
    files = [place.with_suffix(f".{name}") for name in "lpv"]
    kinds = ("int32", "int32", dtype)
    lines, partners, values = (np.fromfile(file, kind) for file, kind in zip(files, kinds, strict=True))
    for file in files:
        file.unlink()
    return lines, partners, values
