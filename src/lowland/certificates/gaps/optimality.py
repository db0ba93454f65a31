"""Distance of the objective from the best possible value: duality gaps, rounding included.

The lower bound D comes from one dual vector nu. *Any* float64 vector nu with ||A* nu||_2 <= penalty
(or A* nu <= penalty I for positive semidefinite X) and B^T nu = 0 for free biases gives a valid
bound, so errors in how nu was found do not matter: only the constraint and the value of D do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from lowland.certificates.enclosures import lower_value, upper_value
from lowland.certificates.factorisations import eigh
from lowland.certificates.gaps.dual import LowerBound, dual_bound, penalised_error
from lowland.certificates.gaps.exact_fit import is_free, judge_exact_fit, measure_fit
from lowland.certificates.gaps.leading import ESTIMATE_STEPS, leading_triplet, step_work
from lowland.certificates.gaps.norm_bounds import LEAST_STEPS
from lowland.certificates.gaps.rank_constrained import rank_constrained_bound
from lowland.certificates.settings import Judgement, JudgeSettings
from lowland.core.arrays import Matrix, Vector
from lowland.core.promises.fits import MatrixFit
from lowland.core.results.findings import Finding, undecided, where_bounded
from lowland.core.results.reasons import because
from lowland.core.results.records import Factors
from lowland.core.results.status import Rigour, Verdict
from lowland.core.rounding import gamma, unit_roundoff
from lowland.core.work import eigenvalue_work

CLAIMS = ("globally_optimal", "convex_optimal")
# fraction of the remaining budget that the search for a descent may take
DESCENT_PART = 0.25
# squares of smaller numbers underflow, so that bounds on their sums fail
SMALLEST_SQUARABLE = 1e-280


@final
@dataclass(frozen=True, eq=False)
class Descent:
    """A matrix outside the rank constraint with a lower convex objective, as a witness."""

    decrease: float
    left: Matrix
    right: Matrix
    length: float


def judge_optimality(objective: MatrixFit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge global optimality of the problem as posed and of its convex relaxation.

    Parameters
    ----------
    objective : Objective
        A recovery objective in float64.
    theta : ndarray, shape (size,)
    given : Judgement

    Returns
    -------
    list of Finding
        Their value is the proven relative gap: no matrix has an objective lower by more than
        this fraction. Without a penalty an exact fit is judged datum by datum instead. A large
        gap alone is INCONCLUSIVE; REFUTED has a better matrix attached.
    """
    settings = given.settings
    upper, charged = upper_value(objective, theta)
    nothing = not np.any(objective.y) and not np.any(theta)
    # with unit trace a zero point represents no matrix
    astray = objective.model.has_unit_trace and not 1e-100 < float(np.linalg.norm(theta)) < 1e100
    if astray or not (np.isfinite(upper) and (upper > SMALLEST_SQUARABLE or nothing)):
        return [undecided(claim, because("size_unbounded")) for claim in CLAIMS]
    # the convex problem has no balancing term, and the nuclear norm in place of a ridge
    exactly = objective.loss.vanishes_at_data  # natural parameters equal to the data are no fit
    free = exactly and is_free(objective, theta, objective.penalties)
    others = [p for p in objective.penalties if not p.vanishes_when_balanced]
    unpenalised = (free, free or (exactly and not objective.penalty and is_free(objective, theta, others)))
    fit = (
        measure_fit(objective, theta, upper if charged else float("inf"), given) if any(unpenalised) else None
    )
    exact = [
        judge_exact_fit(claim, fit, settings) if fits and fit is not None else None
        for claim, fits in zip(CLAIMS, unpenalised, strict=True)
    ]
    proved = [finding for finding in exact if finding is not None]
    if len(proved) == len(exact):
        return proved
    lower = dual_bound(objective, theta, upper, given)
    posed = lower
    if not objective.penalty and not upper - lower.value <= settings.gap_tolerance * upper:
        lowest, _ = lower_value(objective, theta, is_penalised=False)
        among = rank_constrained_bound(objective, theta, lowest, settings.largest_dense, given.budget)
        posed = among if among.value > lower.value else lower
    values = (upper, convex_value(objective, theta, upper))
    findings = [
        finding or judge_gap(claim, value, bound, charged, settings)
        for finding, claim, value, bound in zip(exact, CLAIMS, values, (posed, lower), strict=True)
    ]
    gap = upper - lower.value
    if objective.loss.is_quadratic and lower.value > 0 and gap >= 0 and lower.rigour is not Rigour.ESTIMATE:
        for finding, bound in zip(findings, (posed, lower), strict=True):
            if bound is lower and "gap" in finding.witness:
                finding.witness["fitted_distance"] = fitted_distance(objective, gap)
    if findings[1].verdict is Verdict.INCONCLUSIVE:
        findings[1] = _refute_convex(objective, theta, findings[1], given)
    return findings


