"""Baselines: what predicts a cell without a model of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lowland.core.arrays import Indices, Vector, places_of_each
from lowland.core.cells.observations import Observations


def usual_of_columns(training: Observations, words: Sequence[int] | Indices = ()) -> Vector:
    """Return what is usual in each column: its mean, or the most frequent level.

    Parameters
    ----------
    training : Observations
    words : sequence of int
        Columns of levels; of equally frequent ones the first is taken.

    Returns
    -------
    ndarray, shape (n,)
        Of a column without cells, the mean of all numbers, or level 0.
    """
    n = training.shape[1]
    of_words = np.isin(np.arange(n), words)
    numbers = training.select(~of_words[training.columns])
    counts, sums = numbers.column_counts(), np.bincount(numbers.columns, numbers.values, minlength=n)
    overall = float(numbers.values.mean()) if numbers.size else 0.0
    usual = np.where(counts > 0, sums / np.maximum(counts, 1), overall)
    places = places_of_each(training.columns, n)
    for j in np.flatnonzero(of_words):
        levels, times = np.unique(training.values[places[j]], return_counts=True)
        usual[j] = levels[np.argmax(times)] if levels.size else 0.0
    return usual


def predict_by_means(training: Observations, held: Observations) -> Vector:
    """Predict a cell by the mean of its row plus the mean deviation of its column."""
    m, n = training.shape
    overall = float(training.values.mean())
    counts = training.row_counts()
    row_means = np.full(m, overall)
    sums = np.bincount(training.rows, training.values, minlength=m)
    row_means[counts > 0] = sums[counts > 0] / counts[counts > 0]
    rest = training.values - row_means[training.rows]
    column_means = np.bincount(training.columns, rest, minlength=n) / np.maximum(training.column_counts(), 1)
    return np.asarray(row_means[held.rows] + column_means[held.columns])


def predict_by_interpolation(
    training: Observations,
    held: Observations,
    places: Vector | None = None,
    otherwise: Vector | None = None,
) -> Vector:
    """Predict a cell by linear interpolation along its row, and by the nearest value at the ends.

    Parameters
    ----------
    training, held : Observations
        Of one table.
    places : ndarray, shape (n,), optional
        Coordinates of the columns; by default they are one apart. Columns at one place count by their mean.
    otherwise : ndarray, shape (k,), optional
        Predictions of cells in rows without training cells; by default those of `predict_by_means`.

    Returns
    -------
    ndarray, shape (k,)
    """
    predicted = predict_by_means(training, held) if otherwise is None else otherwise.copy()
    x = np.arange(training.shape[1], dtype=np.float64) if places is None else np.asarray(places, np.float64)
    order = np.lexsort((x[training.columns], training.rows))
    rows, at, values = training.rows[order], x[training.columns[order]], training.values[order]
    starts = np.searchsorted(rows, np.arange(training.shape[0] + 1))
    for row in np.unique(held.rows):
        seen = slice(starts[row], starts[row + 1])
        if seen.start < seen.stop:
            here = held.rows == row
            known, group = np.unique(at[seen], return_inverse=True)
            means = np.bincount(group, values[seen]) / np.bincount(group)
            predicted[here] = np.interp(x[held.columns[here]], known, means)
    return predicted


def turned(table: Observations) -> Observations:
    """Return a table whose rows are columns, with its cells in the same order."""
    return replace(
        table,
        rows=table.columns,
        columns=table.rows,
        shape=table.shape[::-1],
        row_labels=table.column_labels,
        column_labels=table.row_labels,
    )
