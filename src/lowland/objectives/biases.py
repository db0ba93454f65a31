"""Free biases at their minimiser: a sparse symmetric system of one unknown a row and column."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Indices, Vector
from lowland.core.errors import UnsupportedError
from lowland.kernels.parts import connected_parts
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives.problem import RecoveryProblem

REFINEMENTS = 8


def refit_biases(objective: RecoveryProblem, theta: Vector) -> Vector:
    """Return the point with its biases at their minimiser, the factors held fixed.

    The normal equations are solved by preconditioned conjugate gradients, then again for what is
    left of the residual, until rounding remains.
    """
    from scipy.sparse import csr_array, diags_array
    from scipy.sparse.linalg import cg

    model, measurement = objective.model, objective.measurement
    if not isinstance(model, General) or not isinstance(measurement, Entries):
        raise UnsupportedError("biases are refitted for observed entries only", type(measurement).__name__)
    design = _design(model, measurement, penalised=bool(objective.bias_ridge))
    weights = np.ones(objective.y.size) if objective.weights is None else objective.weights.astype(np.float64)
    start, count = model.factor_size, design.shape[1]
    ridges = objective.bias_precisions[:count]
    normal = csr_array(design.T @ (design.multiply(weights[:, None])) + diags_array(ridges))
    diagonal = normal.diagonal()
    inverse = csr_array(
        (np.where(diagonal > 0, 1 / np.where(diagonal > 0, diagonal, 1), 0), (np.arange(diagonal.size),) * 2)
    )
    best, least = theta, float("inf")
    exchanges = _exchanges(model, measurement, objective.bias_ridge)
    for _ in range(REFINEMENTS):
        predictions = objective.predict(theta).astype(np.float64)
        right = design.T @ (weights * (objective.y - predictions))
        right -= ridges * theta[start : start + count]
        remainder = float(np.linalg.norm(right))
        if not remainder < least:
            break
        best, least = theta, remainder
        size = design.T @ (weights * (np.abs(objective.y) + np.abs(predictions)))
        if remainder <= np.finfo(np.float64).eps * float(
            np.linalg.norm(size)
        ):  # rounding is all that remains
            break
        if exchanges is not None:  # rounding along them would keep the iteration from its end
            parts, signs = exchanges
            means = np.bincount(parts, signs * right) / np.bincount(parts)
            right -= signs * means[parts]
        with np.errstate(divide="ignore", invalid="ignore"):  # a right side of nothing but rounding
            step, _ = cg(normal, right, rtol=1e-6, maxiter=500, M=inverse)
        if not np.isfinite(step).all():
            break
        theta = best.copy()
        theta[start : start + count] += step.astype(theta.dtype)
    return best


def _exchanges(model: General, measurement: Entries, bias_ridge: float) -> tuple[Indices, Vector] | None:
    """Return the exchanges between free row and column biases that change no prediction.

    They are one a connected part of the table: labels of rows and columns by part, and their signs.
    """
    if bias_ridge or not {"row", "column"} <= set(model.biases):
        return None
    parts = connected_parts(measurement.rows, measurement.columns, model.shape)
    return parts, np.repeat([1.0, -1.0], model.shape)


def _design(model: General, measurement: Entries, *, penalised: bool) -> Any:
    from scipy.sparse import csr_array, hstack

    p, (m, n) = measurement.size, measurement.shape
    at, ones = np.arange(p), np.ones(p)
    parts = []
    if "row" in model.biases:
        parts.append(csr_array((ones, (at, measurement.rows)), shape=(p, m)))
    if "column" in model.biases:
        parts.append(csr_array((ones, (at, measurement.columns)), shape=(p, n)))
    # a global bias adds nothing to free row or column biases
    if not parts or (penalised and "global" in model.biases):
        parts.append(csr_array((ones, (at, np.zeros(p, np.intp))), shape=(p, 1)))
    return hstack(parts, format="csr")
