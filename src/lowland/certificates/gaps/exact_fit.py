"""Whether a fit is exact to floating-point precision: then it is optimal, as no objective is negative.

Data are known to half a unit in their last place at best. An objective of at most half the weighted squares
of these half units is within that amount of the optimum, whatever the point: a proof. Points in floating
point reach only a few units; that such residuals count as zero is an assumption, which the finding states.

Residuals so small are computed with twice the digits, so that all bounds on them hold: rounding of
predictions in double precision would be as large as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.certificates.enclosures import prediction_bounds
from lowland.certificates.settings import Judgement, JudgeSettings
from lowland.core.arrays import Indices, Vector
from lowland.core.error_free import close_residual
from lowland.core.promises.fits import Fit, MatrixFit
from lowland.core.promises.protocols import Penalty
from lowland.core.results.findings import Finding, where_bounded
from lowland.core.results.reasons import assumption, because
from lowland.core.results.records import Factors
from lowland.core.results.status import Rigour, Verdict
from lowland.core.rounding import gamma, unit_roundoff

# squares of smaller numbers lose digits to underflow
SMALLEST_SQUARABLE = 1e-290
# misfits below this are computed with twice the digits, which takes so many passes
NEARLY, CLOSELY = 1e-9, 40.0


@final
@dataclass(frozen=True)
class ExactFit:
    """How closely a point reproduces its data.

    Parameters
    ----------
    upper : float
        A proven upper bound on the objective, infinite if none is known.
    half_units : float
        Half the weighted squares of half a unit in the last place of each datum.
    last_places : float
        Root mean square residual in units in the last place, both weighted.
    misfit : float
        Largest residual relative to its datum, or to the typical datum around it.
    is_bounded : bool
        Whether the last two are upper bounds, all rounding included.
    """

    upper: float
    half_units: float
    last_places: float
    misfit: float
    is_bounded: bool


def measure_fit(objective: MatrixFit, theta: Vector, upper: float, given: Judgement) -> ExactFit:
    """Return how closely a point of a recovery objective reproduces its data.

    Parameters
    ----------
    objective : Objective
        In float64.
    theta : ndarray, shape (size,)
    upper : float
        A proven upper bound on the objective, infinite if none is known.
    given : Judgement
        Its budget decides whether residuals are computed with twice the digits.
    """
    floor, y = half_units(objective), objective.y
    residual, worst, is_bounded = closest(objective, theta, given)
    if not is_bounded:
        residual = np.abs(y - objective.predict(theta))
    squares = float(np.sum(objective.weighted(residual**2))) / 2 * (1 + gamma(residual.size + 8))
    if objective.loss.is_quadratic and is_bounded:
        paid = sum(float(p.value(theta) + p.value_error(theta)) for p in objective.penalties)
        upper = min(upper, squares + paid)
    return ExactFit(upper, floor, root_places(squares, floor) * (1 + 1e-12), worst, is_bounded)


def closest(
    objective: MatrixFit, theta: Vector, given: Judgement | None = None
) -> tuple[Vector, float, bool]:
    """Return residuals and the misfit that they give, and whether they are bounds, all rounding included.

    Otherwise they are what double precision shows beyond its own rounding.
    """
    y = objective.y
    z, error, _ = prediction_bounds(objective, theta)
    residual = np.maximum(np.abs(y - z) - 4 * error, 0.0)
    worst = misfit(objective, theta, residual, error)
    # whatever other judges have spent: it settles whether an exact fit is proved at all
    affordable = given is None or given.budget.would_allow(CLOSELY * given.pass_work)
    close = objective.predict_closely(theta) if worst <= NEARLY and affordable else None
    if close is None:
        return residual, worst, False
    residual, off = close_residual(y, close)
    least = np.maximum(np.abs(residual) - off, 0.0)
    residual = (np.abs(residual) + off) * (1 + 4 * unit_roundoff("float64"))
    return residual, misfit(objective, theta, residual, error, least), True


def root_places(squares: float, half_units: float) -> float:
    """Return the root mean square residual in units in the last place, from half the squares of both."""
    if half_units > 0:
        return float(np.sqrt(squares / half_units)) / 2
    return 0.0 if squares == 0 else float("inf")


def half_units(objective: Fit) -> float:
    """Return half the weighted squares of half a unit in the last place of each datum."""
    y = np.abs(objective.y)
    spacing = np.where(y > 0, np.spacing(y), 0.0)
    return float(np.sum(objective.weighted((spacing / 2) ** 2)) / 2)


def judge_exact_fit(claim: str, fit: ExactFit, settings: JudgeSettings) -> Finding | None:
    """Return PROVED if the data are reproduced to floating-point precision, else None.

    Each residual is also compared with its own datum, or a typical one of its row and column: a large
    datum, weight or offset must not hide the misfit of another.
    """
    witness = {
        "lower_bound": 0.0,
        "half_units": fit.half_units,
        "last_places": fit.last_places,
        "misfit": fit.misfit,
    }
    if not fit.misfit <= settings.zero_tolerance:
        return None
    if fit.upper <= fit.half_units and (fit.half_units > SMALLEST_SQUARABLE or fit.upper == 0):
        reason = because("exact_by_bound", half=fit.half_units, upper=fit.upper)
        limit = 0.5
        assumptions: tuple[str, ...] = ()
    elif fit.last_places <= settings.last_places:
        reason = because("exact_to_digits", places=fit.last_places)
        counted = {"places": settings.last_places, "share": settings.zero_tolerance}
        limit = settings.last_places
        assumptions = (assumption("counts_as_zero", **counted),)
    else:
        return None
    finding = Finding(
        claim,
        Verdict.PROVED,
        value=fit.last_places,
        bound=limit,
        tolerance=settings.zero_tolerance,
        assumptions=assumptions,
        reason=reason,
        rigour=Rigour.RIGOROUS,
        witness=witness,
    )
    # a bound on the objective is a proof, whether residuals are bounded one by one or not
    return finding if limit == 0.5 else where_bounded(finding, fit.is_bounded)


def is_free(objective: MatrixFit, theta: Vector, penalties: Sequence[Penalty]) -> bool:
    """Whether the penalties of a point are negligible."""
    paid = sum(penalty.value(theta) + penalty.value_error(theta) for penalty in penalties)
    return bool(paid <= 1e-20 * objective.unfitted[0])


def misfit(
    objective: MatrixFit, theta: Vector, residual: Vector, error: Vector, least: Vector | None = None
) -> float:
    """Return the largest size of a residual relative to its datum, with biases subtracted.

    A datum of zero has the size of the data around it that are not. If there is none, of its residual
    nothing must be certain (`least`). Infinite if the rounding of the predictions is not small compared with
    the data around, so that an exact fit could not be told from a misfit.
    """
    if not objective.y.size:
        return 0.0
    datum = np.abs(objective.y - objective.predict(objective.biases.baseline()))
    size = np.abs(objective.y)
    if (datum <= 8 * np.finfo(float).eps * size).all():
        datum = size  # the biases alone reproduce the data: no smaller datum can be hidden
    unit = typical_size(objective, datum, error)
    if (datum == 0).any():
        unit = np.where(datum == 0, np.maximum(unit, size_around_zeros(objective, theta, datum)), unit)
    if not (np.isfinite(residual).all() and (error <= 1e-10 * unit).all()):
        return float("inf")
    if ((residual if least is None else least)[unit == 0] > 0).any():
        return float("inf")
    return float((residual[unit > 0] / unit[unit > 0]).max(initial=0.0))


def typical_size(objective: MatrixFit, datum: Vector, error: Vector) -> Vector:
    """Return each datum's size or, for a small one, the typical size around it.

    The typical size is the smaller of the medians of its row and column, or the median of all data;
    it never exceeds the terms that the datum was summed from, as inferred from its rounding.
    """
    pattern = objective.observed_pattern
    usual = error / np.finfo(float).eps
    if pattern is None:
        return np.maximum(datum, np.minimum(usual, np.median(datum)))
    for positions in (pattern.rows, pattern.columns):
        usual = np.minimum(usual, _group_medians(datum, positions))
    return np.maximum(datum, usual)


def size_around_zeros(objective: MatrixFit, theta: Vector, datum: Vector) -> Vector:
    """Return the size of the data around each datum that would be taken for it, if it is zero.

    That is the smaller of the medians of the nonzero data of its row and column, or the median of all nonzero
    data if these have none; and at most what the measurement makes of a matrix of the same norm with equal
    entries, so that data of a small measurement are not compared with those of large ones.
    """
    (m, n), some = objective.shape, datum > 0
    sides = objective.model.sides(theta)
    entry = Factors(*sides).norm() / np.sqrt(m * n)
    if not (some.any() and np.isfinite(entry)):
        return np.zeros_like(datum)
    factors = [np.zeros_like(side) for side in sides]
    for factor in factors:
        factor[:, 0] = np.sqrt(entry)
    even = np.abs(objective.predict(objective.from_factors(Factors(*factors))))
    usual = np.full_like(datum, np.inf)
    pattern = objective.observed_pattern
    for positions in () if pattern is None else (pattern.rows, pattern.columns):
        medians = np.full(positions.max() + 1, np.inf)
        medians[positions[some]] = _group_medians(datum[some], positions[some])
        usual = np.minimum(usual, medians[positions])
    usual = np.where(np.isfinite(usual), usual, np.median(datum[some]))
    return np.minimum(usual, even)


def _group_medians(values: Vector, groups: Indices) -> Vector:
    order = np.lexsort((values, groups))
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    ends = np.append(starts[1:], order.size)
    medians = values[order][(starts + ends - 1) // 2]
    out = np.empty_like(values)
    out[order] = np.repeat(medians, ends - starts)
    return out
