"""Run judges on a point, within a budget of counted work."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lowland.certificates.agreement import settle
from lowland.certificates.consistency import find_fault
from lowland.certificates.factorisations import BeyondFloatsError
from lowland.certificates.gaps.lower_points import CLAIM as LOWER
from lowland.certificates.gaps.lower_points import refute_by_lower_point
from lowland.certificates.judge import F, Judge, Judges, judges_of
from lowland.certificates.settings import Judgement, JudgeSettings, gradient_work
from lowland.core.arrays import Vector, check_floats
from lowland.core.errors import InvalidInputError
from lowland.core.promises.fits import Fit
from lowland.core.results.claims import CLAIMS
from lowland.core.results.findings import Certificate, Finding, undecided
from lowland.core.results.reasons import because
from lowland.core.running.interrupt import Interruptible, stop_if_requested
from lowland.core.running.stages import announce
from lowland.core.work import Budget
from lowland.kernels.blas_threads import one_blas_thread

# number of gradients that a fit of unknown work is assumed to cost
USUAL_FIT = 200
# numbers of a point up to which one thread of linear algebra is enough
SMALL_POINT = 5_000
# most evaluations in the search for a better point, and the fraction of the remaining budget they may take
LOWER_CALLS, LOWER_PART = 400, 0.5


@Interruptible()
def judge(
    objective: Fit,
    theta: ArrayLike,
    judges: Judges,
    *,
    claims: Sequence[str] | None = None,
    settings: JudgeSettings,
    budget: Budget,
) -> Certificate:
    """Judge a point from any source.

    Parameters
    ----------
    objective : Fit
        Judgement is made in float64, whatever its precision.
    theta : array_like, shape (size,)
    judges : tuple of Judge
        Only those whose requirements the objective meets are called.
    claims : sequence of str, optional
        Which claims to judge; by default all claims of these judges.
    settings : JudgeSettings
    budget : Budget
        Work that may be spent; it may be shared with other computations.

    Returns
    -------
    Certificate
        One finding per claim, in the requested order.

    Raises
    ------
    InvalidInputError
        If a claim is unknown, or the point has the wrong size or is not finite.
    """
    suited = judges_of(objective, judges)
    claims = _check_claims(claims, suited)
    started = time.perf_counter()
    point, exact = _in_double(objective, theta)
    # threads of linear algebra would take several times the work of a small problem by waiting
    with budget, one_blas_thread(applies=objective.size <= SMALL_POINT):
        with np.errstate(over="ignore", invalid="ignore"):
            pass_work = gradient_work(exact, point)
            fault = find_fault(exact, point, np.random.default_rng(settings.seed))
        reachable = max(settings.gradient_tolerance, objective.reachable_gradient)
        settings = replace(settings, gradient_tolerance=reachable)
        if fault:
            findings = {claim: undecided(claim, fault) for claim in claims}
        else:
            findings = _of_constrained(exact, point, suited, claims)
            for one in suited:
                if set(one.claims) & set(claims) - set(findings):
                    stop_if_requested()
                    announce(f"judging: {', '.join(one.claims).replace('_', ' ')}")
                    findings = _asked(one, exact, point, Judgement(settings, budget, findings, pass_work))
            given = Judgement(settings, budget, findings, pass_work)
            findings = settle(_with_lower_point(exact, point, given, claims))
    stop_if_requested()
    chosen = {claim: findings[claim] for claim in claims}
    # time that belongs to no single judge is shared by all
    rest = time.perf_counter() - started - sum(finding.seconds for finding in chosen.values())
    each = max(rest, 0.0) / max(len(chosen), 1)
    judged = tuple(replace(finding, seconds=finding.seconds + each) for finding in chosen.values())
    return Certificate(judged, objective.describe(), point)


def usual_work(objective: Fit, theta: ArrayLike) -> float:
    """Return the usual work of a fit, for points without a recorded search."""
    point, exact = _in_double(objective, theta)
    return USUAL_FIT * gradient_work(exact, point)


def claims_of(judges: Judges) -> tuple[str, ...]:
    """Return the claims of some judges, in the order of `CLAIMS`."""
    return tuple(claim for claim in CLAIMS if any(claim in judge.claims for judge in judges))


def _check_claims(claims: Sequence[str] | None, judges: Judges) -> Sequence[str]:
    if isinstance(claims, str):
        raise InvalidInputError("claims must be a list of names", repr(claims), fix=f"pass [{claims!r}]")
    known = claims_of(judges)
    claims = known if claims is None else claims
    unknown = [claim for claim in claims if claim not in known]
    if unknown:
        raise InvalidInputError("claim is unknown", repr(unknown[0]), fix=f"use some of {', '.join(known)}")
    return claims


def _in_double(objective: F, theta: ArrayLike) -> tuple[Vector, F]:
    """Return a point and its objective in float64, the point checked."""
    point: Vector = check_floats(theta, "theta", dtype="float64", ndim=1)
    exact = objective.in_double()
    if point.size != exact.size:
        raise InvalidInputError("theta has the wrong size", f"{point.size} for {exact.size} parameters")
    return point, exact


def _asked(one: Judge[Any], objective: Fit, theta: Vector, given: Judgement) -> dict[str, Finding]:
    """Return earlier findings plus those of a judge, with its time shared equally by its claims."""
    started = time.perf_counter()
    # judges check for overflow themselves and are then inconclusive
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            findings = one.answer(objective, theta, given)
    except (BeyondFloatsError, np.linalg.LinAlgError) as error:
        code = "overflow" if isinstance(error, BeyondFloatsError) else "not_converged_in_lapack"
        findings = [undecided(claim, because(code)) for claim in one.claims]
    new = [finding for finding in findings if finding.claim not in given.findings]
    each = (time.perf_counter() - started) / max(len(new), 1)
    return {finding.claim: replace(finding, seconds=each) for finding in new} | given.findings


def _with_lower_point(
    objective: Fit, theta: Vector, given: Judgement, claims: Sequence[str]
) -> dict[str, Finding]:
    """Return the findings, with global optimality refuted if a better point is found."""
    findings, budget = given.findings, given.budget
    # the point found would also have to satisfy the constraints
    if LOWER not in claims or LOWER not in findings or objective.is_constrained:
        return findings
    started, known = time.perf_counter(), findings[LOWER]
    calls = budget.times(given.pass_work, LOWER_CALLS, part=LOWER_PART)
    with np.errstate(over="ignore", invalid="ignore"):
        finding = refute_by_lower_point(
            objective, theta, findings, tolerance=given.settings.gap_tolerance, rng=given.rng(), calls=calls
        )
    seconds = known.seconds + time.perf_counter() - started
    return findings | {LOWER: replace(finding, seconds=seconds)}


def _of_constrained(
    objective: Fit, theta: Vector, judges: Judges, claims: Sequence[str]
) -> dict[str, Finding]:
    """Return inconclusive findings for claims that cannot be judged under constraints on factors.

    Lower bounds still hold on the smaller set. Slopes and curvatures would have to account for the
    constraint.
    """
    if not objective.is_constrained:
        return {}
    feasible = objective.is_feasible(theta)
    held = {claim for judge in judges for claim in judge.holds_constrained} if feasible else set()
    open_claims = [claim for claim in claims if claim not in held]
    reason = because("constrained" if feasible else "infeasible")
    return {claim: undecided(claim, reason) for claim in open_claims}
