"""Search for a better point of the problem as posed, guided by other findings.

A point of the same problem whose objective is lower by more than the claim's tolerance refutes global
optimality, however it was found. Short descents start from points attached to other findings, along
directions of negative curvature, from the matrix that refutes the convex problem, from nearby and from random
points. Both objectives are then evaluated again, with their rounding if known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lowland.certificates.enclosures import lower_value, upper_value
from lowland.certificates.factorisations import qr, svd
from lowland.core.arrays import Vector
from lowland.core.promises.fits import Fit, is_matrix_fit
from lowland.core.results.findings import Finding, where_bounded
from lowland.core.results.reasons import Reason, because
from lowland.core.results.records import Factors
from lowland.core.results.status import Rigour, Verdict

CLAIM = "globally_optimal"
# steps along a direction, in units of the one at which a parabola of its curvature would reach zero
STEP_LENGTHS = 2.0 ** np.arange(-8, 5)
# distance of a nearby start, as a fraction of the point's norm
NEARBY = 1e-2
# evaluations per descent, and number of random starts
DESCENT, RANDOM_STARTS = 100, 2
# rounding of objectives if no bound is known
ROUNDING = 1e-9


def refute_by_lower_point(
    objective: Fit,
    theta: Vector,
    others: dict[str, Finding],
    *,
    tolerance: float,
    rng: np.random.Generator,
    calls: int,
) -> Finding:
    """Return the finding on global optimality, refuted if a better point is found.

    Parameters
    ----------
    objective : Objective
        In float64, of a matrix or a tensor.
    theta : ndarray, shape (size,)
    others : dict of str to Finding
        Findings so far; their witnesses suggest starts. A proved finding is returned unchanged.
    tolerance : float
        Fraction of the objective by which another point must at least be lower.
    rng : numpy.random.Generator
        For nearby and random starts.
    calls : int
        Evaluations of objective and gradient that may be spent.

    Returns
    -------
    Finding
        REFUTED with the point and both objectives, which are bounded, rounding included; INCONCLUSIVE with
        them if rounding is not bounded; or the known finding.
    """
    finding, value = others[CLAIM], float(objective.value(theta))
    if finding.verdict is Verdict.PROVED or not (np.isfinite(value) and value > 0) or calls < 2:
        return finding
    descent = _Descent(objective, value * (1 - tolerance - 4 * ROUNDING), calls)
    for way, start in _starts(objective, theta, value, others, rng):
        point = descent.from_point(start)
        refuted = None if point is None else _refuted(objective, theta, point, finding, tolerance, way)
        if refuted is not None:
            return refuted
        if descent.calls <= 0:
            break
    return finding


class _Enough(Exception):
    """A point is found, or the evaluations are used up."""


class _Descent:
    """Short descents that share a budget of evaluations and end once the objective is low enough."""

    def __init__(self, objective: Fit, wanted: float, calls: int) -> None:
        self.objective, self.wanted, self.calls = objective, wanted, calls
        self.best: Vector | None = None

    def from_point(self, start: Vector) -> Vector | None:
        """Return a point whose objective is at most the target, or None."""
        from scipy.optimize import minimize

        self.best = None
        self.evaluate(start)
        if self.best is None and self.calls > 0:
            try:
                most = min(DESCENT, self.calls)
                minimize(self.evaluate, start, jac=True, method="L-BFGS-B", options={"maxfun": most})
            except _Enough:
                pass
        return self.best

    def evaluate(self, theta: Vector) -> tuple[float, Vector]:
        """Return value and gradient; raise `_Enough` once a point is found or the evaluations are used up."""
        if self.best is not None or self.calls <= 0:
            raise _Enough
        self.calls -= 1
        value, gradient = self.objective.value_and_gradient(theta)
        if value <= self.wanted:
            self.best = np.array(theta)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return 1e300, np.zeros_like(theta)
        return float(value), gradient


def _starts(
    objective: Fit, theta: Vector, value: float, others: dict[str, Finding], rng: np.random.Generator
) -> Iterator[tuple[Reason, Vector]]:
    """Yield starts for descents, the most promising first, and how each was found."""
    for other in others.values():
        if "lower_point" in other.witness:
            yield because("in_witness", claim=other.claim), np.asarray(other.witness["lower_point"], float)
    for other in others.values():
        if "direction" in other.witness and "curvature" in other.witness:
            direction, curvature = np.asarray(other.witness["direction"]), float(other.witness["curvature"])
            yield (
                because("along_curvature"),
                _best_step(objective, theta, value, direction, curvature),
            )
            break
    convex = others.get("convex_optimal")
    if convex is not None and "length" in convex.witness:
        start = _truncated(objective, theta, convex.witness)
        if start is not None:
            yield because("truncated"), start
    length = float(np.linalg.norm(theta))
    if length > 0:
        yield because("from_nearby"), theta + NEARBY * length * _unit(rng, theta.size)
    for _ in range(RANDOM_STARTS):
        start = _random_point(objective, rng)
        if start is not None:
            yield because("from_random"), start


def _best_step(objective: Fit, theta: Vector, value: float, direction: Vector, curvature: float) -> Vector:
    """Return the lowest of some points along a direction and its opposite."""
    unit = float(np.sqrt(2 * value / max(-curvature, np.finfo(float).tiny)))
    unit /= float(np.linalg.norm(direction))
    points: list[Vector] = [
        theta + sign * step * unit * direction for step in STEP_LENGTHS for sign in (1, -1)
    ]
    values = np.array([float(objective.value(point)) for point in points])
    return points[int(np.argmin(np.where(np.isfinite(values), values, np.inf)))]


def _truncated(objective: Fit, theta: Vector, witness: dict[str, Any]) -> Vector | None:
    """Return the best point of the rank near the point's matrix plus a rank-one matrix."""
    if not is_matrix_fit(objective) or objective.model.biases or objective.model.has_unit_trace:
        return None
    factors, root = objective.matrix(theta), float(np.sqrt(witness["length"]))
    left, right = (
        np.hstack([side, root * np.asarray(witness[name]).reshape(-1, 1)])
        for side, name in ((factors.left, "left"), (factors.right, "right"))
    )
    (p, a), (q, b) = qr(left), qr(right)
    u, s, vt = svd(a @ b.conj().T)
    keep = np.sqrt(s[: objective.rank])
    cut = Factors((p @ u[:, : keep.size]) * keep, (q @ vt[: keep.size].conj().T) * keep)
    point: Vector = objective.from_factors(cut)
    return point


