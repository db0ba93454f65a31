"""Whether no nearby tensor is better, to any order, derived again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.recheck.matrices.exact_fits import MOST_MISFIT
from lowland.recheck.statement import Statement
from lowland.recheck.tensors.problem import TensorProblem, mode_product

# the finding on curvature that a verdict repeats
SECOND, STRICT = "second_order_stationary", "strict_local_minimum"
Recheck = Callable[[Statement], Check]


def check_local_minimum(
    said: Statement, problem: TensorProblem, beside: Certificate, recheck: Recheck
) -> Check:
    """Compare a claim with points that are attached, or with the findings on curvature that it repeats."""
    if said.is_open and said.says("unused_columns"):
        if not said.says("modes_cost"):
            said.must_say("no_escape")
        return said.nothing_claimed()
    said.rigour(Rigour.WORKING_PRECISION)
    said.assume()
    if not problem.is_formed:
        return said.settle_unchecked("the tensor is too large to be formed here")
    if said.verdict is Verdict.SUPPORTED and said.says("objective_zero"):
        unit = problem.usual_size()
        shares = np.abs(problem.predictions() - problem.y) / np.where(unit > 0, unit, 1.0)
        worst = float(shares.max(initial=0.0))
        said.require(worst <= MOST_MISFIT, f"a residual is {worst:.2g} of its datum")
        return said.settle(f"residuals of at most {worst:.2g} of a datum")
    if said.verdict is Verdict.REFUTED and "lower_points" in said.finding.witness:
        return _check_saddle(said, problem)
    return _check_repeated(said, beside, recheck)


def _check_repeated(said: Statement, beside: Certificate, recheck: Recheck) -> Check:
    """Compare with the finding on curvature: refuted with that of second order, supported if it is strict."""
    refuted = said.verdict is Verdict.REFUTED
    other, verdict = (SECOND, Verdict.REFUTED) if refuted else (STRICT, Verdict.SUPPORTED)
    good = refuted or said.verdict is Verdict.SUPPORTED
    if not good or other not in beside or beside[other].verdict is not verdict:
        said.fault(f"no finding on {other} says so")
        return said.settle("")
    return said.repeats(beside[other], recheck)


def _check_saddle(said: Statement, problem: TensorProblem) -> Check:
    """Evaluate the objective at points that come ever closer to the balanced point, all of them lower."""
    points = said.array("lower_points", (None, problem.size))
    first = said.array("lower_point", (problem.size,))
    modes, order = said.array("modes", (None,)), said.needed("order")
    if points is None or first is None or modes is None or order is None or len(points) < 3:
        said.fault("no lower points are attached")
        return said.settle("")
    start = problem.balanced()
    value = start.objective()
    said.must_say("saddle", order=int(order), modes=[int(mode) for mode in modes])
    said.require(order == len(modes) + 1, "the order is one more than the number of modes")
    chosen, there = set(modes.tolist()), set(range(len(problem.shape)))
    said.require(len(chosen) == len(modes) and chosen <= there, "these are not different modes of the tensor")
    said.require(bool(np.array_equal(points[0], first)), "the lower point is not the first of those attached")
    others = [start.at(np.asarray(point)) for point in points]
    falls = np.array([value - other.objective() for other in others])
    away = np.array([float(np.linalg.norm(o.point() - _turned(start, o))) for o in others])
    noise = 1e3 * np.finfo(float).eps * value
    said.close("objective", value)
    said.close("value", float(falls[-1]), rtol=1e-3, atol=noise)
    said.close("bound", 0.0)
    for name, derived, atol in (("decreases", falls, noise), ("distances", away, 0.0)):
        stated = said.array(name, (len(points),))
        if stated is not None:
            near = np.allclose(stated, derived, rtol=1e-3, atol=atol)
            said.require(bool(near), f"{name} differ from those found")
    falling = bool((falls > noise).all() and (away > 0).all())
    if not said.require(falling, "an attached point is not lower"):
        return said.settle("")
    slope = float(np.polyfit(np.log(away), np.log(falls), 1)[0])
    said.close("measured_order", slope, rtol=1e-2)
    for other in others:
        _check_line(said, start, other, int(order))
    return said.settle(f"lower by {falls[-1]:.2g} at a distance of {away[-1]:.2g}")


def _check_line(said: Statement, start: TensorProblem, other: TensorProblem, order: int) -> None:
    """Compare the objective on the line to an attached point with one that falls with a power from the start.

    It is a polynomial, known from its values at as many points as it has coefficients.
    """
    origin = _turned(start, other)
    direction, degree = other.point() - origin, 2 * (start.core.ndim + 1) * (2 if start.strength else 1)
    at = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    values = [start.at(origin + x * direction).objective() for x in at]
    terms = np.linalg.solve(np.vander(at, degree + 1, increasing=True), values)
    noise = 1e-8 * abs(terms[order]) + 1e-10 * abs(terms[0])
    said.require(
        bool((terms[1:order] <= noise).all()), "the objective first rises on the way to an attached point"
    )
    said.require(bool(terms[order] < -noise), f"the objective does not fall with the power {order}")


def _turned(start: TensorProblem, other: TensorProblem) -> Vector:
    """Return the start with its factors rotated to be close to another point's."""
    factors, core = [], start.core
    for n, (factor, target) in enumerate(zip(start.factors, other.factors, strict=True)):
        left, _, right = np.linalg.svd(factor.T @ target)
        turn = left @ right
        factors.append(factor @ turn)
        core = mode_product(core, turn.T, n)
    return start.with_parts([core, *factors]).point()
