"""What is proved about a point of `LineProblem`: its gap to the best value, and what the pattern determines.

The dual bound is that of `certificates/dual.py`, with sums over cells taken line by line, and the spectral
norm of the residuals bounded by Lanczos iteration, whose products ask the cells wherever they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import DTypeLike

from lowland.cells.block import Arrays, CellBlock
from lowland.cells.sides import PerLine, PerPartner, TableCells
from lowland.cells.sums import line_extremes, line_sums, residual_block, weighted_sums
from lowland.certificates.gaps.dual import ZERO_BOUND, LowerBound
from lowland.certificates.gaps.leading import leading_triplet
from lowland.certificates.gaps.norm_bounds import probable_bound
from lowland.certificates.gaps.optimality import Descent, judge_gap, refuted_by
from lowland.certificates.settings import JudgeSettings
from lowland.completion.elsewhere.pattern import judge_line_pattern
from lowland.completion.elsewhere.problem import LineProblem
from lowland.core.arrays import Matrix, Vector
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.status import Verdict
from lowland.core.rounding import gamma, unit_roundoff
from lowland.core.running.stages import stage

# Lanczos steps by effort: two passes over the cells each; and those of the search for a better matrix
STEPS = {"quick": 60, "standard": 150, "thorough": 600}
DESCENT_STEPS = {"quick": 20, "standard": 40, "thorough": 60}
# rounds in which the biases of the dual point are improved: two passes each
ROUNDS = 3


def judge_lines(problem: LineProblem, theta: Vector, effort: str) -> Certificate:
    """Judge a point of the penalised problem of a table whose cells are asked line by line.

    Parameters
    ----------
    problem : LineProblem
        With a positive penalty.
    theta : ndarray, shape (size,)
    effort : {"quick", "standard", "thorough"}
        How many Lanczos steps may be taken.

    Returns
    -------
    Certificate
        On optimality and determinacy. The gap holds up to a stated probability of failure.
    """
    settings, theta = JudgeSettings.for_effort(effort), theta.astype(np.float64)
    rng = np.random.default_rng(settings.seed)
    upper = _rounded_up(problem, theta)
    with stage("a lower bound: products with the residuals") as tell:
        lower = _lower_bound(problem, problem.refitted(theta, ROUNDS), upper, STEPS[effort], rng, tell)
    values = (upper, min(upper, _convex_value(problem, theta, upper)))
    gaps = [
        judge_gap(claim, value, lower, True, settings)
        for claim, value in zip(("globally_optimal", "convex_optimal"), values, strict=True)
    ]
    if gaps[1].verdict is Verdict.INCONCLUSIVE:
        with stage("a better matrix: products with the residuals") as tell:
            descent = _descent(problem, theta, DESCENT_STEPS[effort], settings.seed, tell)
        gaps[1] = refuted_by(descent, gaps[1], settings.gap_tolerance * values[1])
    with stage("what the cells determine"):
        pattern: list[Finding] = judge_line_pattern(problem.cells, problem.model, settings, rng)
    m, n = problem.cells.shape
    words = (
        f"{problem.cells.size:,} cells of a {m:,} x {n:,} table, rank {problem.model.rank}, squared loss, "
        f"penalty {problem.penalty:.6g}, bias penalty {problem.bias_penalty:.6g}"
    )
    return Certificate((*gaps, *pattern), words)


def _rounded_up(problem: LineProblem, theta: Vector) -> float:
    """Return the objective, rounded up."""
    wide = problem.widened(theta)
    (squares,) = problem.cells.map(0, squares_up, PerPartner(wide[1]), PerLine(wide[0]))
    data = 0.5 * float(squares.sum()) * (1 + gamma(_terms(problem) + 8))
    return data + problem.ridges(theta) * (1 + gamma(theta.size + 8))


def _terms(problem: LineProblem) -> int:
    """Return the largest number of terms of a sum over a line, and then over lines."""
    longest = max(int(side.counts.max(initial=1)) for side in problem.cells.sides)
    return longest + max(problem.cells.shape)


def squares_up(block: CellBlock, partner: Matrix, factors: Matrix) -> Arrays:
    """Return the sum of the squared residuals of each line, each rounded up."""
    residuals, errors = _residuals(block, partner, factors)
    return line_sums(replace(block, values=(np.abs(residuals) + errors) ** 2))


def _residuals(block: CellBlock, partner: Matrix, factors: Matrix) -> tuple[Vector, Vector]:
    """Return what predictions leave of the values of cells, and bounds on its rounding."""
    residuals = residual_block(block, partner, factors, np.float64).values
    blank = replace(block, values=np.zeros(residuals.size))
    reach = -residual_block(blank, np.abs(partner), np.abs(factors), np.float64).values
    return residuals, gamma(partner.shape[1] + 4) * reach + unit_roundoff("float64") * np.abs(residuals)


def _descent(
    problem: LineProblem, theta: Vector, steps: int, seed: int, tell: Callable[[int], None]
) -> Descent | None:
    """Return the best step along the leading rank-one direction, as `rank_one_descent` does, or None."""
    residuals = ResidualMap(problem.residuals(theta), tell)
    left, steepness, right = leading_triplet(residuals, steps, np.random.default_rng(seed))
    if not steepness > problem.penalty:
        return None
    wide, step = problem.widened(theta), (left[:, None], right[:, None])
    (curvatures,) = problem.cells.map(0, squares_of_step, PerPartner(step[1]), PerLine(step[0]))
    curvature = float(curvatures.sum())
    length = (steepness - problem.penalty) / curvature if curvature > 0 else np.inf
    # evaluated, not predicted, with all rounding against it; the nuclear norm grows by at most `length`
    partners = PerPartner((wide[1], step[1]))
    now, then = problem.cells.map(0, squares_around, partners, PerLine(wide[0]), PerLine(step[0]), length)
    slack = gamma(_terms(problem) + 8)
    before, after = 0.5 * float(now.sum()) * (1 - slack), 0.5 * float(then.sum()) * (1 + slack)
    return Descent(before - after - problem.penalty * length * (1 + 1e-12), *step, length)


def squares_of_step(block: CellBlock, right: Matrix, left: Matrix) -> Arrays:
    """Return the sum of the squares of a rank-one matrix at the cells of each line."""
    blank = replace(block, values=np.zeros(block.values.size))
    return line_sums(replace(blank, values=residual_block(blank, right, left, np.float64).values ** 2))


def squares_around(
    block: CellBlock, partners: tuple[Matrix, Matrix], factors: Matrix, left: Matrix, length: float
) -> Arrays:
    """Return the sums of squared residuals of each line, rounded down, and after a step, rounded up."""
    residuals, errors = _residuals(block, partners[0], factors)
    blank = replace(block, values=np.zeros(residuals.size))
    change = -length * residual_block(blank, partners[1], left, np.float64).values
    now, then = np.maximum(np.abs(residuals) - errors, 0.0), np.abs(residuals - change) + errors
    then += 8 * unit_roundoff("float64") * (np.abs(change) + then)
    return *line_sums(replace(block, values=now**2)), *line_sums(replace(block, values=then**2))


@final
@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over the cells of a dual vector r, rounded residuals, and of values y about the offset."""

    squares: float
    products: float
    sizes: float
    residuals: float
    absolute: float
    largest: float
    by_row: tuple[Vector, Vector]
    by_column: tuple[Vector, Vector]
    terms: int

    @classmethod
    def of(cls, problem: LineProblem, theta: Vector, residuals: TableCells) -> _Sums:
        wide, offset = problem.widened(theta), problem.model.unpack(theta)[4]
        squares, products, sizes, sums, absolute, largest = problem.cells.map(
            0, dual_terms, PerPartner(wide[1]), PerLine(wide[0]), offset, problem.dtype
        )
        column_sums, column_sizes = residuals.map(1, absolute_sums)
        return cls(
            squares=float(squares.sum()),
            products=float(products.sum()),
            sizes=float(sizes.sum()),
            residuals=float(sums.sum()),
            absolute=float(absolute.sum()),
            largest=float(largest.max(initial=0.0)),
            by_row=(sums, absolute),
            by_column=(column_sums, column_sizes),
            terms=_terms(problem),
        )


