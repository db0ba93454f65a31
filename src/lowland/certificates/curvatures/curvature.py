"""The smallest curvature of the objective, with the gauge directions deflated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lowland.certificates.curvatures.hessian import Extremes, hessian_matrix, hessian_work
from lowland.certificates.curvatures.lanczos import affordable_restarts, smallest_eigenpairs
from lowland.certificates.curvatures.reduced_curvature import reduced_extremes
from lowland.certificates.enclosures import curvature_along
from lowland.certificates.factorisations import (
    cholesky_solver,
    eigh,
    eigh_off,
    lowest_pair,
    orthonormal_basis,
    qr,
)
from lowland.certificates.settings import Judgement
from lowland.certificates.stationarity import balanced, judge_stationarity
from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.fits import Fit
from lowland.core.promises.objectives import Linearisation
from lowland.core.results.findings import Finding, undecided, where_bounded
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.work import eigenvalue_work

CURVATURE_CLAIMS = ("second_order_stationary", "strict_local_minimum")
# above this size Cholesky factorisation and inverse iteration replace the full spectrum
MOST_FOR_ALL_EIGENVALUES = 1200
# fraction of the remaining budget that a Hessian may take
HESSIAN_PART = 0.7


def judge_curvature(objective: Fit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge second-order stationarity and strict local minimality.

    Parameters
    ----------
    objective : Fit
        In float64.
    theta : ndarray, shape (size,)
    given : Judgement
        Curvatures within a fraction of the largest one count as zero; the budget decides whether the Hessian
        is formed, or how many iterations are done with it.

    Returns
    -------
    list of Finding
        A negative curvature refutes both, with the direction as a witness whose curvature is bounded,
        rounding included. Positive curvature supports a strict local minimum; it implies
        nothing about global optimality.
    """
    tolerance = given.settings.curvature_tolerance
    stationary = given.findings.get("stationary") or judge_stationarity(objective, theta, given)[0]
    if stationary.verdict is not Verdict.SUPPORTED and not is_formed(objective, given):
        # both claims presuppose stationarity, so a long computation could not change them
        return [_not_stationary(claim, stationary) for claim in CURVATURE_CLAIMS]
    given_theta = theta
    if not objective.penalties:
        theta = balanced(objective, theta)
    extremes = extreme_curvatures(objective, theta, given)
    if not extremes.converged:
        findings = [undecided(claim, extremes.reason, extremes.limit) for claim in CURVATURE_CLAIMS]
        return [replace(finding, tolerance=tolerance) for finding in findings]
    bound = tolerance * extremes.largest
    direct, second_difference = direct_curvature(objective, theta, extremes.direction)
    smallest = min(direct, extremes.smallest)
    witness: dict[str, Any] = {"largest": extremes.largest}
    shared: dict[str, Any] = {
        "value": smallest,
        "bound": bound,
        "tolerance": tolerance,
        "reason": extremes.reason,
        "rigour": Rigour.WORKING_PRECISION,
    }
    if direct < -bound and second_difference < 0:
        witness |= {
            "curvature": direct,
            "second_difference": second_difference,
            "direction": extremes.direction,
        }
        if theta is not given_theta:  # the point that the direction belongs to
            witness["balanced"] = theta
        curvature = curvature_along(objective, theta, extremes.direction)
        if curvature is None or curvature[1] < -bound:
            shared |= {"value": direct, "rigour": Rigour.RIGOROUS}
            refuted = [
                Finding(claim, Verdict.REFUTED, witness=witness, **shared) for claim in CURVATURE_CLAIMS
            ]
            return [where_bounded(finding, curvature is not None) for finding in refuted]
    if stationary.verdict is not Verdict.SUPPORTED:
        return [_not_stationary(claim, stationary) for claim in CURVATURE_CLAIMS]
    second = Verdict.SUPPORTED if smallest >= -bound else Verdict.INCONCLUSIVE
    strictly = smallest > bound > 0 and second is Verdict.SUPPORTED
    of_strict = dict(shared)
    if strictly and not is_near_minimum(objective, theta, smallest):
        strictly, of_strict["reason"] = False, because("uneven")
    strict = Verdict.SUPPORTED if strictly else Verdict.INCONCLUSIVE
    return [
        Finding("second_order_stationary", second, witness=witness, **shared),
        Finding("strict_local_minimum", strict, witness=witness, **of_strict),
    ]


def _not_stationary(claim: str, stationary: Finding) -> Finding:
    would_be = stationary.reason[-1:] == because("rounding_unbounded")
    refuted = stationary.verdict is Verdict.REFUTED
    finding = Finding(
        claim,
        Verdict.REFUTED if refuted or would_be else Verdict.INCONCLUSIVE,
        stationary.value,
        stationary.bound,
        stationary.tolerance,
        reason=because("not_stationary") if refuted or would_be else stationary.reason,
        rigour=Rigour.RIGOROUS if refuted or would_be else stationary.rigour,
    )
    return where_bounded(finding, not would_be)


