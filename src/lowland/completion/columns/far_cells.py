"""Cells so far outside their column that squared errors follow them, and nothing else of the column."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.core.arrays import Indices, Vector, places_of_each
from lowland.core.cells.observations import Observations
from lowland.core.wording import counted

# how many times as far from the median as all others a cell is far outside: the largest numbers of columns
# with heavy tails (lognormal of spread 3, Cauchy) are so once in thousands of columns. In columns that are
# fitted as roots or logarithms, it must also lie out as these, by so many times
FAR, FAR_AS_WRITTEN = 1e4, 3.0
# cells off the median that a column has beside those far outside, before its range means something
OTHERS = 8
# most cells of a column that are far outside, or this share: more are no mistakes, but another unit
MOST, MOST_SHARE = 3, 0.01
# rows with so many such cells, half of what they have, are of another unit
ROW_OF_ITS_OWN = 3
# what lies nearer to a median, relative to it, is on it: rounding
ROUNDING = 1e-9


@final
@dataclass(frozen=True)
class FarCell:
    """A cell far outside its column.

    Parameters
    ----------
    row, column : int
    middle : float
        The median of its column, as it is fitted.
    usual, most : float
        Median and largest distance from it of the other cells that are off it.
    distance : float
        That of the cell.
    """

    row: int
    column: int
    middle: float
    usual: float
    most: float
    distance: float


def warn_of_far_cells(
    table: Observations, written: Observations, scales: Mapping[int, str] | None = None
) -> None:
    """Warn of cells far outside their columns, which squared errors would follow.

    Parameters
    ----------
    table : Observations
    written : Observations
        Its cells of numbers whose errors are squared, as they are fitted, in any order.
    scales : mapping of int to str, optional
        What columns are fitted as instead of as they are, in words: "square root", "logarithm", ...
    """
    scales = scales or {}
    found = far_cells(table, written, scales)
    if not found:
        return
    first, more = max(found, key=lambda cell: cell.distance / cell.most), len(found) - 1
    labels, scale = TableLabels.of(table), scales.get(first.column)
    value = table.values[(table.rows == first.row) & (table.columns == first.column)][0]
    where = f"row {labels.row_name(first.row)} and column {labels.column_name(first.column)}"
    alike = f", as {'does' if more == 1 else 'do'} {counted(more, 'more cell')}" if more else ""
    warnings.warn(
        f"the cell of {where} holds {value:g}, far outside its column{alike}: "
        f"{f'as {scale}s are fitted, ' if scale else ''}it lies {first.distance:.3g} from the median, "
        f"{first.middle:.4g}, where {first.usual:.3g} is usual and {first.most:.3g} the most of all others. "
        "Squared errors follow it, so that the rest of the column is fitted badly: make it missing if it is "
        'wrong; if it is right, the loss "huber" bears it',
        UserWarning,
        stacklevel=5,
    )


def far_cells(table: Observations, written: Observations, scales: Mapping[int, str]) -> list[FarCell]:
    """Return the cells far outside their columns; parameters are those of `warn_of_far_cells`."""
    found: list[FarCell] = []
    suspected = _suspected(written)
    if not suspected.size:
        return found
    known, plain = (_by_column(cells, suspected) for cells in (written, table))
    for j in suspected.tolist():
        rows, values = known[j]
        distances, middle, far = _outside(values, FAR_AS_WRITTEN if j in scales else FAR)
        if far.size:
            rows_of_plain, numbers = plain[j]
            beyond = _beyond(numbers, np.isin(rows_of_plain, rows[far]))
            if j in scales:
                beyond = np.intersect1d(beyond, _outside(numbers, FAR)[2])
            far = far[np.isin(rows[far], rows_of_plain[beyond])]
        if far.size:
            others = np.delete(distances, far)
            usual, most = float(np.median(others[others > 0])), float(others.max())
            found += [FarCell(int(rows[k]), j, middle, usual, most, float(distances[k])) for k in far]
    per_row = np.bincount([cell.row for cell in found], minlength=table.shape[0])
    apart = (per_row >= ROW_OF_ITS_OWN) & (2 * per_row >= written.row_counts())
    return [cell for cell in found if not apart[cell.row]]


def _suspected(written: Observations) -> Indices:
    """Return the columns whose squares are those of few cells; costs one pass, and the others are done.

    By how many equal squares would have the same sums of squares and of their squares.
    """
    columns, n = written.columns, written.shape[1]
    counts = np.bincount(columns, minlength=n)
    means = np.bincount(columns, written.values, minlength=n) / np.maximum(counts, 1)
    apart = written.values - means[columns]
    largest = max(float(apart.max(initial=0.0)), -float(apart.min(initial=0.0)))
    if not largest > 0:
        return np.zeros(0, np.intp)
    apart /= largest  # fourth powers must not overflow
    squares = np.square(apart, out=apart)
    sums = np.bincount(columns, squares, minlength=n)
    fourths = np.bincount(columns, np.square(squares, out=squares), minlength=n)
    return np.flatnonzero((counts > OTHERS) & (fourths > 0) & (sums**2 <= 2 * _most(counts) * fourths))


def _by_column(cells: Observations, columns: Indices) -> dict[int, tuple[Indices, Vector]]:
    """Return rows and values of the cells of some columns."""
    some = cells.select(np.flatnonzero(np.isin(cells.columns, columns)))
    places = places_of_each(some.columns, cells.shape[1])
    return {j: (some.rows[places[j]], some.values[places[j]].astype(np.float64)) for j in columns.tolist()}


def _beyond(numbers: Vector, suspected: NDArray[np.bool_]) -> Indices:
    """Return which suspected numbers are outside the range of all others: in a row's unit none need to."""
    others = numbers[~suspected]
    return np.flatnonzero(suspected & ((numbers < others.min()) | (numbers > others.max())))


def _outside(values: Vector, limit: float) -> tuple[Vector, float, Indices]:
    """Return distances from the median, the median, and which values lie beyond the others' times a limit."""
    middle = float(np.median(values))
    distances = np.abs(values - middle)
    distances[distances <= ROUNDING * abs(middle)] = 0.0
    order = np.argsort(-distances, kind="stable")
    ordered = distances[order]
    most = max(min(int(_most(np.array(values.size))), int(np.sum(distances > 0)) - OTHERS), 0)
    gaps = np.flatnonzero(ordered[:most] > limit * ordered[1 : 1 + most])
    return distances, middle, order[: gaps[-1] + 1] if gaps.size else order[:0]


def _most(counts: Indices) -> Vector:
    return np.asarray(np.maximum(MOST, np.floor(MOST_SHARE * counts)))
