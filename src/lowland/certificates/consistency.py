"""Consistency of an objective with its gradient and adjoint, checked before any judging.

With a gradient that is not the objective's, or an adjoint that is not the measurement's, findings would
be wrong. One dot test and one central difference detect either, almost surely.
"""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Vector, out_of_scale
from lowland.core.promises.fits import Fit, MatrixFit, is_matrix_fit
from lowland.core.results.reasons import Reason, because
from lowland.core.results.records import Factors

# a central difference of a smooth function is accurate to about the square root of the roundoff;
# anything worse than this means that gradient and objective are inconsistent
CONSISTENCY = 1e-4
# largest relative difference between the two sides of a dot test
TOLERANCE = 1e-9
STEP_LENGTHS, AWAY = (1e-3, 1e-5, 1e-7), 0.3
# rounding of a difference of objectives, in units of their own last digit
ROUNDINGS = 64


def find_fault(objective: Fit, theta: Vector, rng: np.random.Generator) -> Reason:
    """Return what is inconsistent in an objective, or nothing.

    Parameters
    ----------
    objective : Fit
        In float64.
    theta : ndarray, shape (size,)
        Where gradient and differences are compared.
    rng : numpy.random.Generator
        For the directions.

    Returns
    -------
    tuple of Phrase
        Empty if no fault was found, or if values overflow the float range.
    """
    if objective.predict(theta).dtype != np.float64:
        return because("in_single")
    fault = scale_fault(objective, theta) or gradient_fault(objective, theta, rng)
    if fault or not is_matrix_fit(objective):
        return fault
    apart = adjoint_mismatch(objective, rng)
    if np.isfinite(apart) and apart > TOLERANCE:
        return because("adjoint_disagrees", apart=apart)
    return ()


def scale_fault(objective: Fit, theta: Vector) -> Reason:
    """Return which numbers are out of scale, or nothing; nothing of matrices whose rounding is bounded."""
    if objective.bounds_rounding and is_matrix_fit(objective):
        return ()
    parts = {"data": objective.y, "weights": objective.weights, "point": theta}
    for name, numbers in parts.items():
        largest = 0.0 if numbers is None else out_of_scale(numbers)
        if largest:
            return because("out_of_scale", part=name, largest=largest)
    if not np.isfinite(objective.value(theta)):
        return because("overflow")
    return ()


def gradient_fault(objective: Fit, theta: Vector, rng: np.random.Generator) -> Reason:
    """Return by how much a gradient contradicts the objective's values, or nothing."""
    direction = _direction(objective, theta, rng)
    # at a stationary point a zero gradient is correct: a wrong one shows only elsewhere
    for point in (theta, theta + AWAY * direction):
        least = float("inf")
        for step in STEP_LENGTHS:  # if a datum's loss is nearly singular, only small steps agree
            mismatch = gradient_mismatch(objective, point, direction, step)
            least = min(least, mismatch)
            if not (np.isfinite(mismatch) and mismatch > CONSISTENCY):
                break
        else:
            return because("gradient_disagrees", apart=least)
    return ()


def adjoint_mismatch(objective: MatrixFit, rng: np.random.Generator) -> float:
    """Return |A(D) . w - <D, A* w>| for random D of rank one and w, relative to |A(D)| |w|."""
    m, n = objective.shape
    left, right = (np.asarray(rng.standard_normal((k, 1))) for k in (m, n))
    if objective.model.is_complex:
        left, right = (side + 1j * rng.standard_normal(side.shape) for side in (left, right))
    if objective.model.is_psd:  # the two must agree only on symmetric matrices
        right = left
    weights = rng.standard_normal(objective.y.size)
    image = objective.measurement.measure(Factors(left, right))
    inner = float(np.vdot(left, objective.adjoint(weights).matmat(right)).real)
    size = float(np.linalg.norm(image) * np.linalg.norm(weights))
    return abs(float(image @ weights) - inner) / size if size > 0 else 0.0


def _direction(objective: Fit, theta: Vector, rng: np.random.Generator) -> Vector:
    """Return a random direction as long as the point; at zero, one that scales predictions to the data."""
    direction = rng.standard_normal(theta.size)
    direction /= np.linalg.norm(direction)
    length = float(np.linalg.norm(theta))
    if not length:
        moved = float(np.linalg.norm(objective.predict(direction) - objective.predict(theta)))
        size = float(np.linalg.norm(objective.y))
        length = float(np.sqrt(size / moved)) if 0 < moved < np.inf and 0 < size < np.inf else 1.0
    longer: Vector = direction * length
    return longer


def gradient_mismatch(objective: Fit, theta: Vector, direction: Vector, step: float) -> float:
    """Return the relative difference, beyond rounding, of the gradient from a central difference.

    Exactly zero for a quadratic; about 1e-9 for the quartics of factored problems.
    """
    ahead, behind, ahead2, behind2, here = (
        objective.value(theta + k * step * direction) for k in (1, -1, 2, -2, 0)
    )
    # the fourth-order difference removes the cubic part that a quartic objective has
    difference = (8 * (ahead - behind) - (ahead2 - behind2)) / (12 * step)
    predicted = float(objective.gradient(theta) @ direction)
    largest = float(np.max(np.abs([ahead, behind, ahead2, behind2, here])))
    noise = ROUNDINGS * np.finfo(float).eps * largest / step
    curved = max(abs(ahead + behind - 2 * here) - ROUNDINGS * np.finfo(float).eps * largest, 0.0) / step**2
    off = max(abs(difference - predicted) - noise, 0.0) if np.isfinite(difference) else float("inf")
    unit = abs(predicted) + curved
    if off == 0:
        return 0.0
    return float(off / unit) if unit > 0 else float("inf")
