"""What a folder of blocks says of itself: its sides, what it was made of, and whether all of it is there."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.block import CellBlock
from lowland.cells.labels import TableLabels
from lowland.cells.sides import TableCells
from lowland.cells.stored import StoredBlocks, mapped
from lowland.completion.storage.parts import check_choices
from lowland.core.arrays import Indices
from lowland.core.atomic import real_path
from lowland.core.brief import briefly
from lowland.core.damage import check_arrays, reading, require
from lowland.core.folders import restore_folder
from lowland.core.running.stages import announce, stage
from lowland.files.bundle import load_contents, save_bundle

CONTENTS, KIND = "table.npz", "stored table"
# what is stored of a block
PARTS = ("starts", "partners", "values")
_SIDES = ("row", "column")


@final
@dataclass(frozen=True)
class SourceFile:
    """A file that was read, as it was then.

    Parameters
    ----------
    path : str
    size, changed : int
        Its bytes, and when it was changed, in nanoseconds.
    """

    path: str
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> SourceFile:
        """Return a file as it is now."""
        now = path.stat()
        return cls(str(real_path(path)), now.st_size, now.st_mtime_ns)


@briefly
@final
@dataclass(frozen=True)
class Origin:
    """What the cells were read from.

    Parameters
    ----------
    columns : tuple of str
        Names of the columns of row labels, column labels and values.
    dtype : {"float32", "float64"}
    duplicates : {"error", "last"}
    files : sequence of SourceFile
    """

    columns: tuple[str, str, str]
    dtype: str
    duplicates: str
    files: tuple[SourceFile, ...]


def holds_table(folder: Path) -> bool:
    """Return whether a folder holds a stored table, or did before it was replaced in vain."""
    restore_folder(folder.absolute())
    return (folder / CONTENTS).is_file()


def write_contents(
    folder: Path, origin: Origin, bounds: Sequence[Indices], counts: Sequence[Indices], names: Sequence[Any]
) -> None:
    """Write the contents of a folder whose blocks are written."""
    arrays: dict[str, NDArray[Any]] = {}
    for side, name in enumerate(_SIDES):
        arrays |= {
            f"{name}_bounds": bounds[side],
            f"{name}_counts": counts[side],
            f"{name}_names": names[side],
        }
    save_bundle(folder / CONTENTS, KIND, {"origin": dataclasses.asdict(origin)}, arrays)


def read_contents(folder: Path, *, check: bool = True) -> tuple[TableCells, TableLabels, Origin]:
    """Return the cells of a folder, their labels and their origin.

    Parameters
    ----------
    folder : Path
    check : bool
        Whether every block is read, to see that all cells are there.

    Raises
    ------
    InvalidInputError
        If the folder holds no such table.
    FileFormatError
        If a file is missing or damaged.
    """
    header, arrays = load_contents(folder, CONTENTS, KIND, "StoredObservations.from_parquet(...)")
    with reading(folder / CONTENTS, KIND):
        origin = _origin(header["origin"])
        for name in _SIDES:
            kinds = {f"{name}_bounds": "blocks", f"{name}_counts": name}
            check_arrays(arrays, kinds, kind="iu")
            require(arrays[f"{name}_names"].shape == arrays[f"{name}_counts"].shape, f"{name} names are lost")
            bounds = arrays[f"{name}_bounds"]
            whole = bounds.size > 1 and bounds[0] == 0 and bounds[-1] == arrays[f"{name}_counts"].size
            require(whole and (np.diff(bounds) > 0).all(), f"{name} blocks do not hold all lines")
    with reading(folder, KIND):
        sides = [_side(folder, side, arrays) for side in (0, 1)]
        if check:
            with stage("checking the stored table"):
                for side in (0, 1):
                    _check_blocks(folder, side, sides, origin.dtype)
    lengths = (sides[0].counts.size, sides[1].counts.size)
    size = int(sides[0].counts.sum())
    cells = TableCells((sides[0], sides[1]), lengths, size, np.dtype(origin.dtype), weighted=False)
    return cells, TableLabels(lengths, arrays["row_names"], arrays["column_names"]), origin


def _origin(plain: dict[str, Any]) -> Origin:
    check_choices(plain["dtype"], plain["duplicates"])
    row, column, value = (str(name) for name in plain["columns"])
    files = tuple(SourceFile(str(f["path"]), int(f["size"]), int(f["changed"])) for f in plain["files"])
    return Origin((row, column, value), plain["dtype"], plain["duplicates"], files)


def _side(folder: Path, side: int, arrays: dict[str, Any]) -> StoredBlocks:
    bounds, counts = arrays[f"{_SIDES[side]}_bounds"], arrays[f"{_SIDES[side]}_counts"]
    require(int(counts.sum()) == int(arrays[f"{_SIDES[1 - side]}_counts"].sum()), "its sides differ")
    return StoredBlocks(partial(read_block, folder, side, bounds), folder, bounds, counts)


def write_block(folder: Path, side: int, k: int, block: CellBlock) -> None:
    """Write the arrays of a block beside each other."""
    for name in PARTS:
        np.save(block_file(folder, side, k, name), getattr(block, name))


def read_block(folder: Path, side: int, bounds: Indices, k: int) -> CellBlock:
    """Return a block whose arrays are mapped from its files."""
    arrays = [mapped(block_file(folder, side, k, name), "table") for name in PARTS]
    return CellBlock(int(bounds[k]), *arrays)


def block_file(folder: Path, side: int, k: int, name: str) -> Path:
    """Return the file of an array of a block."""
    return folder / f"{('rows', 'columns')[side]}-{k:03}-{name}.npy"


def _check_blocks(folder: Path, side: int, sides: Sequence[StoredBlocks], dtype: str) -> None:
    """Raise ValueError unless the files of all blocks of a side hold their cells."""
    began, blocks, partners = time.monotonic(), sides[side], sides[1 - side].counts.size
    for k, (first, last) in enumerate(pairwise(blocks.bounds.tolist())):
        files = [block_file(folder, side, k, name) for name in PARTS]
        place = files[0].name.removesuffix(f"-{PARTS[0]}.npy")
        require(all(file.is_file() for file in files), f"no {place}")
        whole = _is_whole(blocks.read(k), blocks.counts[first:last], partners, dtype)
        require(whole, f"{place} does not hold its cells")
        announce("blocks", k + 1, blocks.bounds.size - 1, started=began)


def _is_whole(block: CellBlock, counts: Indices, partners: int, dtype: str) -> bool:
    """Return whether a block holds what its counts say, with partners and values that can be used."""
    kinds = [str(array.dtype) for array in (block.starts, block.partners, block.values)]
    if kinds != ["int64", "int32", dtype] or block.starts.shape != (counts.size + 1,):
        return False
    size = int(block.starts[-1])
    sized = block.starts[0] == 0 and block.partners.shape == block.values.shape == (size,)
    if not (sized and np.array_equal(np.diff(block.starts), counts) and (counts >= 0).all()):
        return False
    if not size:
        return True
    inside = block.partners.min() >= 0 and block.partners.max() < partners
    return bool(inside and np.isfinite(block.values).all())
