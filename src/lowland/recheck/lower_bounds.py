"""Lower bounds on an objective, derived again from the one number, or vector, that a finding attaches."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.recheck.bounds import is_definite, is_norm_at_most, largest_proved
from lowland.recheck.derivatives import MOST_UNKNOWNS
from lowland.recheck.matrix_problem import MatrixProblem

# by how much a multiple of the dual vector may exceed its constraint: the last digits of a computed norm
LAST_DIGITS = 1e-7


def dual_bound(problem: MatrixProblem, scale: float) -> float:
    """Return the bound of a multiple of the weighted residual, with free biases refitted; 0 if infeasible.

    nu satisfies |A* nu|_2 <= penalty, in units of the sides' weights, or A* nu <= penalty I for positive
    semidefinite X; with unit trace, the largest eigenvalue is paid instead.
    """
    if problem.free and problem.cells is None:
        return 0.0
    plain = problem.measure(problem.low_rank())
    nu = scale * problem.weights * problem.without_biases(problem.y - plain)
    return feasible_bound(problem, nu)


def feasible_bound(problem: MatrixProblem, nu: Vector) -> float:
    """Return y . nu - sum nu^2 / (2 w), less what biases and a fixed trace cost; 0 if nu is infeasible."""
    value = float(problem.y @ nu) - 0.5 * float(np.sum(nu**2 / problem.weights)) - _bias_cost(problem, nu)
    spread = _scaled_spread(problem, nu)
    if problem.is_psd:
        top = _top(spread)
        if problem.has_unit_trace:
            return value - top
        return value if top <= problem.penalty * (1 + LAST_DIGITS) + _dust(problem, nu) else 0.0
    if not problem.penalty:
        return 0.0
    return value if is_norm_at_most(spread, problem.penalty * (1 + LAST_DIGITS)) else 0.0


def is_feasible_rigorously(problem: MatrixProblem, nu: Vector) -> bool:
    """Whether the constraint on a dual vector is proved, rounding included."""
    spread = _scaled_spread(problem, nu)
    if problem.is_psd:
        largest = (problem.penalty * (1 + LAST_DIGITS) + _dust(problem, nu)) * np.eye(len(spread))
        hermitian = (spread + spread.conj().T) / 2
        from lowland.core.complex_views import embed

        return problem.has_unit_trace or is_definite(embed(largest - hermitian))
    return is_norm_at_most(spread, problem.penalty * (1 + LAST_DIGITS))


def conjugate_bound(problem: MatrixProblem, scale: float) -> float:
    """Return the bound from the conjugates of the losses at slopes made feasible.

    For positive semidefinite X the slopes are moved by `scale` towards 1, otherwise multiplied by it.
    """
    slopes = problem.losses.each("slope", problem.predictions(), problem.y)
    if problem.is_psd:
        moved = slopes + scale * (1 - slopes)
        lowest = -_top(-problem.spread(problem.weights * moved)) + problem.penalty
        conjugates = float(np.sum(problem.weights * problem.losses.conjugates(moved, problem.y)))
        if problem.has_unit_trace:
            return -conjugates + lowest
        return -conjugates if lowest >= -_dust(problem, problem.weights * moved) else 0.0
    if not problem.penalty or not 0 <= scale <= 1:
        return 0.0
    if problem.free and not (problem.bias_penalty and "global" not in problem.free):
        return 0.0  # over a free bias the objective may have no lower bound
    nu = -scale * problem.weights * slopes
    value = -float(np.sum(problem.weights * problem.losses.conjugates(scale * slopes, problem.y)))
    value -= _bias_cost(problem, nu)
    return value if is_norm_at_most(_scaled_spread(problem, nu), problem.penalty * (1 + LAST_DIGITS)) else 0.0


def rank_bound(problem: MatrixProblem, mu: float) -> float:
    """Return the bound over matrices of the rank if the data term grows by mu/2 |Y - X|^2, else 0."""
    if problem.free or problem.has_unit_trace or not problem.losses.is_squared or not mu > 0:
        return 0.0
    if not _grows(problem, mu * (1 - LAST_DIGITS)):
        return 0.0
    x, g = problem.low_rank(), problem.spread(problem.slopes)
    if problem.is_psd:
        g = (g + g.conj().T) / 2
        kept = np.sort(np.maximum(np.linalg.eigvalsh(x - g / mu), 0.0))[::-1][: problem.rank]
    else:
        kept = np.linalg.svd(x - g / mu, compute_uv=False)[: problem.rank]
    gap = float(np.vdot(g, x).real) + mu / 2 * (float(np.sum(kept**2)) - float(np.linalg.norm(x) ** 2))
    return problem.data_term() - max(gap, 0.0)


def _grows(problem: MatrixProblem, mu: float) -> bool:
    """Whether the weighted squares of the measurements of Z are proved to be at least mu |Z|^2."""
    m, n = problem.shape
    if problem.cells is not None:
        sums = np.bincount(problem.cells[0] * n + problem.cells[1], problem.weights, minlength=m * n)
        return bool(sums.min() >= mu)
    if problem.matrices is None or problem.is_complex or m * n > MOST_UNKNOWNS:
        return False
    table = np.sqrt(problem.weights)[:, None] * problem.matrices.reshape(problem.y.size, -1)
    if problem.is_psd:
        i, j = np.tril_indices(n)
        cube = table.reshape(-1, n, n)
        table = np.where(i == j, cube[:, i, j], (cube[:, i, j] + cube[:, j, i]) / np.sqrt(2))
    if len(table) < table.shape[1]:
        return False
    charge = 1e-13 * float(np.sum(table**2))
    return is_definite(table.T @ table - mu * np.eye(table.shape[1]), charge)


def _scaled_spread(problem: MatrixProblem, nu: Vector) -> Matrix:
    spread = problem.spread(nu)
    if problem.by_row is None and problem.by_column is None:
        return spread
    return np.asarray(spread / np.sqrt(np.outer(*problem.side_weights)))


def _bias_cost(problem: MatrixProblem, nu: Vector) -> float:
    """Return what a ridge on biases takes off the bound; free ones, which are refitted, take nothing."""
    if not problem.bias_penalty or problem.cells is None:
        return 0.0
    total, spread = 0.0, problem.spread(nu)
    for side, axis, weights in zip(("row", "column"), (1, 0), problem.side_weights, strict=True):
        if side in problem.free:
            total += float(np.sum(spread.sum(axis=axis) ** 2 / weights))
    return total / (2 * problem.bias_penalty)


def _top(matrix: Matrix) -> float:
    """Return the largest eigenvalue of the Hermitian part."""
    return float(np.linalg.eigvalsh((matrix + matrix.conj().T) / 2)[-1])


def _dust(problem: MatrixProblem, nu: Vector) -> float:
    """Return the rounding of A* nu, up to which an eigenvalue counts as not positive."""
    return 1e-12 * largest_proved(np.abs(problem.spread(np.abs(nu))))
