"""Cells that are listed more than once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Vector, cell_codes
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_choice
from lowland.core.wording import Option, Remedy, Words, counted

Labels = NDArray[Any]


def merge_duplicates(
    rows: Indices,
    columns: Indices,
    values: Vector,
    weights: Vector | None,
    sides: NDArray[np.int8] | None,
    shape: Sequence[int],
    duplicates: str,
    labels: list[Labels | None],
) -> tuple[Indices, Indices, Vector, Vector | None, NDArray[np.int8] | None]:
    """Return cells of which none is listed twice, with their weights and the sides of censored ones.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (p,)
    values : ndarray, shape (p,)
    weights : ndarray, shape (p,), or None
    sides : ndarray of int8, shape (p,), or None
    shape : tuple of int
    duplicates : {"error", "mean", "last"}
    labels : pair of ndarray or None
        Names of rows and columns, for the message.

    Raises
    ------
    InvalidInputError
        If a cell repeats while `duplicates` is "error".
    """
    check_choice("duplicates", duplicates, ("error", "mean", "last"))
    code = cell_codes(rows, columns, shape[1])
    # sorted data (the usual case for a table) are known to be free of repeats without another sort
    if code.size < 2 or (code[1:] > code[:-1]).all():
        return rows, columns, values, weights, sides
    distinct, first, group = np.unique(code, return_index=True, return_inverse=True)
    if distinct.size == code.size:
        return rows, columns, values, weights, sides
    if duplicates == "error":
        repeat = int(np.setdiff1d(np.arange(code.size), first)[0])
        row, column = (
            positions[repeat] if names is None else repr(names[positions[repeat]].item())
            for positions, names in zip((rows, columns), labels, strict=True)
        )
        raise InvalidInputError(
            "a cell is listed more than once",
            f"row {row}, column {column} ({counted(code.size - distinct.size, 'repeat')} in all)",
            "it is unclear which value to use",
            Remedy(Words("pass ", Option("duplicates", "mean", "last")), "drop the repeats"),
        )
    if duplicates == "last":
        last = np.empty(distinct.size, dtype=np.intp)
        last[group] = np.arange(code.size)
        weights, sides = None if weights is None else weights[last], None if sides is None else sides[last]
        return rows[last], columns[last], values[last], weights, sides
    each = np.ones_like(values) if weights is None else weights
    total = np.bincount(group, each)
    mean = (np.bincount(group, each * values) / total).astype(values.dtype)
    weight = None if weights is None else total.astype(values.dtype)
    if sides is not None:  # a mean with a number below its bound lies below, too
        above, below = (np.bincount(group, sides == side) > 0 for side in (1, -1))
        sides = above.astype(np.int8) - below.astype(np.int8)
    return rows[first], columns[first], mean, weight, sides
