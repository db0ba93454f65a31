"""`StoredTensor`: the known cells of a tensor that is larger than memory, on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from os import PathLike
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.cells.sides import PerLine
from lowland.cells.stored import StoredBlocks
from lowland.cells.sums import without_places
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.damage import check_arrays, reading, require
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.folders import new_folder, remove_files, replace_folder, restore_folder, unfinished_folder
from lowland.core.halving import find_by_halving
from lowland.core.memory import check_fits
from lowland.files.bundle import load_contents, save_bundle
from lowland.files.foreign.columnar import need_arrow, open_parquet
from lowland.files.sources import parquet_files
from lowland.tensors.cells.stored_contents import (
    PARTS,
    cells_file,
    checksums,
    is_before,
    is_whole,
    line_ends,
    mapped_cells,
    stored_blocks,
)
from lowland.tensors.cells.stored_sorting import check_batch, sort_cells
from lowland.tensors.cells.unfoldings import Unfolding, positions_of

CONTENTS, KIND = "tensor.npz", "stored tensor"
# lines of a file that are read at once
TOGETHER = 2_000_000


@public("lowland")
@final
@dataclass(frozen=True, eq=False)
class StoredTensor:
    """Known cells of a tensor on the disk, for `complete_tensor` where they do not fit into memory.

    Parameters
    ----------
    folder : Path
        Removed by `delete`.
    counts : tuple of ndarray of int
        Number of known cells of each slice, by mode.
    hidden : tuple of ndarray of int
        Cells that are left out, by their places in each mode's files, ascending.

    Notes
    -----
    Each cell is stored once per mode, at 4 bytes for each other mode plus the value; a sweep reads all of it.
    In memory is what has one entry per slice, and the cells of a block (about half a million, or those of the
    longest slice) times the number of components. The fit has the bits of that to `TensorObservations` of the
    same cells in double precision.

    Examples
    --------
    >>> import lowland as ll, numpy as np, tempfile
    >>> rng = np.random.default_rng(0)
    >>> at = np.argwhere(rng.random((6, 5, 4)) < 0.8)
    >>> parts = [(at[:40], rng.standard_normal(40)), (at[40:], rng.standard_normal(len(at) - 40))]
    >>> seen = ll.StoredTensor.from_batches(parts, f"{tempfile.mkdtemp()}/cells")
    >>> seen.shape, seen.size == len(at)
    ((6, 5, 4), True)
    >>> seen.delete()
    """

    folder: Path
    counts: tuple[Indices, ...]
    hidden: tuple[Indices, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return tuple(counts.size for counts in self.counts)

    @property
    def size(self) -> int:
        """Number of known cells."""
        return int(self.counts[0].sum()) - self.hidden[0].size

    @property
    def weights(self) -> None:
        """None: all cells count alike."""

    @classmethod
    def from_batches(
        cls,
        batches: Iterable[tuple[ArrayLike, ArrayLike]],
        folder: str | PathLike[str],
        *,
        shape: tuple[int, ...] | None = None,
        dtype: str = "float64",
    ) -> StoredTensor:
        """Sort cells that are given part by part into a folder.

        Parameters
        ----------
        batches : iterable of pairs
            Positions counted from zero, shape (k, N), and values, shape (k,), which must be finite.
        folder : path
            A folder that does not exist yet, on a disk with room for all modes' cells and once more the
            positions and values.
        shape : tuple of int, optional
            By default the smallest that holds all positions.
        dtype : {"float64", "float32"}
            Precision of the stored values; the fit is in double precision.

        Returns
        -------
        StoredTensor

        Raises
        ------
        InvalidInputError
            If a cell is listed twice or lies outside the shape, a value is not finite, a slice has no cell,
            or the folder exists.
        """
        if dtype not in ("float32", "float64"):
            raise InvalidInputError("dtype is unknown", repr(dtype), fix='use "float64" or "float32"')
        target = Path(folder).absolute()
        with new_folder(target) as unfinished:
            counts = _write(batches, unfinished, shape, dtype)
        return cls._whole(target, counts)

    @classmethod
    def _whole(cls, folder: Path, counts: Sequence[Indices]) -> StoredTensor:
        return cls(folder, tuple(counts), tuple(np.zeros(0, np.int64) for _ in counts))

    @classmethod
    def from_parquet(
        cls,
        files: str | PathLike[str] | Sequence[str | PathLike[str]],
        folder: str | PathLike[str],
        *,
        modes: Sequence[str],
        value: str,
        shape: tuple[int, ...] | None = None,
        dtype: str = "float64",
    ) -> StoredTensor:
        """Sort the cells of Parquet files with one line per cell into a folder.

        Parameters
        ----------
        files : path or sequence of path
            Of a folder, its files ``*.parquet``. They are read two million lines at a time.
        folder : path
            As in `from_batches`.
        modes : sequence of str
            Names of the columns that hold positions, whole numbers counted from zero.
        value : str
            Name of the column of values. Lines whose value is missing are left out.
        shape, dtype
            As in `from_batches`.

        Returns
        -------
        StoredTensor

        Raises
        ------
        InvalidInputError
            If a file or column does not exist, and as in `from_batches`.
        """
        paths = parquet_files(files)
        need_arrow(".parquet")
        return cls.from_batches(_read(paths, [*modes], value), folder, shape=shape, dtype=dtype)

    @classmethod
    def open(cls, folder: str | PathLike[str]) -> StoredTensor:
        """Open a tensor that was sorted into a folder earlier; all of it is read to check it.

        Parameters
        ----------
        folder : path

        Returns
        -------
        StoredTensor

        Raises
        ------
        InvalidInputError
            If the folder holds no such tensor.
        FileFormatError
            If a file is missing or damaged.
        """
        target = Path(folder).absolute()
        restore_folder(target)
        header, arrays = load_contents(target, CONTENTS, KIND, "StoredTensor.from_parquet(...)")
        with reading(target / CONTENTS, KIND):
            modes = int(header["modes"])
            names = [f"mode_{k}_counts" for k in range(modes)]
            check_arrays(arrays, {name: name for name in names}, kind="iu")
            counts = tuple(arrays[name].astype(np.int64) for name in names)
            check_arrays(arrays, {"checksums": str(2 * modes)}, kind="iu")
            require(modes > 2 and len({int(known.sum()) for known in counts}) == 1, "its modes differ")
        with reading(target, KIND):
            for k in range(modes):
                missing = [name for name in PARTS if not cells_file(target, k, name).is_file()]
                require(not missing, f"the {' and '.join(missing)} of mode {k} are gone")
            require(np.array_equal(checksums(target, modes), arrays["checksums"]), "a file has changed")
            for k in range(modes):
                require(is_whole(target, k, counts, header["dtype"]), f"mode {k} does not hold its cells")
        return cls._whole(target, counts)

    def add(self, batches: Iterable[tuple[ArrayLike, ArrayLike]]) -> StoredTensor:
        """Return the tensor with the cells of more batches, also of new slices.

        The folder is replaced when all is sorted, and this object is then of no use any more. On the disk
        there must be room for both tensors in the meantime.

        Parameters
        ----------
        batches : iterable of pairs
            As in `from_batches`.

        Returns
        -------
        StoredTensor

        Raises
        ------
        InvalidInputError
            If a cell is listed twice, a value is not finite, a slice has no cell, or the folder was changed
            by others or holds other files; the tensor is then as it was.
        """
        header, arrays = load_contents(self.folder, CONTENTS, KIND, "StoredTensor.from_parquet(...)")
        if not np.array_equal(arrays["mode_0_counts"], self.counts[0]):
            raise InvalidInputError(
                f"the tensor in {self.folder} is another one by now",
                "cells were added to it",
                fix="go on with what add returned, or open the folder again",
            )
        known = ((positions_of(block, 0), block.values) for block in self._blocks(0))
        with unfinished_folder(self.folder) as unfinished:
            counts = _write(chain(known, batches), unfinished, None, header["dtype"])
            replace_folder(self.folder, unfinished, self._files())
        return self._whole(self.folder, counts)

    def _files(self) -> set[str]:
        """Return the names of the tensor's own files."""
        modes = range(len(self.counts))
        return {CONTENTS} | {cells_file(self.folder, k, part).name for k in modes for part in PARTS}

    def delete(self) -> None:
        """Remove the tensor's files, if they are still there, and the folder unless it holds others."""
        remove_files(self.folder, self._files())

    # ---------------------------------------------------------------- what a fit asks

    def in_double(self) -> StoredTensor:
        """Return the tensor: values are converted as they are read."""
        return self

    def slice_counts(self) -> list[Indices]:
        """Return the number of known cells of each slice, by mode."""
        return [unfolding.blocks.counts for unfolding in self.unfoldings()]

    def unfoldings(self) -> list[Unfolding]:
        """Return the known cells by the rows of each mode."""
        return [Unfolding(mode, self._blocks(mode)) for mode in range(len(self.counts))]

    def _blocks(self, mode: int) -> StoredBlocks:
        counts, hidden = self.counts[mode], self.hidden[mode]
        blocks, ends = stored_blocks(self.folder, mode, counts), line_ends(counts)
        rows = np.searchsorted(ends[1:], hidden, side="right")
        left = counts - np.bincount(rows, minlength=counts.size)
        return blocks.thinned(left, without_places, PerLine(ends[:-1]), hidden) if hidden.size else blocks

    def cells(self, places: Indices) -> tuple[NDArray[np.int64], Vector]:
        """Return positions and values of some known cells, by their places in lexicographic order."""
        others, values = (mapped_cells(self.folder, 0, name) for name in PARTS)
        lines = np.searchsorted(line_ends(self.counts[0])[1:], places, side="right")
        return np.column_stack([lines, others[places]]).astype(np.int64), values[places].astype(np.float64)

    def without(self, places: Indices) -> StoredTensor:
        """Return the tensor without some cells, by their places in lexicographic order, ascending."""
        positions, _ = self.cells(places)
        hidden = [np.asarray(places, np.int64)]
        for mode in range(1, len(self.counts)):
            hidden.append(np.sort(self._places(mode, positions)))
        return StoredTensor(self.folder, self.counts, tuple(hidden))

    def _places(self, mode: int, positions: NDArray[np.int64]) -> Indices:
        """Return the places of cells, which are there, in the files of a mode."""
        others = mapped_cells(self.folder, mode, "others")
        ends = line_ends(self.counts[mode])
        asked = np.delete(positions, mode, axis=1)
        lines = positions[:, mode]
        return find_by_halving(ends[lines], ends[lines + 1], lambda middle: is_before(asked, others[middle]))

    def array(self, fill: float = np.nan) -> Matrix:
        """Return the dense tensor, missing cells filled, if memory holds it."""
        check_fits(16.0 * prod(self.shape), "the dense tensor", "predict the cells that are needed")
        out = np.full(self.shape, fill)
        for block in self._blocks(0):
            out[tuple(positions_of(block, 0).T)] = block.values
        return out


