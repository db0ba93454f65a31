"""Lower bounds on an objective, derived again from the one number, or vector, that a finding attaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.complex_views import embed
from lowland.core.rounding import gamma
from lowland.recheck.bounds import is_definite, is_norm_at_most
from lowland.recheck.matrices.derivatives import MOST_UNKNOWNS
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.rounding import at_ends

# by how much a multiple of the dual vector may exceed its constraint: the last digits of a computed norm
LAST_DIGITS = 1e-7
# rounding charged to a sum of products, as a fraction of the sum of their sizes
UNIT = 32 * float(np.finfo(float).eps)


@final
@dataclass(frozen=True)
class Lower:
    """A lower bound as computed, how much rounding may have raised it, and what caution has taken off."""

    value: float
    charge: float = 0.0
    caution: float = 0.0


NOTHING = Lower(0.0)


def dual_bound(problem: MatrixProblem, scale: float, value: float) -> Lower:
    """Return the bound of a multiple of the weighted residual, with free biases refitted; 0 if infeasible.

    nu satisfies |A* nu|_2 <= penalty, in units of the sides' weights, or A* nu <= penalty I for positive
    semidefinite X; with unit trace, the largest eigenvalue is paid instead.
    """
    if problem.free and problem.cells is None:
        return NOTHING
    plain = problem.measure(problem.low_rank())
    nu = scale * problem.weights * problem.without_biases(problem.y - plain)
    return feasible_bound(problem, nu, value)


def feasible_bound(problem: MatrixProblem, nu: Vector, value: float) -> Lower:
    """Return y . nu - sum nu^2 / (2 w), less what biases, a fixed trace and rounding cost; 0 if infeasible.

    Parameters
    ----------
    problem : MatrixProblem
    nu : ndarray, shape (p,)
    value : float
        The objective, which better points do not exceed.
    """
    centred = _centred(problem)
    square = nu**2 / problem.weights
    cost, astray = _bias_cost(problem, nu, value)
    bound = float(centred @ nu) - 0.5 * float(np.sum(square)) - cost
    spread = _scaled_spread(problem, nu)
    charge = astray + UNIT * (float(np.abs(centred) @ np.abs(nu)) + float(np.sum(square)))
    if problem.is_psd and problem.has_unit_trace:
        return Lower(bound - _top(spread), charge + UNIT * float(np.linalg.norm(spread)))
    if problem.is_psd:
        feasible = _is_below(problem.penalty, spread)
    else:
        feasible = problem.penalty > 0 and is_norm_at_most(spread, problem.penalty * (1 + LAST_DIGITS))
    return Lower(bound, charge) if feasible else NOTHING


def _is_below(limit: float, spread: Matrix) -> bool:
    """Whether limit I - spread is proved to be positive semidefinite, but for last digits of the limit."""
    hermitian = (spread + spread.conj().T) / 2
    room = limit * (1 + LAST_DIGITS) * np.eye(len(spread))
    return is_definite(embed(room - hermitian))


def _centred(problem: MatrixProblem) -> Vector:
    """Return the data without what biases that cost nothing can take off: nu is orthogonal to it."""
    if not problem.free or problem.cells is None:
        return problem.y
    if not problem.bias_penalty:
        return problem.without_biases(problem.y)
    overall = "global" in problem.free
    return np.asarray(problem.y - np.average(problem.y, weights=problem.weights)) if overall else problem.y


def conjugate_bound(problem: MatrixProblem, scale: float) -> Lower:
    """Return the bound from the conjugates of the losses at slopes made feasible.

    For positive semidefinite X the slopes are moved by `scale` towards 1, otherwise multiplied by it.
    """
    slopes = problem.losses.each("slope", problem.predictions(), problem.y)
    if problem.is_psd:
        moved = slopes + scale * (1 - slopes)
        spread = -problem.spread(problem.weights * moved)
        bound, charge = _conjugates(problem, moved)
        if problem.has_unit_trace:
            return Lower(bound - _top(spread), charge + UNIT * float(np.linalg.norm(spread)))
        return Lower(bound, charge) if _is_below(problem.penalty, spread) else NOTHING
    if not problem.penalty or not 0 <= scale <= 1:
        return NOTHING
    if problem.free and not (problem.bias_penalty and "global" not in problem.free):
        return NOTHING  # over a free bias the objective may have no lower bound
    nu = -scale * problem.weights * slopes
    bound, charge = _conjugates(problem, scale * slopes)
    feasible = is_norm_at_most(_scaled_spread(problem, nu), problem.penalty * (1 + LAST_DIGITS))
    # a part of the width of steep losses
    below, above = at_ends(problem, "slope")
    moved = scale * problem.weights * np.abs(above - below)
    charge += float(np.sum(moved * (np.abs(problem.y) + np.abs(problem.predictions()))))
    cost, astray = _bias_cost(problem, nu, 0.0, moved)
    return Lower(bound - cost, charge + astray) if feasible else NOTHING


def _conjugates(problem: MatrixProblem, slopes: Vector) -> tuple[float, float]:
    """Return minus the sum of the conjugates, and a bound on its rounding."""
    terms = problem.weights * problem.losses.conjugates(slopes, problem.y)
    sizes = np.abs(terms) + problem.weights * np.abs(slopes) * (1 + np.abs(problem.y))
    return -float(np.sum(terms)), UNIT * float(np.sum(sizes))


def rank_bound(problem: MatrixProblem, mu: float) -> Lower:
    """Return the bound over matrices of the rank if the data term grows by mu/2 |Y - X|^2, else 0."""
    if problem.free or problem.has_unit_trace or not problem.losses.is_squared or not mu > 0:
        return NOTHING
    stated, mu = mu, mu * (1 - LAST_DIGITS)
    if not _grows(problem, mu):
        return NOTHING
    x, g = problem.low_rank(), problem.spread(problem.slopes)
    if problem.is_psd:
        g = (g + g.conj().T) / 2
        kept = np.sort(np.maximum(np.linalg.eigvalsh(x - g / mu), 0.0))[::-1][: problem.rank]
    else:
        kept = np.linalg.svd(x - g / mu, compute_uv=False)[: problem.rank]
    size, steep = float(np.linalg.norm(x)), float(np.linalg.norm(g))
    gap = float(np.vdot(g, x).real) + mu / 2 * (float(np.sum(kept**2)) - size**2)
    noise = steep * size + mu * size**2 + mu * float(np.sum(kept**2))
    caution = (stated - mu) * (size**2 + float(np.sum(kept**2)))
    return Lower(float(problem.data_term() - max(gap, 0.0)), UNIT * max(x.shape) * noise, caution)


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


def _bias_cost(
    problem: MatrixProblem, nu: Vector, value: float, moved: Vector | None = None
) -> tuple[float, float]:
    """Return what biases take off the bound by their ridge, and what rounding of that and of free ones costs.

    Nothing holds the latter. At a better point than `value` biases add up to no more than data, residuals and
    matrix together; free ones of both sides, one of which is set to zero, grow by that along each of a chain
    of cells that leads through every line. The dual vector itself may have moved.
    """
    if problem.cells is None or not problem.free:
        return 0.0, 0.0
    weights = dict(zip(("row", "column"), problem.side_weights, strict=True))
    sums, sizes = _line_sums(problem, nu), _line_sums(problem, np.abs(nu))
    off = {side: np.zeros(1) for side in sums} if moved is None else _line_sums(problem, moved)
    reach = float(np.abs(_centred(problem)).max()) + float(np.sqrt(2 * value / problem.weights.min()))
    if problem.penalty:
        reach += value / problem.penalty / float(np.sqrt(weights["row"].min() * weights["column"].min()))
    lines = [side for side in problem.free if side != "global"]
    if not problem.bias_penalty and lines:
        nodes = sum(problem.shape) if len(lines) == 2 else 1
        return 0.0, nodes * reach * sum(float(np.sum(np.abs(sums[s]) + UNIT * sizes[s])) for s in lines)
    held = {side: weights[side] * problem.bias_penalty for side in lines}
    count = max(int(np.bincount(positions).max()) for positions in problem.cells)
    squares = [
        sum(
            float(np.sum((np.abs(sums[side]) + lost * sizes[side] + share * off[side]) ** 2 / h))
            for side, h in held.items()
        )
        for share, lost in ((0.0, 0.0), (1.0, gamma(count + 8)))
    ]
    reach += 2 * float(np.sqrt(2 * value / min((h.min() for h in held.values()), default=np.inf)))
    astray = np.sum(np.abs(sums["global"]) + UNIT * sizes["global"]) if "global" in problem.free else 0.0
    return squares[0] / 2, float(astray) * reach + (squares[1] - squares[0]) / 2


def _line_sums(problem: MatrixProblem, numbers: Vector) -> dict[str, Vector]:
    """Return sums over the cells of each row, of each column, and of all."""
    spread = problem.spread(numbers)
    return {"row": spread.sum(axis=1), "column": spread.sum(axis=0), "global": np.array([spread.sum()])}


def _top(matrix: Matrix) -> float:
    """Return the largest eigenvalue of the Hermitian part."""
    return float(np.linalg.eigvalsh((matrix + matrix.conj().T) / 2)[-1])
