"""The claims about a matrix, and what checks each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lowland.core.findings import Certificate, Finding
from lowland.core.status import Rigour, Verdict
from lowland.core.verification import Check, Outcome, Verification
from lowland.recheck.curvature import check_curvature
from lowland.recheck.derivatives import Progress
from lowland.recheck.determinacy import check_determinacy
from lowland.recheck.local_uniqueness import check_local_uniqueness
from lowland.recheck.matrix_problem import MatrixProblem
from lowland.recheck.optimality import check_optimal
from lowland.recheck.statement import Statement
from lowland.recheck.stationarity import LARGEST_TOLERANCE, USUAL_TOLERANCE, check_stationary

# claims about the point's surroundings, which are judged by computed numbers
NEVER_PROVED = ("stationary", "second_order_stationary", "strict_local_minimum")
CONSTRAINED = ("not judged under nonnegativity constraints", "a factor is negative")
AGAINST = "inconclusive because it contradicts the finding on "


def verify_matrix(
    problem: MatrixProblem, certificate: Certificate, progress: Progress | None = None
) -> Verification:
    """Check every finding of a certificate against data and point.

    Parameters
    ----------
    problem : MatrixProblem
    certificate : Certificate
    progress : callable, optional
        Called with what is being computed.
    """
    checks = []
    for finding in certificate:
        with np.errstate(all="ignore"):
            checks.append(_checked(finding, problem, certificate, progress))
    return Verification(tuple(checks), problem.words)


def _checked(
    finding: Finding, problem: MatrixProblem, certificate: Certificate, progress: Progress | None
) -> Check:
    said = Statement(finding)
    check = CHECKS.get(finding.claim)
    if check is None:
        return Check(
            finding.claim, finding.verdict.value, Outcome.CONTRADICTED, "the claim is not about matrices"
        )
    if finding.claim in NEVER_PROVED and finding.verdict is Verdict.PROVED:
        said.fault("numerical evidence can support this claim but never prove it")
        return said.settle("")
    if problem.is_nonnegative and finding.claim != "globally_optimal" and not said.is_open:
        said.fault("under nonnegativity constraints this claim is not judged")
        return said.settle("")
    if said.is_open and said.method.startswith(AGAINST):
        return said.settle_unchecked("two findings contradict each other, so that neither is claimed")
    if said.is_open and any(said.says(words) for words in CONSTRAINED):
        said.require(problem.is_nonnegative, "factors may have any sign")
        said.rigour(Rigour.ESTIMATE)
        said.assume()
        return said.settle("nothing is claimed")
    try:
        return check(said, problem, certificate, progress)
    except np.linalg.LinAlgError as error:
        return said.settle_unchecked(f"a factorisation did not converge: {error}")


def _gradient_tolerance(certificate: Certificate) -> float:
    stated = certificate["stationary"].tolerance if "stationary" in certificate else None
    if isinstance(stated, float) and 0 <= stated <= LARGEST_TOLERANCE:
        return stated
    return USUAL_TOLERANCE


CheckOf = Callable[[Statement, MatrixProblem, Certificate, Progress | None], Check]
CHECKS: dict[str, CheckOf] = {
    "stationary": lambda said, at, beside, progress: check_stationary(said, at),
    "second_order_stationary": lambda said, at, beside, progress: check_curvature(
        said, at, _gradient_tolerance(beside), progress
    ),
    "strict_local_minimum": lambda said, at, beside, progress: check_curvature(
        said, at, _gradient_tolerance(beside), progress
    ),
    "globally_optimal": lambda said, at, beside, progress: check_optimal(said, at),
    "convex_optimal": lambda said, at, beside, progress: check_optimal(said, at),
    "locally_unique": check_local_uniqueness,
    "determined_by_data": check_determinacy,
    "uniquely_determined": check_determinacy,
}
