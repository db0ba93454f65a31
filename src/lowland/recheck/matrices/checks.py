"""The claims about a matrix, and what checks each."""

from __future__ import annotations

from lowland.core.results.findings import Certificate
from lowland.core.results.verification import Verification
from lowland.recheck.dispatch import OneCheck, Progress, verify_each
from lowland.recheck.matrices.curvature import Calculus, checks_at_the_point
from lowland.recheck.matrices.derivatives import gauge, hessian, is_jacobian_formed
from lowland.recheck.matrices.determinacy import check_determinacy
from lowland.recheck.matrices.local_uniqueness import check_local_uniqueness
from lowland.recheck.matrices.optimality import check_optimal
from lowland.recheck.matrices.premises import check_conditional
from lowland.recheck.matrices.problem import MatrixProblem


def verify_matrix(
    problem: MatrixProblem, certificate: Certificate, progress: Progress | None = None
) -> Verification:
    """Check every finding of a certificate against data and point; see `verify_each`."""
    return verify_each(problem, certificate, CHECKS | UNDER_A_PREMISE, progress)


CHECKS: dict[str, OneCheck] = {
    **checks_at_the_point(Calculus(hessian, gauge, is_jacobian_formed)),
    "globally_optimal": lambda said, at, beside, progress: check_optimal(said, at),
    "convex_optimal": lambda said, at, beside, progress: check_optimal(said, at),
    "locally_unique": check_local_uniqueness,
    "determined_by_data": check_determinacy,
    "uniquely_determined": check_determinacy,
}
# claims that a certificate holds only if a premise was given
UNDER_A_PREMISE: dict[str, OneCheck] = {
    claim: lambda said, at, beside, progress: check_conditional(said, at, beside)
    for claim in ("no_false_minimum", "saddles_curved", "error_bounded")
}
