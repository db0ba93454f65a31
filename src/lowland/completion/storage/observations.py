"""`StoredObservations`: the known cells of a table that is larger than memory, in blocks on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from os import PathLike
from pathlib import Path
from typing import final

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.cells.sides import TableCells
from lowland.cells.stored import StoredBlocks
from lowland.completion.storage.contents import (
    CONTENTS,
    PARTS,
    Origin,
    SourceFile,
    block_file,
    read_block,
    read_contents,
    write_contents,
)
from lowland.completion.storage.parts import (
    LabelledPart,
    check_choices,
    parts_of_file,
    refuse_repeats,
    repeated_cell,
)
from lowland.completion.storage.sorting import sort_parts
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.folders import (
    new_folder,
    remove_files,
    replace_folder,
    restore_folder,
    unfinished_folder,
)
from lowland.files.foreign.columnar import need_arrow
from lowland.files.sources import parquet_files

# lines of a file that are read at once
TOGETHER = 2_000_000


@public("lowland")
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
    origin : Origin
        What the cells were read from.

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
    origin: Origin = field(repr=False)

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
        paths, target = parquet_files(files), Path(folder).absolute()
        with new_folder(target) as unfinished:
            need_arrow(".parquet")
            sources = tuple(SourceFile.of(path) for path in paths)
            origin = Origin((row, column, value), dtype, duplicates, sources)
            _write(_parts(paths, origin), unfinished, origin)
            read_contents(unfinished)  # before it takes its place
        cells, labels, origin = read_contents(target, check=False)
        return cls(cells, labels, target, origin)

    @classmethod
    def open(cls, folder: str | PathLike[str]) -> StoredObservations:
        """Open a table that was sorted into a folder earlier, and check that it is complete.

        Parameters
        ----------
        folder : path

        Returns
        -------
        StoredObservations

        Raises
        ------
        InvalidInputError
            If the folder holds no such table.
        FileFormatError
            If a file is missing or damaged.
        """
        target = Path(folder).absolute()
        restore_folder(target)
        cells, labels, origin = read_contents(target)
        return cls(cells, labels, target, origin)

    def add(self, files: str | PathLike[str] | Sequence[str | PathLike[str]]) -> StoredObservations:
        """Return the table with the cells of more files; those read before are not read again.

        The folder is replaced when all is sorted, and this object is then of no use any more. On the disk
        there must be room for both tables in the meantime.

        Parameters
        ----------
        files : path or sequence of path
            As in `from_parquet`, with columns of the same names. Those that were read before are left out.
            Of cells listed twice the last counts if `duplicates` was "last".

        Returns
        -------
        StoredObservations

        Raises
        ------
        InvalidInputError
            If a file that was read before has changed, the folder was changed by others or holds other files,
            or files cannot be added; the table is then as it was.
        """
        if read_contents(self.folder, check=False)[2] != self.origin:
            raise InvalidInputError(
                f"the table in {self.folder} is another one by now",
                "files were added to it",
                fix="go on with what add returned, or open the folder again",
            )
        paths, known = parquet_files(files), {file.path: file for file in self.origin.files}
        now = [SourceFile.of(path) for path in paths]
        for file in now:
            if known.get(file.path, file) != file:
                raise InvalidInputError(
                    f"{file.path} has changed since it was read",
                    f"{file.size} bytes, {known[file.path].size} then",
                    "its cells cannot be told from others any more",
                    f"delete {self.folder}, and sort all files again",
                )
        new = [(path, file) for path, file in zip(paths, now, strict=True) if file.path not in known]
        if not new:
            return self
        need_arrow(".parquet")
        origin = replace(self.origin, files=(*self.origin.files, *(file for _, file in new)))
        with unfinished_folder(self.folder) as unfinished:
            _write(chain(self._parts(), _parts([path for path, _ in new], origin)), unfinished, origin)
            read_contents(unfinished)  # before it takes the place of the other
            replace_folder(self.folder, unfinished, self._files())
        cells, labels, _ = read_contents(self.folder, check=False)
        return replace(self, cells=cells, labels=labels, origin=origin)

    def _files(self) -> set[str]:
        """Return the names of the table's own files."""
        return {CONTENTS} | {
            block_file(self.folder, number, k, part).name
            for number, side in enumerate(self.cells.sides)
            if isinstance(side, StoredBlocks)
            for k in range(side.bounds.size - 1)
            for part in PARTS
        }

    def _parts(self) -> Iterator[LabelledPart]:
        """Yield the stored cells block by block."""
        side, rows, columns = self.cells.sides[0], self.labels.rows, self.labels.columns
        assert isinstance(side, StoredBlocks)
        assert rows is not None
        assert columns is not None
        for k, (first, last) in enumerate(pairwise(side.bounds.tolist())):
            block = side.read(k)
            codes = block.lines.astype(np.int32), block.partners
            yield LabelledPart((rows[first:last], columns), codes, block.values)

    def delete(self) -> None:
        """Remove the table's files, if they are still there, and the folder unless it holds others."""
        remove_files(self.folder, self._files())


def _parts(paths: Iterable[Path], origin: Origin) -> Iterator[LabelledPart]:
    for path in paths:
        yield from parts_of_file(str(path), origin.columns, origin.dtype, TOGETHER)


def _write(parts: Iterable[LabelledPart], folder: Path, origin: Origin) -> None:
    """Write the blocks of parts and their contents into a folder."""
    counts, bounds, names = sort_parts(parts, folder, origin.dtype, keep_last=origin.duplicates == "last")
    if origin.duplicates == "error":
        blocks = (read_block(folder, 0, bounds[0], k) for k in range(bounds[0].size - 1))
        refuse_repeats(
            [repeated_cell(block) for block in blocks], TableLabels((counts[0].size, counts[1].size), *names)
        )
    write_contents(folder, origin, bounds, counts, names)
