"""Do the measurements tell this matrix from its neighbours? The Jacobian at the point decides.

Directions that it misses refute nothing by themselves: `solution_families` says when they do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lowland.certify.curvature import orthonormal_basis
from lowland.certify.exclusion import Exclusion, prove_exclusion
from lowland.certify.factorisations import eigh
from lowland.certify.lanczos import BASIS, is_formed, product_budget, smallest_eigenpairs
from lowland.certify.neighbours import Neighbour, find_neighbour
from lowland.certify.solution_families import Family, prove_family
from lowland.certify.stationarity import balanced
from lowland.core.arrays import Matrix, Vector
from lowland.core.findings import Finding
from lowland.core.status import Rigour, Verdict

CLAIM = "locally_unique"
# singular values below this part of the largest count as zero
NEGLIGIBLE = 1e-6
# and above this many times that they are clearly none
CLEARLY = 10.0
NEGLIGIBLE_SINGLE = 1e-2  # of measurements in single precision
# how many of the smallest are looked for where not all can be had
LOOKED_FOR = 4
# first steps, as parts of the point's length, from which another matrix is looked for
STEPS = (1e-2, 0.1)


def judge_local_uniqueness(
    objective: Any, theta: Vector, settings: Any, finite: Callable[[], Finding]
) -> Finding:
    """Judge whether other matrices of the rank close by have the same predictions.

    Parameters
    ----------
    objective : Objective
        A recovery objective in float64; data, weights and penalties play no role.
    theta : ndarray, shape (size,)
    settings : Settings
        The largest point whose tangent space is factored, and what is spent beyond.
    finite : callable
        Returns the finding on ``determined_by_data``, asked for only where directions are missed.

    Returns
    -------
    Finding
        PROVED with a radius where the smallest singular value of the measurements on the tangent space
        is bounded from below, rounding charged. SUPPORTED where it is computed and not negligible.
        REFUTED where others with the same predictions are proved to be as near as one likes, with one
        of them. Otherwise INCONCLUSIVE, with the number of directions that the measurements do not see to
        first order: matrices near may still be told apart by the second.
    """
    small = is_formed(objective, settings.largest_tangent, settings.largest_work)
    if small and not objective.measures_in_single:
        exclusion = prove_exclusion(objective, theta)
        if exclusion is not None:
            return _proved(objective, theta, exclusion)
    return _judge_spectrum(objective, theta, settings, finite)


def _proved(objective: Any, theta: Vector, exclusion: Exclusion) -> Finding:
    witness: dict[str, Any] = {
        "smallest": exclusion.smallest,
        "norm": exclusion.norm,
        "singular_value": exclusion.singular_value,
        "deficiency": 0,
        "radius": exclusion.radius,
    }
    size = float(objective.matrix(theta).norm())
    words = f"no other within {exclusion.radius:.3g}"
    if size > 0:
        witness["relative_radius"] = exclusion.radius / size
        words += f", {exclusion.radius / size:.2%} of the matrix's own Frobenius norm"
    ratio = exclusion.smallest / exclusion.norm
    method = (
        f"{words}; smallest singular value on the tangent space, by shifted Cholesky with rounding charged"
    )
    return Finding(
        CLAIM, Verdict.PROVED, ratio, 0.0, 0.0, method=method, rigour=Rigour.RIGOROUS, witness=witness
    )


def _judge_spectrum(objective: Any, theta: Vector, settings: Any, finite: Callable[[], Finding]) -> Finding:
    """Judge by the computed singular values of the Jacobian."""
    rng = np.random.default_rng(settings.seed)
    few = not is_formed(objective, settings.largest_hessian, settings.largest_work)
    products = product_budget(objective, settings.largest_work) if few else 1
    if not products:
        return _inconclusive("the Jacobian at the point is beyond the budget", "largest_work")
    given, theta = theta, balanced(objective, theta)
    gauge = orthonormal_basis(objective.model.gauge(theta, linear=True))
    at = objective.linearise(theta)

    def product(d: Vector) -> Vector:
        image: Vector = at.jacobian_transpose(at.jacobian_product(d))
        return image

    if not few:
        values, vectors = _all_values(product, theta.size, gauge)
        method = "all singular values of the Jacobian at the point, gauge deflated"
    else:
        found = smallest_eigenpairs(product, gauge, products // BASIS, rng, count=LOOKED_FOR, tolerance=1e-3)
        if found is None:
            words = "the Jacobian's smallest singular values did not converge in the budget"
            return _inconclusive(words, "largest_work")
        values, vectors = np.append(found[0], found[2]), found[1]
        method = "smallest singular values of the Jacobian at the point by Lanczos iteration, gauge deflated"
    if not (np.isfinite(values).all() and values.size and values[-1] > 0):
        return _inconclusive("the Jacobian at the point vanishes or is not finite")
    roots = np.sqrt(np.maximum(values, 0.0))
    negligible = NEGLIGIBLE_SINGLE if objective.measures_in_single else NEGLIGIBLE
    deficiency = int(np.sum(roots[:-1] <= negligible * roots[-1])) if roots.size > 1 else 0
    witness: dict[str, Any] = {
        "smallest": float(roots[0]),
        "largest": float(roots[-1]),
        "deficiency": deficiency,
    }
    verdict, rigour = Verdict.SUPPORTED, Rigour.WORKING_PRECISION
    if deficiency:
        verdict = Verdict.INCONCLUSIVE
        unseen = f"{'at least ' if few else ''}{deficiency} directions"
        method = f"to first order the measurements do not see {unseen} at the point; {method}"
        witness["direction"] = vectors[:, 0]
        known = not (few or objective.measures_in_single)
        family: Family | None = None
        if known:
            seen = int(np.sum(roots > CLEARLY * negligible * roots[-1]))
            family = prove_family(objective, given, theta, seen, finite())
        other = None if family is None else _neighbour(objective, theta, vectors[:, :deficiency])
        if family is not None and other is not None:
            verdict, rigour = Verdict.REFUTED, family.rigour
            method = (
                f"{family.method}; one of them, {other.relative_distance:.2g} of the matrix's own norm away, "
                f"is attached; {method}"
            )
            witness |= {"left": other.factors.left, "right": other.factors.right, "mismatch": other.mismatch}
    return Finding(
        CLAIM,
        verdict,
        float(roots[0] / roots[-1]),
        negligible,
        negligible,
        method=method,
        rigour=rigour,
        witness=witness,
        limited_by="largest_tangent" if theta.size > settings.largest_tangent else "",
    )


def _neighbour(objective: Any, theta: Vector, directions: Matrix) -> Neighbour | None:
    """Return another matrix with the same predictions along some direction that is not seen."""
    for direction in directions.T:
        for share in STEPS:
            other = find_neighbour(objective, theta, direction, share)
            if other is not None:
                return other
    return None


def _inconclusive(method: str, limit: str = "") -> Finding:
    return Finding(CLAIM, Verdict.INCONCLUSIVE, method=method, limited_by=limit)


def _all_values(product: Any, size: int, gauge: Matrix) -> tuple[Vector, Matrix]:
    """Return all eigenvalues of J^T J off the gauge, ascending, and their vectors."""
    # columns and rows along the gauge are taken out, so that it contributes zeros to rounding
    gram = np.stack([product(unit) for unit in np.eye(size) - gauge @ gauge.T], axis=1)
    gram -= gauge @ (gauge.T @ gram)
    if not np.isfinite(gram).all():
        return np.full(1, np.nan), gauge
    # the gauge is lifted above all others and left out
    top = 2 * float(np.abs(gram).sum(axis=1).max(initial=0.0)) + 1.0
    values, vectors = eigh((gram + gram.T) / 2 + top * (gauge @ gauge.T))
    keep = size - gauge.shape[1]
    return values[:keep], vectors[:, :keep]
