"""Blocks on the disk: each request reads one after the other, with all threads at work on it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from tokenize import TokenError
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.block import Arrays, CellBlock
from lowland.cells.sides import arguments_of_lines, shared_argument
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.folders import filling
from lowland.kernels.sparse_tables.sparse_gram import add_pairs

# bytes of a file that are read in less time than it takes to map them
READ_WHOLE = 1 << 16


@final
@dataclass(frozen=True, eq=False)
class StoredBlocks:
    """One side of a table, or mode of a tensor, whose blocks a function reads when they are used.

    Parameters
    ----------
    read : callable
        Returns the k-th block.
    folder : Path
        Where they lie.
    bounds : ndarray of int, shape (blocks + 1,)
        The first line of each block, and the number of lines.
    stored : ndarray of int
        Number of cells of each line in the files.
    changes : sequence of (callable, arguments)
        What is done with a block each time that it is read.
    values : ndarray, shape (p,), optional
        Values of all cells in place of those in the files.
    left : ndarray of int, optional
        Number of cells of each line that the changes leave, if not all.
    """

    read: Callable[[int], CellBlock]
    folder: Path
    bounds: Indices
    stored: Indices
    changes: tuple[tuple[Callable[..., CellBlock], Sequence[Any]], ...] = ()
    values: Vector | None = None
    left: Indices | None = None

    @property
    def counts(self) -> Indices:
        """Number of cells of each line."""
        return self.stored if self.left is None else self.left

    def map(self, function: Callable[..., Arrays], *arguments: Any) -> Arrays:
        """Return what a function of a block returns for all blocks, joined in the order of lines."""
        arguments = tuple(shared_argument(argument) for argument in arguments)
        joined: Arrays = ()
        for k, (first, last) in enumerate(pairwise(self.bounds.tolist())):
            parts = function(self.block(k), *self._arguments(arguments, k))
            if any(len(part) != last - first for part in parts):
                return self._of_any_length(function, arguments)
            # into place at once: a list of parts would take the memory twice
            joined = joined or tuple(np.empty((self.bounds[-1], *p.shape[1:]), p.dtype) for p in parts)
            for whole, part in zip(joined, parts, strict=True):
                whole[first:last] = part
        return joined

    def __iter__(self) -> Iterator[CellBlock]:
        for k in range(self.bounds.size - 1):
            yield self.block(k)

    def _of_any_length(self, function: Callable[..., Arrays], arguments: Sequence[Any]) -> Arrays:
        """Return the joined arrays of a function that does not return one entry per line."""
        parts = [function(self.block(k), *self._arguments(arguments, k)) for k in range(self.bounds.size - 1)]
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def change(self, function: Callable[..., CellBlock], *arguments: Any) -> StoredBlocks:
        """Return the blocks that a function of a block returns, each time that they are read."""
        return replace(self, changes=(*self.changes, (function, arguments)))

    def thinned(self, counts: Indices, function: Callable[..., CellBlock], *arguments: Any) -> StoredBlocks:
        """Return the blocks that a function which leaves out cells returns, each time that they are read."""
        return replace(self.change(function, *arguments), left=counts)

    def kept(self) -> StoredBlocks:
        """Return the blocks with all changes made; the values lie in a file without a name beside the others.

        The system removes it as soon as nothing uses it, also after a crash.
        """
        if self.left is not None:
            return self  # partners would have to be kept too
        with filling(self.folder), tempfile.TemporaryFile(dir=self.folder) as file:
            for block in self:
                values = block.values
                file.write(np.ascontiguousarray(values).data)
            file.flush()
            whole = np.memmap(file, values.dtype, "r", shape=(int(self.stored.sum()),))
        return replace(self, changes=(), values=np.asarray(whole))

    def add_pairs(self, weights: Vector, gram: Matrix, at: int) -> Matrix:
        """Add the weighted pairs of all lines' partners in place."""
        n = gram.shape[1] - at
        for block, (first, last) in zip(self, pairwise(self.bounds.tolist()), strict=True):
            add_pairs(block.starts, block.partners, weights[first:last], gram[at:, at:], tile=(0, n))
        return gram

    def block(self, k: int) -> CellBlock:
        """Return the k-th block as changed."""
        block = self.read(k)
        if self.values is not None:
            first, last = self._ends[self.bounds[k : k + 2]]
            block = replace(block, values=self.values[int(first) : int(last)])
        for function, arguments in self.changes:
            block = function(block, *self._arguments(arguments, k))
        return block

    @cached_property
    def _ends(self) -> Indices:
        ends: Indices = np.concatenate([[0], np.cumsum(self.stored)])
        return ends

    def _arguments(self, arguments: Sequence[Any], k: int) -> list[Any]:
        return arguments_of_lines(arguments, int(self.bounds[k]), int(self.bounds[k + 1]))


def mapped(file: Path, what: str) -> NDArray[Any]:
    """Return an array that is mapped from its file, of a stored "table" or "tensor", to be read alone.

    Raises
    ------
    InvalidInputError
        If the file is gone.
    FileFormatError
        If it is damaged.
    """
    try:
        if file.stat().st_size <= READ_WHOLE:
            array = np.load(file)
            array.flags.writeable = False
            return cast(NDArray[Any], array)
        # kernels take plain arrays; the map stays open as long as they do
        return np.asarray(np.load(file, mmap_mode="r"))
    except FileNotFoundError as error:
        raise InvalidInputError(
            f"the stored {what} is gone", f"no {file}", fix="sort its files again"
        ) from error
    except (ValueError, EOFError, SyntaxError, TokenError) as error:  # its header is parsed as Python
        raise FileFormatError(
            f"{file} is part of a damaged stored {what}",
            str(error.args[0]) if error.args else "",
            fix="sort the files again",
        ) from error
