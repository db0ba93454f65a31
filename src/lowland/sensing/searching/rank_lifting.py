"""Leaving a bad ending: through a higher rank and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.records import Factors, SearchResult
from lowland.objectives import RecoveryObjective
from lowland.objectives.close_up import accurate_residual, make_close_up
from lowland.search import GaussNewton, Iterations, RelativeDecreaseBelow, run
from lowland.search.sequence import continued, joined, refined
from lowland.search.stepper import Stepper
from lowland.sensing.searching.attempt import AttemptInputs
from lowland.sensing.searching.rank_increment import UNFIT, padded, widen
from lowland.sensing.searching.solvers import data_energy

# components smaller than this, relative to the largest, may be redundant, if they explain no more than this
# share of the data: where a search has run away, all others are small beside what no cell has seen
SPARE_COMPONENT, EXPLAINED = 1e-3, 1e-2
# steps with accurate residuals, each a tenth better at least: the last digits need about five
SHARP_STEPS = RelativeDecreaseBelow(0.1, 2) | Iterations(30)


def search_and_polish(
    objective: RecoveryObjective,
    steppers: Sequence[Stepper[Any]],
    theta: Vector,
    at: AttemptInputs,
    *,
    enough: float,
) -> SearchResult:
    """Search with one stepper after the other, until the objective is at most `enough`."""
    result: SearchResult | None = None
    for stepper in steppers:
        start = theta if result is None else result.state.theta
        following = at.run(objective, stepper, start)
        result = following if result is None else joined(result, following)
        if result.stop_reason in UNFIT or result.value <= enough:
            break
    assert result is not None
    return result


def through_higher_rank(
    objective: RecoveryObjective,
    steppers: Sequence[Stepper[Any]],
    theta: Vector,
    rank: int,
    at: AttemptInputs,
    *,
    enough: float,
) -> SearchResult:
    """Search at a higher rank from a point of that rank, keep the leading components, search again.

    With extra columns, the objective can decrease from minima that are spurious at the rank itself.
    """
    wide = objective.resized(rank)
    first = replace(at, callbacks=()).run(wide, steppers[0], theta)
    start = truncate(wide, first.state.theta, objective)
    if first.stop_reason in UNFIT:
        return replace(first, theta=start, value=objective.value(start), state=None)
    second = search_and_polish(objective, steppers, start, at, enough=enough)
    solver = f"{first.solver} at rank {rank}, then {second.solver}"
    return replace(continued(first, second), solver=solver)


def drop_spare_rank(
    objective: RecoveryObjective,
    steppers: Sequence[Stepper[Any]],
    theta: Vector,
    rng: np.random.Generator,
    *,
    enough: float,
) -> SearchResult | None:
    """Search at the rank that the singular values show, and return it if the objective is no worse.

    A search with redundant columns converges slowly, because the Hessian at its end is singular; at the
    right rank a few steps polish the same point.

    Returns
    -------
    SearchResult or None
        At a lower rank, its point padded with zeros to the objective's size; None if no component is
        redundant.
    """
    canonical = objective.canonical(theta)
    sizes = component_sizes(objective, canonical)
    value = objective.value(theta)
    for rank in range(1, objective.rank):
        if not sizes[rank] <= SPARE_COMPONENT * sizes[0]:
            continue
        narrow = objective.resized(rank)
        start = truncate(objective, canonical, narrow)
        if narrow.value(start) > max(2 * value, EXPLAINED * data_energy(objective)):
            return None
        result = search_and_polish(narrow, steppers, start, AttemptInputs(rng), enough=enough)
        if result.stop_reason not in UNFIT and result.value <= max(enough, value * (1 + 1e-9)):
            theta = padded(objective, narrow.matrix(result.theta))
            return replace(result, theta=theta, solver=f"{result.solver} at rank {rank}")
        return None
    return None


def component_sizes(objective: RecoveryObjective, canonical: Vector) -> Vector:
    """Return the singular values of the matrix of a canonical point."""
    return np.asarray(np.linalg.norm(objective.matrix(canonical).left, axis=0) ** 2)


def sharpened(
    objective: RecoveryObjective, result: SearchResult, rng: np.random.Generator, *, enough: float
) -> SearchResult | None:
    """Return a result after Gauss-Newton steps with accurate residuals, in which small components count.

    In plain arithmetic, residuals are off by the rounding of the largest component, and components much
    smaller than it are lost in that. If a residual above `enough` remains, they are found again, one by one.

    Returns
    -------
    SearchResult or None
        No worse, its value as if computed in twice the precision; None if the problem does not offer them.
    """
    factors = objective.matrix(result.theta)
    used = (factors.left != 0).any(axis=0) & (factors.right != 0).any(axis=0)
    if not used.any():
        return None
    narrow = objective.resized(int(used.sum()))
    theta = narrow.canonical(narrow.from_factors(Factors(factors.left[:, used], factors.right[:, used])))
    better = _sharp_end(narrow, theta, rng)
    if better is not None and better.value > enough:
        sizes = component_sizes(narrow, theta)
        first = int(np.sum(sizes > SPARE_COMPONENT * sizes[0]))
        again = _one_by_one(narrow, theta, first, rng) if first < narrow.rank else None
        better = better if again is None else joined(better, again)
    if better is None:
        return None
    return refined(result, replace(better, theta=padded(objective, narrow.matrix(better.theta))))


def _sharp_end(objective: RecoveryObjective, theta: Vector, rng: np.random.Generator) -> SearchResult | None:
    """Return where steps with accurate residuals end, from a balanced point; None if there are none."""
    near = make_close_up(objective, theta)
    if near is None:
        return None
    end = run(near, GaussNewton(inner="lsqr"), near.inside(theta), stop=SHARP_STEPS, rng=rng)
    return replace(end, theta=near.point(end.theta))


def _one_by_one(
    objective: RecoveryObjective, theta: Vector, first: int, rng: np.random.Generator
) -> SearchResult | None:
    """Keep the first components of a balanced point, and find the others along the accurate residual."""
    end: SearchResult | None = None
    for rank in range(first, objective.rank + 1):
        at_rank = objective.resized(rank)
        start = truncate(objective, theta, at_rank)
        if end is not None:
            residual = accurate_residual(objective.resized(rank - 1), end.theta)
            start = at_rank.canonical(widen(at_rank, end.theta, rng, residual))
        following = _sharp_end(at_rank, start, rng)
        if following is None:
            return None
        end = following if end is None else continued(end, following)
    return end


def bump_rank(objective: RecoveryObjective, theta: Vector, rng: np.random.Generator) -> Vector:
    """Return the point with one more column, along which the objective over all ranks falls fastest."""
    return widen(objective.resized(objective.rank + 1), theta, rng)


def truncate(wide: RecoveryObjective, theta: Vector, objective: RecoveryObjective) -> Vector:
    """Return the leading components of a point of higher rank."""
    factors = wide.matrix(wide.canonical(theta))
    keep = slice(0, objective.rank)
    return objective.from_factors(Factors(factors.left[:, keep], factors.right[:, keep]))
