"""NumPy and Matrix Market files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.observations import Observations
from lowland.files.sources import Opened


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
        return _read_matrix_market(opened)
    source, path = opened.path or io.BytesIO(opened.data), opened.name
    if opened.kind == ".npy":
        return Observations.from_array(load_npy(source, path))
    arrays = load_npz(source, path)
    if {"rows", "columns", "values", "shape"} <= set(arrays):
        m, n = (int(k) for k in arrays["shape"])
        return Observations.from_triples(arrays["rows"], arrays["columns"], arrays["values"], shape=(m, n))
    matrices = [array for array in arrays.values() if array.ndim == 2]
    if len(matrices) != 1:
        raise InvalidInputError(
            f"{path} does not say which array is the table",
            f"arrays {', '.join(arrays) or 'none'}",
            fix="store rows, columns, values and shape, or one matrix",
        )
    return Observations.from_array(matrices[0])


def load_npy(source: Path | IO[bytes], name: str = "") -> NDArray[Any]:
    """Load an NPY file, called `name` in messages, without executing anything in it."""
    path = name or str(source)
    try:
        array: NDArray[Any] = np.load(source, allow_pickle=False)
    except OSError as error:
        raise _cannot_open(path, error) from error
    except (ValueError, EOFError) as error:
        raise FileFormatError(
            f"{path} is not a valid NPY file", str(error), fix="write it with numpy.save"
        ) from error
    return array


def load_npz(
    source: Path | IO[bytes], name: str = "", *, without: Collection[str] = ()
) -> dict[str, NDArray[Any]]:
    """Load the arrays of an NPZ file, called `name` in messages, without executing anything in it.

    Arrays whose names begin with a text of `without` are left out.
    """
    path = name or str(source)
    try:
        file = np.load(source, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise FileFormatError(
                f"{path} is not an NPZ file", "a single array", fix="write it with numpy.savez"
            )
        with file:
            return {key: file[key] for key in file.files if not key.startswith(tuple(without))}
    except OSError as error:
        raise _cannot_open(path, error) from error
    except (ValueError, EOFError, zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        if isinstance(error, FileFormatError):
            raise
        message = "the file may be truncated, or hold objects, which are never loaded"
        words = "pickled objects, or not an archive" if "pickle" in str(error) else str(error)
        raise FileFormatError(f"{path} is not a valid NPZ file", words, message) from error


def _read_matrix_market(opened: Opened) -> Observations:
    from scipy.io import mmread
    from scipy.sparse import coo_array, issparse

    path = opened.name
    try:
        matrix = mmread(opened.path or io.BytesIO(opened.data))
    except OSError as error:
        raise _cannot_open(path, error) from error
    except (ValueError, TypeError, OverflowError) as error:
        raise FileFormatError(f"{path} is not a valid Matrix Market file", str(error)) from error
    if not issparse(matrix):
        return Observations.from_array(matrix)
    entries = coo_array(matrix)
    return Observations.from_triples(
        entries.row, entries.col, entries.data.astype(float), shape=entries.shape
    )


def _cannot_open(path: str, error: OSError) -> InvalidInputError:
    return InvalidInputError(
        f"cannot read {path}", error.strerror or str(error), fix="check the name and permissions"
    )