def _write(
    batches: Iterable[tuple[ArrayLike, ArrayLike]], folder: Path, shape: tuple[int, ...] | None, dtype: str
) -> list[Indices]:
    """Write the cells of batches and the contents into a folder; return the numbers of cells of slices."""
    counts = sort_cells((check_batch(*batch) for batch in batches), folder, shape, np.dtype(dtype))
    arrays = {f"mode_{k}_counts": known for k, known in enumerate(counts)}
    arrays["checksums"] = checksums(folder, len(counts))
    save_bundle(folder / CONTENTS, KIND, {"modes": len(counts), "dtype": dtype}, arrays)
    return counts


def _read(paths: Sequence[Path], modes: list[str], value: str) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    for path in paths:
        with open_parquet(path, [*modes, value]) as file:
            for batch in file.iter_batches(TOGETHER, columns=[*modes, value]):
                *positions, values = (
                    batch.column(name).to_numpy(zero_copy_only=False) for name in (*modes, value)
                )
                if values.dtype.kind not in "iuf":
                    raise InvalidInputError(f"column {value!r} must hold numbers", str(values.dtype))
                for name, places in zip(modes, positions, strict=True):
                    if places.dtype.kind not in "iu":
                        raise InvalidInputError(
                            f"column {name!r} must hold positions, whole numbers counted from zero",
                            f"{batch.schema.field(name).type}, or missing ones",
                        )
                left = ~np.isnan(values.astype(np.float64))
                # unsigned and signed numbers together would become floating-point ones
                yield np.column_stack([places.astype(np.int64) for places in positions])[left], values[left]
