"""From parts of a table, in any order, to blocks of its rows and of its columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.block import CellBlock, sort_cells
from lowland.cells.labels import TableLabels
from lowland.cells.sorting import CellArrays, cut_cells
from lowland.completion.storage.part_names import places
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.frame_cells import frame_column, label_cells, number_cells
from lowland.core.cells.labels import LabelColumn, label_column
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Remedy, Words, counted
from lowland.files.foreign.columnar import open_parquet
from lowland.files.frames import frame_columns


@final
@dataclass(frozen=True, eq=False)
class LabelledPart:
    """Some cells of a table, with the names of their rows and columns.

    Parameters
    ----------
    names : pair of ndarray
        Distinct names of rows and of columns, ascending; of some no cell may be known.
    codes : pair of ndarray of int32, shape (p,)
        Place of each cell's names among these.
    values : ndarray, shape (p,)
    """

    names: tuple[NDArray[Any], NDArray[Any]]
    codes: tuple[NDArray[np.int32], NDArray[np.int32]]
    values: Vector


Names = tuple[tuple[NDArray[Any], Indices], tuple[NDArray[Any], Indices]]


def check_choices(dtype: str, duplicates: str) -> None:
    """Raise unless a precision and a treatment of repeated cells are known."""
    if dtype not in ("float32", "float64"):
        fix = Words("use ", Option("dtype", "float64", "float32"))
        raise InvalidInputError(Words(Option("dtype"), " is unknown"), repr(dtype), fix=fix)
    if duplicates not in ("error", "last"):
        fix = Words("use ", Option("duplicates", "error", "last"))
        raise InvalidInputError(Words(Option("duplicates"), " is unknown"), repr(duplicates), fix=fix)


def part_of_frame(frame: Any, columns: Sequence[str], dtype: str) -> LabelledPart:
    """Return the cells of a data frame with one line per cell; lines whose value is missing are left out."""
    row, column, value = columns
    numbers = number_cells(frame_column(frame, value), value)
    rows, others = (
        label_column(label_cells(frame_column(frame, name)), name, "a part of the data")
        for name in (row, column)
    )
    return _part(rows, others, numbers, value, dtype)


def part_of_arrow(table: Any, columns: Sequence[str], dtype: str, where: str) -> LabelledPart:
    """Return the cells of an Arrow table with one line per cell, whose text is not read cell by cell."""
    row, column, value = columns
    arrays = frame_columns(table)
    numbers = arrays[value]
    if isinstance(numbers, LabelColumn) or numbers.dtype.kind not in "if":
        raise InvalidInputError(f"column {value!r} must hold numbers", "text")

    def labels(name: str) -> LabelColumn:
        # truth values are names, as in any frame
        truths = str(table.schema.field(name).type) == "bool"
        cells = label_cells(np.asarray(table[name].to_pylist(), dtype=object)) if truths else arrays[name]
        return label_column(cells, name, f"a part of {where}")

    return _part(labels(row), labels(column), numbers.astype(np.float64), value, dtype)


def parts_of_file(path: str, columns: Sequence[str], dtype: str, together: int) -> Iterator[LabelledPart]:
    """Yield the cells of a Parquet file, some lines at a time.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, or has no such column.
    """
    import pyarrow as pa

    with open_parquet(path, columns) as file:
        for batch in file.iter_batches(together, columns=[*dict.fromkeys(columns)]):
            yield part_of_arrow(pa.Table.from_batches([batch]), columns, dtype, path)


def part_of_file(path: str, columns: Sequence[str], dtype: str) -> LabelledPart:
    """Return the cells of a whole Parquet file; errors are those of `parts_of_file`."""
    with open_parquet(path, columns) as file:
        return part_of_arrow(file.read(columns=[*dict.fromkeys(columns)]), columns, dtype, path)


def _part(rows: LabelColumn, columns: LabelColumn, numbers: Vector, value: str, dtype: str) -> LabelledPart:
    if np.isinf(numbers).any():
        raise InvalidInputError(
            f"column {value!r} must be finite",
            "an infinite value",
            fix="drop such lines, or leave them empty",
        )
    known = ~np.isnan(numbers)
    codes = (rows.codes[known].astype(np.int32), columns.codes[known].astype(np.int32))
    return LabelledPart((rows.names, columns.names), codes, _in_precision(numbers[known], value, dtype))


def _in_precision(numbers: Vector, name: str, dtype: str) -> Vector:
    with np.errstate(over="ignore"):
        values: Vector = numbers.astype(dtype)
    if not np.isfinite(values).all():
        raise InvalidInputError(
            f"column {name!r} holds numbers that are too large for {dtype}",
            f"{numbers[~np.isfinite(values)][0]:g}",
            fix=Words("use ", Option("dtype", "float64")),
        )
    return values


def part_of_array(chunk: NDArray[Any], corner: tuple[int, int], dtype: str) -> LabelledPart:
    """Return the cells of a chunk of a two-dimensional array, NaN where missing; names are positions."""
    if isinstance(chunk, np.ma.MaskedArray):
        chunk = np.ma.filled(chunk.astype(np.float64), np.nan)
    array = np.asarray(chunk)
    if array.dtype.kind not in "fiub":
        raise InvalidInputError("the array must hold real numbers", f"dtype {array.dtype}")
    if np.isinf(array).any():
        raise InvalidInputError("the array must not hold infinities", "one", fix="use NaN for missing values")
    known = np.nonzero(~np.isnan(array))
    m, n = array.shape
    names = (np.arange(m) + corner[0], np.arange(n) + corner[1])
    codes = (known[0].astype(np.int32), known[1].astype(np.int32))
    return LabelledPart(names, codes, _in_precision(array[known], "the array", dtype))


def names_of(part: LabelledPart) -> Names:
    """Return the names of a part's rows and columns, with their numbers of cells."""
    rows, columns = (
        (names, np.bincount(codes, minlength=names.size))
        for names, codes in zip(part.names, part.codes, strict=True)
    )
    return rows, columns


