"""Bounds of columns: read from what a person gives, and held against what was observed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

import numpy as np

from lowland.cells.labels import TableLabels
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words, counted

# lower and upper bound by column; infinite where there is none
Limits: TypeAlias = "Mapping[int, tuple[float, float]]"


def read_limits(given: Any, labels: TableLabels, whole: Collection[int] = ()) -> Limits:
    """Return bounds by column.

    Parameters
    ----------
    given : mapping of label to (low, high), or array_like, shape (n, 2), or None
        An end that is None, NaN or infinite is open.
    labels : TableLabels
    whole : collection of int
        Columns that hold whole numbers, whose bounds are the whole numbers within.

    Raises
    ------
    InvalidInputError
        If a column is not known, or its bounds are not two ascending numbers.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        names = np.array(list(given), dtype=None if labels.columns is None else object)
        pairs = dict(zip(labels.positions(names, 1).tolist(), given.values(), strict=True))
    else:
        n = labels.shape[1]
        listed = np.asarray(given, dtype=object)
        if listed.shape != (n, 2):
            raise InvalidInputError(
                "bounds must be a mapping of columns to (low, high), or one such pair per column",
                f"shape {listed.shape} for {counted(n, 'column')}",
            )
        pairs = dict(enumerate(listed.tolist()))
    read = {j: _pair(pair, labels.column_name(j)) for j, pair in pairs.items()}
    for j in set(whole) & set(read):
        read[j] = float(np.ceil(read[j][0])), float(np.floor(read[j][1]))
        if not read[j][0] < read[j][1]:
            raise InvalidInputError(
                Words(Option("bounds"), " of a column of whole numbers must hold two or more of them"),
                f"{_shown(pairs[j])} of column {labels.column_name(j)}",
            )
    return {j: read[j] for j in sorted(read) if np.isfinite(read[j]).any()}


def _pair(pair: Any, name: str) -> tuple[float, float]:
    try:
        low, high = pair
        ends = (-np.inf if _open(low) else float(low), np.inf if _open(high) else float(high))
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            "bounds of a column must be two numbers", f"{pair!r} of column {name}", fix="use (low, high)"
        ) from error
    if not ends[0] < ends[1]:
        raise InvalidInputError(
            Words("ends of ", Option("bounds"), " must ascend"),
            f"{_shown(ends)} of column {name}",
            fix="give the lower one first; an end that is left out is open",
        )
    return ends


def _shown(pair: Any) -> str:
    return " to ".join("open" if _open(end) or not np.isfinite(end) else f"{end:g}" for end in pair)


def _off(low: float, high: float) -> str:
    """Return where a value beyond bounds lies, in words."""
    if np.isinf(low) or np.isinf(high):
        return f"above {high:g}" if np.isinf(low) else f"below {low:g}"
    return f"not within {low:g} and {high:g}"


def _open(end: Any) -> bool:
    return end is None or bool(np.isnan(end))


def check_within(table: Observations, limits: Limits) -> None:
    """Raise if an observed value lies beyond the bounds of its column.

    Raises
    ------
    InvalidInputError
        With the first such cell.
    """
    labels = TableLabels.of(table)
    for j, (low, high) in limits.items():
        at = np.flatnonzero(table.columns == j)
        values = table.values[at]
        beyond = np.flatnonzero((values < low) | (values > high))
        if beyond.size:
            k = at[beyond[0]]
            row = int(table.rows[k])
            name = row if labels.rows is None else str(labels.rows[row])
            raise InvalidInputError(
                Words(Option("bounds"), " exclude a value that was observed"),
                f"column {labels.column_name(j)}, row {name!r}: {table.values[k]:g} is {_off(low, high)} "
                f"({counted(beyond.size, 'such cell')} in the column)",
                "observed cells are kept as they are",
                "widen the bounds, or leave out the value if it is wrong",
            )
