"""Check each finding of a certificate by the check of its claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lowland.core.arrays import out_of_scale
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.status import Verdict
from lowland.core.results.verification import Check, Outcome, Verification
from lowland.recheck.plain_fit import PlainFit
from lowland.recheck.statement import Statement
from lowland.recheck.stationarity import LARGEST_TOLERANCE, USUAL_TOLERANCE

Progress = Callable[[str], None]
# the check of a claim takes what is stated, the problem, all findings, and the progress
OneCheck = Callable[[Statement, Any, Certificate, Progress | None], Check]
Checks = Mapping[str, OneCheck]
# claims about the point's surroundings, which are judged by computed numbers
NEVER_PROVED = ("stationary", "second_order_stationary", "strict_local_minimum", "local_minimum")
# claims that are judged under constraints on factors too
OF_CONSTRAINED = ("globally_optimal", "unique_decomposition")
# of open findings on any claim: what the outcome is
UNCHECKED = {
    "against": "two findings contradict each other, so that neither is claimed",
    "against_but_for": "two findings contradict each other, so that neither is claimed",
    "adjoint_disagrees": "the objective's parts do not belong together, so that nothing is claimed",
    "gradient_disagrees": "the objective's parts do not belong together, so that nothing is claimed",
    "in_single": "the measurement is said to compute in single precision, so that nothing is claimed",
    "not_converged_in_lapack": "LAPACK failed, so that nothing is claimed",
}


def verify_each(
    problem: PlainFit, certificate: Certificate, checks: Checks, progress: Progress | None = None
) -> Verification:
    """Check every finding of a certificate against data and point.

    Parameters
    ----------
    problem : PlainFit
    certificate : Certificate
    checks : mapping of str to callable
        By claim.
    progress : callable, optional
        Called with what is being computed.
    """
    outcomes = []
    for finding in certificate:
        with np.errstate(all="ignore"):
            check = _checked(finding, problem, certificate, checks, progress)
        if check.outcome is Outcome.CONFIRMED and problem.doubts:
            check = replace(check, outcome=Outcome.NOT_CHECKED, words="; ".join(problem.doubts))
        outcomes.append(check)
    return Verification(tuple(outcomes), problem.words)


def verify_claim(
    certificate: Certificate,
    claim: str,
    check: Callable[[Statement], Check],
    *,
    about: str,
    words: str,
    stage: str,
    progress: Progress | None = None,
) -> Verification:
    """Check the findings of a certificate that can have one claim only.

    Parameters
    ----------
    certificate : Certificate
    claim : str
    check : callable
        Takes what is stated.
    about : str
        What the claim is about, for findings that have another.
    words : str
        A description of the problem.
    stage : str
        What is being computed.
    progress : callable, optional
    """
    checks = []
    for finding in certificate:
        said = Statement(finding)
        if finding.claim != claim:
            foreign = f"the claim is not about {about}"
            checks.append(Check(finding.claim, finding.verdict.value, Outcome.CONTRADICTED, foreign))
            continue
        if progress is not None:
            progress(f"{claim}: {stage}")
        try:
            with np.errstate(all="ignore"):
                checks.append(check(said))
        except (ArithmeticError, ValueError, MemoryError, np.linalg.LinAlgError) as error:
            checks.append(said.settle_unchecked(f"it cannot be computed here: {error}"))
    return Verification(tuple(checks), words)


def _checked(
    finding: Finding, problem: PlainFit, certificate: Certificate, checks: Checks, progress: Progress | None
) -> Check:
    said, check = Statement(finding), checks.get(finding.claim)
    if check is None:
        words = "the claim is not about such a problem"
        return Check(finding.claim, finding.verdict.value, Outcome.CONTRADICTED, words)
    if finding.claim in NEVER_PROVED and finding.verdict is Verdict.PROVED:
        said.fault("numerical evidence can support this claim but never prove it")
        return said.settle("")
    if problem.is_constrained and finding.claim not in OF_CONSTRAINED and not said.is_open:
        said.fault("under constraints on factors this claim is not judged")
        return said.settle("")
    of_any = _of_any_claim(said, problem) if said.is_open else None
    if of_any is not None:
        return of_any
    try:
        return check(said, problem, certificate, progress)
    except np.linalg.LinAlgError as error:
        return said.settle_unchecked(f"a factorisation did not converge: {error}")
    except (ArithmeticError, ValueError, MemoryError) as error:  # numbers that nothing here expects
        return said.settle_unchecked(f"it cannot be computed here: {type(error).__name__}, {error}")


def _of_any_claim(said: Statement, problem: PlainFit) -> Check | None:
    """Check an open finding by words that any claim may have; None if it has none of them."""
    if said.code in UNCHECKED:
        return said.settle_unchecked(UNCHECKED[said.code])
    if said.says("constrained"):
        said.require(problem.is_constrained, "nothing is asked of factors")
        return said.nothing_claimed()
    if said.says("infeasible"):
        said.require(not problem.is_feasible, "no factor breaks its constraints")
        return said.nothing_claimed()
    if said.code == "out_of_scale":
        return _out_of_scale(said, problem)
    if said.code == "overflow" and problem.is_formed and not np.isfinite(problem.objective()):
        said.says("overflow")
        said.number("tolerance")
        return said.nothing_claimed()
    return None


def _out_of_scale(said: Statement, problem: PlainFit) -> Check:
    """Compare the largest magnitude of data, weights or point."""
    parts = {"data": problem.y, "weights": problem.weights, "point": problem.point()}
    part = said.phrases[0].numbers["part"]
    largest = out_of_scale(parts.get(str(part), np.zeros(0)))
    said.says("out_of_scale", part=("of", parts), largest=largest)
    said.require(largest > 0, "these numbers are in scale")
    return said.nothing_claimed()


def gradient_tolerance(certificate: Certificate) -> float:
    """Return the tolerance that the finding on the gradient states, the usual one if it is meaningless."""
    stated = certificate["stationary"].tolerance if "stationary" in certificate else None
    if isinstance(stated, float) and 0 <= stated <= LARGEST_TOLERANCE:
        return stated
    return USUAL_TOLERANCE
