"""Lower bounds on the error of every Tucker fit from singular values of flattenings.

A tensor of Tucker ranks r, flattened to a matrix with the modes in G as rows, has rank at most the product of
the ranks in G, and of those not in G. So no fit is better than the best matrix of that rank. For every G

    ||X - T||^2 >= sum of the squares of the singular values of T_(G) beyond that rank.

Flattenings are compared by computed singular values; what the best of them leaves is then proved (`tails`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import final

import numpy as np

from lowland.certificates.factorisations import eigenvalues, singular_values, triangle
from lowland.certificates.gaps.exact_fit import ExactFit, half_units, judge_exact_fit, root_places
from lowland.certificates.settings import Judgement
from lowland.core.arrays import Matrix, Vector
from lowland.core.error_free import close_residual
from lowland.core.results.findings import Finding, undecided
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.rounding import gamma, unit_roundoff
from lowland.core.work import CALL, UNLIMITED, Budget, eigenvalue_work, touch
from lowland.tensors.capabilities import CellFit
from lowland.tensors.certificates.tails import proof_work, proved_tail
from lowland.tensors.kernels.mode_products import mode_gram

CLAIM = "globally_optimal"
# bound on the error of a computed tail, in roundings of the tensor's norm per row of the flattening
ROUNDINGS = 8
# tails below this fraction of the sum of squares are computed from singular values, not from squares
SQUARES = 1e-9


def judge_flattenings(objective: CellFit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge global optimality of a fit of a tensor.

    Parameters
    ----------
    objective : Objective
        An objective of Tucker or of CP decompositions, in float64.
    theta : ndarray, shape (size,)
    given : Judgement

    Returns
    -------
    list of Finding
        PROVED if the objective, rounded up, is within the gap tolerance of a lower bound, rounded down, or
        zero to rounding; SUPPORTED if it is before both are rounded; INCONCLUSIVE otherwise: the bound is
        often not attained. With missing cells or weights there is no such bound.
    """
    settings, value = given.settings, float(objective.value(theta))
    if not np.isfinite(value):
        return [undecided(CLAIM, because("objective_overflow"))]
    if is_exact(objective, theta, settings.zero_tolerance):
        finding = judge_exact_fit(CLAIM, _measured(objective, theta), settings)
        if finding is not None:
            return [finding]
    tensor = objective.full_tensor
    if tensor is None:
        return [undecided(CLAIM, because("no_bound"))]
    bound = best_bound(tensor, objective.flat_rank, settings.largest_dense, given.budget)
    (_, upper), tolerance = objective.value_bounds(theta), settings.gap_tolerance
    proved = _gap(upper, bound.proved) * (1 + 1e-12) <= tolerance
    # what rounding, charged at its worst, leaves open
    supported = not proved and _gap(value, bound.computed) <= tolerance
    most, least = (value, bound.computed) if supported else (upper, bound.proved)
    verdict = Verdict.PROVED if proved else Verdict.SUPPORTED if supported else Verdict.INCONCLUSIVE
    finding = Finding(
        CLAIM,
        verdict,
        _gap(most, least),
        tolerance,
        tolerance,
        reason=because("flattening", modes=bound.modes),
        rigour=Rigour.WORKING_PRECISION if supported else Rigour.RIGOROUS,
        witness={
            "lower_bound": 0.5 * least**2,
            "error": float(np.sqrt(2 * value)),
            "least_error": least,
            "ratio": float(np.sqrt(2 * value)) / least if least > 0 else float("inf"),
            "modes": np.array(bound.modes),
        },
        limited_by=bound.limit,
    )
    return [finding]


def _gap(value: float, error: float) -> float:
    """Return the gap of an objective to the least error, as a share of it; one if it underflowed to zero."""
    return (value - 0.5 * error**2) / value if 0 < value < np.inf else 1.0


@final
@dataclass(frozen=True)
class FlatBound:
    """What a flattening says of every fit.

    Parameters
    ----------
    proved, computed : float
        The root sum of squares of its singular values beyond the rank: a proved lower bound, and as computed.
    modes : tuple of int
        Its rows.
    limit : str
        The limit that excluded others.
    """

    proved: float
    computed: float
    modes: tuple[int, ...]
    limit: str


