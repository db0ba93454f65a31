"""The claims about a Tucker decomposition, and what checks each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.error_free import close_residual
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check, Verification
from lowland.core.rounding import gamma
from lowland.recheck.dispatch import Checks, Progress, verify_each
from lowland.recheck.matrices.curvature import Calculus, checks_at_the_point
from lowland.recheck.matrices.derivatives import MOST_JACOBIAN, MOST_UNKNOWNS, with_fixed_slopes
from lowland.recheck.matrices.exact_fits import EXACT, LEAST_ROOM, Misfit, compare_misfit
from lowland.recheck.matrices.optimality import OVERFLOW, check_lower_point
from lowland.recheck.modular_rank import Residues, generic_rank
from lowland.recheck.ranks import FINITE, compare_deficient, compare_freedom, compare_full, is_counted
from lowland.recheck.statement import Statement
from lowland.recheck.tensors.cell_problem import CellProblem
from lowland.recheck.tensors.flattenings import check_flattening
from lowland.recheck.tensors.problem import TensorProblem, flat
from lowland.recheck.tensors.saddles import check_local_minimum


def verify_tensor(
    problem: TensorProblem, certificate: Certificate, progress: Progress | None = None
) -> Verification:
    """Check every finding of a certificate against data and point; see `verify_matrix`."""
    return verify_each(problem, certificate, CHECKS, progress)


def tensor_hessian(problem: CellProblem, progress: Progress | None = None) -> Matrix:
    """Return the Hessian of the objective."""
    derivative = problem.jacobian()
    squares = derivative.T @ (problem.weights[:, None] * derivative)
    return with_fixed_slopes(squares, problem, progress)


def _is_formed(problem: CellProblem) -> bool:
    small = problem.size <= MOST_UNKNOWNS and problem.y.size * problem.size <= MOST_JACOBIAN
    return problem.is_formed and small and prod(problem.shape) * problem.size <= 20 * MOST_JACOBIAN


AT_THE_POINT = checks_at_the_point(
    Calculus[CellProblem](tensor_hessian, lambda problem: problem.gauge(), _is_formed)
)


def misfit_of_tensor(problem: CellProblem) -> Misfit:
    """Return how closely the point reproduces its data, with bounds on the rounding of residuals."""
    y, weights, coarse = problem.y, problem.weights, problem.coarse_error()
    residual, error = close_residual(y, problem.close_predictions())
    residual, unit = np.abs(residual), problem.usual_size()
    bounded = bool(np.isfinite(error).all())
    if not bounded:
        residual = np.abs(problem.predictions() - y)
    spacing = np.where(y == 0, 0.0, np.spacing(np.abs(y)))
    halves = 0.5 * float(np.sum(weights * (spacing / 2) ** 2))
    sums = gamma(y.size + 16)
    least, squares, most = (
        0.5 * float(np.sum(weights * end**2))
        for end in (np.maximum(residual - error, 0.0), residual, residual + error)
    )
    shares, blur = (
        np.divide(part, unit, out=np.where(part > 0, np.inf, 0.0), where=unit > 0)
        for part in (residual + (error if bounded else 0.0), 16 * coarse)
    )
    room = _places(0.5 * float(np.sum(weights * coarse**2)), halves)
    return Misfit(
        least=least * (1 - sums),
        upper=(most * (1 + sums) + problem.paid() + problem.paid_error()) * (1 + 1e-12)
        if bounded
        else np.inf,
        halves=halves,
        places=_places(squares, halves),
        worst=float(shares.max()),
        blur=float(blur.max()),
        room=max(min(room, 64.0), LEAST_ROOM) if halves > 0 else LEAST_ROOM,
        places_bound=_places(most, halves) * (1 + sums) * (1 + 1e-12) if bounded else np.inf,
        is_bounded=bounded,
    )


def _places(squares: float, halves: float) -> float:
    """Return units in the last place, from half the squares of residuals and of half such units."""
    return 0.5 * float(np.sqrt(squares / halves)) if halves > 0 else (0.0 if squares == 0 else np.inf)


def check_tensor_optimal(said: Statement, problem: CellProblem) -> Check:
    """Compare global optimality with a flattening, an exact fit, or a better point."""
    if said.is_open and any(said.says(code) for code in OVERFLOW):
        return said.nothing_claimed()
    if said.is_open and said.says("no_bound"):
        known = problem.is_full and not problem.is_weighted
        said.require(not known, "every cell is known, with equal weights")
        return said.nothing_claimed()
    if not problem.is_formed:
        return said.settle_unchecked("the tensor is too large to be formed here")
    if said.code in EXACT:
        negligible = problem.paid() <= 1e-18 * float(np.sum(problem.weights * problem.y**2))
        said.require(negligible, "the regulariser is paid, so that an exact fit need not be optimal")
        return compare_misfit(said, misfit_of_tensor(problem))
    if said.code == "another_point":
        return check_lower_point(said, problem)
    return check_flattening(said, problem)


def _check_determined(said: Statement, problem: TensorProblem, beside: Certificate) -> Check:
    """Compare what is said of the known cells with the generic rank of the Jacobian."""
    finite = said.finding.claim == FINITE
    if said.is_open and not finite and said.says("several_tensors"):
        return said.nothing_claimed()
    if said.verdict is Verdict.PROVED and said.says("every_cell_known"):
        said.require(problem.is_full, "not every cell is known")
        said.rigour(Rigour.RIGOROUS)
        said.assume()
        return said.settle(said.own_words)
    if not finite:
        return _check_as_finite(said, problem, beside)
    return check_generic_rank(said, problem, problem.freedom, partial(tucker_jacobian, problem))


def check_generic_rank(
    said: Statement, problem: CellProblem, freedom: int, jacobian: Callable[[int, int], Residues]
) -> Check:
    """Compare what is said of known cells with counting, or with the generic rank of their Jacobian.

    Parameters
    ----------
    said : Statement
    problem : CellProblem
    freedom : int
        Number of degrees of freedom.
    jacobian : callable
        Takes a prime and a seed; returns residues at random integer points.
    """
    size, unknowns = problem.y.size, problem.size
    if said.is_open and _is_rank_open(said, unknowns, freedom):
        return said.nothing_claimed()
    compare_freedom(said, freedom)
    if is_counted(said, "few_known_cells", size, freedom):
        return said.settle(f"{size} cells, {freedom} degrees of freedom")
    derived = generic_rank(jacobian, size, unknowns, freedom)
    if derived is None:
        return said.settle_unchecked("a Jacobian of this size is too large to be formed here")
    rank, _ = derived
    for name in ("value", "rank"):
        said.close(name, float(rank))
    if said.verdict is Verdict.PROVED:
        compare_full(said, rank, freedom)
    else:
        compare_deficient(said, derived, freedom)
    return said.settle(f"rank {rank} of {freedom}")


def _is_rank_open(said: Statement, unknowns: int, freedom: int) -> bool:
    """Whether the words leave a generic rank open, with no number that says more."""
    if said.says("some_cells", cells=None):  # the rank of some of the cells, which is at most that of all
        said.at_most("value", float(freedom))
        said.close("bound", float(freedom))
        return True
    return any(said.says(code, unknowns=unknowns, limit=None) for code in ("over_limit", "over_budget"))


def _check_as_finite(said: Statement, problem: TensorProblem, beside: Certificate) -> Check:
    """Compare a refutation of uniqueness with that of finiteness, which it repeats."""
    if FINITE not in beside or not said.verdict is beside[FINITE].verdict is Verdict.REFUTED:
        said.fault("no finding refutes that the tensor is determined")
        return said.settle("")
    return said.repeats(beside[FINITE], lambda finite: _check_determined(finite, problem, beside))


def tucker_jacobian(problem: TensorProblem, prime: int, seed: int) -> Residues:
    """Return the Jacobian of the known cells at random integer points, modulo a prime."""
    rng, at, ranks = np.random.default_rng(seed), problem.at_cells, problem.ranks
    core = rng.integers(1, prime, ranks)
    rows = [rng.integers(1, prime, factor.shape)[at[:, n]] for n, factor in enumerate(problem.factors)]
    count = len(at)

    def joined(skip: int | None) -> Residues:
        out = np.ones((count, 1), np.int64)
        for n, row in enumerate(rows):
            if n != skip:
                out = (out[:, :, None] * row[:, None, :] % prime).reshape(count, -1)
        return out

    parts, start = [joined(None)], 0
    for n, factor in enumerate(problem.factors):
        unfolded, others = flat(core, n).astype(np.int64), joined(n)
        values = np.zeros((count, ranks[n]), np.int64)
        for k in range(others.shape[1]):
            values = (values + others[:, k, None] * unfolded[:, k] % prime) % prime
        block = np.zeros((count, factor.size), np.int64)
        for k in range(ranks[n]):
            block[np.arange(count), at[:, n] * ranks[n] + k] = values[:, k]
        parts.append(block)
        start += factor.size
    return np.hstack(parts)


def _local(said: Statement, at: TensorProblem, beside: Certificate, progress: Progress | None) -> Check:
    curvature = AT_THE_POINT["second_order_stationary"]
    return check_local_minimum(said, at, beside, lambda other: curvature(other, at, beside, progress))


CHECKS: Checks = {
    **AT_THE_POINT,
    "local_minimum": _local,
    "globally_optimal": lambda said, at, beside, progress: check_tensor_optimal(said, at),
    "determined_by_data": lambda said, at, beside, progress: _check_determined(said, at, beside),
    "uniquely_determined": lambda said, at, beside, progress: _check_determined(said, at, beside),
}