def judge_gap(claim: str, value: float, lower: LowerBound, charged: bool, settings: JudgeSettings) -> Finding:
    """Judge a claim by the gap between a value and a lower bound.

    Parameters
    ----------
    claim : str
    value : float
        The objective at the point, rounded up.
    lower : LowerBound
    charged : bool
        Whether all rounding of the value was included.
    settings : JudgeSettings

    Returns
    -------
    Finding
    """
    gap = value - lower.value
    if not np.isfinite(gap):
        return undecided(claim, because("gap_unrepresentable"))
    if gap < -1e-8 * abs(value):
        return undecided(claim, because("bound_exceeds"))
    gap = max(0.0, gap)
    # what is known of measurements whose rounding is not bounded, were it not for rounding
    charged = charged and lower.rigour is not Rigour.WORKING_PRECISION
    known = Rigour.RIGOROUS if lower.rigour is Rigour.WORKING_PRECISION else lower.rigour
    verdict = Verdict.INCONCLUSIVE
    if gap <= settings.gap_tolerance * value:
        verdict = Verdict.PROVED if known.is_proof else Verdict.SUPPORTED
    witness: dict[str, Any] = {
        "objective": value,
        "lower_bound": lower.value,
        "dual_scale": lower.scale,
        "gap": gap,
    }
    if lower.dual is not None:
        witness["dual"] = lower.dual
    finding = Finding(
        claim,
        verdict,
        value=gap / value if value > 0 else 0.0,
        bound=settings.gap_tolerance,
        tolerance=settings.gap_tolerance,
        reason=because("gap") + lower.reason,
        rigour=known if charged or verdict is Verdict.PROVED else _weaker(known),
        witness=witness,
        limited_by=lower.limited_by,
    )
    return where_bounded(finding, charged)


def fitted_distance(objective: MatrixFit, gap: float) -> float:
    """Bound how far the fitted values of equally good points are from these: a weighted root mean square.

    A convex problem with half the weighted squares as its data term grows by at least half the squared
    distance of the predictions from its minimiser's, and both points are within the gap of its minimum. Cells
    that are not listed count among them where they count in the problem.
    """
    weight = float(objective.weighted(np.ones(objective.y.size)).sum()) + objective.relaxation.unlisted_weight
    return float(2 * np.sqrt(2 * gap / weight) * (1 + 1e-12))


def rounding_floor(objective: MatrixFit, theta: Vector) -> float:
    """Return the objective that rounding of the predictions alone can produce."""
    bounds = objective.prediction_error(theta)
    if bounds is None:
        return 0.0
    error = bounds + unit_roundoff("float64") * np.abs(objective.y)
    return float(objective.data_value(objective.y + error))


def convex_value(objective: MatrixFit, theta: Vector, upper: float) -> float:
    """Return the convex objective of this matrix, with the nuclear norm in place of the factors' ridge."""
    paid = sum(p.value(theta) for p in objective.penalties if not p.keeps_linear_gauge)
    if not objective.penalty:
        return float(upper - paid)
    # the norm is computed from factors whose products may cancel
    sizes = float(np.prod([np.linalg.norm(side) for side in objective.model.sides(theta)]))
    rounding = 64 * sum(objective.shape) * unit_roundoff("float64") * sizes * _largest_weight(objective)
    nuclear = objective.penalty * (objective.relaxation.nuclear_norm(theta) * (1 + 1e-12) + rounding)
    # balancing only adds rounding; never return more than the objective of the point itself
    return float(min(upper, upper - paid + nuclear + 1e-13 * abs(upper)))


def _largest_weight(objective: MatrixFit) -> float:
    """Return the largest weight of an entry in the nuclear norm."""
    sides = objective.side_weights
    return 1.0 if sides is None else float(np.sqrt(np.prod([np.max(weights) for weights in sides])))


def _weaker(rigour: Rigour) -> Rigour:
    return Rigour.WORKING_PRECISION if rigour.is_proof else rigour


def _refute_convex(objective: MatrixFit, theta: Vector, finding: Finding, given: Judgement) -> Finding:
    descent = rank_one_descent(objective, theta, given)
    value = finding.witness.get("objective", float("inf"))
    needed = max(given.settings.gap_tolerance * value, 4 * rounding_floor(objective, theta))
    if descent is None and not given.budget.left:
        return replace(finding, limited_by=finding.limited_by or given.budget.name)
    return where_bounded(refuted_by(descent, finding, needed), objective.bounds_rounding)


