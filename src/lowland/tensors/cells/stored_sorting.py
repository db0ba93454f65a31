"""Sort the cells of a tensor onto the disk, once by the rows of each mode."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.cells.sorting import append_cells, cut_cells, load_part, remove_part, save_part, take_cells
from lowland.core.arrays import Indices, Vector
from lowland.core.cells.line_bounds import block_bounds
from lowland.core.cells.parts import LONGEST
from lowland.core.errors import InvalidInputError
from lowland.core.folders import reserve
from lowland.core.running.stages import announce, stage
from lowland.core.wording import Option, Words
from lowland.sensing.input_checks import check_scale
from lowland.tensors.cells.observations import check_counts, check_order
from lowland.tensors.cells.stored_contents import PARTS, cells_file, line_ends

Batch = tuple[NDArray[np.int64], Vector]


def check_batch(positions: ArrayLike, values: ArrayLike) -> Batch:
    """Return positions and values of some cells as arrays, after checks."""
    at, y = np.asarray(positions), np.asarray(values)
    if at.ndim != 2 or y.shape != at.shape[:1] or at.dtype.kind not in "iu" or y.dtype.kind not in "iufb":
        raise InvalidInputError(
            "positions and values do not match",
            f"{at.dtype} of shape {at.shape} for {y.dtype} of shape {y.shape}",
            fix="pass integer positions of shape (k, N) and k real numbers",
        )
    check_order((1,) * at.shape[1])
    if at.size and (at.min() < 0 or at.max() >= LONGEST):
        raise InvalidInputError(
            "positions must be counted from zero, below 2^31", f"{at.min()} to {at.max()}"
        )
    if not np.isfinite(y).all():
        raise InvalidInputError(
            "values must be finite", f"{y[~np.isfinite(y)][0]}", fix="leave missing cells out"
        )
    return at.astype(np.int64), y


def sort_cells(
    batches: Iterable[Batch], folder: Path, shape: tuple[int, ...] | None, dtype: np.dtype[Any]
) -> list[Indices]:
    """Write the cells of all modes into a folder; return the number of cells of each slice, by mode."""
    counts, sizes = _collect(batches, folder, dtype, shape)
    if not sizes:
        raise InvalidInputError("the tensor is empty", "no cell", fix="pass data")
    counts = _to_shape(counts, shape)
    for mode, known in enumerate(counts):
        check_counts(known, mode)
    with stage("sorting the cells by mode"):
        for mode in range(len(counts)):
            _sort_mode(folder, mode, counts, len(sizes), dtype)
    for k in range(len(sizes)):
        remove_part(folder, k, 2)
    return counts


def _collect(
    batches: Iterable[Batch], folder: Path, dtype: np.dtype[Any], shape: tuple[int, ...] | None
) -> tuple[list[Indices], list[int]]:
    """Write the batches as they come; return the cells of each slice by mode, and of each batch."""
    counts: list[Indices] = []
    sizes: list[int] = []
    ends = [np.inf, -np.inf]
    with stage("reading the cells"):
        for positions, values in batches:
            if not values.size:
                continue
            most = positions.max(axis=0) + 1
            if shape is not None and (len(shape) != most.size or (most > shape).any()):
                raise InvalidInputError(
                    f"positions lie outside the shape {tuple(shape)}", f"cells reach {most.tolist()}"
                )
            if counts and len(counts) != positions.shape[1]:
                raise InvalidInputError(
                    "batches have different numbers of modes", f"{len(counts)} and {positions.shape[1]}"
                )
            counts = counts or [np.zeros(0, np.int64) for _ in range(positions.shape[1])]
            for mode, places in enumerate(positions.T):
                new = np.bincount(places, minlength=counts[mode].size)
                new[: counts[mode].size] += counts[mode]
                counts[mode] = new
            ends = [min(ends[0], float(values.min())), max(ends[1], float(values.max()))]
            with np.errstate(over="ignore"):
                stored = values.astype(dtype)
            if not np.isfinite(stored).all():
                raise InvalidInputError(
                    f"values are too large for {dtype}", fix=Words("use ", Option("dtype", "float64"))
                )
            save_part(folder, len(sizes), positions.astype(np.int32), stored)
            sizes.append(values.size)
            announce("cells", sum(sizes))
    if sizes:
        check_scale(np.array(ends), "tensor")
    return counts, sizes


def _to_shape(counts: Sequence[Indices], shape: tuple[int, ...] | None) -> list[Indices]:
    if shape is None:
        return list(counts)
    lengths = tuple(known.size for known in counts)
    if len(shape) != len(lengths) or any(length > most for length, most in zip(lengths, shape, strict=True)):
        raise InvalidInputError(f"positions lie outside the shape {tuple(shape)}", f"cells fill {lengths}")
    return [np.pad(known, (0, most - known.size)) for known, most in zip(counts, shape, strict=True)]


def _sort_mode(folder: Path, mode: int, counts: Sequence[Indices], parts: int, dtype: np.dtype[Any]) -> None:
    """Write the cells by the rows of a mode, and by ascending positions in the others."""
    width, ends = len(counts), line_ends(counts[mode])
    bounds, began = block_bounds(counts[mode]), time.monotonic()
    for k in range(parts):  # to their blocks
        positions, numbers = load_part(folder, k, 2)
        cells = (positions[:, mode], np.delete(positions, mode, axis=1), numbers)
        append_cells(folder, mode, cut_cells(bounds, cells))
        announce("parts", k + 1, parts, started=began)
    others, values = (
        _new_map(cells_file(folder, mode, name), kind, (int(ends[-1]), *shape))
        for name, kind, shape in zip(PARTS, (np.dtype(np.int32), dtype), ((width - 1,), ()), strict=True)
    )
    for k, (low, high) in enumerate(pairwise(ends[bounds].tolist())):  # and within them
        lines, partners, numbers = take_cells(folder, mode, k, "int32", "int32", dtype)
        partners = partners.reshape(-1, width - 1)
        order = np.lexsort([*partners.T[::-1], lines])
        others[low:high], values[low:high] = partners[order], numbers[order]
        if mode == 0:
            _refuse_repeats(lines[order], partners[order])
    for array in (others, values):
        array.flush()


def _new_map(file: Path, kind: np.dtype[Any], shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """Return a new array that is mapped to a file which has its room on the disk."""
    array = np.lib.format.open_memmap(file, "w+", kind, shape)
    reserve(file, file.stat().st_size)
    return array


def _refuse_repeats(lines: NDArray[Any], others: NDArray[Any]) -> None:
    same = (lines[1:] == lines[:-1]) & (others[1:] == others[:-1]).all(axis=1)
    if same.any():
        at = int(np.flatnonzero(same)[0])
        raise InvalidInputError(
            "a cell is listed twice", f"{[int(lines[at]), *others[at].tolist()]}", fix="list it once"
        )
