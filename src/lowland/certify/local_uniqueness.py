"""Do the measurements tell this matrix from its neighbours? The Jacobian at the point decides."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.certify.curvature import orthonormal_basis
from lowland.certify.lanczos import BASIS, product_budget, smallest_eigenpairs
from lowland.certify.stationarity import balanced
from lowland.core.arrays import Matrix, Vector
from lowland.core.findings import Finding
from lowland.core.status import Rigour, Verdict

# singular values below this part of the largest count as zero
NEGLIGIBLE = 1e-6
NEGLIGIBLE_SINGLE = 1e-2  # of measurements in single precision
# how many of the smallest are looked for where not all can be had
LOOKED_FOR = 4


def judge_local_uniqueness(
    objective: Any, theta: Vector, largest: int, work: float, rng: np.random.Generator
) -> Finding:
    """Judge whether predictions change, to first order, with every change of the matrix.

    Parameters
    ----------
    objective : Objective
        A recovery objective in float64; data, weights and penalties play no role.
    theta : ndarray, shape (size,)
    largest : int
        Largest point whose Jacobian's Gram matrix is formed.
    work : float
        Numbers that products may touch beyond that size.
    rng : numpy.random.Generator
        For the start of the Lanczos iteration.

    Returns
    -------
    Finding
        SUPPORTED where the smallest singular value on the directions that change the matrix is not
        negligible beside the largest. Otherwise INCONCLUSIVE, with the number of directions that the
        measurements do not see to first order: matrices near may still be told apart by the second.
        Where the factors have columns to spare those count too.
    """
    theta = balanced(objective, theta)
    gauge = orthonormal_basis(objective.model.gauge(theta, linear=True))
    at = objective.linearise(theta)

    def product(d: Vector) -> Vector:
        image: Vector = at.jacobian_transpose(at.jacobian_product(d))
        return image

    few = True
    if theta.size <= largest:
        values, few = _all_values(product, theta.size, gauge), False
        method = "all singular values of the Jacobian at the point, gauge deflated"
    else:
        products = product_budget(objective, work)
        if not products:
            return _inconclusive("the Jacobian at the point is beyond the budget")
        found = smallest_eigenpairs(product, gauge, products // BASIS, rng, count=LOOKED_FOR, tolerance=1e-3)
        if found is None:
            return _inconclusive("the Jacobian's smallest singular values did not converge in the budget")
        values = np.append(found[0], found[2])
        method = "smallest singular values of the Jacobian at the point by Lanczos iteration, gauge deflated"
    if not (np.isfinite(values).all() and values.size and values[-1] > 0):
        return _inconclusive("the Jacobian at the point vanishes or is not finite")
    roots = np.sqrt(np.maximum(values, 0.0))
    negligible = NEGLIGIBLE_SINGLE if objective.measures_in_single else NEGLIGIBLE
    deficiency = int(np.sum(roots[:-1] <= negligible * roots[-1])) if roots.size > 1 else 0
    ratio = float(roots[0] / roots[-1])
    verdict = Verdict.SUPPORTED if deficiency == 0 else Verdict.INCONCLUSIVE
    if deficiency:
        unseen = f"{'at least ' if few else ''}{deficiency} directions"
        method = f"to first order the measurements do not see {unseen} at the point; {method}"
    return Finding(
        "locally_unique",
        verdict,
        ratio,
        negligible,
        negligible,
        method=method,
        rigour=Rigour.WORKING_PRECISION,
        witness={"smallest": float(roots[0]), "largest": float(roots[-1]), "deficiency": deficiency},
    )


def _inconclusive(method: str) -> Finding:
    return Finding("locally_unique", Verdict.INCONCLUSIVE, method=method)


def _all_values(product: Any, size: int, gauge: Matrix) -> Vector:
    """Return all eigenvalues of J^T J off the gauge, ascending."""
    # columns and rows along the gauge are taken out, so that it contributes zeros to rounding
    gram = np.stack([product(unit) for unit in np.eye(size) - gauge @ gauge.T], axis=1)
    gram -= gauge @ (gauge.T @ gram)
    if not np.isfinite(gram).all():
        return np.full(1, np.nan)
    values: Vector = np.linalg.eigvalsh((gram + gram.T) / 2)
    # the gauge contributes as many zeros, which are among the smallest
    return values[gauge.shape[1] :]