def _random_point(objective: Fit, rng: np.random.Generator) -> Vector | None:
    """Return a random point whose predictions are as large as the data."""
    theta = _unit(rng, objective.size)
    sizes = [float(np.linalg.norm(objective.predict(k * theta))) for k in (1.0, 2.0)]
    data = float(np.linalg.norm(objective.y))
    if not (0 < sizes[0] < sizes[1] < np.inf and data > 0):
        return None
    # predictions scale with a power of the norm
    power = np.log2(sizes[1] / sizes[0])
    length = float((data / sizes[0]) ** (1 / power))
    return theta * length if np.isfinite(length) else None


def _unit(rng: np.random.Generator, size: int) -> Vector:
    direction = rng.standard_normal(size)
    unit: Vector = direction / np.linalg.norm(direction)
    return unit


def _refuted(
    objective: Fit, theta: Vector, point: Vector, finding: Finding, tolerance: float, way: Reason
) -> Finding | None:
    """Return the refutation if both objectives, evaluated separately, differ by enough."""
    (here, charged_here), (there, charged_there) = (
        lower_value(objective, theta),
        upper_value(objective, point),
    )
    charged = charged_here and charged_there
    if not charged:
        here, there = here * (1 - ROUNDING), there * (1 + ROUNDING)
    if not here - there > tolerance * here:
        return None
    witness: dict[str, Any] = {"objective": here, "lower_objective": there, "lower_point": point}
    refuted = replace(
        finding,
        method="",
        reason=because("another_point") + way + because("is_lower"),
        verdict=Verdict.REFUTED,
        value=(here - there) / here,
        bound=tolerance,
        tolerance=tolerance,
        assumptions=(),
        rigour=Rigour.RIGOROUS,
        witness=witness,
        limited_by="",
    )
    return where_bounded(refuted, charged)
