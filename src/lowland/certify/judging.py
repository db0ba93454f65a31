"""`certify`: ask the judges for their findings about a point, within a budget of counted work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lowland.certify.agreement import settled
from lowland.certify.consistency import find_fault, tensor_fault
from lowland.certify.curvature import judge_curvature
from lowland.certify.factorisations import BeyondFloatsError
from lowland.certify.flattenings import judge_flattenings
from lowland.certify.high_order import judge_local_minimum
from lowland.certify.identifiability import judge_identifiability
from lowland.certify.local_uniqueness import judge_local_uniqueness
from lowland.certify.lower_points import CLAIM as LOWER
from lowland.certify.lower_points import refute_by_lower_point
from lowland.certify.optimality import judge_optimality
from lowland.certify.settings import Judgement, Settings, gradient_work
from lowland.certify.stationarity import judge_stationarity
from lowland.certify.tensor_determinacy import judge_tensor_determinacy
from lowland.core.arrays import Vector, check_floats
from lowland.core.errors import InvalidInputError
from lowland.core.findings import CLAIMS, Certificate, Finding
from lowland.core.needs import RESIDUAL_TENSOR, missing_needs
from lowland.core.status import Verdict
from lowland.core.work import Budget

# relative gradients that points found in single precision may have
SINGLE = 1e-3
# gradients that a fit of unknown work is taken for
USUAL_FIT = 200
# most evaluations in search of a better point, and the part of what is left that they may take
LOWER_CALLS, LOWER_PART = 400, 0.5


def certify(
    objective: Any,
    theta: ArrayLike,
    *,
    claims: Sequence[str] | None = None,
    effort: str = "standard",
    settings: Settings | None = None,
    fit_work: float | None = None,
    seconds: float | None = None,
) -> Certificate:
    """Judge a point of an objective, wherever it came from.

    Parameters
    ----------
    objective : Objective
        A recovery objective, or one of a Tucker tensor. Judgement is made in float64, whatever its precision.
    theta : array_like, shape (size,)
        The point.
    claims : sequence of str
        Which claims to judge; by default all that there are judges for.
    effort : {"quick", "standard", "thorough"}
        How many times the work of the fit may be spent; see `Settings.for_effort`. What a larger effort may
        settle is said.
    settings : Settings, optional
        Tolerances and limits one by one, instead of `effort`.
    fit_work : float, optional
        Work of the fit that found the point (`SearchResult.work`); by default that of two hundred gradients.
    seconds : float, optional
        Spend no more than so many seconds of wall-clock time either. Findings that this leaves open say so;
        what they say then depends on the machine and its load, which no finding does otherwise.

    Returns
    -------
    Certificate
        One finding for each claim, in the order asked for. All are INCONCLUSIVE if the objective's
        gradient is not that of its values, or its adjoint not that of its measurement.

    Raises
    ------
    InvalidInputError
        If a claim is unknown, or the point has the wrong size or is not finite.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(60, (5, 5), 0), np.ones(60), rank=1, structure="psd", rng=0)
    >>> ll.certify(fit.objective, fit.search.theta, claims=["stationary"])["stationary"].verdict.name
    'SUPPORTED'
    """
    settings = settings or Settings.for_effort(effort)
    point, exact = _in_double(objective, theta)
    if fit_work is None:
        fit_work = USUAL_FIT * gradient_work(exact, point)
    budget = settings.budget(fit_work, seconds)
    return judge(objective, point, claims=claims, settings=settings, budget=budget)


def judge(
    objective: Any,
    theta: ArrayLike,
    *,
    claims: Sequence[str] | None = None,
    settings: Settings,
    budget: Budget,
) -> Certificate:
    """Judge a point as `certify` does, from a budget that others may share."""
    if isinstance(claims, str):
        raise InvalidInputError("claims must be a list of names", repr(claims), fix=f"pass [{claims!r}]")
    of_tensor = not missing_needs(objective, (RESIDUAL_TENSOR,))
    judges = _TENSOR_JUDGES if of_tensor else _JUDGES
    known_claims = [claim for claim in CLAIMS if any(claim in covers for _, covers in judges)]
    claims = known_claims if claims is None else claims
    unknown = [claim for claim in claims if claim not in known_claims]
    if unknown:
        raise InvalidInputError(
            "claim is unknown", repr(unknown[0]), fix=f"use some of {', '.join(known_claims)}"
        )
    started = time.perf_counter()
    point, exact = _in_double(objective, theta)
    with budget:
        look = tensor_fault if of_tensor else find_fault
        with np.errstate(over="ignore", invalid="ignore"):
            pass_work = gradient_work(exact, point)
            fault = look(exact, point, np.random.default_rng(settings.seed))
        if of_tensor and objective.dtype != exact.dtype:  # the point was found in single precision
            settings = replace(settings, gradient_tolerance=max(settings.gradient_tolerance, SINGLE))
        if fault:
            found = {claim: Finding(claim, Verdict.INCONCLUSIVE, method=fault) for claim in claims}
        else:
            found = {} if of_tensor else _of_constrained(exact, point, claims)
            for one, covers in judges:
                if set(covers) & set(claims) - set(found):
                    found = _asked(one, covers, exact, point, Judgement(settings, budget, found, pass_work))
            given = Judgement(settings, budget, found, pass_work)
            found = settled(_with_lower_point(exact, point, given, claims))
    chosen = {claim: found[claim] for claim in claims}
    # what was waited for and belongs to no judge belongs to all
    rest = time.perf_counter() - started - sum(finding.seconds for finding in chosen.values())
    each = max(rest, 0.0) / max(len(chosen), 1)
    findings = tuple(replace(finding, seconds=finding.seconds + each) for finding in chosen.values())
    return Certificate(findings, objective.describe())


def _in_double(objective: Any, theta: ArrayLike) -> tuple[Vector, Any]:
    """Return a point and its objective in float64, the point checked."""
    point: Vector = check_floats(theta, "theta", dtype="float64", ndim=1)
    exact = objective.in_double()
    if point.size != exact.size:
        raise InvalidInputError("theta has the wrong size", f"{point.size} for {exact.size} parameters")
    return point, exact


def _asked(
    one: Judge, covers: tuple[str, ...], objective: Any, theta: Vector, given: Judgement
) -> dict[str, Finding]:
    """Return what was found before and what a judge adds, the time that it took shared by its claims."""
    started = time.perf_counter()
    # numbers that overflow are looked for by the judges, who then claim nothing
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            findings = one(objective, theta, given)
    except (BeyondFloatsError, np.linalg.LinAlgError) as error:
        findings = [Finding(claim, Verdict.INCONCLUSIVE, method=str(error)) for claim in covers]
    new = [finding for finding in findings if finding.claim not in given.found]
    each = (time.perf_counter() - started) / max(len(new), 1)
    return {finding.claim: replace(finding, seconds=each) for finding in new} | given.found


def _with_lower_point(
    objective: Any, theta: Vector, given: Judgement, claims: Sequence[str]
) -> dict[str, Finding]:
    """Return the findings, the one on global optimality refuted where a better point is found."""
    found, budget = given.found, given.budget
    # what is found must not be negative either, where factors may not be
    if LOWER not in claims or LOWER not in found or getattr(objective, "nonnegative", False):
        return found
    started, known = time.perf_counter(), found[LOWER]
    calls = budget.times(given.pass_work, LOWER_CALLS, part=LOWER_PART)
    with np.errstate(over="ignore", invalid="ignore"):
        finding = refute_by_lower_point(
            objective, theta, found, tolerance=given.settings.gap_tolerance, rng=given.rng(), calls=calls
        )
    seconds = known.seconds + time.perf_counter() - started
    return found | {LOWER: replace(finding, seconds=seconds)}


def _of_constrained(objective: Any, theta: Vector, claims: Sequence[str]) -> dict[str, Finding]:
    """Return findings of claims that the judges cannot settle where factors must not be negative.

    Bounds from below hold for fewer matrices too. Slopes and curvatures would have to know the constraint.
    """
    if not objective.nonnegative:
        return {}
    feasible = bool((theta[: objective.factor_size] >= 0).all())
    method = "not judged where factors must not be negative" if feasible else "a factor is negative"
    settled = ("globally_optimal",) if feasible else ()
    open_claims = [claim for claim in claims if claim not in settled]
    return {claim: Finding(claim, Verdict.INCONCLUSIVE, method=method) for claim in open_claims}


Judge = Callable[[Any, Vector, Judgement], list[Finding]]


def _stationarity(objective: Any, theta: Vector, given: Judgement) -> list[Finding]:
    return [judge_stationarity(objective, theta, given.settings.gradient_tolerance, given.rng())]


def _curvature(objective: Any, theta: Vector, given: Judgement) -> list[Finding]:
    stationary = given.found.get("stationary") or _stationarity(objective, theta, given)[0]
    return judge_curvature(objective, theta, stationary, given)


def _optimality(objective: Any, theta: Vector, given: Judgement) -> list[Finding]:
    return judge_optimality(objective, theta, given)


def _identifiability(objective: Any, theta: Vector, given: Judgement) -> list[Finding]:
    largest = given.settings.largest_modular
    return judge_identifiability(objective, largest=largest, rng=given.rng(), budget=given.budget)


def _local_uniqueness(objective: Any, theta: Vector, given: Judgement) -> list[Finding]:
    def finite() -> Finding:
        known = given.found.get("determined_by_data")
        return known or _identifiability(objective, theta, given)[0]

    return [judge_local_uniqueness(objective, theta, given, finite)]


# the cheapest first: each may take a part of what those before have left
_JUDGES: list[tuple[Judge, tuple[str, ...]]] = [
    (_stationarity, ("stationary",)),
    (_identifiability, ("determined_by_data", "uniquely_determined")),
    (_optimality, ("globally_optimal", "convex_optimal")),
    (_local_uniqueness, ("locally_unique",)),
    (_curvature, ("second_order_stationary", "strict_local_minimum")),
]
DEFAULT_CLAIMS = tuple(claim for claim in CLAIMS if any(claim in covers for _, covers in _JUDGES))


def _local_minimum(objective: Any, theta: Vector, given: Judgement) -> list[Finding]:
    found = given.found
    findings = [*found.values()] if "strict_local_minimum" in found else _curvature(objective, theta, given)
    second, strict = (
        next(f for f in findings if f.claim == claim)
        for claim in ("second_order_stationary", "strict_local_minimum")
    )
    return [judge_local_minimum(objective, theta, second, strict, given)]


def _flattenings(objective: Any, theta: Vector, given: Judgement) -> list[Finding]:
    return [judge_flattenings(objective, theta, given)]


def _tensor_determinacy(objective: Any, theta: Vector, given: Judgement) -> list[Finding]:
    largest = given.settings.largest_modular
    return judge_tensor_determinacy(objective, largest=largest, rng=given.rng(), budget=given.budget)


_TENSOR_JUDGES: list[tuple[Judge, tuple[str, ...]]] = [
    (_stationarity, ("stationary",)),
    (_flattenings, ("globally_optimal",)),
    (_tensor_determinacy, ("determined_by_data", "uniquely_determined")),
    (_curvature, ("second_order_stationary", "strict_local_minimum")),
    (_local_minimum, ("local_minimum",)),
]