def extreme_curvatures(objective: Fit, theta: Vector, given: Judgement) -> Extremes:
    """Return bounds on the eigenvalues of the Hessian on the complement of the gauge."""
    if is_formed(objective, given):
        gauge, hessian = orthonormal_basis(objective.gauge(theta)), hessian_matrix(objective, theta)
        if not np.isfinite(hessian).all():
            return Extremes(np.nan, np.nan, np.zeros(theta.size), because("overflow"), False)
        return (
            _dense(hessian, gauge)
            if theta.size <= MOST_FOR_ALL_EIGENVALUES
            else _factored(hessian, gauge, given.rng())
        )
    extremes = reduced_extremes(objective, theta, given)
    if extremes is not None:
        return extremes
    restarts = affordable_restarts(objective.size, objective.gauge_size, 3 * given.pass_work, given.budget)
    if not restarts:
        reason = because("products_cost")
        return Extremes(np.nan, np.nan, np.zeros(theta.size), reason, False, given.budget.name)
    gauge = orthonormal_basis(objective.gauge(theta))
    extremes = _lanczos(objective.linearise(theta), theta.size, gauge, restarts, given.rng())
    return extremes if extremes.converged else replace(extremes, limit=given.budget.name)


def is_formed(objective: Fit, given: Judgement) -> bool:
    """Whether the Hessian may be formed, given its size and the remaining budget."""
    size = objective.size
    work = hessian_work(objective, given.pass_work) + 2 * eigenvalue_work(size)
    return bool(size <= given.settings.largest_hessian and given.budget.allows(work, part=HESSIAN_PART))


def is_near_minimum(objective: Fit, theta: Vector, smallest: float) -> bool:
    """Return whether a Newton step could lower the objective by at most a millionth of its value.

    That the gradient is small compared with that of the empty fit is not enough: a heavily weighted datum
    can make even a large gradient look small.
    """
    value, gradient = objective.value_and_gradient(theta)
    decrement = float(gradient @ gradient) / (2 * smallest)
    return bool(decrement <= 1e-6 * value + 1e-20 * objective.unfitted[0])


def direct_curvature(objective: Fit, theta: Vector, direction: Vector) -> tuple[float, float]:
    """Return d^T H d from a Hessian product, and from a second difference of the objective alone."""
    curvature = float(direction @ objective.hessian_product(theta, direction))
    step = 1e-3 * (float(np.linalg.norm(theta)) or 1.0)
    ahead, behind = objective.value(theta + step * direction), objective.value(theta - step * direction)
    return curvature, (ahead + behind - 2 * objective.value(theta)) / step**2


def _dense(hessian: Matrix, gauge: Matrix) -> Extremes:
    if gauge.shape[1] == len(hessian):
        return Extremes(0.0, 0.0, np.zeros(len(hessian)), because("no_direction"), False)
    values, vectors = eigh_off(hessian, gauge, 1)
    top = float(np.abs(values).max())
    return Extremes(float(values[0]), top, vectors[:, 0], because("all_curvatures"), converged=True)


def _factored(hessian: Matrix, gauge: Matrix, rng: np.random.Generator) -> Extremes:
    """Smallest eigenvalue by inverse iteration, if the Hessian is positive up to rounding."""
    size, hessian = len(hessian), hessian.copy()
    top = float(np.abs(hessian).sum(axis=1).max())
    # the gauge is projected out and shifted to the top of the spectrum
    inner = hessian @ gauge
    hessian -= gauge @ inner.T + inner @ gauge.T - gauge @ (gauge.T @ inner) @ gauge.T
    hessian += top * (gauge @ gauge.T)
    shift = 1e-12 * top
    try:
        solve = cholesky_solver(hessian + shift * np.eye(size))
    except np.linalg.LinAlgError:
        value, vector = lowest_pair(hessian)
        return Extremes(value, top, vector, because("all_curvatures"), converged=bool(np.isfinite(value)))
    block = qr(rng.standard_normal((size, 6)))[0]
    values: Vector = np.zeros(1)
    direction, residual = block[:, 0], float("inf")
    for _ in range(100):
        before = values[0]
        block = qr(solve(block))[0]
        values, vectors = eigh(block.T @ hessian @ block)
        direction = block @ vectors[:, 0]
        residual = float(np.linalg.norm(hessian @ direction - values[0] * direction))
        if (
            residual <= 1e-3 * abs(values[0]) + shift
            and abs(values[0] - before) <= 1e-3 * abs(values[0]) + shift
        ):
            break
    converged = residual <= 1e-3 * abs(values[0]) + shift
    return Extremes(float(values[0]), top, direction, because("factored_curvature"), converged)


def _lanczos(
    at: Linearisation, size: int, gauge: Matrix, restarts: int, rng: np.random.Generator
) -> Extremes:
    reason = because("iterated_curvature")
    pairs = smallest_eigenpairs(at.hessian_product, gauge, restarts, rng, count=1, tolerance=1e-4)
    if pairs is None:
        reason += because("not_converged")
        return Extremes(float("nan"), float("nan"), np.zeros(size), reason, False)
    values, vectors, top = pairs
    direction = vectors[:, 0] / np.linalg.norm(vectors[:, 0])
    return Extremes(float(values[0]), top, direction, reason, converged=True)
