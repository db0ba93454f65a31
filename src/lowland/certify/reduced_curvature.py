"""The smallest curvature of a large table's objective, from the Hessian of one side, the other solved for."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.certify.factorisations import orthonormal_basis
from lowland.certify.hessian import Extremes
from lowland.certify.lanczos import affordable_restarts, smallest_eigenpairs
from lowland.certify.settings import Judgement
from lowland.core.arrays import Vector
from lowland.core.needs import REDUCTION, missing_needs

METHOD = "smallest eigenvalue of the Hessian of one side, the other solved for, by Lanczos iteration"
# of the eigenvalue, relative
TOLERANCE = 1e-2
# restarts below which the iteration is not begun: it converges soon
LEAST = 1


def reduced_extremes(objective: Any, theta: Vector, given: Judgement) -> Extremes | None:
    """Return bounds on the curvatures of a table's objective, None where it has no reduction or is too large.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (size,)
    given : Judgement

    Returns
    -------
    Extremes or None

    Notes
    -----
    With B_u and B_v the Hessian's diagonal blocks, s the smallest eigenvalue of the Schur complement relative
    to B_v, off the gauge, and b the smallest one of both blocks, all curvatures off the gauge are at least
    b (2 + s - sqrt(4 + s^2)) / 2: with a = B_u^(1/2) u and c = B_v^(1/2) v a curvature is at least
    (|a| - |c|)^2 + s |c|^2. None is above twice the largest eigenvalue of the blocks.
    """
    if missing_needs(objective, (REDUCTION,)):
        return None
    reduction = objective.reduction
    if not given.budget.allows(reduction.start_work, part=0.5):
        return None
    size, gauge = reduction.size, objective.gauge_size
    restarts = affordable_restarts(size, gauge, reduction.product_work, given.budget, least=LEAST)
    if not restarts:
        return None
    at = reduction.at(theta)
    lines = [at.coordinates(direction) for direction in objective.gauge(theta).T]
    basis = orthonormal_basis(np.stack(lines, axis=1)) if lines else np.zeros((reduction.size, 0))
    found = smallest_eigenpairs(
        at.product, basis, restarts, given.rng(), count=1, tolerance=TOLERANCE, top=1.0
    )
    if found is None:
        words = METHOD + ": not converged within its budget"
        return Extremes(np.nan, np.nan, np.zeros(theta.size), words, False, given.budget.name)
    values, vectors, _ = found
    least, most = at.own_curvatures
    direction = at.direction(vectors[:, 0])
    direction = direction / np.linalg.norm(direction)
    share = min(float(values[0]), 1.0)
    smallest = least * (2 + share - np.sqrt(4 + share**2)) / 2
    return Extremes(float(smallest), 2 * most, direction, METHOD, converged=True)
