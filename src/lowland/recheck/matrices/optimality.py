"""Proofs and refutations of optimality, derived again: gaps, better points, exact fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.claims import CLAIMS
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.recheck.matrices.exact_fits import EXACT, check_exact_fit
from lowland.recheck.matrices.lower_bounds import (
    LAST_DIGITS,
    NOTHING,
    Lower,
    conjugate_bound,
    dual_bound,
    feasible_bound,
    rank_bound,
)
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.plain_fit import PlainFit
from lowland.recheck.rounding import value_error
from lowland.recheck.statement import AGREE, UNKNOWN_WORDS, Statement

LARGEST_GAP = 0.1
# how a norm was bounded, with the rigour that it gives
NORMS = {
    "zeros": Rigour.RIGOROUS,
    "cholesky": Rigour.RIGOROUS,
    "row_and_column_sums": Rigour.RIGOROUS,
    "absolute_row_sums": Rigour.RIGOROUS,
    "sum_of_squares": Rigour.RIGOROUS,
    "lanczos": Rigour.PROBABILISTIC,
    "lanczos_estimate": Rigour.ESTIMATE,
}
# how a better point was found
WAYS = ("along_curvature", "truncated", "from_nearby", "from_random")
OVERFLOW = ("objective_overflow", "overflow")
# they state nothing about the data
OPEN = ("size_unbounded", "bound_exceeds", "gap_unrepresentable")
# a bound that was rounded down before may have been so by other bounds on rounding, this much larger
ROUNDED_BEFORE = 256
# and an objective may have been rounded up by this much more
CHARGED_BEFORE = 16
# relative differences of objectives below this may be rounding; rounding of operators, of all predictions
ROUNDING, OPERATORS = 1e-9, 1e-12


def check_optimal(said: Statement, problem: MatrixProblem) -> Check:
    """Compare a claim of optimality with a bound, a better point, or the residuals."""
    if said.is_open and any(said.says(code) for code in OPEN):
        return said.nothing_claimed()
    if said.is_open and any(said.says(code) for code in OVERFLOW):
        if problem.is_formed:
            said.require(not np.isfinite(problem.objective()), "the objective is finite")
        return said.nothing_claimed()
    if not problem.is_formed:
        return said.settle_unchecked("the measurements are too large to be formed here")
    said.require(problem.is_matrix, "with unit trace a factor of no length stands for no matrix")
    said.require(problem.is_feasible or said.is_open, "a factor is negative")
    if said.code in EXACT:
        return check_exact_fit(said, problem)
    if said.verdict is Verdict.REFUTED:
        check: Callable[[Statement, MatrixProblem], Check] = (
            check_lower_point if said.finding.claim == "globally_optimal" else check_descent
        )
        return check(said, problem)
    return _check_gap(said, problem) if said.says("gap") else said.settle("")


def _value(said: Statement, problem: MatrixProblem) -> float:
    """Return the objective, or that of the convex problem."""
    value = problem.objective()
    if said.finding.claim == "globally_optimal":
        return value
    return min(value, problem.convex_objective(problem.low_rank()))


def _check_gap(said: Statement, problem: MatrixProblem) -> Check:
    value, unfitted = _value(said, problem), problem.unfitted_value()
    if not np.isfinite(value):
        said.fault("the objective is not finite")
        return said.settle("")
    noise = value_error(problem)
    # rounding may hide a thousandth of an objective, or one far below that of the empty fit, no more
    hidden = 1e-18 * unfitted + (0.0 if problem.losses.is_squared else 1e-24 * float(problem.weights.sum()))
    room = AGREE * value + (min(noise, max(1e-3 * value, hidden)) if problem.exact else noise)
    # to unit trace all numbers are divided by a length that is rounded
    most = CHARGED_BEFORE * noise * ((problem.size + 8) ** 2 if problem.has_unit_trace else 1)
    if _hides(said, "objective", value + room, value + most):
        return said.settle_unchecked("rounding hides the objective at this point")
    bound, rigour = _bound(said, problem, value)
    if bound is NOTHING and said.finding.witness.get("dual_scale") and _is_dual_hidden(problem):
        return said.settle_unchecked("rounding hides whether the dual vector is feasible")
    lower = bound.value
    slack = room + min(ROUNDED_BEFORE * bound.charge + bound.caution, 1e-3 * value)
    if not np.isfinite(lower) or lower > value + max(slack, 1e-6 * value):
        said.not_derived(f"a lower bound of {lower:.6g} exceeds the objective of {value:.6g}: rounding")
        lower = min(lower, value) if np.isfinite(lower) else 0.0
    if said.is_open and _hides(said, "lower_bound", lower + slack, lower + ROUNDED_BEFORE * bound.charge):
        # slopes of steep losses at their kinks are rounding of the predictions
        return said.settle_unchecked("rounding hides the lower bound at this point")
    words = f"objective {value:.6g}, lower bound {lower:.6g}, relative gap {_share(value - lower, value):.2g}"
    tolerance = said.tolerance(LARGEST_GAP)
    _compare(said, problem, value, lower, (slack, slack + 4 * bound.charge))
    said.assume()
    said.rigour(*(_weaker(rigour) if said.is_open else (rigour,)))
    said.bounded(problem.exact)
    if not said.is_open:
        if noise > max(1e-3 * value, hidden):
            said.not_derived("rounding hides the objective at this point")
        most = tolerance * value * (1 + AGREE) + ROUNDING * value
        said.require(value - lower <= most, f"the gap exceeds the tolerance of {tolerance:g}")
        if not value - lower + bound.charge + noise <= most:
            said.not_derived("rounding hides the gap at this point")
    if said.verdict is Verdict.PROVED:
        said.require(rigour is not Rigour.ESTIMATE, "an estimate proves nothing")
    return said.settle(words)


def _compare(
    said: Statement, problem: MatrixProblem, value: float, lower: float, slack: tuple[float, float]
) -> None:
    """Compare the numbers with those found; the second slack is for who charges more and claims less."""
    above, under = slack
    said.close("objective", value, rtol=0.0, atol=above)
    said.at_most("lower_bound", lower, rtol=0.0, atol=above)
    said.at_least("lower_bound", lower, rtol=0.0, atol=under)
    said.at_least("gap", value - lower, rtol=0.0, atol=above)
    said.at_most("gap", value - lower, rtol=0.0, atol=under)
    gap = problem.objective() - lower
    for room, compare in ((-above, said.at_least), (under, said.at_most)):
        # of an objective that is rounding, any fraction is
        blur = room / value if value > above else np.copysign(1.0, room)
        compare("value", _share(value - lower, value) + blur, rtol=0.0)
        distance = 2 * float(np.sqrt(2 * max(gap + room, 0.0) / problem.weights.sum()))
        compare("fitted_distance", distance)


def _hides(said: Statement, name: str, least: float, most: float) -> bool:
    """Whether a stated number is larger than what is found, as it may be if all rounding is charged."""
    stated = said.finding.witness.get(name)
    return isinstance(stated, float) and least < stated <= most


def _is_dual_hidden(problem: MatrixProblem) -> bool:
    """Whether rounding of the residual may decide whether a dual vector is feasible."""
    error = float(np.linalg.norm(problem.weights * problem.coarse_error()))
    return not problem.exact or error > 0.1 * LAST_DIGITS * float(np.linalg.norm(problem.slopes))


def _share(part: float, value: float) -> float:
    """Return a fraction of the objective, zero if there is nothing."""
    return part / value if value > 0 else 0.0


def _weaker(rigour: Rigour) -> tuple[Rigour, ...]:
    """Return a rigour, and the weaker one of open findings about measurements that do not bound rounding."""
    return (rigour, Rigour.WORKING_PRECISION) if rigour is not Rigour.ESTIMATE else (rigour,)


def _bound(said: Statement, problem: MatrixProblem, value: float) -> tuple[Lower, Rigour]:
    """Return the lower bound that the words name, at the number attached, and what it rests on."""
    scale = said.needed("dual_scale")
    if scale is None:
        return NOTHING, Rigour.ESTIMATE
    if said.says("never_negative"):
        said.require(scale == 0, "a bound of zero has no dual vector")
        return NOTHING, Rigour.RIGOROUS
    if said.says("strongly_convex"):
        good = said.finding.claim == "globally_optimal"
        said.require(good, "a bound over matrices of this rank says nothing about others")
        return rank_bound(problem, scale) if good else NOTHING, Rigour.RIGOROUS
    if said.says("slopes_moved"):
        return (conjugate_bound(problem, scale) if problem.is_psd else NOTHING), Rigour.RIGOROUS
    if said.says("conjugates"):
        _require_zeros(said, problem)
        rigour = _norm_rigour(said)
        return (NOTHING if problem.is_psd else conjugate_bound(problem, scale)), rigour
    if not problem.losses.is_squared:
        said.fault("a bound of squared losses")
        return NOTHING, Rigour.ESTIMATE
    _require_zeros(said, problem)
    rigour = _norm_rigour(said)
    if said.says("shifted_dual"):
        shifted = problem.is_psd and not problem.penalty and not problem.has_unit_trace
        said.require(shifted, "only duals of positive semidefinite matrices without penalty are shifted")
        dual = said.array("dual", (problem.y.size,))
        is_dual = problem.is_psd and dual is not None
        return (feasible_bound(problem, np.asarray(dual), value) if is_dual else NOTHING), rigour
    return dual_bound(problem, scale, value), rigour


def _norm_rigour(said: Statement) -> Rigour:
    for code, rigour in NORMS.items():
        if said.says(code, steps=None):
            return rigour
    said.fault(UNKNOWN_WORDS)
    return Rigour.ESTIMATE


def check_descent(said: Statement, problem: MatrixProblem) -> Check:
    """Add the attached rank-one matrix, which must lower the convex objective."""
    (m, n), complex_too = problem.shape, problem.is_complex
    left, right = (_column(said, name, size, complex_too) for name, size in (("left", m), ("right", n)))
    length = said.needed("length")
    said.must_say("rank_one_added")
    said.require(said.verdict is Verdict.REFUTED, "a better matrix refutes the claim")
    said.rigour(Rigour.RIGOROUS)
    said.bounded(problem.exact)
    said.assume()
    if left is None or right is None or length is None or not problem.losses.is_squared:
        said.fault("no better matrix is attached")
        return said.settle("")
    value = _value(said, problem)
    said.at_least("objective", value, atol=value_error(problem))
    said.at_most("objective", value, atol=CHARGED_BEFORE * value_error(problem))
    # the bound that did not suffice is no part of a refutation
    here = problem.low_rank()
    added = length * np.outer(left, right.conj())
    if problem.is_psd:
        good = length >= 0 and np.linalg.norm(left - right) <= 1e-12 * np.linalg.norm(left)
        said.require(bool(good), "the attached matrix is not positive semidefinite")
    there = here + added
    if problem.has_unit_trace:
        unit = abs(float(np.linalg.norm(left)) - 1) <= 1e-9 and 0 <= length <= 1
        said.require(unit, "the step does not keep the trace")
        there = here + added - length * here
    before, after = problem.convex_objective(here), problem.convex_objective(there)
    words = f"the convex objective is {after:.9g} at the attached matrix, {before:.9g} at the point"
    drop = (min(before, value) - after) / value if value > 0 else 0.0
    room = 2 * value_error(problem) + _moved_error(problem, np.abs(added) + np.abs(there - here))
    said.require(drop > 0, "the attached matrix is not better")
    if not drop * value > room:
        said.not_derived("rounding hides here by how much the attached matrix is better")
    # who charges more for rounding claims less
    charge = room if problem.exact else room + _error_of_operators(problem, problem.measure(there - here))
    said.at_most("value", drop, rtol=1e-3, atol=ROUNDING + _share(room, value))
    # judges take the norm to grow by that of what is added
    growth = problem.nuclear_norm(here) + problem.nuclear_norm(added) - problem.nuclear_norm(there)
    least = drop - _share(problem.penalty * max(growth, 0.0), value)
    said.at_least("value", least, rtol=1e-3, atol=ROUNDING + 2 * _share(charge, value))
    _compare_drop(said, drop)
    return said.settle(words)


def _compare_drop(said: Statement, drop: float) -> None:
    """Compare by which fraction the objective is lower with the tolerance."""
    tolerance = said.needed("tolerance") or 0.0
    said.close("bound", tolerance)
    enough = drop > max(tolerance * (1 - AGREE), ROUNDING)
    said.require(enough, f"what is attached is lower by only {drop:.2g}")


def _moved_error(problem: MatrixProblem, sizes: Matrix) -> float:
    """Return how far rounding of an added matrix, given by the sizes of its terms, may move the objective."""
    if problem.cells is not None:
        reach = sizes[problem.cells]
    else:
        assert problem.matrices is not None
        reach = np.abs(problem.matrices).reshape(problem.y.size, -1) @ sizes.ravel()
    error = 64 * np.finfo(float).eps * reach
    return 4 * float(np.sum(np.abs(problem.slopes) * error + problem.weights * (error + reach) * error))


def _error_of_operators(problem: MatrixProblem, moved: Vector) -> float:
    """Return how far the rounding of an operator, of which nothing is known, may move the objective.

    That of the predictions, and of how far they are moved.
    """
    error = OPERATORS * float(np.linalg.norm(problem.predictions()) + np.linalg.norm(moved))
    return 4 * float(np.sum(np.abs(problem.slopes) * error + problem.weights * error**2))


def _column(said: Statement, name: str, size: int, is_complex: bool) -> Matrix | None:
    array: Any = said.finding.witness.get(name)
    shape: tuple[int | None, ...] = (size, 1) if np.ndim(array) == 2 else (size,)
    column = said.array(name, shape, reals=not is_complex)
    return None if column is None else column.ravel()


def _require_zeros(said: Statement, problem: MatrixProblem) -> None:
    """Note a fault if the next phrase is about a matrix of zeros that is none."""
    if said.code == "zeros":
        said.require(not problem.slopes.any(), "the residual is no matrix of zeros")


def check_lower_point(said: Statement, problem: PlainFit) -> Check:
    """Evaluate the objective at the attached point, which must be lower by the stated fraction."""
    said.must_say("another_point")
    if not any(said.says(code) for code in WAYS):
        said.must_say("in_witness", claim=("of", CLAIMS))
    said.must_say("is_lower")
    said.require(said.verdict is Verdict.REFUTED, "a better point refutes the claim")
    said.rigour(Rigour.RIGOROUS)
    said.bounded(problem.exact)
    said.assume()
    point = said.array("lower_point", (problem.size,))
    if point is None:
        return said.settle("")
    other = problem.at(np.asarray(point))
    said.require(other.is_matrix, "with unit trace a factor of no length stands for no matrix")
    here, there = problem.objective(), other.objective()
    words = f"the objective is {there:.9g} at the attached point, {here:.9g} at this one"
    room = ROUNDING * here + value_error(problem) + value_error(other)
    drop = (here - there) / here if here > 0 else 0.0
    # who charges more for rounding claims less
    charged = CHARGED_BEFORE * room
    said.at_most("objective", here, atol=room)
    said.at_least("objective", here, atol=charged)
    said.at_most("lower_objective", there, atol=charged)
    said.at_least("lower_objective", there, atol=room)
    said.at_most("value", drop, atol=_share(4 * room, here))
    said.at_least("value", drop, atol=_share(4 * charged, here))
    said.require(here > there, "the attached point is not lower")
    if not here - there > room:
        said.not_derived("rounding hides here by how much the attached point is lower")
    _compare_drop(said, drop)
    said.require(other.is_feasible, "a factor of the attached point breaks its constraints")
    return said.settle(words)
