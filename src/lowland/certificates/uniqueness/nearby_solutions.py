"""Search for a nearby matrix with the same predictions, which refutes uniqueness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.promises.fits import MatrixFit
from lowland.core.results.records import Factors
from lowland.core.rounding import unit_roundoff

# corrections per step; each gains some digits
MOST_CORRECTIONS = 40
# a nearer matrix, as a fraction of the norm, is not told from the point's
NEAREST = 2e-6


@final
@dataclass(frozen=True, eq=False)
class Neighbour:
    """Another matrix, its distance as a fraction of the norm, and the largest prediction difference."""

    factors: Factors
    relative_distance: float
    mismatch: float


def find_neighbour(
    objective: MatrixFit,
    theta: Vector,
    start: Vector,
    direction: Vector,
    share: float,
    invert: Callable[[Vector], Vector] | None = None,
) -> Neighbour | None:
    """Follow a direction that leaves the measurements unchanged to first order, correcting higher orders.

    Parameters
    ----------
    objective : Objective
        A recovery objective in float64; its data play no role.
    theta : ndarray, shape (size,)
        The point whose predictions are sought.
    start : ndarray, shape (size,)
        That point, or the balanced one of the same matrix, whose predictions differ by rounding.
    direction : ndarray, shape (size,)
    share : float
        Length of the first step, as a fraction of the point's norm.
    invert : callable, optional
        Applies the pseudoinverse of J^T J at the start, with J the Jacobian, for corrections. Without it
        there are none: for directions along which predictions do not change at all.

    Returns
    -------
    Neighbour or None
        A matrix at least a third of the step away whose predictions agree to rounding; None if
        corrections lead back or do not converge.
    """
    target, slack = _predictions(objective, theta)
    # each prediction at its own scale: a large one must not hide a difference in another
    slack = slack + 1e-13 * np.abs(target)
    length = float(np.linalg.norm(start))
    if not length > 0 or not np.isfinite(target).all():
        return None
    step = share * length * direction / np.linalg.norm(direction)
    point = start + step
    wanted = _difference(objective, start, point)[0]
    for _ in range(MOST_CORRECTIONS):
        at = objective.linearise(point)
        off = target - at.predictions
        if not np.isfinite(off).all():
            return None
        if invert is None or (np.abs(off) <= slack).all():
            break
        point = point + invert(at.jacobian_transpose(off))
    here, error = _predictions(objective, point)
    mismatch = np.maximum(np.abs(here - target) - error - slack, 0.0)
    distance, size = _difference(objective, theta, point)
    if mismatch.any() or not distance > wanted / 3 > NEAREST * size:
        return None
    worst = float(np.abs(here - target).max(initial=0.0))
    return Neighbour(objective.matrix(point), distance / size, worst)


def _predictions(objective: MatrixFit, theta: Vector) -> tuple[Vector, Vector]:
    z = objective.predict(theta)
    error = 4 * unit_roundoff("float64") * np.abs(z)
    if objective.rounding is not None:
        error = error + objective.rounding.measure_error(objective.matrix(theta))
    return z, error


def _difference(objective: MatrixFit, one: Vector, other: Vector) -> tuple[float, float]:
    """Return the Frobenius norms of a difference of matrices and of the first."""
    a, b = objective.matrix(one), objective.matrix(other)
    return a.minus(b).norm(), a.norm()
