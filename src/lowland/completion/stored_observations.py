"""`StoredObservations`: the known cells of a table that is larger than memory, in blocks on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
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
    cut_part,
    merge_names,
    names_of,
    part_of_arrow,
    refuse_repeats,
    repeated_cell,
)
from lowland.completion.stored_blocks import StoredBlocks, write_block
from lowland.completion.table_labels import TableLabels
from lowland.core.arrays import Indices
from lowland.core.errors import InvalidInputError
from lowland.core.stages import announce, stage
from lowland.files.columnar import need_arrow

# lines of a file that are read at once
TOGETHER = 2_000_000


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
    once, at the speed of the disk or, as far as the system keeps files in memory, of that. In memory is what
    has one entry per row or column. Fits have the bits of those to `Observations` of the same cells.

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
        if dtype not in ("float32", "float64"):
            raise InvalidInputError("dtype is unknown", repr(dtype), fix='use "float64" or "float32"')
        if duplicates not in ("error", "last"):
            raise InvalidInputError("duplicates is unknown", repr(duplicates), fix='use "error" or "last"')
        paths, target = _parquet_files(files), Path(folder)
        if target.exists():
            raise InvalidInputError(f"{target} exists", "a folder or file", fix="choose a new folder")
        unfinished = target.with_name(f".{target.name}.part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        try:
            parts = _parts(paths, (row, column, value), dtype)
            counts, bounds, names = _sort(parts, unfinished, dtype, keep_last=duplicates == "last")
            unfinished.rename(target)
        finally:
            with suppress(FileNotFoundError):
                shutil.rmtree(unfinished)
        lengths = (counts[0].size, counts[1].size)
        rows, columns = (
            StoredBlocks(
                [_place(target, side, k) for k in range(bounds[side].size - 1)], bounds[side], counts[side]
            )
            for side in (0, 1)
        )
        size = int(counts[0].sum())
        cells = TableCells((rows, columns), lengths, size, np.dtype(dtype), weighted=False)
        found = cls(cells, TableLabels(lengths, *names), target)
        if duplicates == "error":
            repeats = [repeated_cell(rows._block(k)) for k in range(len(rows.files))]
            try:
                refuse_repeats(repeats, found.labels)
            except InvalidInputError:
                found.delete()
                raise
        return found

    def delete(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)


def _parquet_files(files: str | PathLike[str] | Sequence[str | PathLike[str]]) -> list[Path]:
    given = [Path(files)] if isinstance(files, str | PathLike) else [Path(file) for file in files]
    paths = sorted(given[0].glob("*.parquet")) if len(given) == 1 and given[0].is_dir() else given
    missing = [path for path in paths if not path.is_file()]
    if missing or not paths:
        raise InvalidInputError(
            "there is no such Parquet file",
            str((missing or given)[0]),
            fix="pass files, or a folder of *.parquet",
        )
    return paths


def _parts(paths: Sequence[Path], columns: Sequence[str], dtype: str) -> Iterator[LabelledPart]:
    """Yield the cells of files, some lines at a time."""
    need_arrow(".parquet")
    import pyarrow as pa
    from pyarrow import parquet

    for path in paths:
        try:
            with parquet.ParquetFile(path) as file:
                missing = [name for name in columns if name not in file.schema_arrow.names]
                if missing:
                    known = ", ".join(file.schema_arrow.names)
                    raise InvalidInputError(f"{path} has no column {missing[0]!r}", f"columns {known}")
                for batch in file.iter_batches(TOGETHER, columns=[*dict.fromkeys(columns)]):
                    yield part_of_arrow(pa.Table.from_batches([batch]), columns, dtype)
        except (pa.ArrowException, OSError) as error:
            raise InvalidInputError(
                f"cannot read {path}", str(error).splitlines()[0], fix="check the file"
            ) from error


def _place(folder: Path, side: int, k: int) -> Path:
    return folder / f"{('rows', 'columns')[side]}-{k:03}"


def _sort(
    parts: Iterable[LabelledPart], folder: Path, dtype: str, *, keep_last: bool
) -> tuple[list[Indices], list[Indices], list[Any]]:
    """Write the blocks of both sides; return numbers of cells by line, ends of blocks, and names."""
    found = []
    with stage("reading the files"):
        for p, part in enumerate(parts):
            for name, array in (("0", part.codes[0]), ("1", part.codes[1]), ("values", part.values)):
                np.save(folder / f"part-{p}-{name}.npy", array)
            found.append(names_of(part))
            announce("parts", p + 1)
    merged = [merge_names([own[side] for own in found], None) for side in (0, 1)]
    names, counts = [own[0] for own in merged], [own[1] for own in merged]
    if not counts[0].sum():
        raise InvalidInputError("the table is empty", "no observed cell", fix="pass a table with data")
    bounds = (block_bounds(counts[0]), block_bounds(counts[1]))
    with stage("sorting the cells by row and by column"):
        for p in range(len(found)):
            places = (merged[0][2][p], merged[1][2][p])
            _spread(folder, p, places, bounds)
            announce("parts", p + 1, len(found))
        for side in (0, 1):
            lengths = np.diff(bounds[side])
            for k, lines in enumerate(lengths.tolist()):
                first = int(bounds[side][k])
                cells = _gathered(_place(folder, side, k), dtype)
                block = assemble(first, lines, counts[1 - side].size, keep_last, cells)
                write_block(_place(folder, side, k), block)
                counts[side][first : first + lines] = np.diff(block.starts)
    return counts, list(bounds), names


def _spread(folder: Path, p: int, places: tuple[Indices, Indices], bounds: tuple[Indices, Indices]) -> None:
    """Append the cells of a part to the files of their blocks."""
    codes0, codes1, values = (np.load(folder / f"part-{p}-{name}.npy") for name in ("0", "1", "values"))
    part = LabelledPart((np.zeros(0), np.zeros(0)), (codes0, codes1), values)
    for side, cut in enumerate(cut_part(part, places, bounds)):
        for k, cells in enumerate(cut):
            for name, array in zip("lpv", cells, strict=True):
                with _place(folder, side, k).with_suffix(f".{name}").open("ab") as file:
                    array.tofile(file)
    for name in ("0", "1", "values"):
        (folder / f"part-{p}-{name}.npy").unlink()


def _gathered(place: Path, dtype: str) -> Cells:
    """Return the cells of a block in the order of parts, and remove their files."""
    files = [place.with_suffix(f".{name}") for name in "lpv"]
    kinds = ("int32", "int32", dtype)
    lines, partners, values = (np.fromfile(file, kind) for file, kind in zip(files, kinds, strict=True))
    for file in files:
        file.unlink()
    return lines, partners, values
