"""Whether the measurements distinguish this matrix from its neighbours, by the Jacobian at the point.

Directions in its kernel refute nothing by themselves: `solution_families` shows when they do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from lowland.certificates.curvatures.jacobian import (
    gram_matrix,
    gram_work,
    jacobian_error,
    jacobian_matrix,
    jacobian_work,
)
from lowland.certificates.curvatures.lanczos import affordable_restarts, smallest_eigenpairs
from lowland.certificates.curvatures.reduced_curvature import reduced_jacobian
from lowland.certificates.factorisations import eigh, orthonormal_basis, singular_values
from lowland.certificates.settings import Judgement
from lowland.certificates.stationarity import balanced
from lowland.certificates.uniqueness.identifiability import judge_identifiability
from lowland.certificates.uniqueness.isolation_radius import Exclusion, exclusion_work, prove_exclusion
from lowland.certificates.uniqueness.nearby_solutions import Neighbour, find_neighbour
from lowland.certificates.uniqueness.solution_families import Family, prove_family
from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.fits import MatrixFit
from lowland.core.results.findings import Finding, undecided
from lowland.core.results.reasons import Reason, because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.rounding import gamma
from lowland.core.work import eigenvalue_work

CLAIM = "locally_unique"
# singular values below this fraction of the largest count as zero
NEGLIGIBLE = 1e-6
# and above this multiple of that fraction they are clearly not zero
CLEARLY = 10.0
# fraction of the remaining budget that a proof may take
PROOF_PART = 0.6
# how many of the smallest are computed if not all can be
LOOKED_FOR = 4
# first steps in the search for another matrix, as fractions of the point's norm, and the largest number
# of directions tried
FIRST_STEPS, MOST_DIRECTIONS = (1e-2, 1e-4), 4


def judge_local_uniqueness(objective: MatrixFit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge whether nearby matrices of the same rank have the same predictions.

    Parameters
    ----------
    objective : Objective
        A recovery objective in float64; data, weights and penalties play no role.
    theta : ndarray, shape (size,)
    given : Judgement
        The largest point whose tangent space is factored, the budget, and the finding on
        ``determined_by_data``, which is computed if it was not requested and the Jacobian is deficient.

    Returns
    -------
    list of Finding
        PROVED with a radius where the smallest singular value of the measurements on the tangent space
        is bounded from below, rounding included. SUPPORTED where it is computed and not negligible.
        REFUTED where others with the same predictions are proved to be arbitrarily close, with one of
        them attached. Otherwise INCONCLUSIVE, with the number of directions that leave the measurements
        unchanged to first order: nearby matrices may still differ to second order.
    """
    small = objective.size <= given.settings.largest_tangent
    affordable = small and given.budget.allows(
        exclusion_work(objective, given.pass_work, given.budget), part=PROOF_PART
    )
    if affordable:
        exclusion = prove_exclusion(objective, theta, given.budget)
        if exclusion is not None:
            return [_proved(objective, theta, exclusion)]
    judged = _judge_spectrum(objective, theta, given)
    if judged.limited_by or affordable or judged.verdict is Verdict.REFUTED:
        return [judged]
    return [replace(judged, limited_by=given.budget.name if small else "largest_tangent")]


def _proved(objective: MatrixFit, theta: Vector, exclusion: Exclusion) -> Finding:
    witness: dict[str, Any] = {
        "smallest": exclusion.smallest,
        "norm": exclusion.norm,
        "singular_value": exclusion.singular_value,
        "deficiency": 0,
        "radius": exclusion.radius,
    }
    size = float(objective.matrix(theta).norm())
    reason = because("isolated", radius=exclusion.radius)
    if size > 0:
        witness["relative_radius"] = exclusion.radius / size
        reason += because("of_the_norm", share=exclusion.radius / size)
    ratio = exclusion.smallest / exclusion.norm
    reason += because("tangent_space")
    return Finding(
        CLAIM, Verdict.PROVED, ratio, 0.0, 0.0, reason=reason, rigour=Rigour.RIGOROUS, witness=witness
    )


