"""Stop before an observed cell is changed: what every filled table and every writer checks last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError


def check_kept(observed: NDArray[Any], filled: NDArray[Any], cell: Callable[[int], str]) -> None:
    """Raise if a filled table holds another value where a value was observed.

    Parameters
    ----------
    observed, filled : ndarray, shape (p,)
        Values of the observed cells, and what the filled table holds there.
    cell : callable
        Returns the name of the k-th of them.

    Raises
    ------
    InvalidInputError
        With the first cell that differs.
    """
    differs = np.asarray(observed != filled)
    if differs.any():
        k = int(np.argmax(differs))
        raise changed(cell(k), observed[k], filled[k])


def check_table_kept(seen: Observations, filled: NDArray[Any]) -> None:
    """Raise if a filled table holds another value where a value was observed.

    Parameters
    ----------
    seen : Observations
    filled : ndarray, shape (m, n)

    Raises
    ------
    InvalidInputError
        With the row and column of the first cell that differs, by their labels or positions.
    """
    sides = ((seen.rows, seen.row_labels), (seen.columns, seen.column_labels))

    def name(k: int) -> str:
        row, column = (str(at[k] if names is None else names[at[k]]) for at, names in sides)
        return f"row {row!r}, column {column!r}"

    check_kept(seen.values, filled[seen.rows, seen.columns], name)


def changed(cell: str, observed: Any, filled: Any) -> InvalidInputError:
    """Return the error of an observed cell that would be changed."""
    old, new = (x.item() if isinstance(x, np.generic) else x for x in (observed, filled))
    return InvalidInputError(
        "an observed cell would be changed",
        f"{cell}: {old!r} would become {new!r}",
        "observed cells are kept exactly as they are; nothing was written",
        "pass numbers that double precision holds (whole numbers up to 2^53), or leave the column out",
    )