def dual_terms(block: CellBlock, partner: Matrix, factors: Matrix, offset: float, dtype: DTypeLike) -> Arrays:
    """Return the sums of `_Sums` of each line, and the largest |y| of its cells."""
    residuals = residual_block(block, partner, factors, dtype).values.astype(np.float64)
    values = block.values.astype(np.float64) - offset
    products = values * residuals
    numbers = residuals**2, products, np.abs(products), residuals, np.abs(residuals)
    sums = tuple(line_sums(replace(block, values=each))[0] for each in numbers)
    least, most = line_extremes(replace(block, values=values))
    largest = np.where(np.diff(block.starts) > 0, np.maximum(np.abs(least), np.abs(most)), 0.0)
    return (*sums, largest)


def absolute_sums(block: CellBlock) -> Arrays:
    """Return the sums of the values of each line, and of their absolute values."""
    return *line_sums(block), *line_sums(replace(block, values=np.abs(block.values)))


def _convex_value(problem: LineProblem, theta: Vector, upper: float) -> float:
    """Return the convex objective of this matrix, with the nuclear norm in place of the factors' ridge."""
    if not np.isfinite(upper):
        return upper
    u, v, *_ = problem.model.unpack(theta)
    paid = 0.5 * problem.penalty * float(np.sum(u**2) + np.sum(v**2))
    left, right = (np.linalg.qr(side)[1] for side in (u, v))
    nuclear = float(np.linalg.svd(left @ right.T, compute_uv=False).sum())
    return upper - paid + problem.penalty * nuclear * (1 + 1e-12) + 1e-13 * upper


