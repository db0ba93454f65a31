"""Blocks of a table on the disk: each request reads one after the other, with all threads at work on it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.cells.blocks import Arrays, CellBlock
from lowland.completion.cells.sides import cut, shared
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.kernels.sparse_tables.sparse_gram import add_pairs

PARTS = ("starts", "partners", "values")


@final
class StoredBlocks:
    """One side of a table, its blocks in files that are mapped while they are used.

    Parameters
    ----------
    files : sequence of path
        Of each block, without the endings that `write_block` adds.
    bounds : ndarray of int, shape (blocks + 1,)
        The first line of each block, and the number of lines.
    counts : ndarray of int
        Number of cells of each line.
    changes : sequence of (callable, arguments)
        What is done with a block each time that it is read.
    values : ndarray, shape (p,), optional
        Values of all cells in place of those in the files.
    left : ndarray of int, optional
        Number of cells of each line that the changes leave, if not all.
    """

    def __init__(
        self,
        files: Sequence[Path],
        bounds: Indices,
        counts: Indices,
        changes: Sequence[tuple[Callable[..., CellBlock], Sequence[Any]]] = (),
        values: Vector | None = None,
        left: Indices | None = None,
    ) -> None:
        self.files, self.bounds, self._counts, self.changes = list(files), bounds, counts, list(changes)
        self.values, self._left = values, left

    @property
    def counts(self) -> Indices:
        """Number of cells of each line."""
        return self._counts if self._left is None else self._left

    def map(self, function: Callable[..., Arrays], *arguments: Any) -> Arrays:
        """Return what a function of a block returns for all blocks, joined in the order of lines."""
        arguments = tuple(shared(argument) for argument in arguments)
        joined: Arrays = ()
        for k, (first, last) in enumerate(pairwise(self.bounds.tolist())):
            parts = function(self._block(k), *self._cut(arguments, k))
            if any(len(part) != last - first for part in parts):
                return self._of_any_length(function, arguments)
            # into place at once: a list of parts would take the memory twice
            joined = joined or tuple(np.empty((self.bounds[-1], *p.shape[1:]), p.dtype) for p in parts)
            for whole, part in zip(joined, parts, strict=True):
                whole[first:last] = part
        return joined

    def _of_any_length(self, function: Callable[..., Arrays], arguments: Sequence[Any]) -> Arrays:
        """Return the joined arrays of a function that does not return one entry per line."""
        parts = [function(self._block(k), *self._cut(arguments, k)) for k in range(len(self.files))]
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def change(self, function: Callable[..., CellBlock], *arguments: Any) -> StoredBlocks:
        """Return the blocks that a function of a block returns, each time that they are read."""
        changes = [*self.changes, (function, arguments)]
        return StoredBlocks(self.files, self.bounds, self._counts, changes, self.values, self._left)

    def thinned(self, counts: Indices, function: Callable[..., CellBlock], *arguments: Any) -> StoredBlocks:
        """Return the blocks that a function which leaves out cells returns, each time that they are read."""
        changes = [*self.changes, (function, arguments)]
        return StoredBlocks(self.files, self.bounds, self._counts, changes, self.values, counts)

    def kept(self) -> StoredBlocks:
        """Return the blocks with all changes made; the values lie in a file without a name beside the others.

        The system removes it as soon as nothing uses it, also after a crash.
        """
        if self._left is not None:
            return self  # partners would have to be kept too
        with tempfile.TemporaryFile(dir=self.files[0].parent) as file:
            for k in range(len(self.files)):
                values = self._block(k).values
                file.write(np.ascontiguousarray(values).data)
            file.flush()
            whole = np.memmap(file, values.dtype, "r", shape=(int(self._counts.sum()),))
        return StoredBlocks(self.files, self.bounds, self._counts, values=np.asarray(whole))

    def add_pairs(self, weights: Vector, gram: Matrix, at: int) -> Matrix:
        """Add the weighted pairs of all lines' partners in place."""
        n = gram.shape[1] - at
        for k in range(len(self.files)):
            block, own = self._block(k), weights[self.bounds[k] : self.bounds[k + 1]]
            add_pairs(block.starts, block.partners, own, gram[at:, at:], tile=(0, n))
        return gram

    def _block(self, k: int) -> CellBlock:
        block = read_block(self.files[k], int(self.bounds[k]))
        if self.values is not None:
            block = replace(block, values=self.values[self._places(k)])
        for function, arguments in self.changes:
            block = function(block, *self._cut(arguments, k))
        return block

    def _places(self, k: int) -> slice:
        """Return where the cells of a block are among those of all."""
        first, last = self._ends[self.bounds[k : k + 2]]
        return slice(int(first), int(last))

    @cached_property
    def _ends(self) -> Indices:
        ends: Indices = np.concatenate([[0], np.cumsum(self._counts)])
        return ends

    def _cut(self, arguments: Sequence[Any], k: int) -> list[Any]:
        return cut(arguments, int(self.bounds[k]), int(self.bounds[k + 1]))


def write_block(file: Path, block: CellBlock) -> None:
    """Write the arrays of a block beside each other."""
    for name in PARTS:
        np.save(f"{file}-{name}.npy", getattr(block, name))


def read_block(file: Path, first: int) -> CellBlock:
    """Return a block whose arrays are mapped from its files."""

    def mapped(name: str) -> NDArray[Any]:
        try:
            # kernels take plain arrays; the map stays open as long as they do
            return np.asarray(np.load(f"{file}-{name}.npy", mmap_mode="r"))
        except FileNotFoundError as error:
            raise InvalidInputError(
                "the stored table is gone", f"no {file}-{name}.npy", fix="sort its files again"
            ) from error

    return CellBlock(first, mapped("starts"), mapped("partners"), mapped("values"))
