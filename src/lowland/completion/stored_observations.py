"""`StoredObservations`: the known cells of a table that is larger than memory, in blocks on the disk."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, final

import numpy as np

from lowland.completion.cells import TableCells
from lowland.completion.line_blocks import (
    Cells,
    LabelledPart,
    assemble,
    block_bounds,
    check_choices,
    cut_part,
    names_of,
    parts_of_file,
    refuse_repeats,
    repeated_cell,
)
from lowland.completion.part_names import PartNames
from lowland.completion.stored_blocks import StoredBlocks, read_block, write_block
from lowland.completion.table_labels import TableLabels
from lowland.core.arrays import Indices
from lowland.core.errors import InvalidInputError
from lowland.core.stages import announce, stage
from lowland.files.columnar import need_arrow

# lines of a file that are read at once
TOGETHER = 2_000_000
# of a part: places of names, values, names
_ARRAYS = ("row-codes", "column-codes", "values", "row-names", "column-names")


@final
@dataclass(frozen=True, eq=False)
class StoredObservations:
    """Known cells of a table on the disk, for tables that do not fit into memory.

    Parameters
    ----------
    cells : TableCells
        Blocks in files of `folder`.
    labels : TableLabels
        Names of rows and columns, in the order of `Observations.from_frame`.
    folder : path
        Removed by `delete`.

    Notes
    -----
    Each cell is stored twice, by row and by column, at 4 bytes plus the value each. A sweep reads all of it
    once (four times where the pattern is a feature), at the speed of the disk or, as far as the system keeps
    files in memory, of that. In memory is what has one entry per row or column. Fits have the bits of those
    to `Observations` of the same cells.

    Examples
    --------
    >>> import lowland as ll, pyarrow as pa, pyarrow.parquet, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> sold = pa.table({"shop": ["a", "a", "b"], "fruit": ["fig", "plum", "fig"], "kilos": [3.5, 1, 2]})
    >>> pa.parquet.write_table(sold, f"{folder}/sold.parquet")
    >>> names = {"row": "shop", "column": "fruit", "value": "kilos"}
    >>> seen = ll.StoredObservations.from_parquet(f"{folder}/sold.parquet", f"{folder}/cells", **names)
    >>> seen.shape, seen.size
    ((2, 2), 3)
    >>> seen.delete()
    """

    cells: TableCells
    labels: TableLabels
    folder: Path

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.cells.shape

    @property
    def size(self) -> int:
        """Number of observed cells."""
        return self.cells.size

    @classmethod
    def from_parquet(
        cls,
        files: str | PathLike[str] | Sequence[str | PathLike[str]],
        folder: str | PathLike[str],
        *,
        row: str,
        column: str,
        value: str,
        dtype: str = "float32",
        duplicates: str = "error",
    ) -> StoredObservations:
        """Sort the cells of Parquet files into blocks in a folder.

        Parameters
        ----------
        files : path or sequence of path
            Files with one line per observed cell; of a folder, its files ``*.parquet`` in the order of their
            names. They are read once, two million lines at a time.
        folder : path
            A folder that does not exist yet, on a disk with room for 24 bytes per cell (32 in double
            precision), of which 16 (24) remain.
        row, column, value : str
            Names of the columns that hold the row's label, the column's label and the number. Lines whose
            value is missing are left out.
        dtype : {"float32", "float64"}
            Precision of the values, and of a fit to them.
        duplicates : {"error", "last"}
            What to do with a cell that is listed twice.

        Returns
        -------
        StoredObservations

        Raises
        ------
        InvalidInputError
            If a file or column does not exist, a label is missing, values are not numbers, a cell repeats, or
            the folder exists.
        """
        check_choices(dtype, duplicates)
        paths, target = _parquet_files(files), Path(folder)
        if target.exists():
            raise InvalidInputError(f"{target} exists", "a folder or file", fix="choose a new folder")
        need_arrow(".parquet")
        unfinished = _begin(target)
        try:
            how = ((row, column, value), dtype, TOGETHER)
            parts = (part for path in paths for part in parts_of_file(str(path), *how))
            counts, bounds, names = _sort(parts, unfinished, dtype, keep_last=duplicates == "last")
            lengths = (counts[0].size, counts[1].size)
            if duplicates == "error":
                firsts = enumerate(bounds[0][:-1].tolist())
                found = [repeated_cell(read_block(_place(unfinished, 0, k), first)) for k, first in firsts]
                refuse_repeats(found, TableLabels(lengths, *names))
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        sides = [
            StoredBlocks(
                [_place(target, side, k) for k in range(bounds[side].size - 1)], bounds[side], counts[side]
            )
            for side in (0, 1)
        ]
        size = int(counts[0].sum())
        cells = TableCells((sides[0], sides[1]), lengths, size, np.dtype(dtype), weighted=False)
        return cls(cells, TableLabels(lengths, *names), target)

    def delete(self) -> None:
        """Remove the folder, if it is still there."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _parquet_files(files: str | PathLike[str] | Sequence[str | PathLike[str]]) -> list[Path]:
    given = [Path(files)] if isinstance(files, str | PathLike) else [Path(file) for file in files]
    paths = sorted(given[0].glob("*.parquet")) if len(given) == 1 and given[0].is_dir() else given
    missing = [path for path in paths if not path.is_file()]
    if missing or not paths:
        raise InvalidInputError(
            "there is no such Parquet file",
            str((missing or given)[0]) if given else "an empty list",
            fix="pass files, or a folder of *.parquet",
        )
    return paths


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


def _place(folder: Path, side: int, k: int) -> Path:
    return folder / f"{('rows', 'columns')[side]}-{k:03}"


def _sort(
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
        for p in range(number):
            _spread(folder, p, names, bounds)
            announce("parts", p + 1, number)
        for side in (0, 1):
            lengths = np.diff(bounds[side])
            for k, lines in enumerate(lengths.tolist()):
                first = int(bounds[side][k])
                cells = _gathered(_place(folder, side, k), dtype)
                block = assemble(first, lines, counts[1 - side].size, keep_last, cells)
                write_block(_place(folder, side, k), block)
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
                with _place(folder, side, k).with_suffix(f".{name}").open("ab") as file:
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
