"""Predictions of a matrix along a line through a point, with bounds on their rounding."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.promises.protocols import HasRoundingBounds, Measurement, Model
from lowland.core.results.records import Expansion, Factors


def expand(measurement: Measurement, model: Model, theta: Vector, direction: Vector) -> Expansion | None:
    """Return the measurements of the matrix of theta + t direction to second order in t.

    Parameters
    ----------
    measurement : Measurement
    model : Model
    theta, direction : ndarray, shape (size,)

    Returns
    -------
    Expansion or None
        None if the measurement does not bound its rounding.
    """
    if not isinstance(measurement, HasRoundingBounds):
        return None
    at, first, second = model.lift(theta), model.push(theta, direction), _bend(model, theta, direction)
    parts = [
        (measurement.measure(factors), measurement.measure_error(factors)) for factors in (at, first, second)
    ]
    if model.has_unit_trace:  # lengths are rounded once more, and directions are tangent but for rounding
        length = float(np.linalg.norm(first.left))
        whole = measurement.measure_error(Factors(at.left * length, at.right))
        more = 8 * (model.size + 16)
        errors = [error * more for _, error in parts]
        errors[1], errors[2] = errors[1] + more * whole, errors[2] + more * (errors[1] + whole * length)
        parts = [(values, error) for (values, _), error in zip(parts, errors, strict=True)]
    (z, e), (dz, de), (ddz, dde) = parts
    return Expansion(z, dz, ddz, e, de, dde)


def _bend(model: Model, theta: Vector, direction: Vector) -> Factors:
    """Return the second derivative of the matrix along a direction, as factors."""
    if not model.has_unit_trace:
        factors = direction.copy()
        factors[model.factor_size :] = 0  # the matrix is linear in biases
        return model.push(factors, factors)
    moved = model.push(theta, direction)
    width = moved.width // 2
    d, u = moved.left[:, :width], moved.left[:, width:]
    size = float(np.linalg.norm(d)) ** 2
    return Factors(np.hstack([2 * d, -2 * size * u]), np.hstack([d, u]))
