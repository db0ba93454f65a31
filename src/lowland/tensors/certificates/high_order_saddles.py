"""Whether a point is a local minimum, including directions that the Hessian cannot see.

At a point that leaves columns unused, gradient and Hessian say nothing about changes that need several
factors and the core together. If a rank-one part of the residual can enter through unused columns, the
objective decreases along a curve of such points, however short, and the point is a saddle of order
modes + 1.
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
from lowland.core.work import touch
from lowland.tensors.capabilities import TensorFit
from lowland.tensors.certificates.flattenings import is_exact
from lowland.tensors.kernels.rank_one_escapes import mode_sets, way_out
from lowland.tensors.tucker_tensor import TuckerTensor

CLAIM = "local_minimum"
# fractions of the full step at which the objective is evaluated
PARTS = (1e-2, 1e-3, 1e-4)
# passes over the tensor in the search for an escape direction in one set of modes
WAY_OUT = 300.0
# smallest decrease that counts, in roundings of the objective
ROUNDINGS = 1e3


def judge_local_minimum(objective: TensorFit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge whether no point close by has a lower objective.

    Parameters
    ----------
    objective : Objective
        A Tucker objective in float64.
    theta : ndarray, shape (size,)
    given : Judgement
        The tolerance of an exact fit (which nothing can improve), the budget, and the findings on
        curvature.

    Returns
    -------
    list of Finding
        REFUTED with a direction, its order, and decreases at shrinking distances; SUPPORTED if the
        minimum is strict up to the gauge, or the fit exact.
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
    parts = objective.orthonormal(theta)
    start = objective.balanced(parts)
    value, rng = float(objective.value(start)), given.rng()
    work = WAY_OUT * float(np.prod(objective.shape))
    for modes in mode_sets(parts.core.ndim):
        if not given.budget.allows(work):
            return undecided(CLAIM, looked + because("modes_cost"), given.budget.name)
        way = way_out(objective, parts, modes, rng, recycle=False)
        if way is None:
            continue
        touch(work)
        points = [objective.balanced(way.reached(part)) for part in PARTS]
        falls = np.array([value - float(objective.value(point)) for point in points])
        away = np.array([float(np.linalg.norm(point - _turned(objective, start, point))) for point in points])
        if not (falls > ROUNDINGS * np.finfo(float).eps * value).all():
            continue
        # decreases scale as the distances to the power of the order
        order = float(np.polyfit(np.log(away), np.log(falls), 1)[0])
        return Finding(
            CLAIM,
            Verdict.REFUTED,
            float(falls[-1]),
            0.0,
            reason=because("saddle", order=len(modes) + 1, modes=modes),
            rigour=Rigour.WORKING_PRECISION,
            witness={
                "objective": value,
                "order": len(modes) + 1,
                "measured_order": order,
                "modes": np.array(modes),
                "distances": away,
                "decreases": falls,
                "lower_points": np.stack(points),
                "lower_point": points[0],
            },
        )
    if strict.verdict is Verdict.SUPPORTED:
        return Finding(CLAIM, Verdict.SUPPORTED, reason=strict.reason, rigour=Rigour.WORKING_PRECISION)
    return undecided(CLAIM, looked + because("no_escape"))


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
