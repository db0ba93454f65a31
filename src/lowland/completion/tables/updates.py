"""Merge new observations into a table: replace known cells, append unknown rows and columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.cells.labels import TableLabels
from lowland.core.arrays import Indices, Matrix, Vector, check_floats, check_positions
from lowland.core.cells.labels import find_labels, is_whole, label_text
from lowland.core.cells.observations import Labels, Observations
from lowland.core.errors import InvalidInputError

# a table without labels may at most double and grow by this many lines; larger positions are taken for errors
FARTHEST = 100_000
# how many widths of a column's range an update may lie beyond it unasked; columns with fewer cells have the
# range of the table
FAR, FEWEST = 10.0, 8
# an update solves rows and columns of new cells in turn: rounds at most, and the change that ends them
ROUNDS, SETTLED = 5, 1e-3

Model = TypeVar("Model")


def merge(table: Observations, new: Observations) -> Observations:
    """Return the cells of both tables as one table; the new value replaces a known one."""
    weights = None
    if table.weights is not None or new.weights is not None:
        weights = np.concatenate([_weights(table), _weights(new)])
    merged = Observations.from_triples(
        np.concatenate([table.rows, new.rows]),
        np.concatenate([table.columns, new.columns]),
        np.concatenate([table.values, new.values.astype(table.values.dtype)]),
        shape=(max(table.shape[0], new.shape[0]), max(table.shape[1], new.shape[1])),
        weights=weights,
        row_labels=new.row_labels if new.row_labels is not None else table.row_labels,
        column_labels=new.column_labels if new.column_labels is not None else table.column_labels,
        duplicates="last",
        censored=np.concatenate([_sides(table), _sides(new)]),
    ).in_order()
    known = table.context or new.context
    if known is None:
        return merged
    later = new.context if table.context is not None else None
    return replace(merged, context=known.joined(later, merged.shape))


def extended(
    labels: TableLabels,
    rows: ArrayLike,
    columns: ArrayLike,
    values: ArrayLike,
    duplicates: str = "error",
) -> Observations:
    """Return cells as observations in the order of a table; unknown labels and positions extend it."""
    numbers = check_floats(values, "values", ndim=1)
    _refuse_missing(rows, "rows")
    _refuse_missing(columns, "columns")
    both = (
        _extend(labels.rows, labels.shape[0], rows, "row"),
        _extend(labels.columns, labels.shape[1], columns, "column"),
    )
    (at_rows, row_labels, m), (at_columns, column_labels, n) = both
    return Observations.from_triples(
        at_rows,
        at_columns,
        numbers,
        shape=(m, n),
        row_labels=row_labels,
        column_labels=column_labels,
        duplicates=duplicates,
    )


def refuse_far(table: Observations, new: Observations) -> None:
    """Raise InvalidInputError if a new cell lies far beyond the known ones of its column."""
    if not table.size:
        return
    n = max(table.shape[1], new.shape[1])
    counts = np.bincount(table.columns, minlength=n)
    lowest, highest = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(lowest, table.columns, table.values)
    np.maximum.at(highest, table.columns, table.values)
    alone = (counts < FEWEST) | (lowest == highest)
    lowest[alone], highest[alone] = table.values.min(), table.values.max()
    low, high = lowest[new.columns], highest[new.columns]
    values = new.values.astype(np.float64)
    beyond = np.maximum(low - values, values - high) - FAR * (high - low)
    place = int(np.argmax(beyond)) if new.size else 0
    if new.size and low[place] < high[place] and beyond[place] > 0:
        names = TableLabels.of(new)
        row, column = names.row_name(int(new.rows[place])), names.column_name(int(new.columns[place]))
        ends = f"{low[place]:g} to {high[place]:g}"
        raise InvalidInputError(
            "values has a number far beyond the known ones",
            f"{values[place]:g} in row {row} and column {column}, known from {ends}",
            "it would move all that is predicted from it",
            "correct the value, or allow it if it is right (`allow_far`)",
        )


def _refuse_missing(labels: ArrayLike, name: str) -> None:
    """Raise if a label is None or NaN, as a join leaves where nothing matched."""
    for place, label in enumerate(np.asarray(labels, dtype=object).ravel().tolist()):
        if label is None or label != label:
            raise InvalidInputError(
                f"{name} have a missing label",
                f"{label!r} at position {place}",
                fix="leave out the cells whose row or column is not known",
            )


def settle_in_turn(
    model: Model, solve: Callable[[Model], Model], factors: Callable[[Model], Matrix]
) -> Model:
    """Return a model whose rows and columns of new cells are solved in turn until the rows settle."""
    for _ in range(ROUNDS):
        before = factors(model)
        model = solve(model)
        if np.abs(factors(model) - before).max() <= SETTLED * np.abs(before).max():
            break
    return model


def _extend(
    known: Labels | None, length: int, asked: ArrayLike, what: str
) -> tuple[Indices, Labels | None, int]:
    wanted = np.asarray(asked, dtype=None if isinstance(asked, np.ndarray) else object)
    if wanted.ndim != 1:
        raise InvalidInputError(f"{what}s must be one-dimensional", f"shape {wanted.shape}")
    if known is None:
        at = check_positions(np.asarray(asked), f"{what}s", below=2 * length + FARTHEST)
        return at, None, max(length, int(at.max(initial=-1)) + 1)
    if wanted.dtype.kind == "M":
        wanted = wanted.astype("datetime64[us]")
    texts = {label_text(name) for name in known.tolist()}
    fresh = list(dict.fromkeys(text for text in map(label_text, wanted.tolist()) if text not in texts))
    names = known
    if fresh:
        whole = known.dtype.kind in "iu" and all(is_whole(text) for text in fresh)
        old = known if whole else np.array([label_text(name) for name in known.tolist()])
        names = np.concatenate([old, np.array(fresh, known.dtype if whole else str)])
    return find_labels(wanted, names, what), names, len(names)


def _sides(table: Observations) -> NDArray[np.int8]:
    return np.zeros(table.size, np.int8) if table.censored is None else table.censored


def _weights(table: Observations) -> Vector:
    return np.ones_like(table.values) if table.weights is None else table.weights