SOME, ALL = because("some_values"), because("all_values")


@final
@dataclass(frozen=True, eq=False)
class _Spectrum:
    """Squares of the Jacobian's singular values, ascending: all, or some of the smallest and the largest.

    The reason says which, or that they are bounds on the smallest and the largest.
    """

    values: Vector
    vectors: Matrix
    reason: Reason = SOME

    @property
    def few(self) -> bool:
        """Whether there may be others."""
        return self.reason != ALL


def _judge_spectrum(objective: MatrixFit, theta: Vector, given: Judgement) -> Finding:
    """Judge by the computed singular values of the Jacobian."""
    even = balanced(objective, theta)
    spectrum = _spectrum(objective, even, given)
    if not isinstance(spectrum, _Spectrum):
        return undecided(CLAIM, spectrum, given.budget.name)
    values = spectrum.values
    if not (np.isfinite(values).all() and values.size and values[-1] > 0):
        return undecided(CLAIM, because("no_values"))
    roots = np.sqrt(np.maximum(values, 0.0))
    deficiency = int(np.sum(roots[:-1] <= NEGLIGIBLE * roots[-1])) if roots.size > 1 else 0
    judged = Finding(
        CLAIM,
        Verdict.SUPPORTED,
        float(roots[0] / roots[-1]),
        NEGLIGIBLE,
        NEGLIGIBLE,
        reason=spectrum.reason,
        rigour=Rigour.WORKING_PRECISION,
        witness={"smallest": float(roots[0]), "largest": float(roots[-1]), "deficiency": deficiency},
    )
    if not deficiency:
        return judged
    unseen = because("unseen_at_least" if spectrum.few else "unseen", count=deficiency)
    judged = replace(judged, method="", reason=unseen + spectrum.reason, verdict=Verdict.INCONCLUSIVE)
    if spectrum.few:
        return judged
    clear = np.maximum((CLEARLY * NEGLIGIBLE) ** 2 * values[-1], _blur(objective, theta, even, values))
    seen = int(np.sum(values > clear))
    finite = given.findings.get("determined_by_data") or judge_identifiability(objective, theta, given)[0]
    family = prove_family(objective, theta, even, seen, finite)
    return judged if family is None else _refuted(objective, theta, even, family, spectrum, judged)


def _blur(objective: MatrixFit, given: Vector, even: Vector, values: Vector) -> float:
    """Bound how far rounding may move squared singular values of the Jacobian; infinite if it is unknown.

    They are those of balanced factors, whose matrix and column spaces differ by rounding from those of the
    matrix as given.
    """
    if not objective.bounds_rounding:
        return float("inf")
    here, there = objective.matrix(given), objective.matrix(even)
    sizes = sum(float(np.linalg.norm(x.left) * np.linalg.norm(x.right)) for x in (here, there))
    least = float(singular_values(there.left)[-1] * singular_values(there.right)[-1])
    if not least > 0:
        return float("inf")
    turned = 64 * gamma(sum(objective.shape) + 8 * objective.rank) * sizes / least
    rows, total = objective.matrices.coordinates(), float(values.sum())
    norm = np.sqrt(objective.matrices.squared_norm_bound()) if rows is None else np.linalg.norm(rows)
    # derivatives of entries are entries of the factors
    rounding = 0.0 if objective.observed_pattern is not None else jacobian_error(objective, even)
    off = rounding + 4 * turned * float(norm) * float(np.linalg.norm(even))
    summed = gamma(objective.y.size + 64 * even.size + 8) * total
    return float(summed + (2 * np.sqrt(total) + off) * off)


