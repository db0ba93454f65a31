"""How uncertain cells are because their rows are: the variance that curvature at a fit implies."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import UnsupportedError
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives import RecoveryObjective

# numbers of the systems of rows that are formed at once
CHUNK = 4_000_000


def row_variances(objective: RecoveryObjective, theta: Vector) -> Vector:
    """Return x_j^T A_i^-1 x_j of every observed cell, A_i being the curvature of row i, shape (p,).

    Parameters
    ----------
    objective : RecoveryObjective
        Of observed entries, with a ridge.
    theta : ndarray, shape (size,)

    Notes
    -----
    With the ridge as a Gaussian prior it is the posterior variance of the natural parameter, columns
    held fixed, to first order. Costs O(p k^2 + m k^3) for k numbers in a row.
    """
    model, entries = objective.model, objective.measurement
    if not isinstance(model, General) or not isinstance(entries, Entries):
        raise UnsupportedError("rows belong to observed entries", type(entries).__name__)
    _, v, *_ = model.unpack(theta.astype(np.float64))
    biased = "row" in model.biases
    design = np.column_stack([v, np.ones(len(v))]) if biased else v
    k = design.shape[1]
    prior = np.diag([objective.ridge] * model.rank + [objective.bias_ridge] * biased)
    loss: Any = objective.loss
    weights = objective.weighted(loss.majorant(objective.predict(theta), objective.y)).astype(np.float64)
    pattern = entries.pattern
    starts, columns = pattern.row_starts, pattern.row_columns
    sides = np.ones(len(starts) - 1) if objective.side_weights is None else objective.side_weights[0]
    sorted_weights, found = weights[pattern.row_order], np.empty(weights.size)
    first = 0
    while first < len(starts) - 1:
        last = int(np.searchsorted(starts, starts[first] + CHUNK // k**2, side="right")) - 1
        last = min(max(last, first + 1), len(starts) - 1)
        cells = slice(starts[first], starts[last])
        x, rows = (
            design[columns[cells]],
            np.repeat(np.arange(last - first), np.diff(starts[first : last + 1])),
        )
        systems = sides[first:last, None, None] * prior
        np.add.at(systems, rows, sorted_weights[cells, None, None] * x[:, :, None] * x[:, None, :])
        found[cells] = np.einsum("ca,cab,cb->c", x, np.linalg.inv(systems)[rows], x)
        first = last
    out = np.empty_like(found)
    out[pattern.row_order] = found
    return out
