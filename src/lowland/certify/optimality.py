"""How far is the objective from the best possible value? Duality gaps, rounding included.

The lower bound D comes from one dual vector nu. *Any* float64 vector nu with ||A* nu||_2 <= penalty
(or A* nu <= penalty I for positive semidefinite X) and B^T nu = 0 for free biases gives a valid
bound, so errors in how nu was found do not matter: only the constraint and the value of D do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.certify.dual import LowerBound, dual_bound
from lowland.certify.extremes import leading_triplet
from lowland.core.arrays import Vector
from lowland.core.findings import Finding
from lowland.core.protocols import HasRoundingBounds
from lowland.core.records import Factors
from lowland.core.rounding import gamma, unit_roundoff
from lowland.core.status import Rigour, Verdict


@final
@dataclass(frozen=True, eq=False)
class Descent:
    """A matrix outside the rank constraint with a lower convex objective, as a witness."""

    decrease: float
    left: Vector
    right: Vector
    length: float


def judge_optimality(objective: Any, theta: Vector, settings: Any) -> list[Finding]:
    """Judge global optimality of the problem as posed and of its convex relaxation.

    Parameters
    ----------
    objective : Objective
        A recovery objective in float64.
    theta : ndarray, shape (size,)
    settings : Settings

    Returns
    -------
    list of Finding
        Their value is the proven relative gap: no matrix has an objective lower by more than
        this fraction. A large gap alone is INCONCLUSIVE; REFUTED comes with a better matrix.
    """
    upper, charge = upper_value(objective, theta)
    energy = objective.data_value(objective.predict(objective.centre()))
    rng = np.random.default_rng(settings.seed)
    lower = dual_bound(objective, theta, upper, settings, rng)
    rounding = rounding_floor(objective, theta)
    findings = []
    for claim, value in (
        ("globally_optimal", upper),
        ("convex_optimal", convex_value(objective, theta, upper)),
    ):
        gap = max(0.0, value - lower.value)
        limit = max(settings.gap_tolerance * value, settings.zero_tolerance * energy, rounding)
        findings.append(_finding(claim, _Gap(gap, value, limit, energy), lower, charge, settings))
    if findings[1].verdict is Verdict.INCONCLUSIVE:
        findings[1] = _refute_convex(objective, theta, findings[1], settings, energy, rounding)
    return findings


@final
@dataclass(frozen=True)
class _Gap:
    """Distance of a value from the lower bound, and what counts as none."""

    size: float
    value: float
    limit: float
    energy: float


def _finding(claim: str, gap: _Gap, lower: LowerBound, charged: bool, settings: Any) -> Finding:
    trivial = lower.value == 0.0
    scale, unit = (gap.energy, "data energy") if trivial else (gap.value, "objective")
    rigour = lower.rigour if charged else _weaker(lower.rigour)
    verdict, method = (
        Verdict.INCONCLUSIVE,
        f"gap to a lower bound, as a fraction of the {unit}: {lower.method}",
    )
    if gap.size <= gap.limit:
        verdict = Verdict.SUPPORTED if rigour is Rigour.ESTIMATE else Verdict.PROVED
        if trivial:
            method = (
                "an objective that cannot be negative is zero within the tolerance; nothing about uniqueness"
            )
    return Finding(
        claim,
        verdict,
        gap.size / scale if scale > 0 else 0.0,
        gap.limit / scale if scale > 0 else 0.0,
        settings.zero_tolerance if trivial else settings.gap_tolerance,
        lower.assumptions,
        method,
        rigour,
        witness={
            "objective": gap.value,
            "lower_bound": lower.value,
            "dual_scale": lower.scale,
            "gap": gap.size,
        },
    )


def upper_value(objective: Any, theta: Vector) -> tuple[float, bool]:
    """Return the objective at theta rounded up, and whether all rounding could be charged."""
    z = objective.predict(theta)
    residual = np.abs(objective.y - z)
    factors = objective.matrix(theta)
    measurement = objective.measurement
    charged = isinstance(measurement, HasRoundingBounds)
    error = measurement.measure_error(factors) if charged else np.zeros_like(z)
    error = error + 2 * unit_roundoff("float64") * (np.abs(z) + np.abs(objective.y))
    data = objective.data_value(objective.y + residual + error)
    total = data * (1 + gamma(z.size + 4))
    for penalty in objective.penalties:
        total += penalty.value(theta) * (1 + gamma(theta.size + 16))
    return total, charged


def rounding_floor(objective: Any, theta: Vector) -> float:
    """Return the objective that rounding of the predictions alone can cause."""
    measurement = objective.measurement
    if not isinstance(measurement, HasRoundingBounds):
        return 0.0
    error = measurement.measure_error(objective.matrix(theta)) + unit_roundoff("float64") * np.abs(
        objective.y
    )
    return float(objective.data_value(objective.y + error))


def convex_value(objective: Any, theta: Vector, upper: float) -> float:
    """Return data term + ridge * nuclear norm: what the convex problem pays for this matrix."""
    ridge = objective.ridge
    penalties = sum(penalty.value(theta) for penalty in objective.penalties)
    if not ridge:
        return float(upper - penalties)
    canonical = objective.model.canonical(theta)
    balanced = 0.5 * ridge * (2 if objective.structure == "psd" else 1)
    factors = canonical[: objective.model.factor_size]
    nuclear = balanced * float(factors @ factors) * (1 + 1e-12)
    # balancing computes the same norm twice over; never charge more than the point itself pays
    return float(min(upper, upper - penalties + nuclear + 1e-13 * abs(upper)))


def _refute_convex(
    objective: Any, theta: Vector, finding: Finding, settings: Any, energy: float, rounding: float
) -> Finding:
    descent = rank_one_descent(objective, theta, settings)
    value = finding.witness["objective"]
    needed = max(settings.gap_tolerance * value, settings.zero_tolerance * energy, 4 * rounding)
    if descent is None or not descent.decrease > needed:
        return finding
    return Finding(
        finding.claim,
        Verdict.REFUTED,
        descent.decrease / value,
        finding.bound,
        finding.tolerance,
        (),
        "adding one rank-one matrix lowers the convex objective by this fraction",
        Rigour.WORKING_PRECISION,
        witness={**finding.witness, "left": descent.left, "right": descent.right, "length": descent.length},
    )


def rank_one_descent(objective: Any, theta: Vector, settings: Any) -> Descent | None:
    """Return the best step along the leading rank-one direction of the ambient gradient, or None."""
    slope = objective.ambient_gradient(theta)
    if objective.structure == "psd":
        if min(slope.shape) > settings.largest_dense:
            return None
        dense = np.asarray(slope.toarray())
        values, vectors = np.linalg.eigh((dense + dense.T) / 2)
        steepness, left = -float(values[0]), vectors[:, 0]
        right = left
    else:
        left, steepness, right = leading_triplet(
            slope, settings.lanczos_steps, np.random.default_rng(settings.seed)
        )
        left = -left
    if not steepness > objective.ridge:
        return None
    z = objective.predict(theta)
    change = objective.measurement.measure(Factors(left[:, None], right[:, None]))
    curvature = float(change @ objective.weighted(change))
    if not curvature > 0:
        return None
    length = (steepness - objective.ridge) / curvature
    # evaluated, not predicted: the nuclear norm grows by at most `length`
    decrease = objective.data_value(z) - objective.data_value(z + length * change) - objective.ridge * length
    return Descent(float(decrease), left, right, length)


def _weaker(rigour: Rigour) -> Rigour:
    return Rigour.WORKING_PRECISION if rigour is Rigour.RIGOROUS else rigour