def cut_part(
    part: LabelledPart, names: Sequence[NDArray[Any] | None], bounds: Sequence[Indices]
) -> list[list[CellArrays]]:
    """Return the cells of a part for each block of rows, and for each block of columns.

    Parameters
    ----------
    part : LabelledPart
    names : pair of ndarray or None
        All names of rows and of columns; None if names are positions.
    bounds : pair of ndarray of int
        Ends of the blocks.
    """
    rows, columns = (
        (mine.astype(np.int32) if every is None else places(every, mine))[codes]
        for every, mine, codes in zip(names, part.names, part.codes, strict=True)
    )
    by_row = cut_cells(bounds[0], (rows, columns, part.values))
    return [by_row, cut_cells(bounds[1], (columns, rows, part.values))]


def block_cells(cut: list[list[CellArrays]], side: int, k: int) -> CellArrays:
    """Return the cells of one block of a part, as arrays of their own: views would keep the whole alive."""
    return tuple(array.copy() for array in cut[side][k])


def assemble(first: int, lines: int, partners: int, keep_last: bool, *pieces: CellArrays) -> CellBlock:
    """Return a block from its cells in the order of parts; of repeated cells the last, or all of them."""
    at, others, values = (np.concatenate(arrays) for arrays in zip(*pieces, strict=True))
    at = (at - np.int32(first)).astype(np.intp)
    by_line, _ = sort_cells(at, others.astype(np.intp), (lines, partners))
    block = replace(by_line.holding(values), first=first)
    return block.where(~_repeats(block)) if keep_last else block


def repeated_cell(block: CellBlock) -> tuple[int, int, int]:
    """Return the number of repeated cells of a block, and the row and column of the first (-1 if none)."""
    repeats = np.flatnonzero(_repeats(block))
    if not repeats.size:
        return 0, -1, -1
    line = int(np.searchsorted(block.starts, repeats[0], side="right")) - 1
    return repeats.size, block.first + line, int(block.partners[repeats[0]])


def block_counts(block: CellBlock) -> Indices:
    """Return the number of cells of each line."""
    return block.counts


def _repeats(block: CellBlock) -> NDArray[np.bool_]:
    """Return whether each cell is followed by the same cell in its line."""
    repeated = np.zeros(block.partners.size, bool)
    repeated[:-1] = block.partners[1:] == block.partners[:-1]
    ends = block.starts[1:][block.counts > 0] - 1  # the last cell of a line
    repeated[ends] = False
    return repeated


def refuse_repeats(repeated: Sequence[tuple[int, int, int]], labels: TableLabels) -> None:
    """Raise if any block of rows has repeated cells, as `repeated_cell` finds them.

    Raises
    ------
    InvalidInputError
        Naming the first.
    """
    repeats = sum(count for count, *_ in repeated)
    if not repeats:
        return
    first = next((i, j) for count, i, j in repeated if count)
    row, column = (
        at if names is None else repr(names[at].item())
        for at, names in zip(first, (labels.rows, labels.columns), strict=True)
    )
    raise InvalidInputError(
        "a cell is listed more than once",
        f"row {row}, column {column} ({counted(repeats, 'repeat')} in all)",
        "it is unclear which value to use",
        Remedy(Words("pass ", Option("duplicates", "last")), "drop the repeats"),
    )
