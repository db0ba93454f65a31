"""Fingerprints of data, by which the same data are recognised: the version of a recipe, and a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector

# what is hashed has changed: 2 was cells row by row, 3 labels too, 4 has no negative zeros. Fingerprints say
# their version from the fourth on
VERSION, EARLIEST, LABELS, ZEROS = 4, 2, 3, 4
# recipes for arrays: the first, whose fingerprints do not say so, tells negative zeros from zeros
ARRAYS = (1, 2)


class Cells(Protocol):
    """The known cells of a table."""

    @property
    def rows(self) -> Indices:
        """Rows of the cells, shape (p,)."""

    @property
    def columns(self) -> Indices:
        """Columns of the cells, shape (p,)."""

    @property
    def values(self) -> Vector:
        """Their values, shape (p,)."""

    @property
    def weights(self) -> Vector | None:
        """Their weights, None if all are one."""

    @property
    def censored(self) -> NDArray[np.int8] | None:
        """On which side of their values their numbers lie, None if all are known."""

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the table."""

    @property
    def row_labels(self) -> Any:
        """Labels of the rows, or None."""

    @property
    def column_labels(self) -> Any:
        """Labels of the columns, or None."""

    def row_by_row(self) -> Indices | slice:
        """Return the order of the cells by row and column."""


def fingerprint_of(table: Cells, version: int = VERSION) -> str:
    """Return a version and a hash of the cells of a table.

    Parameters
    ----------
    table : Cells
    version : int
        From `EARLIEST` on, to recognise what an older release wrote.
    """
    digest = hashlib.sha256(repr(table.shape).encode())
    order = table.row_by_row()  # lines may be in any order
    values = table.values
    if version >= ZEROS:
        values = without_negative_zeros(values)
    for part in (table.rows, table.columns, values, table.weights):
        digest.update(b"none" if part is None else np.ascontiguousarray(part[order]).data)
    for labels in (table.row_labels, table.column_labels) if version >= LABELS else ():
        digest.update(b"none" if labels is None else repr(np.asarray(labels).tolist()).encode())
    if table.censored is not None:
        digest.update(b"censored" + np.ascontiguousarray(table.censored[order]).data)
    return f"{version}:{digest.hexdigest()}"


def is_fingerprint(stored: str, table: Cells) -> bool | None:
    """Return whether a stored fingerprint is that of a table; None if its version is not known.

    Parameters
    ----------
    stored : str
        Of this or of another version; older ones do not say which they are.
    table : Cells
    """
    return recognise(stored, range(VERSION, EARLIEST - 1, -1), partial(fingerprint_of, table))


def fingerprint_of_arrays(
    about: str, arrays: Iterable[NDArray[Any] | None], version: int = ARRAYS[-1]
) -> str:
    """Return a version and a hash of arrays, of which some may be None.

    Parameters
    ----------
    about : str
        What they are; it is part of the hash.
    arrays : iterable of ndarray or None
    version : int
        One of `ARRAYS`, to recognise what an older release wrote.
    """
    digest = hashlib.sha256(about.encode())
    for array in arrays:
        if array is not None and array.dtype.kind == "f" and version > 1:
            array = without_negative_zeros(array)
        digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return f"{version}:{digest.hexdigest()}"


def without_negative_zeros(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers with zeros for negative zeros, which files do not keep."""
    positive: NDArray[Any] = values + values.dtype.type(0)
    return positive


def recognise(stored: str, versions: Iterable[int], compute: Callable[[int], str]) -> bool | None:
    """Return whether a stored fingerprint is that of some data; None if its version is not known.

    Parameters
    ----------
    stored : str
        It says its version, or is of a release whose fingerprints did not.
    versions : iterable of int
        The known ones.
    compute : callable
        Takes a version, and returns the fingerprint of the data.
    """
    said, colon, digest = stored.rpartition(":")
    if not colon:
        return any(compute(version) == f"{version}:{digest}" for version in versions)
    version = {str(known): known for known in versions}.get(said)
    return None if version is None else compute(version) == stored