def refuted_by(descent: Descent | None, finding: Finding, needed: float) -> Finding:
    """Return a finding on convex optimality, refuted if a step lowers the objective by more than needed."""
    value = finding.witness.get("objective", float("inf"))
    if descent is None or not (np.isfinite(descent.decrease) and descent.decrease > needed):
        return finding
    return Finding(
        finding.claim,
        Verdict.REFUTED,
        value=descent.decrease / value,
        bound=finding.bound,
        tolerance=finding.tolerance,
        reason=because("rank_one_added"),
        rigour=Rigour.RIGOROUS,
        witness={"objective": value, "left": descent.left, "right": descent.right, "length": descent.length},
    )


def _steepest(objective: MatrixFit, theta: Vector, given: Judgement) -> tuple[Vector, float, Vector] | None:
    """Return the vectors of the rank-one direction along which the data term falls fastest, and how fast."""
    slope = objective.relaxation.gradient(theta)
    if not objective.model.is_psd:
        most = min(given.settings.lanczos_steps, ESTIMATE_STEPS)
        steps = given.budget.times(step_work(slope), most, part=DESCENT_PART)
        if steps < LEAST_STEPS:
            return None
        left, steepness, right = leading_triplet(slope, steps, given.rng())
        return -left, steepness, right
    side = min(slope.shape)
    if side > given.settings.largest_dense or not given.budget.allows(2 * eigenvalue_work(side)):
        return None
    dense = np.asarray(slope.toarray())
    if not np.isfinite(dense).all():
        return None
    values, vectors = eigh((dense + dense.conj().T) / 2)
    return vectors[:, 0], -float(values[0]), vectors[:, 0]


def rank_one_descent(objective: MatrixFit, theta: Vector, given: Judgement) -> Descent | None:
    """Return the best step along the leading rank-one direction of the ambient gradient, or None."""
    if not objective.loss.is_quadratic:
        return None
    steepest = _steepest(objective, theta, given)
    if steepest is None:
        return None
    left, steepness, right = steepest
    z = objective.predict(theta)
    weights = objective.weighted(objective.y - z)
    noise = 1e-14 * float(np.linalg.norm(weights)) + penalised_error(objective, weights)
    if not steepness > objective.penalty + noise:
        return None
    if objective.side_weights is not None:  # scaled to weighted nuclear norm one
        by_row, by_column = objective.side_weights
        left, right = left / np.sqrt(by_row), right / np.sqrt(by_column)
    direction = Factors(left[:, None], right[:, None])
    change = objective.measurement.measure(direction)
    if objective.model.has_unit_trace:  # the step towards v v^H keeps the trace, so X shrinks as it is added
        change = change - z
        steepness = float(weights @ change)
    unlisted, bend, unlisted_error = objective.relaxation.unlisted_along(theta, direction)
    curvature = float(change @ objective.weighted(change)) + bend
    if not (curvature > 0 and steepness > objective.penalty):
        return None
    length = (steepness - objective.penalty) / curvature
    if objective.model.has_unit_trace:
        length = min(1.0, length)
    # evaluated, not predicted, with all rounding against it; the nuclear norm grows by at most `length`
    error = _prediction_error(objective, objective.matrix(theta), z, np.abs(objective.y))
    now = np.maximum(np.abs(objective.y - z) - error, 0.0)
    error = error * (1 + length * objective.model.has_unit_trace) + length * _prediction_error(
        objective, direction, change, 0.0
    )
    then = np.abs(objective.y - z - length * change) + error
    slack = gamma(z.size + 8)
    before, after = (float(np.sum(objective.weighted(part**2))) / 2 for part in (now, then))
    decrease = before * (1 - slack) - after * (1 + slack)
    # terms of cells that are not listed change by this much
    decrease -= length * unlisted + length**2 / 2 * bend
    decrease -= (length + length**2) * unlisted_error + 1e-14 * length * (abs(unlisted) + length * abs(bend))
    return Descent(float(decrease - objective.penalty * length * (1 + 1e-12)), left, right, length)


def _prediction_error(objective: MatrixFit, factors: Factors, z: Vector, data: Vector | float) -> Vector:
    """Return a bound on the rounding of predictions, and of what they are taken from."""
    rounding = 2 * unit_roundoff("float64") * (np.abs(z) + data)
    if objective.rounding is not None:
        return np.asarray(objective.rounding.measure_error(factors) + rounding)
    # the rounding of a user's operator is unknown: use a generous estimate, and never claim a proof
    return np.asarray(rounding + 1e-12 * float(np.linalg.norm(z)))
