"""NumPy files, and which reader of arrays a file needs."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.observations import Observations
from lowland.core.damage import reading
from lowland.core.errors import FileFormatError, InvalidInputError, LowlandError
from lowland.core.memory import check_fits
from lowland.files.foreign.matrix_market import read_matrix_market
from lowland.files.sources import Opened, cannot_open


def read_array(opened: Opened) -> Observations:
    """Read a matrix with missing entries.

    Parameters
    ----------
    opened : Opened
        NPY (NaN is missing), NPZ with ``rows``, ``columns``, ``values`` and ``shape`` or with one
        two-dimensional array, or Matrix Market (stored entries are observed).

    Returns
    -------
    Observations

    Raises
    ------
    InvalidInputError
        If the file cannot be opened or does not hold a matrix.
    """
    if opened.kind == ".mtx":
        return read_matrix_market(opened)
    source, path = opened.path or io.BytesIO(opened.data), opened.name
    if opened.kind == ".npy":
        return Observations.from_array(load_npy(source, path))
    arrays = load_npz(source, path)
    if {"rows", "columns", "values", "shape"} <= set(arrays):
        with reading(path, "file of cells"):
            m, n = (int(k) for k in arrays["shape"])
        return Observations.from_triples(arrays["rows"], arrays["columns"], arrays["values"], shape=(m, n))
    matrices = [array for array in arrays.values() if array.ndim == 2]
    if len(matrices) != 1:
        raise InvalidInputError(
            f"{path} does not say which array is the table",
            f"arrays {', '.join([*arrays][:6]) or 'none'}",
            fix="name the table itself: this is a file that lowland wrote"
            if "header" in arrays
            else "store rows, columns, values and shape, or one matrix",
        )
    return Observations.from_array(matrices[0])


def load_npy(source: Path | IO[bytes], name: str = "") -> NDArray[Any]:
    """Load an NPY file, called `name` in messages, without executing anything in it."""
    path = name or str(source)
    with _parsing(path, "NPY", "write it with numpy.save"):
        if not isinstance(source, Path):
            return _array(source, len(source.read()), path, start=0)
        with source.open("rb") as file:
            return _array(file, source.stat().st_size, path)


def load_npz(
    source: Path | IO[bytes],
    name: str = "",
    *,
    without: Collection[str] = (),
    fix: str = "write it with numpy.savez",
) -> dict[str, NDArray[Any]]:
    """Load the arrays of an NPZ file, called `name` in messages, without executing anything in it.

    Arrays whose names begin with a text of `without` are left out; `fix` says what to do about another file.
    """
    path = name or str(source)
    with _parsing(path, "NPZ", fix), zipfile.ZipFile(source) as archive:
        members = [
            item
            for item in archive.infolist()
            if item.filename.endswith(".npy") and not item.filename.startswith(tuple(without))
        ]
        check_fits(sum(item.file_size for item in members), f"the arrays of {path}")
        arrays = {}
        for item in members:
            with archive.open(item) as file:
                arrays[item.filename.removesuffix(".npy")] = _array(file, item.file_size, path)
        return arrays


def _array(file: IO[bytes], size: int, path: str, start: int | None = None) -> NDArray[Any]:
    """Return an array from a file, of a size, whose header must declare what follows it."""
    if start is not None:
        file.seek(start)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the format is not known")
    shape, by_columns, dtype = _HEADERS[version](file)
    if dtype.kind not in "biufcUSmM":
        raise ValueError(f"it holds {dtype}; objects are never loaded")
    needed, left = math.prod(shape) * dtype.itemsize, size - file.tell()
    if needed != left or min(shape, default=0) < 0:
        raise ValueError(f"it declares {dtype} of shape {shape}, and holds {left} bytes; is it truncated?")
    check_fits(needed, f"the array in {path}")
    content = bytearray(needed)
    if needed and file.readinto(content) != needed:  # type: ignore[attr-defined]
        raise ValueError("it is truncated")
    array: NDArray[Any] = (
        np.frombuffer(content, dtype) if dtype.itemsize else np.zeros(math.prod(shape), dtype)
    )
    if (
        dtype.kind == "U"
        and array.size
        and array.astype(dtype.newbyteorder("=")).view(np.uint32).max() > LAST_CHARACTER
    ):
        raise ValueError("it holds text that is none")
    return array.reshape(shape, order="F" if by_columns else "C")


# of Unicode
LAST_CHARACTER = 0x10FFFF
_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@contextmanager
def _parsing(path: str, kind: str, fix: str) -> Iterator[None]:
    """Raise FileFormatError in place of whatever a parser raises at a damaged file."""
    try:
        yield
    except (LowlandError, MemoryError):
        raise
    except OSError as error:
        raise cannot_open(path, error) from error
    except Exception as error:
        # headers of arrays are parsed as Python, whose own errors they raise
        words = (str(error).splitlines() or [type(error).__name__])[0]
        raise FileFormatError(f"{path} is not a valid {kind} file", words, fix=fix) from error
