"""Values, slopes and curvatures of an objective at a point, between bounds that include all rounding.

They rest on what measurements, losses and penalties promise of their own rounding. Where one of them promises
nothing there are no bounds, and what a judge computes is evidence, not a proof.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.promises.fits import Fit
from lowland.core.promises.protocols import BoundedLoss, Loss, Penalty
from lowland.core.rounding import gamma, unit_roundoff

UNIT = unit_roundoff("float64")
# more than a product of two numbers loses that underflows, before it is weighted
UNDERFLOW = 1e-306


def prediction_bounds(objective: Fit, theta: Vector) -> tuple[Vector, Vector, bool]:
    """Return the predictions, bounds on their rounding and the data's, and whether all of it was included."""
    z, bounds = objective.predict(theta), objective.prediction_error(theta)
    error = np.zeros_like(z) if bounds is None else bounds
    return z, error + 2 * UNIT * (np.abs(z) + np.abs(objective.y)), bounds is not None


def upper_value(objective: Fit, theta: Vector) -> tuple[float, bool]:
    """Return the objective at a point rounded up, and whether all rounding was included."""
    (z, error, charged), loss, y = prediction_bounds(objective, theta), objective.loss, objective.y
    # losses are convex in z: the maximum over an interval is at one of its ends
    ends = [z - error, z + error]
    values = [loss.value(end, y) + _rounding(loss, end, y) for end in ends]
    lost = UNDERFLOW * ((z != y) | (error > 0))
    total = float(np.sum(objective.weighted(np.maximum(*values) + lost))) * (1 + gamma(z.size + 8))
    total += sum(float(p.value(theta) + p.value_error(theta)) for p in objective.penalties)
    return total, charged and isinstance(loss, BoundedLoss)


def lower_value(objective: Fit, theta: Vector, *, is_penalised: bool = True) -> tuple[float, bool]:
    """Return the objective at a point or its data term rounded down, and whether all rounding is included."""
    (z, error, charged), loss, y = prediction_bounds(objective, theta), objective.loss, objective.y
    if loss.is_quadratic:
        least = np.maximum(np.abs(y - z) - error, 0.0) ** 2 / 2
    else:
        steepest = np.maximum(*(np.abs(end) for end in _slopes(loss, z, error, y)))
        least = np.maximum(loss.value(z, y) - _rounding(loss, z, y) - steepest * error, 0.0)
    total = float(np.sum(objective.weighted(least))) * (1 - gamma(z.size + 8))
    if is_penalised:
        total += sum(float(p.value(theta) - p.value_error(theta)) for p in objective.penalties)
    return total, charged and isinstance(loss, BoundedLoss)


def _rounding(loss: Loss, z: Vector, y: Vector) -> Vector:
    return loss.value_error(z, y) if isinstance(loss, BoundedLoss) else np.zeros_like(y)


def slope_along(objective: Fit, theta: Vector, direction: Vector) -> tuple[float, float] | None:
    """Return bounds on the product of the gradient with a direction; None if rounding is not bounded.

    The gradient is not needed: it is the sum of the slopes of the losses times the change of predictions.
    """
    terms = _along(objective, theta, direction)
    if terms is None:
        return None
    (slope, slope_error), change, change_error, _, _ = terms
    return _sum(objective, [(slope, slope_error, change, change_error)], theta, direction, 0)


def curvature_along(objective: Fit, theta: Vector, direction: Vector) -> tuple[float, float] | None:
    """Return bounds on the second derivative along a direction.

    None unless squares are fitted, and rounding is bounded.
    """
    terms = _along(objective, theta, direction) if objective.loss.is_quadratic else None
    if terms is None:
        return None
    (slope, slope_error), change, change_error, bend, bend_error = terms
    products = [(change, change_error, change, change_error), (slope, slope_error, bend, bend_error)]
    return _sum(objective, products, theta, direction, 1)


Interval = tuple[Vector, Vector]
Product = tuple[Vector, Vector, Vector, Vector]


def _along(
    objective: Fit, theta: Vector, direction: Vector
) -> tuple[Interval, Vector, Vector, Vector, Vector] | None:
    """Return slopes of losses, and first and second changes of predictions, each with its bounds."""
    terms, loss = objective.expand(theta, direction), objective.loss
    if terms is None or not isinstance(loss, BoundedLoss):
        return None
    y, z = objective.y, terms.values
    low, high = _slopes(loss, z, terms.value_errors + 2 * UNIT * (np.abs(z) + np.abs(y)), y)
    middle = (low + high) / 2
    apart = (high - low) / 2 + 4 * UNIT * np.maximum(np.abs(low), np.abs(high))
    return (middle, apart), terms.slopes, terms.slope_errors, terms.bends, terms.bend_errors


def _slopes(loss: Loss, z: Vector, error: Vector, y: Vector) -> Interval:
    """Return bounds on slopes, which grow with z; infinite where the loss is."""
    bounded = loss if isinstance(loss, BoundedLoss) else None
    with np.errstate(invalid="ignore"):
        ends = [
            (loss.slope(end, y), bounded.slope_error(end, y) if bounded else np.zeros_like(y))
            for end in (z - error, z + error)
        ]
        inside = np.isfinite(loss.value(z - error, y)) & np.isfinite(loss.value(z + error, y))
    (low, below), (high, above) = ends
    return np.where(inside, low - below, -np.inf), np.where(inside, high + above, np.inf)


def _sum(
    objective: Fit, products: Sequence[Product], theta: Vector, direction: Vector, order: int
) -> tuple[float, float]:
    """Return bounds on the weighted sum of products of numbers, plus a derivative of the penalties."""
    total = error = 0.0
    with np.errstate(invalid="ignore"):
        for a, a_error, b, b_error in products:
            sizes = np.abs(a * b)
            off = a_error * (np.abs(b) + b_error) + np.abs(a) * b_error
            total += float(np.sum(objective.weighted(a * b)))
            error += float(np.sum(objective.weighted(off + gamma(a.size + 8) * sizes + UNDERFLOW)))
    for penalty in objective.penalties:
        value = _derivative(penalty, theta, direction, order)
        total += value
        error += penalty.along_error(theta, direction)[order] + 8 * UNIT * abs(value)
    error = (error + 16 * UNIT * abs(total)) * (1 + 1e-9)
    return (total - error, total + error) if np.isfinite([total, error]).all() else (-np.inf, np.inf)


def _derivative(penalty: Penalty, theta: Vector, direction: Vector, order: int) -> float:
    derivative = penalty.hessian_product(theta, direction) if order else penalty.gradient(theta)
    return float(derivative @ direction)
