"""Curvatures, derived again from a Hessian that is formed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, final

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.recheck.dispatch import OneCheck, gradient_tolerance
from lowland.recheck.matrices.derivatives import Progress, spectrum_off
from lowland.recheck.plain_fit import P, PlainFit
from lowland.recheck.rounding import at_ends
from lowland.recheck.statement import AGREE, Statement
from lowland.recheck.stationarity import (
    LARGEST_TOLERANCE,
    check_stationary,
    compare_slope_numbers,
    overflows,
    slope_of,
)

STRICT = "strict_local_minimum"
# found by other means than from the full Hessian
ITERATED = ("iterated_curvature", "reduced_curvature")
OTHERS = ("factored_curvature", *ITERATED)
# relative accuracy of curvatures that are computed here, and of those found by iteration
EXACT, ROUGH = 1e-8, 2e-3


@final
@dataclass(frozen=True)
class Calculus(Generic[P]):
    """How the Hessian of a kind of problem is formed, its gauge, and whether it is small enough."""

    hessian: Callable[[P, Progress | None], Matrix]
    gauge: Callable[[P], Matrix]
    is_formed: Callable[[P], bool]


def checks_at_the_point(calculus: Calculus[P]) -> dict[str, OneCheck]:
    """Return the checks of gradient and curvatures at the point."""

    def curvature(said: Statement, at: P, beside: Certificate, progress: Progress | None) -> Check:
        return _check_curvature(said, at, gradient_tolerance(beside), calculus, progress)

    return {
        "stationary": lambda said, at, beside, progress: check_stationary(said, at),
        "second_order_stationary": curvature,
        STRICT: curvature,
    }


def _check_curvature(
    said: Statement, problem: P, tolerance: float, calculus: Calculus[P], progress: Progress | None
) -> Check:
    """Compare curvatures with those of the Hessian, and the gradient with the tolerance stated for it."""
    if said.is_open and _says_nothing(said, problem):
        said.number("tolerance")
        return said.nothing_claimed()
    if not problem.is_formed:
        return said.settle_unchecked("the measurements are too large to be formed here")
    slope = slope_of(problem)
    is_still_open = said.is_open and said.says("gradient")
    if is_still_open or said.says("not_stationary"):
        said.require(is_still_open or said.verdict is Verdict.REFUTED, "these words refute the claim")
        compare_slope_numbers(said, slope)
        return said.settle(f"gradient {slope.relative:.2g} of that for the unfitted residuals")
    if _is_hidden(problem):
        return said.settle_unchecked("rounding hides the curvature of a loss at this point")
    at = _where(said, problem)
    if not calculus.is_formed(problem):
        return said.settle_unchecked("a Hessian of this size is not formed here")
    if progress is not None:
        progress(f"{said.finding.claim}: the Hessian")
    matrix = calculus.hessian(at, progress)
    if not np.isfinite(matrix).all():
        return said.settle_unchecked("the Hessian overflows float64")
    values, _ = spectrum_off(matrix, calculus.gauge(at))
    _compare_curvatures(said, at, matrix, values)
    if said.verdict is Verdict.SUPPORTED:
        said.require(slope.vanishes(tolerance), "the gradient does not vanish")
    smallest = float(values[0]) if values.size else 0.0
    return said.settle(f"smallest curvature {smallest:.3g}, largest {np.abs(values).max(initial=0.0):.3g}")


def _says_nothing(said: Statement, problem: PlainFit) -> bool:
    """Whether the sentence states nothing about the data, or that they are out of range."""
    if said.says("overflow"):
        said.require(overflows(problem), "the objective and its derivatives are finite")
        return True
    if len(said.phrases) > 1 and said.phrases[1].code == "not_converged":
        return any(said.says(code) for code in ITERATED) and said.says("not_converged")
    return said.says("no_direction") or said.says("products_cost")


def _is_hidden(problem: PlainFit) -> bool:
    """Whether rounding of predictions moves the curvatures of losses, as near the end of their range."""
    if problem.losses.is_squared:
        return False
    ends = [problem.weights * bend for bend in at_ends(problem, "curvature")]
    moved = float(np.abs(ends[1] - ends[0]).max(initial=0.0))
    return bool(moved > EXACT * np.abs(ends).max(initial=0.0))


def _where(said: Statement, problem: P) -> P:
    """Return the point of the curvatures: balanced if nothing is penalised, as attached if it is."""
    if problem.is_penalised:
        return problem
    even: P = problem.balanced()
    attached = said.array("balanced", (problem.size,)) if said.states("balanced") else None
    if attached is None:
        return even
    other: P = problem.at(np.asarray(attached))
    x = problem.matrix()
    same = np.linalg.norm(other.matrix() - x) <= 1e-9 * np.linalg.norm(x)
    said.require(bool(same), "the attached balanced point is another matrix")
    said.require(other.imbalance <= 1e-6, "the attached balanced point is not balanced")
    return other


def _compare_curvatures(said: Statement, at: PlainFit, matrix: np.ndarray, values: np.ndarray) -> None:
    """Compare the numbers of a spectrum, and the verdict that they give."""
    smallest, top = (float(values[0]), float(np.abs(values).max())) if values.size else (0.0, 0.0)
    exact = said.says("all_curvatures")
    uneven = not exact and said.says("uneven")
    others = not exact and not uneven and any(said.says(code) for code in OTHERS)
    said.require(exact or uneven or others, "other words than those of curvatures")
    if uneven:
        strict = said.finding.claim == STRICT and not said.is_open
        said.require(not strict, "a step that could lower the objective leaves a strict minimum open")
        said.require(_share_to_gain(at, smallest) > 0.25, "no step could lower the objective")
    refuted = said.verdict is Verdict.REFUTED
    said.rigour(Rigour.RIGOROUS if refuted else Rigour.WORKING_PRECISION)
    said.bounded(at.exact and at.losses.is_squared)
    said.assume()
    tolerance = said.needed("tolerance") or 0.0
    said.require(
        0 <= tolerance <= LARGEST_TOLERANCE, f"a tolerance of {tolerance:g} makes the claim meaningless"
    )
    largest = said.needed("largest") or top
    sums = float(np.abs(matrix).sum(axis=1).max(initial=0.0))
    accuracy = EXACT if exact and len(matrix) <= 1200 else ROUGH
    said.at_least("largest", top, rtol=accuracy)
    said.at_most("largest", top if exact and accuracy == EXACT else 2 * sums, rtol=accuracy)
    said.close("bound", tolerance * largest)
    bound = tolerance * max(top, largest)
    # a refutation whose rounding is not bounded is left open, with its direction
    if refuted or (said.is_open and said.states("direction")):
        _compare_direction(said, at, matrix, bound)
        return
    said.at_most("value", smallest, rtol=accuracy, atol=EXACT * top)
    if exact:
        said.at_least("value", smallest, rtol=accuracy, atol=2 * EXACT * top)
    if said.verdict is Verdict.SUPPORTED and said.finding.claim == STRICT:
        least = max(bound, EXACT * top)  # less may be rounding
        words = f"the smallest curvature is {smallest:.3g}, within {least:.2g} of zero"
        said.require(smallest > least > 0, words)
        said.require(_share_to_gain(at, smallest) <= 1, "a step could still lower the objective")
    elif said.verdict is Verdict.SUPPORTED:
        said.require(smallest >= -bound * (1 + AGREE), f"the smallest curvature is {smallest:.3g}")


def _share_to_gain(at: PlainFit, smallest: float) -> float:
    """Return what a step could gain by the least curvature, over what is still called a minimum."""
    gradient = at.gradient()
    decrement = float(gradient @ gradient) / (2 * smallest) if smallest > 0 else np.inf
    room = 2e-6 * at.objective() + 2e-20 * at.unfitted_value()
    return decrement / room if room > 0 else (np.inf if decrement > 0 else 0.0)


def _compare_direction(said: Statement, at: PlainFit, matrix: np.ndarray, bound: float) -> None:
    """Compare the curvature along an attached direction of length one."""
    direction = said.array("direction", (len(matrix),))
    if direction is None:
        return
    length = float(np.linalg.norm(direction))
    if not said.require(abs(length - 1) <= 1e-6, f"the attached direction has length {length:.3g}, not 1"):
        return
    curvature = float(direction @ matrix @ direction)
    rounding = EXACT * float(np.abs(matrix).max(initial=0.0))
    for name in ("value", "curvature"):
        said.close(name, curvature, atol=rounding)
    step = 1e-3 * (float(np.linalg.norm(at.point())) or 1.0)
    values = [at.at(at.point() + k * step * direction).objective() for k in (1, -1, 0)]
    second = (values[0] + values[1] - 2 * values[2]) / step**2
    noise = 64 * np.finfo(float).eps * max(abs(value) for value in values) / step**2
    said.close("second_difference", second, rtol=1e-4, atol=noise)
    said.require(
        curvature < -bound * (1 - AGREE) and curvature < -2 * rounding and second < noise,
        f"the curvature along the attached direction is {curvature:.3g}",
    )
