"""Leaving a bad ending: through a higher rank and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.records import Factors, SearchResult
from lowland.objectives import RecoveryObjective
from lowland.search.sequence import continued, joined
from lowland.search.stepper import Stepper
from lowland.sensing.attempt import AttemptInputs
from lowland.sensing.rank_increment import UNFIT, padded, widen

# components smaller than this, relative to the largest, may be redundant
SPARE_COMPONENT = 1e-3


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
    sizes = np.linalg.norm(objective.matrix(canonical).left, axis=0) ** 2
    value = objective.value(theta)
    for rank in range(1, objective.rank):
        if not sizes[rank] <= SPARE_COMPONENT * sizes[0]:
            continue
        narrow = objective.resized(rank)
        start = truncate(objective, canonical, narrow)
        result = search_and_polish(narrow, steppers, start, AttemptInputs(rng), enough=enough)
        if result.stop_reason not in UNFIT and result.value <= max(enough, value * (1 + 1e-9)):
            theta = padded(objective, narrow.matrix(result.theta))
            return replace(result, theta=theta, solver=f"{result.solver} at rank {rank}")
        return None
    return None


def bump_rank(objective: RecoveryObjective, theta: Vector, rng: np.random.Generator) -> Vector:
    """Return the point with one more column, along which the objective over all ranks falls fastest."""
    return widen(objective.resized(objective.rank + 1), theta, rng)


def truncate(wide: RecoveryObjective, theta: Vector, objective: RecoveryObjective) -> Vector:
    """Return the leading components of a point of higher rank."""
    factors = wide.matrix(wide.canonical(theta))
    keep = slice(0, objective.rank)
    return objective.from_factors(Factors(factors.left[:, keep], factors.right[:, keep]))
