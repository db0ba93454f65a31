"""From models of a table to points of its objective, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from lowland.completion.penalised.model import CompletionModel
from lowland.completion.penalised.settings import CompletionSettings, mean_counts
from lowland.core.arrays import Vector
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.models import General
from lowland.objectives import RecoveryObjective


def model_of(
    objective: RecoveryObjective, theta: Vector, observations: Observations, settings: CompletionSettings
) -> CompletionModel:
    """Return a point as a model that predicts."""
    general = objective.model
    if not isinstance(general, General):
        raise InvalidInputError("only general matrices complete a table", general.name)
    u, v, a, b, c = general.unpack(theta)
    return CompletionModel(
        row_factors=u.copy(),
        column_factors=v.copy(),
        row_biases=a.copy(),
        column_biases=b.copy(),
        offset=settings.unlisted if settings.unlisted_weight else c,
        penalty=objective.penalty,
        biases=bool(general.biases),
        row_labels=observations.row_labels,
        column_labels=observations.column_labels,
        bias_penalty=settings.bias_penalty,
        penalty_weights=settings.penalty_weights,
        unit=mean_counts(observations)[0],
        columns=settings.columns,
        nonnegative=settings.nonnegative,
        unlisted_weight=settings.unlisted_weight,
    )


def extended_point(
    model: CompletionModel, objective: RecoveryObjective, dtype: DTypeLike | None = None
) -> Vector:
    """Return a model as a point of an objective whose rank and table are at least as large.

    Rows, columns and factors beyond the model's are zero. The precision is the objective's unless given.
    """
    general = objective.model
    if not isinstance(general, General):
        raise InvalidInputError("only general matrices complete a table", general.name)
    dtype = objective.dtype if dtype is None else dtype
    (m, n), r = model.shape, model.row_factors.shape[1]
    u, v = (np.zeros((length, general.rank), dtype) for length in general.shape)
    a, b = (np.zeros(length, dtype) for length in general.shape)
    u[:m, :r], v[:n, :r], a[:m], b[:n] = (
        model.row_factors,
        model.column_factors,
        model.row_biases,
        model.column_biases,
    )
    return general.pack(u, v, a, b, model.offset)
