"""Grow the rank of a penalised fit along the direction that refutes its optimality.

A fit of rank r is a minimum of the problem over all matrices, min data(X) + penalty ||X||_*, exactly if the
gradient in X has spectral norm at most the penalty. If its leading singular value s is larger, the step
X - t u v^T lowers the objective at rate s - penalty, and needs one more column.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import Factors
from lowland.models import General
from lowland.objectives import RecoveryObjective
from lowland.search.starts import leading_factors

# maximum number of doublings of the first guess of a length, and relative tolerance of the length
DOUBLINGS, PART = 40, 1e-3


def fill_column(objective: RecoveryObjective, theta: Vector, column: int, rng: np.random.Generator) -> Vector:
    """Return a point whose zero column is replaced by the direction of steepest descent.

    Parameters
    ----------
    objective : RecoveryObjective
        An objective of general matrices with a convex loss.
    theta : ndarray, shape (size,)
        A point whose factors are both zero in that column.
    column : int
    rng : numpy.random.Generator
        For the iterative singular vectors of large problems.

    Returns
    -------
    ndarray, shape (size,)
        The point with the column at its optimal length; theta itself if no length lowers the objective.
    """
    model = objective.model
    if not isinstance(model, General):
        raise InvalidInputError("the rank can only grow for general matrices", model.name)
    left, right = leading_factors(objective.relaxation.gradient(theta), objective.resized(1), rng)
    size = float(np.linalg.norm(left) * np.linalg.norm(right))
    if not size > 0:
        return theta
    # normalised in the units of the ridge, so that a length t costs ridge * t
    left, right = -left / np.linalg.norm(left), right / np.linalg.norm(right)
    if objective.side_weights is not None:
        left, right = (
            side / np.sqrt(weights)[:, None]
            for side, weights in zip((left, right), objective.side_weights, strict=True)
        )
    z, change = objective.predict(theta), objective.measurement.measure(Factors(left, right))

    slope, bend, _ = objective.relaxation.unlisted_along(theta, Factors(left, right))

    def along(length: float) -> float:
        told = objective.data_value(z + objective.dtype.type(length) * change)
        return told + (objective.penalty + slope + bend * length / 2) * length

    length = _best_length(along, size / max(float(change @ objective.weighted(change)) + bend, 1e-300))
    if not length:
        return theta
    u, v, by_row, by_column, constant = model.unpack(theta)
    u, v, root = u.copy(), v.copy(), objective.dtype.type(np.sqrt(length))
    u[:, column], v[:, column] = root * left[:, 0], root * right[:, 0]
    return model.pack(u, v, by_row, by_column, constant)


def _best_length(along: Callable[[float], float], guess: float) -> float:
    """Return the minimiser of a convex function of a length; zero if no length lowers it."""
    from scipy.optimize import minimize_scalar

    if not np.isfinite(guess):
        return 0.0
    high, best = guess, along(guess)
    for _ in range(DOUBLINGS):
        further = along(2 * high)
        if not further < best:
            break
        high, best = 2 * high, further
    minimum = minimize_scalar(along, bounds=(0.0, 2 * high), method="bounded", options={"xatol": PART * high})
    return float(minimum.x) if minimum.fun < along(0.0) else 0.0
