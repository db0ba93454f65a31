"""Comparisons with simple predictors on held-out cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.completion.tables.model import TableModel
from lowland.core.arrays import Vector
from lowland.core.cells.observations import Observations


@final
@dataclass(frozen=True)
class Scores:
    """Root-mean-square and median absolute errors on held-out cells, in the unit of the data.

    Parameters
    ----------
    name : str
    count : int
    model, means, interpolation : float
        Root-mean-square errors.
    medians : tuple of float
        Median absolute errors of the three.
    worst : str
        Name of the row whose cells the model predicts worst.
    worst_share : float
        Its share of the sum of the model's squared errors.
    """

    name: str
    count: int
    model: float
    means: float
    interpolation: float
    medians: tuple[float, float, float]
    worst: str
    worst_share: float


def score_hold_out(name: str, training: Observations, held: Observations, model: TableModel) -> Scores:
    """Compare a model with row and column means and with interpolation along the row."""
    predictions = (
        model.predict(held.rows, held.columns),
        predict_by_means(training, held),
        predict_by_interpolation(training, held),
    )
    off = [np.abs(predicted - held.values) for predicted in predictions]
    rms = [float(np.sqrt(np.mean(errors**2))) for errors in off]
    medians = tuple(float(np.median(errors)) for errors in off)
    squares = np.bincount(held.rows, off[0] ** 2)
    worst = int(np.argmax(squares))
    label = str(worst if held.row_labels is None else held.row_labels[worst])
    share = float(squares[worst] / squares.sum()) if squares.any() else 0.0
    return Scores(name, held.size, rms[0], rms[1], rms[2], (medians[0], medians[1], medians[2]), label, share)


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
    return row_means[held.rows] + column_means[held.columns]


def predict_by_interpolation(training: Observations, held: Observations) -> Vector:
    """Predict a cell by linear interpolation along its row, and by the nearest value at the ends."""
    predicted = predict_by_means(training, held)
    order = np.lexsort((training.columns, training.rows))
    rows, columns, values = training.rows[order], training.columns[order], training.values[order]
    starts = np.searchsorted(rows, np.arange(training.shape[0] + 1))
    for row in np.unique(held.rows):
        seen = slice(starts[row], starts[row + 1])
        if seen.start < seen.stop:
            here = held.rows == row
            predicted[here] = np.interp(held.columns[here], columns[seen], values[seen])
    return predicted
