"""Errors of a model and of two baselines on held-out cells, in the unit of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.completion.comparing.baselines import predict_by_interpolation, predict_by_means
from lowland.completion.tables.model import TableModel
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
