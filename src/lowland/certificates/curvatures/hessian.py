"""The Hessian as a matrix: the Gauss-Newton part from the Jacobian, plus the model's curvature.

Also the quantities that judges need of a Hessian, however it was computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.certificates.curvatures.jacobian import gram_matrix, gram_work, jacobian_matrix, jacobian_work
from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.fits import Fit
from lowland.core.results.reasons import Reason


@final
@dataclass(frozen=True, eq=False)
class Extremes:
    """Bounds on the curvatures orthogonal to the gauge, and the direction of the smallest one found."""

    smallest: float
    largest: float
    direction: Vector
    reason: Reason
    converged: bool
    limit: str = ""


def hessian_matrix(objective: Fit, theta: Vector) -> Matrix:
    """Return the Hessian at a point, shape (size, size).

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (size,)

    Returns
    -------
    ndarray
        Symmetric. Costs one Jacobian and its Gram matrix, or as many Hessian products as there are unknowns.
    """
    at, units = objective.linearise(theta), np.eye(theta.size)
    second = at.second_matrix()
    if second is None:
        hessian = np.stack([at.hessian_product(unit) for unit in units], axis=1)
    else:
        curvature = objective.weighted(objective.loss.curvature(at.predictions, objective.y))
        hessian = gram_matrix(jacobian_matrix(objective, theta), curvature) + second
        for penalty in objective.penalties:
            hessian += np.stack([penalty.hessian_product(theta, unit) for unit in units], axis=1)
    return np.asarray((hessian + hessian.T) / 2)


def hessian_work(objective: Fit, pass_work: float) -> float:
    """Return an upper bound on the work of `hessian_matrix`."""
    if not objective.has_second_matrix:
        return float(objective.size) * 3 * pass_work
    return jacobian_work(objective, pass_work) + gram_work(objective) + 4.0 * float(objective.size) ** 2
