"""Whether a point is a local minimum, including directions that the Hessian cannot see.

At a point that leaves columns unused, gradient and Hessian say nothing about changes that need several
factors and the core together. Let Z be the product of any vectors in some modes, of which each has a column
that is zero, with its slice of the core, and of vectors in the span of the factors of the other modes.
Growing those columns and an entry of the core, each by u, changes the tensor by u^(m + 1) Z exactly, for m
new modes. Where the objective has a slope along Z, it decreases on such a curve from the point on, however
short: the point is a saddle of order m + 1.
"""

from __future__ import annotations

import numpy as np

from lowland.certificates.curvatures.curvature import CURVATURE_CLAIMS, judge_curvature
from lowland.certificates.factorisations import svd
from lowland.certificates.settings import Judgement
from lowland.core.arrays import Vector
from lowland.core.results.findings import Finding, undecided
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.rounding import gamma, unit_roundoff
from lowland.core.work import touch
from lowland.kernels.rank_one import outer
from lowland.tensors.capabilities import TensorFit
from lowland.tensors.certificates.flattenings import is_exact
from lowland.tensors.kernels.rank_one_escapes import WayOut, mode_sets, way_out
from lowland.tensors.tucker_tensor import TuckerTensor

CLAIM = "local_minimum"
# fractions of the full step at which the objective is evaluated
PARTS = (1e-2, 1e-3, 1e-4)
# passes over the tensor in the search for an escape direction in one set of modes
WAY_OUT = 300.0


def judge_local_minimum(objective: TensorFit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge whether no point close by has a lower objective.

    Parameters
    ----------
    objective : Objective
        A Tucker objective in float64.
    theta : ndarray, shape (size,)
        Judged at the balanced point of its tensor, columns that are zero to rounding set to zero.
    given : Judgement
        The tolerance of an exact fit (which nothing can improve), the budget, and the findings on
        curvature.

    Returns
    -------
    list of Finding
        REFUTED with a direction, its order, and decreases at shrinking distances, all beyond rounding; or by
        the Hessian. SUPPORTED if the minimum is strict up to the gauge, or the fit exact.
    """
    curved = [given.findings[claim] for claim in CURVATURE_CLAIMS if claim in given.findings]
    second, strict = curved if len(curved) == 2 else judge_curvature(objective, theta, given)
    return [_judge(objective, theta, second, strict, given)]


def _judge(
    objective: TensorFit, theta: Vector, second: Finding, strict: Finding, given: Judgement
) -> Finding:
    looked = because("unused_columns")
    if second.verdict is Verdict.REFUTED:
        return Finding(
            CLAIM, Verdict.REFUTED, reason=second.reason, rigour=second.rigour, witness=second.witness
        )
    if is_exact(objective, theta, given.settings.zero_tolerance):
        return Finding(
            CLAIM, Verdict.SUPPORTED, reason=because("objective_zero"), rigour=Rigour.WORKING_PRECISION
        )
    parts, rng = objective.orthonormal(theta), given.rng()
    start = objective.balanced(parts)
    work = WAY_OUT * float(np.prod(objective.shape))
    for modes in mode_sets(parts.core.ndim):
        if not given.budget.allows(work):
            return undecided(CLAIM, looked + because("modes_cost"), given.budget.name)
        way = way_out(objective, parts, modes, rng, recycle=False)
        if way is None:
            continue
        touch(work)
        if is_slope_proved(objective, start, way):
            lower = _lower_points(objective, theta, start, way)
            if lower is not None:
                return lower
    if strict.verdict is Verdict.SUPPORTED:
        return Finding(CLAIM, Verdict.SUPPORTED, reason=strict.reason, rigour=strict.rigour)
    return undecided(CLAIM, looked + because("no_escape"))


def is_slope_proved(objective: TensorFit, start: Vector, way: WayOut) -> bool:
    """Whether a point has zeros where a rank-one change enters, and a slope along it, rounding included.

    Parameters
    ----------
    objective : Objective
    start : ndarray, shape (size,)
    way : WayOut
        Its vectors are taken as they are in new modes, and to the span of the point's factors in the others.
    """
    at = objective.unpack(start)
    factors, inner = list(at.factors), []
    for n, (factor, kept) in enumerate(zip(at.factors, way.parts.factors, strict=True)):
        unused = ~kept.any(axis=0)
        if factor[:, unused].any() or np.compress(unused, at.core, axis=n).any():
            return False  # not where the point lacks a direction, but near there
        if n in way.modes:
            slot = way.slots[way.modes.index(n)]
            factors[n] = factor.copy()
            factors[n][:, slot] = way.vectors[n]
            inner.append(np.eye(1, factor.shape[1], slot)[0])
        else:
            left, sizes, right = svd(factor[:, ~unused])
            coefficients = np.zeros(factor.shape[1])
            coefficients[~unused] = right.T @ ((left.T @ (kept @ way.vectors[n])) / sizes)
            inner.append(coefficients)
    change = TuckerTensor(outer(inner), tuple(factors)).point()
    z, x = objective.predict(change), objective.predict(start)
    z_error, x_error = objective.prediction_error(change), objective.prediction_error(start)
    if z_error is None or x_error is None:
        return False
    x_error = x_error + 2 * unit_roundoff("float64") * (np.abs(x) + np.abs(objective.y))
    x -= objective.y
    slope = float(np.sum(objective.weighted(x * z)))
    size = objective.weighted(np.abs(x) * z_error + x_error * (np.abs(z) + z_error))
    rounding = gamma(x.size + 16) * float(np.sum(objective.weighted(np.abs(x * z)) + size))
    return bool(abs(slope) > float(np.sum(size)) + rounding)


def _lower_points(objective: TensorFit, theta: Vector, start: Vector, way: WayOut) -> Finding | None:
    """Return a refutation by points that come ever closer to the start; None if rounding may hide that."""
    points = [objective.balanced(way.reached(part)) for part in PARTS]
    least = min(objective.value_bounds(point)[0] for point in (start, theta))
    if not all(least > objective.value_bounds(point)[1] for point in points):
        return None
    value = float(objective.value(start))
    falls = np.array([value - float(objective.value(point)) for point in points])
    away = np.array([float(np.linalg.norm(point - _turned(objective, start, point))) for point in points])
    if not ((falls > 0).all() and (np.diff(away) < 0).all() and away[-1] > 0):
        return None
    # decreases scale as the distances to the power of the order
    order = float(np.polyfit(np.log(away), np.log(falls), 1)[0])
    return Finding(
        CLAIM,
        Verdict.REFUTED,
        float(falls[-1]),
        0.0,
        reason=because("saddle", order=len(way.modes) + 1, modes=way.modes),
        rigour=Rigour.RIGOROUS,
        witness={
            "objective": value,
            "order": len(way.modes) + 1,
            "measured_order": order,
            "modes": np.array(way.modes),
            "distances": away,
            "decreases": falls,
            "lower_points": np.stack(points),
            "lower_point": points[0],
        },
    )


def _turned(objective: TensorFit, start: Vector, point: Vector) -> Vector:
    """Return the start with its factors rotated within the gauge to be close to another point's."""
    here, there = objective.unpack(start), objective.unpack(point)
    factors, core = [], here.core
    for n, (factor, other) in enumerate(zip(here.factors, there.factors, strict=True)):
        left, _, right = svd(factor.T @ other)
        turn = left @ right
        factors.append(factor @ turn)
        core = np.moveaxis(np.tensordot(core, turn, axes=(n, 0)), -1, n)
    return TuckerTensor(core, tuple(factors)).point()
