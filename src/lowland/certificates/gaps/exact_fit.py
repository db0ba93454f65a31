"""Whether a fit is exact to floating-point precision: then it is optimal, as no objective is negative.

Data are known to half a unit in their last place at best. An objective of at most half the weighted squares
of these half units is within that amount of the optimum, whatever the point: a proof. Points in floating
point reach only a few units; that such residuals count as zero is an assumption, which the finding states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.certificates.settings import JudgeSettings
from lowland.core.arrays import Indices, Vector
from lowland.core.promises.fits import Fit, MatrixFit
from lowland.core.promises.protocols import Penalty
from lowland.core.results.findings import Finding
from lowland.core.results.reasons import assumption, because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.rounding import gamma, unit_roundoff

# squares of smaller numbers lose digits to underflow
SMALLEST_SQUARABLE = 1e-290
# entries whose predictions are computed in extended precision at a time
BLOCK_ENTRIES = 100_000


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
        Largest residual beyond rounding relative to its datum, or to the typical datum around it.
    """

    upper: float
    half_units: float
    last_places: float
    misfit: float


def measure_fit(objective: MatrixFit, theta: Vector, upper: float) -> ExactFit:
    """Return how closely a point of a recovery objective reproduces its data.

    Parameters
    ----------
    objective : Objective
        In float64.
    theta : ndarray, shape (size,)
    upper : float
        A proven upper bound on the objective, infinite if none is known.
    """
    floor = half_units(objective)
    squares = float(np.sum(objective.weighted((objective.y - objective.predict(theta)) ** 2))) / 2
    if squares <= floor:  # worth extended precision
        upper = min(upper, _sharp_upper(objective, theta))
    return ExactFit(upper, floor, root_places(squares, floor), misfit(objective, theta))


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
        rigour = Rigour.RIGOROUS
        assumptions: tuple[str, ...] = ()
    elif fit.last_places <= settings.last_places:
        reason = because("exact_to_digits", places=fit.last_places)
        rigour = Rigour.WORKING_PRECISION
        counted = {"places": settings.last_places, "share": settings.zero_tolerance}
        assumptions = (assumption("counts_as_zero", **counted),)
    else:
        return None
    return Finding(
        claim,
        Verdict.PROVED,
        value=fit.last_places,
        bound=0.5 if rigour is Rigour.RIGOROUS else settings.last_places,
        tolerance=settings.zero_tolerance,
        assumptions=assumptions,
        reason=reason,
        rigour=rigour,
        witness=witness,
    )


def is_free(objective: MatrixFit, theta: Vector, penalties: Sequence[Penalty]) -> bool:
    """Whether the penalties of a point are negligible."""
    paid = sum(penalty.value(theta) + penalty.value_error(theta) for penalty in penalties)
    return bool(paid <= 1e-20 * objective.unfitted[0])


def misfit(objective: MatrixFit, theta: Vector) -> float:
    """Return the largest residual beyond rounding relative to its datum, with biases subtracted.

    Infinite if the rounding of the predictions is not small compared with the data around, so that an
    exact fit could not be told from a misfit.
    """
    if not objective.y.size:
        return 0.0
    z, error, _ = prediction_bounds(objective, theta)
    residual = np.maximum(np.abs(objective.y - z) - 4 * error, 0.0)
    datum = np.abs(objective.y - objective.predict(objective.biases.baseline()))
    size = np.abs(objective.y)
    if (datum <= 8 * np.finfo(float).eps * size).all():
        datum = size  # the biases alone reproduce the data: no smaller datum can be hidden
    unit = typical_size(objective, datum, error)
    if not (np.isfinite(residual).all() and (error <= 1e-10 * unit).all()):
        return float("inf")
    if (residual[unit == 0] > 0).any():
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


def _group_medians(values: Vector, groups: Indices) -> Vector:
    order = np.lexsort((values, groups))
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    ends = np.append(starts[1:], order.size)
    medians = values[order][(starts + ends - 1) // 2]
    out = np.empty_like(values)
    out[order] = np.repeat(medians, ends - starts)
    return out


def prediction_bounds(objective: MatrixFit, theta: Vector) -> tuple[Vector, Vector, bool]:
    """Return the predictions, bounds on their rounding, and whether all of it was included."""
    z = objective.predict(theta)
    bounds = objective.prediction_error(theta)
    if bounds is None:  # only the working precision of the measurement is known
        unit = 8 * float(np.finfo(np.float32).eps) if objective.matrices.are_single else 0.0
        error: Vector = unit * np.abs(z)
    else:
        error = bounds
    return z, error + 2 * unit_roundoff("float64") * (np.abs(z) + np.abs(objective.y)), bounds is not None


def _sharp_upper(objective: MatrixFit, theta: Vector) -> float:
    """Return an upper bound on the objective, with predictions of entries in long double.

    Infinite if the measurements are not entries, or the loss is not squared.
    """
    pattern = objective.observed_pattern
    if pattern is None or not objective.loss.is_quadratic:
        return float("inf")
    factors, residuals = objective.matrix(theta), np.empty(objective.y.size)
    left, right = factors.left.astype(np.longdouble), factors.right.astype(np.longdouble)
    unit, terms = float(np.finfo(np.longdouble).eps), factors.width + 4
    for low in range(0, residuals.size, BLOCK_ENTRIES):
        part = slice(low, low + BLOCK_ENTRIES)
        rows, columns, y = pattern.rows[part], pattern.columns[part], objective.y[part].astype(np.longdouble)
        products = left[rows] * right[columns]
        error = terms * unit * (np.abs(products).sum(axis=1) + np.abs(y))
        residuals[part] = np.abs(y - products.sum(axis=1)) + error
    # rounded up to float64, squared and summed there
    squares = objective.weighted((residuals * (1 + 4 * unit_roundoff("float64"))) ** 2)
    total = float(np.sum(squares)) / 2 * (1 + gamma(residuals.size + 8))
    return total + sum(float(p.value(theta) + p.value_error(theta)) for p in objective.penalties)
