"""`DaskObservations`: the known cells of a table that a Dask cluster holds in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Any, final

import numpy as np
from dask.array import Array
from distributed import Client, Future, get_client

from lowland.cells.labels import TableLabels
from lowland.cells.sides import TableCells
from lowland.completion.storage.part_names import PartNames, joined_names
from lowland.completion.storage.parts import (
    Names,
    assemble,
    block_cells,
    block_counts,
    check_choices,
    cut_part,
    names_of,
    part_of_array,
    part_of_file,
    part_of_frame,
    refuse_repeats,
    repeated_cell,
)
from lowland.core.arrays import Indices
from lowland.core.cells.line_bounds import block_bounds
from lowland.core.cells.parts import LONGEST
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.dask.cluster_blocks import ClusterBlocks
from lowland.dask.waiting import gathered, needing_scheduler, persistently
from lowland.files.sources import parquet_files


@public("lowland.dask")
@final
@dataclass(frozen=True, eq=False)
class DaskObservations:
    """Known cells of a table, held by the workers of a Dask cluster in blocks of rows and of columns.

    Build them by `from_frame`, `from_parquet` or `from_array`.

    Parameters
    ----------
    cells : TableCells
        Blocks on the cluster.
    labels : TableLabels
        Names of rows and columns, in the order of `Observations.from_frame`.
    client : distributed.Client

    Notes
    -----
    Every cell is held twice, by row and by column, at 4 bytes plus the value each. Blocks are results of
    tasks that begin with reading, so that the cluster computes them again where a worker is lost; what it was
    given in memory stays with the scheduler. Names, counts and everything else of the order of rows plus
    columns is held by the calling process.

    Examples
    --------
    >>> import dask.dataframe as dd, pandas as pd
    >>> from distributed import Client
    >>> from lowland.dask import DaskObservations
    >>> sold = pd.DataFrame({"shop": ["a", "a", "b"], "fruit": ["fig", "plum", "fig"], "kilos": [3.5, 1, 2]})
    >>> with Client(processes=False, dashboard_address="localhost:0") as client:
    ...     frame = dd.from_pandas(sold, npartitions=2)
    ...     seen = DaskObservations.from_frame(frame, row="shop", column="fruit", value="kilos")
    ...     seen.shape, seen.size
    ((2, 2), 3)
    """

    cells: TableCells
    labels: TableLabels
    client: Client

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.cells.shape

    @property
    def size(self) -> int:
        """Number of observed cells."""
        return self.cells.size

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        row: str,
        column: str,
        value: str,
        dtype: str = "float64",
        duplicates: str = "error",
        client: Client | None = None,
    ) -> DaskObservations:
        """Build from a Dask data frame with one line per observed cell.

        Parameters
        ----------
        frame : dask.dataframe.DataFrame
        row, column, value : str
            Names of the columns that hold the row's label, the column's label and the number. Lines whose
            value is missing are left out.
        dtype : {"float64", "float32"}
            Precision of the values, and of a fit to them.
        duplicates : {"error", "last"}
            What to do with a cell that is listed twice.
        client : distributed.Client, optional
            By default the current one.

        Returns
        -------
        DaskObservations

        Raises
        ------
        InvalidInputError
            If a column does not exist, a label is missing, values are not numbers, or a cell repeats.
        """
        from dask.dataframe import DataFrame

        if not isinstance(frame, DataFrame):
            raise InvalidInputError(
                "frame must be a Dask data frame", type(frame).__name__, fix="dask.dataframe.from_pandas(...)"
            )
        client, columns = _client(client), (row, column, value)
        check_choices(dtype, duplicates)
        missing = [name for name in columns if name not in list(frame.columns)]
        if missing:
            raise InvalidInputError(f"the data frame has no column {missing[0]!r}", f"{list(frame.columns)}")
        frames = client.compute(frame[[*dict.fromkeys(columns)]].to_delayed())
        parts = [client.submit(part_of_frame, part, columns, dtype, pure=False) for part in frames]
        return cls._of_parts(client, parts, None, duplicates)

    @classmethod
    def from_parquet(
        cls,
        folder: str | PathLike[str] | Sequence[str | PathLike[str]],
        *,
        row: str,
        column: str,
        value: str,
        dtype: str = "float64",
        duplicates: str = "error",
        client: Client | None = None,
    ) -> DaskObservations:
        """Build from Parquet files that all workers can read; parameters as of `from_frame`.

        Parameters
        ----------
        folder : path or sequence of path
            Files, each read by one task; of a folder, its files ``*.parquet`` in the order of their names.
        row, column, value : str
        dtype : {"float64", "float32"}
        duplicates : {"error", "last"}
        client : distributed.Client, optional

        Returns
        -------
        DaskObservations
        """
        paths = parquet_files(folder)
        client, columns = _client(client), (row, column, value)
        check_choices(dtype, duplicates)
        names = [str(path.absolute()) for path in paths]
        parts = [client.submit(part_of_file, name, columns, dtype, pure=False) for name in names]
        return cls._of_parts(client, parts, None, duplicates)

    @classmethod
    def from_array(
        cls, array: Any, *, dtype: str = "float64", client: Client | None = None
    ) -> DaskObservations:
        """Build from a two-dimensional Dask array in which NaN means missing and zero is a value.

        Parameters
        ----------
        array : dask.array.Array, shape (m, n)
        dtype : {"float64", "float32"}
        client : distributed.Client, optional

        Returns
        -------
        DaskObservations

        Raises
        ------
        InvalidInputError
            If the array is not two-dimensional, has unknown sizes, or holds an infinity.
        """
        if not isinstance(array, Array):
            raise InvalidInputError(
                "array must be a Dask array", type(array).__name__, fix="dask.array.from_array(...)"
            )
        if array.ndim != 2 or any(np.isnan(k) or k >= LONGEST for k in array.shape):
            raise InvalidInputError(
                "the array must have two dimensions of known size, below 2^31",
                f"shape {array.shape}",
                fix="compute_chunk_sizes()",
            )
        check_choices(dtype, "error")
        client = _client(client)
        corners = [np.concatenate([[0], np.cumsum(lengths)[:-1]]) for lengths in array.chunks]
        chunks = client.compute(array.to_delayed().ravel().tolist())
        places = [(int(i), int(j)) for i in corners[0] for j in corners[1]]
        parts = [
            client.submit(part_of_array, chunk, corner, dtype, pure=False)
            for chunk, corner in zip(chunks, places, strict=True)
        ]
        return cls._of_parts(client, parts, (int(array.shape[0]), int(array.shape[1])), "error")

    @classmethod
    def _of_parts(
        cls, client: Client, parts: Sequence[Future], shape: tuple[int, int] | None, duplicates: str
    ) -> DaskObservations:
        with needing_scheduler(client):
            return cls._of_held(client, parts, shape, duplicates)

    @classmethod
    def _of_held(
        cls, client: Client, parts: Sequence[Future], shape: tuple[int, int] | None, duplicates: str
    ) -> DaskObservations:
        known = PartNames(), PartNames()
        for task in [client.submit(names_of, part, pure=False) for part in parts]:
            mine: Names
            (mine,) = persistently(client, partial(gathered, client, [task]))
            for collected, names_of_part in zip(known, mine, strict=True):
                collected.add(*names_of_part)
        names, counts = joined_names(known)
        if shape is not None:  # names are positions
            whole = [np.zeros(length, np.int64) for length in shape]
            for at, every_count, number in zip(names, whole, counts, strict=True):
                every_count[at] = number
            counts = whole
        lengths = (counts[0].size, counts[1].size)
        bounds = (block_bounds(counts[0]), block_bounds(counts[1]))
        every = (None, None) if shape is not None else client.submit(_named, *names, pure=False)
        cuts = [client.submit(cut_part, part, every, bounds, pure=False) for part in parts]
        sides = []
        for side in (0, 1):
            blocks = []
            for k in range(bounds[side].size - 1):
                first, last = int(bounds[side][k]), int(bounds[side][k + 1])
                pieces = [client.submit(block_cells, cut, side, k, pure=False) for cut in cuts]
                size = (first, last - first, lengths[1 - side])
                blocks.append(client.submit(assemble, *size, duplicates == "last", *pieces, pure=False))
            sides.append(blocks)
        labels = TableLabels(lengths) if shape is not None else TableLabels(lengths, names[0], names[1])
        if duplicates == "error":
            refuse_repeats(
                persistently(
                    client, lambda: gathered(client, client.map(repeated_cell, sides[0], pure=False))
                ),
                labels,
            )
        else:
            counts = [_counted(client, blocks) for blocks in sides]
        rows, columns = (ClusterBlocks(client, sides[s], bounds[s], counts[s]) for s in (0, 1))
        (dtype,) = persistently(client, lambda: gathered(client, [client.submit(_dtype, sides[0][0])]))
        cells = TableCells((rows, columns), lengths, int(counts[0].sum()), dtype, weighted=False)
        return cls(cells, labels, client)


def _named(rows: Any, columns: Any) -> tuple[Any, Any]:
    """Return the names of both sides; as a task, which the cluster can repeat where a worker is lost."""
    return rows, columns


def _counted(client: Client, blocks: Sequence[Future]) -> Indices:
    """Return the number of cells of each line of blocks."""
    parts = persistently(client, lambda: gathered(client, client.map(block_counts, blocks, pure=False)))
    return np.concatenate(parts)


def _dtype(block: Any) -> Any:
    return block.values.dtype


def _client(client: Client | None) -> Client:
    """Return a client, by default the current one."""
    if client is not None:
        return client
    try:
        return get_client()
    except ValueError as error:
        raise InvalidInputError(
            "there is no Dask client", "none was passed or created", fix="client = distributed.Client(...)"
        ) from error
