"""One side of a table on a cluster: a task for each block, whose results come back in the order of lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, final

import numpy as np
from distributed import Client, Future

from lowland.cells.block import Arrays, CellBlock
from lowland.cells.sides import PerPartner, arguments_of_lines, shared_argument
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.dask.waiting import gathered, needing_scheduler, persistently
from lowland.kernels.sparse_tables.sparse_gram import add_pairs
from lowland.kernels.systems.moments import Moments
from lowland.kernels.threads import limited_to

# arguments of at least this many bytes are sent once for all tasks and kept by a worker, not sent with a task
LARGE = 50_000
# rows of a Gram matrix that one chain of tasks sums
TILE = 1500


@final
class ClusterBlocks:
    """Blocks of a side that are held by the workers of a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
    blocks : sequence of Future
        Of `CellBlock`, in the order of lines; a lost one is computed again by the cluster.
    bounds : ndarray of int, shape (blocks + 1,)
        The first line of each block, and the number of lines.
    counts : ndarray of int
        Number of cells of each line.
    """

    client: Any
    blocks: list[Any]
    bounds: Indices

    def __init__(self, client: Client, blocks: Sequence[Future], bounds: Indices, counts: Indices) -> None:
        self.client, self.blocks, self.bounds, self._counts = client, list(blocks), bounds, counts

    @property
    def counts(self) -> Indices:
        """Number of cells of each line."""
        return self._counts

    def map(self, function: Callable[..., Arrays], *arguments: Any) -> Arrays:
        """Return what a function of a block returns for all blocks, joined in the order of lines."""
        parts = persistently(
            self.client, lambda: gathered(self.client, self._submit(function, arguments)), self.blocks
        )
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def change(self, function: Callable[..., CellBlock], *arguments: Any) -> ClusterBlocks:
        """Return the blocks that a function of a block returns; they stay on the cluster.

        Arguments travel with the tasks, so that a lost block can be computed again.
        """
        parts = self._arguments(arguments)
        with needing_scheduler(self.client):
            for place, given in enumerate(arguments):
                if isinstance(given, PerPartner) and _bytes_of(given.value) >= LARGE:
                    # once for all blocks; as a task, it is there again where a worker is lost
                    sent = self.client.submit(_itself, given.value, pure=False)
                    for args in parts:
                        args[place] = sent
            tasks = [
                self.client.submit(_run, function, block, *args, pure=False)
                for block, args in zip(self.blocks, parts, strict=True)
            ]
        return ClusterBlocks(self.client, tasks, self.bounds, self._counts)

    def thinned(self, counts: Indices, function: Callable[..., CellBlock], *arguments: Any) -> ClusterBlocks:
        """Return the blocks that a function which leaves out cells returns; they stay on the cluster."""
        changed = self.change(function, *arguments)
        return ClusterBlocks(self.client, changed.blocks, self.bounds, counts)

    def kept(self) -> ClusterBlocks:
        """Return the blocks: they are on the cluster already."""
        return self

    def add_pairs(self, weights: Vector, gram: Matrix, at: int) -> Matrix:
        """Return the matrix with the weighted pairs of all lines' partners added.

        Each tile of its rows goes from block to block, so that every entry is summed in the order of lines.
        """
        n = gram.shape[0] - at
        tiles = [(low, min(low + TILE, n)) for low in range(0, n, TILE)]

        def chains() -> list[Any]:
            ends = []
            for low, high in tiles:
                tile: Any = None
                for block, (first, last) in zip(self.blocks, self._ranges(), strict=True):
                    of_block = weights[first:last]
                    tile = self.client.submit(_add_pairs, block, of_block, tile, n, low, high, pure=False)
                ends.append(tile)
            return gathered(self.client, ends)

        sums = persistently(self.client, chains, self.blocks)
        for (low, high), tile in zip(tiles, sums, strict=True):
            gram[at + low : at + high, at:] += tile
        return gram

    def _submit(self, function: Callable[..., Arrays], arguments: Sequence[Any]) -> list[Future]:
        parts = self._arguments(arguments)
        for place, given in enumerate(arguments):
            if isinstance(given, PerPartner):
                sent = self._sent(shared_argument(given).value)
                for args in parts:
                    args[place] = sent
        # all at once: each call waits for the scheduler
        large = [
            (k, place) for k, args in enumerate(parts) for place, part in enumerate(args) if _is_large(part)
        ]
        if large:
            futures = self.client.scatter([parts[k][place] for k, place in large], hash=False)
            for (k, place), future in zip(large, futures, strict=True):
                parts[k][place] = future
        return [
            self.client.submit(_run, function, block, *args, pure=False)
            for block, args in zip(self.blocks, parts, strict=True)
        ]

    def _arguments(self, arguments: Sequence[Any]) -> list[list[Any]]:
        """Return the arguments of each block."""
        return [arguments_of_lines(arguments, first, last) for first, last in self._ranges()]

    def _ranges(self) -> list[tuple[int, int]]:
        return list(pairwise(self.bounds.tolist()))

    def _sent(self, value: Any) -> Any:
        """Return what stands for an argument of all blocks: itself, or its copy on a worker.

        Other workers fetch it from those that have it. (To place copies on all of them first, Dask waits
        without end if one is lost meanwhile.)
        """
        if _bytes_of(value) < LARGE:
            return value
        (sent,) = self.client.scatter([value], hash=False)  # a tuple alone would be taken apart
        return sent


def _run(function: Callable[..., Any], block: CellBlock, *arguments: Any) -> Any:
    """Run a function of a block in one thread: a worker runs as many tasks at once as it has threads."""
    with limited_to(1):
        return function(block, *arguments)


def _add_pairs(
    block: CellBlock, weights: Vector, before: Matrix | None, n: int, low: int, high: int
) -> Matrix:
    """Return rows low .. high - 1 of the lower triangle with the pairs of a block added; inputs stay."""
    rows = np.zeros((high - low, n)) if before is None else before.copy()
    with limited_to(1):
        add_pairs(block.starts, block.partners, weights, rows, tile=(low, high))
    return rows


def _itself(value: Any) -> Any:
    return value


def _is_large(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.nbytes >= LARGE


def _bytes_of(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, tuple):
        return sum(_bytes_of(part) for part in value)
    if isinstance(value, Moments):
        return value.means.nbytes + value.covariances.nbytes
    return 0
