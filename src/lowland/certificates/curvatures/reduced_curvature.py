"""The smallest curvature of a large table's objective, from the reduced Hessian of one side."""

from __future__ import annotations

import numpy as np

from lowland.certificates.curvatures.hessian import Extremes
from lowland.certificates.curvatures.lanczos import affordable_restarts, smallest_eigenpairs
from lowland.certificates.factorisations import orthonormal_basis
from lowland.certificates.settings import Judgement
from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.capabilities import offered
from lowland.core.promises.fits import Fit, HasJacobianReduction, HasReduction
from lowland.core.promises.powers import ReducedProblem, SideReduction
from lowland.core.results.reasons import because

# relative tolerance of the eigenvalue
EIGENVALUE_TOLERANCE = 1e-2
# the iteration is not started with fewer restarts than this: it converges fast
FEWEST_RESTARTS = 1


def reduced_extremes(objective: Fit, theta: Vector, given: Judgement) -> Extremes | None:
    """Return bounds on the curvatures of a table's objective orthogonal to the gauge.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (size,)
    given : Judgement

    Returns
    -------
    Extremes or None
        None if the objective has no reduction, or the budget is too small.

    Notes
    -----
    With B_u and B_v the Hessian's diagonal blocks, s the smallest eigenvalue of the Schur complement relative
    to B_v, off the gauge, and b the smallest one of both blocks, all curvatures off the gauge are at least
    b (2 + s - sqrt(4 + s^2)) / 2: with a = B_u^(1/2) u and c = B_v^(1/2) v a curvature is at least
    (|a| - |c|)^2 + s |c|^2. None is above twice the largest eigenvalue of the blocks.
    """
    table = offered(objective, HasReduction)
    restarts = 0 if table is None else _affordable(table.reduction, objective.gauge_size, given)
    if table is None or not restarts:
        return None
    at, gauge = table.reduction.at(theta), table.gauge(theta)
    return _bounds(table.reduction, at, gauge, restarts, given) or Extremes(
        np.nan,
        np.nan,
        np.zeros(theta.size),
        because("reduced_curvature") + because("not_converged"),
        False,
        given.budget.name,
    )


def reduced_jacobian(objective: Fit, theta: Vector, given: Judgement) -> Extremes | None:
    """Return such bounds on the squared singular values of the Jacobian orthogonal to its gauge."""
    table = offered(objective, HasJacobianReduction)
    if table is None:
        return None
    reduction, gauge_size = table.jacobian_reduction, theta.size - table.degrees_of_freedom
    restarts = _affordable(reduction, gauge_size, given)
    if not restarts:
        return None
    at, gauge = reduction.at(theta, exact=True), table.model.gauge(theta, linear=True)
    return _bounds(reduction, at, gauge, restarts, given, "reduced_values")


def _affordable(reduction: SideReduction, gauge_size: int, given: Judgement) -> int:
    if reduction.size <= gauge_size or not given.budget.allows(reduction.start_work, part=0.5):
        return 0
    return affordable_restarts(
        reduction.size, gauge_size, reduction.product_work, given.budget, least=FEWEST_RESTARTS
    )


def _bounds(
    reduction: SideReduction,
    at: ReducedProblem,
    gauge: Matrix,
    restarts: int,
    given: Judgement,
    code: str = "reduced_curvature",
) -> Extremes | None:
    """Return the bounds, None without convergence."""
    lines = [at.coordinates(direction) for direction in reduction.without_offset(gauge).T]
    basis = orthonormal_basis(np.stack(lines, axis=1)) if lines else np.zeros((reduction.size, 0))
    pairs = smallest_eigenpairs(
        at.product, basis, restarts, given.rng(), count=1, tolerance=EIGENVALUE_TOLERANCE, top=1.0
    )
    if pairs is None:
        return None
    least, most = at.own_curvatures
    direction = at.direction(pairs[1][:, 0])
    share = min(float(pairs[0][0]), 1.0)
    smallest = least * (2 + share - np.sqrt(4 + share**2)) / 2
    direction = direction / np.linalg.norm(direction)
    return Extremes(float(smallest), 2 * most, direction, because(code), converged=True)
