"""Exact fits, derived again: residuals in units in the last place, and as fractions of their own data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.error_free import (
    Close,
    close_dots,
    close_map,
    close_product,
    close_quotient,
    close_residual,
)
from lowland.core.results.reasons import assumption
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.core.rounding import gamma
from lowland.recheck.bounds import UNIT
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.statement import Statement

EXACT = ("exact_by_bound", "exact_to_digits")
# larger residuals never count as zero, whatever a finding assumes: units in the last place, fraction of datum
MOST_PLACES, MOST_MISFIT = 1000.0, 1e-11
# rounding of a prediction whose terms do not cancel, in units in the last place
LEAST_ROOM = 0.6
# largest rounding of a prediction, sixteen times, as a fraction of the data around it
MOST_BLUR = 2e-9
# more than a square loses that underflows
UNDERFLOW = 1e-306


@final
@dataclass(frozen=True)
class Misfit:
    """How closely data are reproduced.

    Parameters
    ----------
    least, upper : float
        Bounds on the objective, rounding included; 0 and infinite if none are known.
    halves : float
        Half the weighted squares of half a unit in the last place of each datum.
    places : float
        Root mean square residual in units in the last place, both weighted.
    worst, blur : float
        Largest residual beyond rounding as a fraction of its datum, or of the usual one around it; and how
        far rounding may move that fraction.
    room : float
        How far rounding in float64 may move the units in the last place: more if terms of predictions
        cancel.
    places_bound : float
        An upper bound on `places`, rounding included; that residuals are bounded at all is `is_bounded`.
    is_bounded : bool
    coarse_room, close_room : float
        How far rounding of predictions may move the units: in double precision, and with twice the digits.
    """

    least: float
    upper: float
    halves: float
    places: float
    worst: float
    blur: float
    room: float = LEAST_ROOM
    places_bound: float = np.inf
    is_bounded: bool = False
    coarse_room: float = LEAST_ROOM
    close_room: float = LEAST_ROOM


def misfit_of(problem: MatrixProblem) -> Misfit:
    """Return how closely the point reproduces its data."""
    y, weights = problem.y, problem.weights
    residual, error = _residuals(problem)
    spacing = np.where(y == 0, 0.0, np.spacing(np.abs(y)))
    halves = 0.5 * float(np.sum(weights * (spacing / 2) ** 2))
    places = _places(problem, residual, halves)
    rounding = np.abs(np.abs(problem.predictions() - y) - residual) + 2 * error
    room = max(LEAST_ROOM, 2 * _places(problem, rounding, halves)) if halves > 0 else LEAST_ROOM
    most = _places(problem, residual + error, halves) * (1 + 1e-9)
    least, upper = 0.0, np.inf
    paid = problem.paid() * (1 + gamma(problem.point().size + 8))
    if problem.losses.vanish_at_data and not (residual + error).any():
        upper = paid  # no loss is more than zero
    if problem.losses.is_squared:
        least = (
            0.5 * float(np.sum(weights * np.maximum(residual - error, 0.0) ** 2)) * (1 - gamma(y.size + 8))
        )
        largest = (residual + error) * (1 + 8 * UNIT)
        lost = UNDERFLOW * float(np.sum(weights[largest > 0]))
        upper = 0.5 * float(np.sum(weights * largest**2)) * (1 + gamma(y.size + 8)) + paid + lost
    unit = np.maximum(usual_size(problem, y), _size_around_zeros(problem))
    coarse = np.minimum(problem.coarse_error(), problem.balanced().coarse_error())
    sharp = np.minimum(coarse, error + 4 * np.finfo(float).eps * (np.abs(y) + np.abs(problem.predictions())))
    beyond = np.maximum(residual - 4 * sharp, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(beyond > 0, beyond / unit, 0.0)
        blurs = np.where(unit > 0, 16 * coarse / unit, 0.0)
    worst, blurred = float(shares.max(initial=0.0)), float(blurs.max(initial=0.0))
    if blurred > MOST_BLUR:  # rounding could hide a misfit
        worst = np.inf
    blur = min(blurred, MOST_BLUR)
    return Misfit(
        least,
        upper,
        halves,
        places,
        worst,
        blur,
        room,
        most,
        problem.exact,
        2 * _places(problem, coarse, halves),
        max(LEAST_ROOM, 4 * _places(problem, error, halves)) if halves > 0 else LEAST_ROOM,
    )


def check_exact_fit(said: Statement, problem: MatrixProblem) -> Check:
    """Compare a proof by an exact fit with the residuals found."""
    others = problem.paid() > 1e-20 * problem.unfitted_value()
    if others and not (
        said.finding.claim == "convex_optimal" and not problem.penalty and not problem.bias_penalty
    ):
        said.fault("penalties are paid, so that an exact fit need not be optimal")
    if not problem.losses.vanish_at_data:
        said.fault("predictions equal to the data do not make the losses zero")
    return compare_misfit(said, misfit_of(problem))


def compare_misfit(said: Statement, misfit: Misfit) -> Check:
    """Compare what a finding says of an exact fit with what was found."""
    # without bounds all rounding of predictions may be charged to residuals, or lower them
    wide = max(misfit.room, misfit.coarse_room) if said.is_unbounded else misfit.close_room
    places = said.finding.witness.get("last_places")
    words = f"{misfit.places:.3g} units in the last place (root mean square)"
    words += f", at worst {misfit.worst:.2g} of a datum"
    said.require(said.verdict is Verdict.PROVED, "these words prove the claim")
    said.close("lower_bound", 0.0)
    said.close("half_units", misfit.halves)
    for name in ("last_places", "value"):
        said.at_least(name, max(misfit.places * (1 - 1e-2) - wide, 0.0))
        said.at_most(name, misfit.places, rtol=1e-2, atol=wide)
    tolerance, bound = said.needed("tolerance") or 0.0, said.needed("bound") or 0.0
    if not 0 <= tolerance <= MOST_MISFIT:
        said.fault(f"residuals of up to {tolerance:g} of a datum never count as zero")
    said.require(misfit.worst <= tolerance, f"a residual is {misfit.worst:.2g} of its datum")
    if said.is_unbounded:  # without bounds sizes around a datum are not known: who finds more says less
        said.at_least("misfit", misfit.worst, rtol=1e-3, atol=misfit.blur)
        said.at_most("misfit", tolerance)
    else:
        said.close("misfit", misfit.worst, rtol=1e-3, atol=misfit.blur)
    half, upper = (misfit.halves, misfit.upper)
    if said.says("exact_by_bound", half=half, upper=("from", misfit.least, upper)):
        said.rigour(Rigour.RIGOROUS)
        said.bounded(misfit.is_bounded, or_less=True)
        said.assume()
        said.require(bound == 0.5, f"a bound of {bound:g} units is stated instead of half of one")
        said.require(
            misfit.least <= half, f"the objective is at least {misfit.least:.3g}, more than {half:.3g}"
        )
        if not upper <= half:
            said.not_derived(f"the objective is only proved to be at most {upper:.3g}, not {half:.3g}")
    else:
        said.must_say("exact_to_digits", places=places if isinstance(places, float) else misfit.places)
        said.rigour(Rigour.RIGOROUS)
        said.bounded(misfit.is_bounded, or_less=True)
        said.assume([assumption("counts_as_zero", places=bound, share=tolerance)])
        said.require(0 <= bound <= MOST_PLACES, f"residuals of {bound:g} units never count as zero")
        said.at_most("value", bound, rtol=0.0)
        said.require(
            misfit.places <= min(bound * (1 + 1e-2) + misfit.room, MOST_PLACES),
            f"residuals are {misfit.places:.3g} units in the last place",
        )
        if said.finding.verdict is Verdict.PROVED and not misfit.places_bound <= bound * (1 + 1e-2):
            said.not_derived("rounding hides residuals of this size here")
    return said.settle(words)


def _places(problem: MatrixProblem, residual: Vector, halves: float) -> float:
    """Return the weighted root mean square of residuals in units in the last place."""
    squares = 0.5 * float(np.sum(problem.weights * residual**2))
    if halves > 0:
        return 0.5 * float(np.sqrt(squares / halves))
    return 0.0 if squares == 0 else float("inf")


def _residuals(problem: MatrixProblem) -> tuple[Vector, Vector]:
    """Return residuals with twice the digits, and bounds on their rounding."""
    ones = [np.ones((length, 1)) for length in problem.shape]
    left, right = [problem.u], [problem.v]
    if "row" in problem.free:
        left, right = [*left, problem.row_biases[:, None]], [*right, ones[1]]
    if "column" in problem.free:
        left, right = [*left, ones[0]], [*right, problem.column_biases[:, None]]
    if "global" in problem.free:
        left, right = [*left, problem.offset * ones[0]], [*right, ones[1]]
    u, v = np.hstack(left), np.hstack(right)
    if problem.cells is not None:
        found = close_dots(u[problem.cells[0]], v[problem.cells[1]]).each(np.real)
    else:
        found = _measured(problem, close_product(u, v.conj().T).each(np.ravel))
    if problem.has_unit_trace:
        squares = close_dots(problem.u.reshape(1, -1), problem.u.reshape(1, -1)).each(np.real)
        found = close_quotient(found, squares)
    residual, error = close_residual(problem.y, found)
    return np.abs(residual), error


def _measured(problem: MatrixProblem, x: Close) -> Close:
    assert problem.matrices is not None
    table = problem.matrices.reshape(problem.y.size, -1)
    found = close_map(table, x).each(np.real)
    if problem.is_given:
        return found
    # products of vectors, each rounded
    return Close(
        found.high, found.low, found.error + 2 * np.finfo(float).eps * (np.abs(table) @ np.abs(x.high))
    )


def _size_around_zeros(problem: MatrixProblem) -> Vector:
    """Return the size of the nonzero data around each datum of zero, and zero for all others.

    The smaller of the medians of its row and column, or that of all if both are zero; at most what would be
    measured of a matrix with equal entries and the norm of the point's.
    """
    size = np.abs(problem.without_biases(problem.y)) if problem.losses.is_squared else np.abs(problem.y)
    if np.all(size <= 8 * np.finfo(float).eps * np.abs(problem.y)):
        size = np.abs(problem.y)
    zero, out = size == 0, np.zeros_like(size)
    (m, n), norm = problem.shape, float(np.linalg.norm(problem.low_rank()))
    if zero.all() or not zero.any() or not np.isfinite(norm):
        return out
    u, v = np.zeros_like(problem.u), np.zeros_like(problem.v)
    u[:, 0] = v[:, 0] = np.sqrt(norm / np.sqrt(m * n))
    even = replace(problem, u=u, v=u if problem.is_psd else v, free=(), offset=0.0)
    around = np.full(size.size, np.inf)
    for lines in problem.cells if problem.cells is not None and not problem.is_psd else ():
        names, starts, counts = np.unique(np.sort(lines[~zero]), return_index=True, return_counts=True)
        ordered = size[~zero][np.lexsort((size[~zero], lines[~zero]))]
        middle = np.full(int(lines.max()) + 1, np.inf)
        middle[names] = ordered[starts + (counts - 1) // 2]
        around = np.minimum(around, middle[lines])
    around[np.isinf(around)] = np.median(size[~zero])
    out[zero] = np.minimum(around, np.abs(even.predictions()))[zero]
    return out


def usual_size(problem: MatrixProblem, y: Vector) -> Vector:
    """Return each number's size without biases, or the usual size around it if that is larger.

    The usual size is the smaller of the medians of its row and column, or the median of all; it never exceeds
    the terms that the number was summed from.
    """
    size = np.abs(problem.without_biases(y)) if problem.losses.is_squared else np.abs(y)
    if np.all(size <= 8 * np.finfo(float).eps * np.abs(y)):
        size = np.abs(y)  # the data are biases only
    usual = np.minimum(problem.coarse_error(), problem.balanced().coarse_error()) / np.finfo(float).eps
    if problem.cells is None or problem.is_psd:
        return np.asarray(np.maximum(size, np.minimum(usual, np.median(size))))
    for positions in problem.cells:
        order = np.lexsort((size, positions))
        starts = np.flatnonzero(np.diff(positions[order], prepend=-1))
        ends = np.append(starts[1:], order.size)
        middle = np.empty_like(size)
        middle[order] = np.repeat(size[order][(starts + ends - 1) // 2], ends - starts)
        usual = np.minimum(usual, middle)
    return np.asarray(np.maximum(size, usual))
