"""Columns of a data frame of any library as NumPy arrays of labels or numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.labels import label_text
from lowland.core.errors import InvalidInputError


def frame_column(frame: Any, name: str) -> NDArray[Any]:
    """Return a column as an array.

    Raises
    ------
    InvalidInputError
        If there is no such column.
    """
    try:
        return np.asarray(frame[name])
    except Exception as error:  # each library has an error of its own for an unknown column
        raise InvalidInputError(f"the data frame has no column {name!r}", str(error)) from error


def label_cells(cells: NDArray[Any]) -> NDArray[Any]:
    """Return labels as integers or text, dates in ISO form; "" where missing."""
    if cells.dtype.kind in "iuU":
        return cells.astype(np.int64) if cells.dtype.kind in "iu" else cells
    if cells.dtype.kind == "M":
        cells = cells.astype("datetime64[us]").astype(object)
    return np.array(["" if _is_missing(cell) else label_text(cell) for cell in cells.tolist()], dtype=str)


def _is_missing(cell: Any) -> bool:
    try:
        return cell is None or bool(cell != cell)
    except TypeError:  # the missing value of pandas equals nothing, and has no truth
        return True


def number_cells(cells: NDArray[Any], name: str) -> NDArray[Any]:
    """Return numbers, NaN where missing.

    Raises
    ------
    InvalidInputError
        If cells hold something else.
    """
    try:
        return np.asarray(cells, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"column {name!r} must hold numbers", str(error)) from error