def best_bound(
    tensor: Matrix,
    flat_rank: Callable[[tuple[int, ...]], int],
    largest: int,
    budget: Budget = UNLIMITED,
) -> FlatBound:
    """Return the largest lower bound on any fit's error that a flattening gives.

    Parameters
    ----------
    tensor : ndarray
    flat_rank : callable
        Takes modes; returns the largest rank of the flattening with these as rows.
    largest : int
        Largest side of a matrix that is factored.
    budget : Budget
        Flattenings are left out that would leave no work for the proof.
    """
    best, limit, proof = 0.0, "", 0.0
    group: tuple[int, ...] = (0,)
    beyond = 0
    for modes in groups(tensor.ndim):
        rank = flat_rank(modes)
        rows = prod(tensor.shape[n] for n in modes)
        few = min(rows, tensor.size // rows)
        if few <= rank:
            continue
        work = CALL * 4 + tensor.size * (4.0 + few / 24) + 2 * eigenvalue_work(few)
        proof = max(proof, proof_work(few, tensor.size // few) + 2 * eigenvalue_work(few))
        if few > largest or not budget.allows(work + proof):
            limit = "largest_dense" if few > largest else budget.name
            continue
        touch(work)
        size = tail(tensor, modes, rank)
        if size > best:
            best, group, beyond = size, modes, rank
    return FlatBound(proved_tail(tensor, group, beyond) if best > 0 else 0.0, best, group, limit)


def groups(order: int) -> Iterator[tuple[int, ...]]:
    """Yield the sets of modes that become rows: single modes, and for four modes or more each split once."""
    for size in range(1, order // 2 + 1):
        for modes in combinations(range(order), size):
            if 2 * size < order or 0 in modes or size == 1:
                yield modes


def tail(tensor: Matrix, modes: tuple[int, ...], rank: int) -> float:
    """Return the root sum of squares of a flattening's singular values beyond a rank, less likely rounding.

    It is computed from the eigenvalues of the Gram matrix if they leave enough digits, otherwise by an
    orthogonal factorisation.
    """
    square = float(np.vdot(tensor, tensor))
    rows = prod(tensor.shape[n] for n in modes)
    few = min(rows, tensor.size // rows)
    slack = ROUNDINGS * few * np.finfo(float).eps
    if len(modes) == 1 and rows == few:
        gram = mode_gram(tensor, tensor, modes[0])
    else:
        flat = _flat(tensor, modes)
        gram = flat @ flat.T
    values = eigenvalues(gram)
    left = float(np.maximum(values[: few - rank], 0).sum()) - slack * square
    if left > SQUARES * square:
        return float(np.sqrt(left))
    sizes = singular_values(triangle(_flat(tensor, modes).T))
    return float(max(np.linalg.norm(sizes[rank:]) - slack * np.sqrt(square), 0.0))


def _flat(tensor: Matrix, modes: tuple[int, ...]) -> Matrix:
    """Return a flattening, transposed if it has more rows than columns."""
    others = tuple(n for n in range(tensor.ndim) if n not in modes)
    flat: Matrix = np.transpose(tensor, (*modes, *others)).reshape(prod(tensor.shape[n] for n in modes), -1)
    return flat if flat.shape[0] <= flat.shape[1] else flat.T


def relative_misfit(objective: CellFit, theta: Vector) -> float:
    """Return the largest residual relative to its own datum or to the typical datum of its slices.

    The larger of the two is used; among slices, the one with the smallest data.
    """
    worst, share = 0.0, _share_of_datum(objective)
    for here, predicted in objective.slabs(theta):
        worst = float(np.maximum(worst, share(here, np.abs(predicted - objective.y[here]))))  # NaN stays
    return worst


def _share_of_datum(objective: CellFit) -> Callable[[slice, Vector], float]:
    """Return the largest of some residuals relative to their own data, or typical ones, as a function."""
    data = objective.data
    sides = zip(data.slice_squares(), data.slice_counts(), strict=True)
    usual = [np.sqrt(squares / np.maximum(counts, 1)) for squares, counts in sides]

    def share(here: slice, residual: Vector) -> float:
        unit = np.maximum(np.abs(objective.y[here]), data.least_of_slices(usual, here))
        shares = np.divide(residual, unit, out=np.where(residual > 0, np.inf, 0.0), where=unit > 0)
        return float(shares.max(initial=0.0))

    return share


def _measured(objective: CellFit, theta: Vector) -> ExactFit:
    """Return how close a tensor is to its data, all rounding included where numbers are in range."""
    floor, weights, share = half_units(objective), objective.weights, _share_of_datum(objective)
    squares = worst = 0.0
    for here, close in objective.close_slabs(theta):
        residual, error = close_residual(objective.y[here], close)
        residual = (np.abs(residual) + error) * (1 + 4 * unit_roundoff("float64"))
        worst = float(np.maximum(worst, share(here, residual)))
        squares += float(residual @ (residual if weights is None else weights[here] * residual))
    if not np.isfinite(squares):
        squares = objective.data_value(theta)
        usual = relative_misfit(objective, theta)
        return ExactFit(float("inf"), floor, root_places(squares, floor), usual, is_bounded=False)
    upper = 0.5 * squares * (1 + gamma(objective.y.size + 16))
    paid = sum(float(p.value(theta) + p.value_error(theta)) for p in objective.penalties)
    places = root_places(upper, floor) * (1 + 1e-12)
    return ExactFit((upper + paid) * (1 + 1e-15), floor, places, worst * (1 + 1e-12), is_bounded=True)


def is_exact(objective: CellFit, theta: Vector, zero: float) -> bool:
    """Return whether every datum is reproduced to rounding, and the regulariser is negligible."""
    penalty = sum(float(p.value(theta)) for p in objective.penalties)
    return bool(relative_misfit(objective, theta) <= zero and penalty <= 1e-20 * float(objective.square))
