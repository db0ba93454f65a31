"""The gradient, derived again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.core.rounding import gamma
from lowland.recheck.plain_fit import PlainFit
from lowland.recheck.statement import AGREE, Statement

# a larger tolerance makes the claim meaningless; the usual one
LARGEST_TOLERANCE, USUAL_TOLERANCE = 1e-3, 1e-6
# largest rounding of a gradient, as a fraction of what the unfitted residuals could give
SHARP = 1e-4


@final
@dataclass(frozen=True)
class Slope:
    """The norm of a gradient, that for the unfitted residuals, and the usual rounding of the first.

    The gradient is not sharp if rounding may be more than a tiny fraction of what such residuals could give.
    It is no larger than `worst` if it is rounding alone, a bound if rounding `is_bounded`.
    """

    size: float
    scale: float
    rounding: float
    is_sharp: bool = True
    worst: float = 0.0
    is_bounded: bool = True
    has_penalty: bool = False

    @property
    def relative(self) -> float:
        """The norm as a fraction of the other."""
        if self.scale > 0:
            return self.size / self.scale
        return 0.0 if self.size == 0 else float("inf")

    @property
    def blur(self) -> float:
        """How far all rounding may move that fraction."""
        most = max(self.rounding, self.worst)
        if not self.scale > 2 * most:
            return float("inf")
        return 2 * (1 + self.relative) * most / self.scale

    def vanishes(self, tolerance: float) -> bool:
        """Whether the gradient is zero to within a fraction of the other, or rounding."""
        return self.size <= tolerance * self.scale * (1 + AGREE) + self.rounding

    def differs(self, tolerance: float) -> bool:
        """Whether the gradient is larger than that, and not rounding, as the other may be."""
        least = self.rounding / (8 if self.scale > self.rounding else 1)
        return self.size * (1 + AGREE) > tolerance * self.scale and self.size > least


def slope_of(problem: PlainFit) -> Slope:
    """Return the gradient's norm at a point, balanced if nothing is penalised."""
    point = problem if problem.is_penalised else problem.balanced()
    if problem.losses.is_squared:
        unfitted = problem.without_biases(problem.y)
    else:
        unfitted = problem.losses.unfitted_slopes(problem.y)
    scale = np.linalg.norm(point.pull(problem.weights * unfitted))
    digits = 4 * np.finfo(float).eps * (np.abs(problem.y) + np.abs(point.predictions()))
    bend = point.losses.each("curvature", point.predictions(), problem.y)
    sizes = point.sizes()
    rounding = 2 * float(np.linalg.norm(sizes.pull(problem.weights * (digits * np.maximum(bend, 1.0)))))
    possible = float(np.linalg.norm(sizes.pull(problem.weights * np.abs(unfitted))))
    gradient = point.gradient()
    error = point.coarse_error() * np.maximum(bend, 1.0) + gamma(problem.y.size + 16) * np.abs(
        unweighted(point)
    )
    worst = float(np.linalg.norm(sizes.pull(problem.weights * error)))
    size = float(np.linalg.norm(gradient))
    is_sharp = rounding <= SHARP * possible
    return Slope(size, float(scale), rounding, is_sharp, worst, problem.exact, problem.is_penalised)


def overflows(problem: PlainFit) -> bool:
    """Whether the objective, a slope or a curvature of a loss is not finite, at the point or balanced."""
    if not problem.is_matrix:
        return True
    for at in (problem, problem.balanced()):
        bends = at.losses.each("curvature", at.predictions(), at.y)
        if not all(np.isfinite(part).all() for part in (at.objective(), at.slopes, bends)):
            return True
    return False


def unweighted(problem: PlainFit) -> Vector:
    """Return the slopes of the losses without their weights."""
    return problem.losses.each("slope", problem.predictions(), problem.y)


def check_stationary(said: Statement, problem: PlainFit) -> Check:
    """Compare the gradient with its natural unit."""
    if said.is_open and said.says("overflow"):
        if problem.is_formed:
            said.require(overflows(problem), "the objective and its derivatives are finite")
        said.number("tolerance")
        return said.nothing_claimed()
    if not problem.is_formed:
        return said.settle_unchecked("the measurements are too large to be formed here")
    slope = slope_of(problem)
    words = f"gradient {slope.size:.2g}, compared with {slope.scale:.2g} for the unfitted residuals"
    return compare_slope(said, slope, words)


def compare_slope(said: Statement, slope: Slope, words: str) -> Check:
    """Compare what a finding says of a gradient with the one found."""
    compare_slope_numbers(said, slope)
    most = max(slope.rounding, slope.worst)
    said.close("gradient_norm", slope.size, atol=most)
    said.close("scale", slope.scale, atol=most)
    said.must_say("gradient")
    return said.settle(words)


def compare_slope_numbers(said: Statement, slope: Slope) -> None:
    """Compare verdict, value, bound and tolerance of a gradient."""
    tolerance = said.tolerance(LARGEST_TOLERANCE)
    said.close("value", slope.relative, atol=slope.blur)
    refuted = said.verdict is Verdict.REFUTED
    said.rigour(Rigour.RIGOROUS if refuted else Rigour.WORKING_PRECISION)
    said.bounded(slope.is_bounded)
    said.assume()
    if not slope.is_sharp and not said.is_open:
        said.not_derived("rounding hides the gradient at this point")
    if said.verdict is Verdict.SUPPORTED:
        said.require(slope.vanishes(tolerance), f"the gradient is {slope.relative:.2g} of its unit")
    elif said.verdict is Verdict.REFUTED:
        enough = slope.differs(tolerance)
        if slope.has_penalty:  # whose slopes may be known where those of the data are rounding
            enough = slope.size * (1 + AGREE) > tolerance * slope.scale
        said.require(enough, f"the gradient is only {slope.relative:.2g} of its unit")
        if not (slope.differs(tolerance) and slope.size > slope.worst):
            said.not_derived("rounding hides the gradient at this point")