def _lower_bound(
    problem: LineProblem,
    theta: Vector,
    upper: float,
    steps: int,
    rng: np.random.Generator,
    tell: Callable[[int], None],
) -> LowerBound:
    """Return the bound of the best feasible multiple of the residuals as dual vector."""
    if not (np.isfinite(upper) and problem.penalty > 0):
        return ZERO_BOUND
    residuals = problem.residuals(theta)
    sums = _Sums.of(problem, theta, residuals)
    if not sums.squares > 0:
        return ZERO_BOUND
    norm = probable_bound(ResidualMap(residuals, tell), steps, rng, problem.model.sides(theta)[1])
    highest = norm.value * (1 + 1e-15)
    if not np.isfinite(highest):
        return ZERO_BOUND
    charged = _bias_squares(problem, sums)
    limit = problem.penalty / highest if highest > 0 else np.inf
    scale = float(np.clip(sums.products / (sums.squares + charged), 0.0, limit))
    value = scale * sums.products - 0.5 * scale**2 * sums.squares
    size = scale * sums.sizes + 0.5 * scale**2 * sums.squares
    value -= gamma(sums.terms + 10) * size + 0.5 * scale**2 * charged
    value -= scale * _offset_charge(problem, sums, upper)
    if not value > 0:
        return ZERO_BOUND
    return LowerBound(float(value), norm.rigour, norm.reason, scale)


def _bias_squares(problem: LineProblem, sums: _Sums) -> float:
    """Bound from above the sum of (B^T r)^2 / precision over penalised biases."""
    if not problem.model.biases or not problem.bias_penalty:
        return 0.0
    total = 0.0
    for numbers, sizes in (sums.by_row, sums.by_column):
        total += float(np.sum((np.abs(numbers) + gamma(sums.terms) * sizes) ** 2))
    return total / problem.bias_penalty * (1 + gamma(sum(problem.cells.shape) + 8))


def _offset_charge(problem: LineProblem, sums: _Sums, upper: float) -> float:
    """Bound |r . B beta| over all free biases beta of points no worse than `upper`, as `bias_charge` does."""
    if not problem.model.biases:
        return 0.0
    reach = sums.largest + float(np.sqrt(2 * upper)) + upper / problem.penalty
    if problem.bias_penalty:
        reach += 2 * float(np.sqrt(2 * upper / problem.bias_penalty))
        leftover, nodes = abs(sums.residuals) + gamma(sums.terms) * sums.absolute, 1
    else:
        leftover = sum(
            float(np.abs(numbers).sum() + gamma(sums.terms) * sizes.sum())
            for numbers, sizes in (sums.by_row, sums.by_column)
        )
        nodes = sum(problem.cells.shape)
    return float(leftover * nodes * reach * (1 + 1e-12))


@final
class ResidualMap:
    """The matrix that holds the residuals at observed cells and zeros elsewhere, as a linear map.

    Parameters
    ----------
    cells : TableCells
    tell : callable, optional
        Called with the number of products so far.
    """

    cells: TableCells
    tell: Callable[[int], None]
    done: int

    def __init__(self, cells: TableCells, tell: Callable[[int], None] = lambda done: None) -> None:
        self.cells, self.tell, self.done = cells, tell, 0

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n)."""
        return self.cells.shape

    def matmat(self, block: Matrix) -> Matrix:
        """Return the product with a block of columns."""
        return self._product(0, block)

    def rmatmat(self, block: Matrix) -> Matrix:
        """Return the product of the transpose with a block of columns."""
        return self._product(1, block)

    def toarray(self) -> Matrix:
        """Return the dense matrix."""
        return self.matmat(np.eye(self.shape[1]))

    def _product(self, side: int, block: Matrix) -> Matrix:
        product: Matrix
        self.done += 1
        self.tell(self.done)
        (product,) = self.cells.map(side, weighted_sums, PerPartner(np.ascontiguousarray(block)))
        return product
