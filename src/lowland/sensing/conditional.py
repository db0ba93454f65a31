"""What follows from a premise of restricted isometry: findings that name it among their assumptions.

Let E = U U^T - X* for exact data, D the difference of U and the factor of X* that is closest to it. At a
point without slope, the Hessian of |A(E)|^2 / 2 along D is |A(D D^T)|^2 - 3 |A(E)|^2 (Ge, Jin, Zheng 2017).
With |D D^T|^2 <= 2 |E|^2 and 2 (sqrt 2 - 1) s |D|^2 <= |E|^2, s the smallest singular value of X* (of as many
as U has columns), it is at most -2 (sqrt 2 - 1) (1 - 5 delta) s |D|^2 over the scale of A.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.findings import Certificate, Finding, undecided
from lowland.core.results.reasons import Reason, assumption, because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.rounding import gamma
from lowland.measure import RealParts
from lowland.objectives import RecoveryObjective
from lowland.sensing.premise import SEED, Premise
from lowland.sensing.thresholds import is_plain, threshold_of

CLAIMS = ("no_false_minimum", "saddles_curved", "error_bounded")
# of the images of two random vectors, by how much they may differ through rounding
REAL = 1e-9
# by so much, relative to the data, exact data may differ from measurements
ROUNDING = 1e-12


def with_conditional_findings(
    certificate: Certificate, objective: RecoveryObjective, theta: Vector, premise: Premise
) -> Certificate:
    """Return a certificate with what follows from a premise.

    Parameters
    ----------
    certificate : Certificate
        What is proved without it.
    objective : RecoveryObjective
    theta : ndarray, shape (size,)
    premise : Premise
        That no matrix is known to contradict.
    """
    exact = objective.in_double()
    is_rounded = objective.dtype != np.float64
    conditional = conditional_findings(exact, np.asarray(theta, np.float64), premise, is_rounded=is_rounded)
    contradicted: tuple[str, ...] = ()
    if _shows_false_minimum(certificate):
        contradicted = CLAIMS[:2]
    if _shows_larger_noise(certificate, exact, premise):
        contradicted = CLAIMS
    reason = because("against", claim="globally_optimal")
    conditional = tuple(
        undecided(one.claim, reason) if one.claim in contradicted else one for one in conditional
    )
    return Certificate((*certificate.findings, *conditional), certificate.objective, certificate.point)


def conditional_findings(
    objective: RecoveryObjective, theta: Vector, premise: Premise, *, is_rounded: bool = False
) -> tuple[Finding, ...]:
    """Return the three findings that follow from a premise, in the order of `CLAIMS`.

    The objective is in double precision; `is_rounded` tells whether its data are rounded to single.
    """
    twice = min(2 * objective.rank, *objective.shape)
    if premise.rank < twice:
        reason = because("premise_rank", twice=twice, rank=premise.rank)
        return tuple(undecided(claim, reason) for claim in CLAIMS)
    if not _compares_all(objective):
        return tuple(undecided(claim, because("real_parts_only")) for claim in CLAIMS)
    distance = error_bound(objective, theta, premise, is_rounded=is_rounded)
    is_covered = is_plain(objective) and premise.noise == 0 and not is_rounded
    return (
        _no_false_minimum(objective, premise, is_covered=is_covered),
        _saddles_curved(objective, theta, premise, distance, is_covered=is_covered),
        _supported(objective, premise, "error_bounded", distance, because("residual_and_noise")),
    )


def error_bound(
    objective: RecoveryObjective, theta: Vector, premise: Premise, *, is_rounded: bool = False
) -> float:
    """Return (|A(X) - y| + noise) sqrt(scale / (1 - delta)), with the rounding of A(X)."""
    (m, n), factors = objective.shape, objective.matrix(theta)
    residual = float(np.linalg.norm(objective.predict(theta) - objective.y))
    scale = scale_of(premise)
    # |A|^2 is at most (1 + delta) / scale on each matrix of an orthonormal basis, of ranks one and two
    norm = np.sqrt(m * n * (1 + premise.delta) / scale)
    sizes = float(np.linalg.norm(factors.left)) * float(np.linalg.norm(factors.right))
    rounding = gamma(m * n + factors.width + 4, factors.left.dtype) * norm * sizes
    if is_rounded:
        rounding += 2.0**-23 * float(np.linalg.norm(objective.y))
    # twice the bound, so that whoever measures again in another order also finds no more
    total = (residual + 2 * rounding) * (1 + gamma(objective.y.size + 8)) + premise.noise
    return float(total * np.sqrt(scale / (1 - premise.delta)))


def truth_rank(objective: RecoveryObjective, premise: Premise) -> int:
    """Return the largest rank that the measured matrix may have under a premise."""
    return min(premise.truth_rank or objective.rank, objective.rank)


def scale_of(premise: Premise) -> float:
    """Return the scale of a premise that was checked, so that it is known."""
    assert premise.scale is not None
    return premise.scale


def assumptions_of(objective: RecoveryObjective, premise: Premise) -> tuple[str, ...]:
    """Return a premise as the two assumptions of a finding."""
    model = objective.model
    field = "" if not model.is_psd else "Hermitian " if model.is_complex else "symmetric "
    kind = "positive semidefinite " if model.is_psd else ""
    code = "noisy_measurements" if premise.noise else "exact_measurements"
    return (
        assumption("isometry", delta=premise.delta, scale=scale_of(premise), field=field, rank=premise.rank),
        assumption(code, kind=kind, rank=truth_rank(objective, premise), noise=premise.noise),
    )


def _no_false_minimum(objective: RecoveryObjective, premise: Premise, *, is_covered: bool) -> Finding:
    claim = "no_false_minimum"
    row = threshold_of(claim, objective) if is_covered else None
    if row is None:
        return undecided(claim, because("exact_data_only"))
    truth = truth_rank(objective, premise)
    limit = row.limit(truth, objective.rank)
    if not premise.delta < limit:
        return _too_large(claim, premise, limit)
    if truth == objective.rank:
        reason = because("no_false_minimum")
    else:
        reason = because("no_false_minimum_wide", limit=limit, truth=truth, rank=objective.rank)
    return _supported(objective, premise, claim, premise.delta, reason + row.names(), bound=limit)


def _saddles_curved(
    objective: RecoveryObjective, theta: Vector, premise: Premise, distance: float, *, is_covered: bool
) -> Finding:
    claim = "saddles_curved"
    if not is_covered:
        return undecided(claim, because("exact_data_only"))
    row = threshold_of(claim, objective)
    if row is None:
        return undecided(claim, because("unbalanced_saddles"))
    limit = row.limit(truth_rank(objective, premise), objective.rank)
    if not premise.delta < limit:
        return _too_large(claim, premise, limit)
    # singular values of two matrices differ by at most their distance
    values = np.linalg.svd(objective.matrix(theta).left, compute_uv=False) ** 2
    least = float(values[-1]) - distance
    if not least > 0:
        return undecided(claim, because("flat_truth"))
    curvature = -2 * (np.sqrt(2) - 1) * (1 - 5 * premise.delta) * least / scale_of(premise)
    return _supported(objective, premise, claim, float(curvature), because("saddles") + row.names())


def _supported(
    objective: RecoveryObjective,
    premise: Premise,
    claim: str,
    value: float,
    reason: Reason,
    bound: float | None = None,
) -> Finding:
    witness: dict[str, Any] = {
        "premise_rank": premise.rank,
        "delta": premise.delta,
        "scale": scale_of(premise),
        "noise": premise.noise,
    }
    if premise.truth_rank is not None:
        witness["truth_rank"] = truth_rank(objective, premise)
    return Finding(
        claim,
        Verdict.SUPPORTED,
        value,
        bound,
        assumptions=assumptions_of(objective, premise),
        reason=reason,
        rigour=Rigour.WORKING_PRECISION,
        witness=witness,
    )


def _too_large(claim: str, premise: Premise, limit: float) -> Finding:
    return undecided(claim, because("premise_delta", limit=limit, delta=premise.delta))


def _compares_all(objective: RecoveryObjective) -> bool:
    """Whether all of the numbers that a premise is about are compared with data.

    It is about complex numbers if the measurement has them. Where only their real parts are data, they are
    all if the measurements of Hermitian matrices are real; the adjoint of real numbers is Hermitian then.
    """
    measurement = objective.measurement
    if not isinstance(measurement, RealParts) or measurement.both:
        return True
    if not objective.model.is_psd:
        return False
    rng = np.random.default_rng(SEED)
    image = measurement.adjoint(rng.standard_normal(measurement.size))
    x, z = (rng.standard_normal((objective.shape[0], 1)) + 0j for _ in range(2))
    z = z + 1j * rng.standard_normal(z.shape)
    there, back = np.vdot(x, image.matmat(z)), np.vdot(z, image.matmat(x))
    return bool(abs(there - back.conjugate()) <= REAL * (abs(there) + abs(back)))


def _shows_false_minimum(certificate: Certificate) -> bool:
    """Whether the point is a local minimum and another one is lower."""
    verdicts = {finding.claim: finding.verdict for finding in certificate}
    is_minimum = verdicts.get("strict_local_minimum") is Verdict.SUPPORTED
    return is_minimum and verdicts.get("globally_optimal") is Verdict.REFUTED


def _shows_larger_noise(certificate: Certificate, objective: RecoveryObjective, premise: Premise) -> bool:
    """Whether a lower bound on |A(X) - y|^2 / 2 exceeds what the noise of the premise leaves."""
    if "globally_optimal" not in certificate or objective.penalties or objective.weights is not None:
        return False
    finding = certificate["globally_optimal"]
    lower = finding.witness.get("lower_bound")
    if lower is None or finding.verdict is not Verdict.PROVED or objective.loss.name != "squared":
        return False
    noise = premise.noise + ROUNDING * float(np.linalg.norm(objective.y))
    return float(lower) > 0.5 * noise**2
