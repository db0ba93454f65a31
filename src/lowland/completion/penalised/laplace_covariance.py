"""Uncertainty of rows, and of cells through their rows, from the curvature at a fit."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import UnsupportedError
from lowland.core.promises.protocols import MajorisedLoss
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives import RecoveryObjective

# number of entries of outer products formed at once
CHUNK_NUMBERS = 4_000_000


def row_systems(objective: RecoveryObjective, theta: Vector) -> tuple[Matrix, Matrix]:
    """Return the curvature A_i of every row, shape (m, k, k), and the column design, shape (n, k).

    Parameters
    ----------
    objective : RecoveryObjective
        An objective of observed entries, with a ridge.
    theta : ndarray, shape (size,)

    Notes
    -----
    With the ridge as a Gaussian prior, the inverse is to first order the covariance of a row for fixed
    columns. A row consists of its factors and, if free, its bias. Costs O(p k^2).
    """
    model, entries, loss = _table_of(objective)
    _, v, *_ = model.unpack(theta.astype(np.float64))
    biased = "row" in model.biases
    design = np.column_stack([v, np.ones(len(v))]) if biased else v
    prior = np.diag([objective.penalty] * model.rank + [objective.bias_penalty] * biased)
    majorant = loss.majorant(objective.predict(theta), objective.y)
    weights = objective.weighted(majorant).astype(np.float64)
    sides = np.ones(model.shape[0]) if objective.side_weights is None else objective.side_weights[0]
    systems = sides[:, None, None] * prior
    step = max(1, CHUNK_NUMBERS // design.shape[1] ** 2)
    for first in range(0, weights.size, step):
        cells = slice(first, first + step)
        x = design[entries.columns[cells]]
        np.add.at(systems, entries.rows[cells], weights[cells, None, None] * x[:, :, None] * x[:, None, :])
    return systems, design


def row_variances(objective: RecoveryObjective, theta: Vector) -> Vector:
    """Return the variance x_j^T A_i^-1 x_j of the natural parameter of every observed cell, shape (p,)."""
    (systems, design), (_, entries, _) = row_systems(objective, theta), _table_of(objective)
    inverses, variances = np.linalg.inv(systems), np.empty(entries.size)
    step = max(1, CHUNK_NUMBERS // design.shape[1] ** 2)
    for first in range(0, variances.size, step):
        cells = slice(first, first + step)
        x = design[entries.columns[cells]]
        variances[cells] = np.einsum("ca,cab,cb->c", x, inverses[entries.rows[cells]], x)
    return variances


def _table_of(objective: RecoveryObjective) -> tuple[General, Entries, MajorisedLoss]:
    """Return model, entries and loss of a table whose rows have a curvature, or raise."""
    model, entries, loss = objective.model, objective.measurement, objective.loss
    if not isinstance(model, General) or not isinstance(entries, Entries):
        raise UnsupportedError(
            "the curvature of rows is only defined for observed entries", type(entries).__name__
        )
    if not isinstance(loss, MajorisedLoss):
        raise UnsupportedError("the curvature of rows needs a loss with a majorant", loss.name)
    return model, entries, loss