def _spectrum(objective: MatrixFit, theta: Vector, given: Judgement) -> _Spectrum | Reason:
    """Return the spectrum at a balanced point, or the reason why it is not available."""
    work = jacobian_work(objective, given.pass_work) + gram_work(objective) + 2 * eigenvalue_work(theta.size)
    if theta.size <= given.settings.largest_hessian and given.budget.allows(work, part=PROOF_PART):
        gram = gram_matrix(jacobian_matrix(objective, theta))
        gauge = orthonormal_basis(objective.model.gauge(theta, linear=True))
        return _Spectrum(*_all_values(gram, gauge), ALL)
    counted_out = given.findings.get("determined_by_data")
    hopeless = counted_out is not None and counted_out.verdict is Verdict.REFUTED
    reduced = None if hopeless else reduced_jacobian(objective, theta, given)
    if reduced is not None and reduced.smallest > (CLEARLY * NEGLIGIBLE) ** 2 * reduced.largest:
        values = np.array([reduced.smallest, reduced.largest])
        return _Spectrum(values, reduced.direction[:, None], reduced.reason)
    gauge_size = theta.size - objective.degrees_of_freedom
    restarts = affordable_restarts(theta.size, gauge_size, 2 * given.pass_work, given.budget)
    if not restarts:
        return because("jacobian_cost")
    gauge = orthonormal_basis(objective.model.gauge(theta, linear=True))
    at = objective.linearise(theta)

    def product(d: Vector) -> Vector:
        image: Vector = at.jacobian_transpose(at.jacobian_product(d))
        return image

    pairs = smallest_eigenpairs(product, gauge, restarts, given.rng(), count=LOOKED_FOR, tolerance=1e-3)
    if pairs is None:
        return because("values_cost")
    return _Spectrum(np.append(pairs[0], pairs[2]), pairs[1])


def _refuted(
    objective: MatrixFit, theta: Vector, even: Vector, family: Family, spectrum: _Spectrum, judged: Finding
) -> Finding:
    """Return the finding, refuted by a member of the family if one is reached."""
    if family.change is not None:
        other = find_neighbour(objective, theta, theta, family.change, FIRST_STEPS[0])
    else:
        deficiency = judged.witness["deficiency"]
        found = spectrum.values, spectrum.vectors
        other = _neighbour(objective, theta, even, found, deficiency)
    if other is None:
        return judged
    attached = {"left": other.factors.left, "right": other.factors.right, "mismatch": other.mismatch}
    return replace(
        judged,
        method="",
        reason=family.reason + because("attached", distance=other.relative_distance) + judged.reason,
        verdict=Verdict.REFUTED,
        rigour=family.rigour,
        assumptions=family.assumptions,
        witness=judged.witness | attached,
    )


def _neighbour(
    objective: MatrixFit, theta: Vector, even: Vector, spectrum: tuple[Vector, Matrix], deficiency: int
) -> Neighbour | None:
    """Return another matrix with the same predictions along some direction in the Jacobian's kernel."""
    values, vectors = spectrum[0][deficiency:], spectrum[1][:, deficiency:]

    def invert(gradient: Vector) -> Vector:
        step: Vector = vectors @ ((vectors.T @ gradient) / values)
        return step

    for direction in spectrum[1][:, : min(deficiency, MOST_DIRECTIONS)].T:
        for share in FIRST_STEPS:
            other = find_neighbour(objective, theta, even, direction, share, invert)
            if other is not None:
                return other
    return None


def _all_values(gram: Matrix, gauge: Matrix) -> tuple[Vector, Matrix]:
    """Return all eigenvalues of J^T J off the gauge, ascending, and their vectors."""
    if not np.isfinite(gram).all():
        return np.full(1, np.nan), gauge
    # the gauge component is removed, so that it contributes only zeros and no rounding
    inner = gram @ gauge
    gram = gram - gauge @ inner.T - inner @ gauge.T + gauge @ (gauge.T @ inner) @ gauge.T
    # the gauge is shifted above all other eigenvalues and left out
    top = 2 * float(np.abs(gram).sum(axis=1).max(initial=0.0)) or 1.0
    values, vectors = eigh((gram + gram.T) / 2 + top * (gauge @ gauge.T))
    keep = len(gram) - gauge.shape[1]
    return values[:keep], vectors[:, :keep]
