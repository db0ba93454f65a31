"""Whether no nearby tensor is better, to any order, derived again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.core.rounding import gamma
from lowland.recheck.matrices.exact_fits import MOST_MISFIT
from lowland.recheck.statement import Statement
from lowland.recheck.tensors.problem import TensorProblem, flat, mode_product

# the finding on curvature that a verdict repeats
SECOND, STRICT = "second_order_stationary", "strict_local_minimum"
# relative length below which rounding may decide whether a column is in use
NEARLY_UNUSED = 1e-6
Recheck = Callable[[Statement], Check]


def check_local_minimum(
    said: Statement, problem: TensorProblem, beside: Certificate, recheck: Recheck
) -> Check:
    """Compare a claim with points that are attached, or with the findings on curvature that it repeats."""
    if said.is_open and said.says("unused_columns"):
        if not said.says("modes_cost"):
            said.must_say("no_escape")
        return said.nothing_claimed()
    said.assume()
    if not problem.is_formed:
        return said.settle_unchecked("the tensor is too large to be formed here")
    if said.verdict is Verdict.SUPPORTED and said.says("objective_zero"):
        said.rigour(Rigour.WORKING_PRECISION)
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
    """Compare a saddle with attached points, and with the slope along the change to the first of them."""
    said.rigour(Rigour.RIGOROUS)
    points = said.array("lower_points", (None, problem.size))
    first = said.array("lower_point", (problem.size,))
    modes, order = said.array("modes", (None,)), said.needed("order")
    if points is None or first is None or modes is None or order is None or len(points) < 3:
        said.fault("no lower points are attached")
        return said.settle("")
    start = problem.balanced()
    said.must_say("saddle", order=int(order), modes=[int(mode) for mode in modes])
    said.require(order == len(modes) + 1, "the order is one more than the number of modes")
    chosen, there = set(modes.tolist()), set(range(len(problem.shape)))
    if not said.require(
        len(chosen) == len(modes) and chosen <= there, "these are not different modes of the tensor"
    ):
        return said.settle("")
    said.require(bool(np.array_equal(points[0], first)), "the lower point is not the first of those attached")
    others = [start.at(np.asarray(point)) for point in points]
    bounds = [at.value_bounds() for at in (start, problem)]
    here = (min(low for low, _ in bounds), max(high for _, high in bounds))
    words = _compare_falls(said, start, others, here, order)
    if not said.faults:
        _check_slope(said, start, others[0], [int(mode) for mode in modes])
    return said.settle(words)


def _compare_falls(
    said: Statement,
    start: TensorProblem,
    others: list[TensorProblem],
    here: tuple[float, float],
    order: float,
) -> str:
    """Compare values, distances and their power with those found; return words."""
    value, values = start.objective(), np.array([other.objective() for other in others])
    falls, bounds = value - values, [other.value_bounds() for other in others]
    away = np.array([float(np.linalg.norm(o.point() - _turned(start, o))) for o in others])
    blur = np.array([high - low + here[1] - here[0] for low, high in bounds])
    said.close("objective", value)
    said.close("value", float(falls[-1]), rtol=1e-3, atol=float(blur[-1]))
    said.close("bound", 0.0)
    for name, derived, atol in (("decreases", falls, blur), ("distances", away, 0.0)):
        stated = said.array(name, (len(others),))
        if stated is not None:
            near = bool((np.abs(stated - derived) <= 1e-3 * np.abs(derived) + atol).all())
            said.require(near, f"{name} differ from those found")
    said.require(bool((np.diff(away) < 0).all() and away[-1] > 0), "attached points do not come closer")
    said.require(all(low < here[1] for low, _ in bounds), "an attached point is not lower")
    if not all(high < here[0] for _, high in bounds):
        said.not_derived("rounding here hides whether attached points are lower")
    if (falls > 4 * blur).all() and (np.diff(away) < 0).all():
        measured, room = _power(away, falls, blur)
        said.close("measured_order", measured, rtol=1e-2, atol=room)
        wrong = f"decreases grow with the power {measured:.2g}"
        said.require(abs(measured - order) <= 0.5 + room, wrong)
    else:
        said.number("measured_order")
    return f"lower by {falls[-1]:.2g} at a distance of {away[-1]:.2g}"


def _power(away: Vector, falls: Vector, blur: Vector) -> tuple[float, float]:
    """Return the power with which decreases grow, and how far rounding may move it."""
    logs = np.log(away) - np.mean(np.log(away))
    shares = logs / float(logs @ logs)
    return float(shares @ np.log(falls)), 2 * float(np.abs(shares) @ (blur / falls))


def _check_slope(said: Statement, start: TensorProblem, other: TensorProblem, modes: list[int]) -> None:
    """Require a slope along a rank-one change that enters through columns and slices of zeros.

    Its vectors are those of the change to an attached point, in new modes as they are and in the span of the
    factors in others. Growing such columns and an entry of the core, each by u, changes the tensor by
    u^(modes + 1) times the change, exactly: then the objective decreases on that curve from the start on.
    """
    change, terms, used = other.matrix() - start.matrix(), len(start.factors) + 8, 0.0
    direction, sizes = np.ones(()), np.ones(())
    for n, factor in enumerate(start.factors):
        vector = np.linalg.eigh(flat(change, n) @ flat(change, n).T)[1][:, -1]
        size = np.abs(vector)
        if n in modes:
            lengths = np.linalg.norm(factor, axis=0) + np.linalg.norm(flat(start.core, n), axis=1)
            used = max(used, float(lengths.min()) / max(float(lengths.max()), 1e-300))
        else:
            inner = np.linalg.lstsq(factor, vector, rcond=None)[0]
            vector, size, terms = factor @ inner, np.abs(factor) @ np.abs(inner), terms + factor.shape[1]
        direction, sizes = np.multiply.outer(direction, vector), np.multiply.outer(sizes, size)
    if used > 0:
        said.require(used <= NEARLY_UNUSED, "every column is in use")
        said.not_derived("columns are not in use only to rounding")
        return
    cells = tuple(start.at_cells.T)
    z, z_error = direction[cells], gamma(terms) * sizes[cells] + 1e-300
    residual, error = start.predictions() - start.y, start.coarse_error() + 1e-300
    slope = float(np.sum(start.weights * residual * z))
    charge = np.abs(residual) * z_error + error * (np.abs(z) + z_error)
    charge = charge + gamma(start.y.size + 16) * (np.abs(residual * z) + charge)
    if not abs(slope) > float(np.sum(start.weights * charge)) * (1 + 1e-9):
        said.not_derived("rounding here hides the slope along the change to an attached point")


def _turned(start: TensorProblem, other: TensorProblem) -> Vector:
    """Return the start with its factors rotated to be close to another point's."""
    factors, core = [], start.core
    for n, (factor, target) in enumerate(zip(start.factors, other.factors, strict=True)):
        left, _, right = np.linalg.svd(factor.T @ target)
        turn = left @ right
        factors.append(factor @ turn)
        core = mode_product(core, turn.T, n)
    return start.with_parts([core, *factors]).point()
