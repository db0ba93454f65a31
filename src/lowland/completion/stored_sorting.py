"""Sort the cells of many parts onto the disk: blocks of rows and columns, in a folder that appears whole."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lowland.completion.line_blocks import (
    Cells,
    LabelledPart,
    assemble,
    block_bounds,
    cut_part,
    names_of,
)
from lowland.completion.part_names import PartNames
from lowland.completion.stored_blocks import write_block
from lowland.core.arrays import Indices
from lowland.core.errors import InvalidInputError
from lowland.core.stages import announce, stage

# ending of a folder that is being replaced
_OLD = ".old.part"
# of a part: places of names, values, names
_ARRAYS = ("row-codes", "column-codes", "values", "row-names", "column-names")


@contextmanager
def unfinished_folder(target: Path) -> Iterator[Path]:
    """Give a new folder of this process beside the target, which is removed at the end if it is still there.

    Those of processes that ended are removed before.
    """
    unfinished = _begin(target)
    try:
        yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def replace_folder(target: Path, new: Path, own: set[str]) -> None:
    """Put a new folder in the place of another, which is removed.

    Parameters
    ----------
    target, new : Path
    own : set of str
        Names of the files that the old folder should hold.

    Raises
    ------
    InvalidInputError
        If it holds others.
    """
    others = sorted({path.name for path in target.iterdir()} - own)
    if others:
        raise InvalidInputError(
            f"{target} holds files that are not its own",
            others[0],
            "the folder is about to be replaced",
            "move them elsewhere",
        )
    old = target.with_name(f".{target.name}{_OLD}")
    target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(target: Path) -> None:
    """Put a folder back where a process was ended in the middle of `replace_folder`."""
    old = target.with_name(f".{target.name}{_OLD}")
    if old.is_dir():
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(target)


def block_place(folder: Path, side: int, k: int) -> Path:
    """Return the path of a block, to which `write_block` adds endings."""
    return folder / f"{('rows', 'columns')[side]}-{k:03}"


def _begin(target: Path) -> Path:
    """Return a new folder of this process beside the target; those of processes that ended are removed."""
    for left in target.parent.glob(f".{target.name}.*.part"):
        number = left.name.split(".")[-2]
        if number.isdigit() and not _is_running(int(number)):
            shutil.rmtree(left, ignore_errors=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        unfinished.mkdir()
    except OSError as error:
        raise InvalidInputError(
            f"cannot make a folder in {target.parent}", error.strerror or str(error), fix="check the path"
        ) from error
    return unfinished


def _is_running(number: int) -> bool:
    """Return whether there is a process of this number; on Windows, where asking would end it, always."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


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
