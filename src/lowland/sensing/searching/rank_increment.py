"""Rank increment: solve at rank one, add the leading direction of the residual, solve again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.results.records import Factors, SearchResult
from lowland.core.results.status import StopReason
from lowland.objectives import RecoveryObjective
from lowland.search import Iterations, RelativeDecreaseBelow, run
from lowland.search.loop import Callback
from lowland.search.starts import leading_factors
from lowland.search.stepper import Stepper
from lowland.search.stops import StopRule

# stop reasons after which the search does not go on
UNFIT = (StopReason.INTERRUPTED, StopReason.NON_FINITE)
# lower ranks need only find the neighbourhood; a new component may take some steps to emerge
ROUGH = RelativeDecreaseBelow(0.02, 4, 8) | Iterations(60)


@public("lowland")
def raise_rank(
    objective: RecoveryObjective,
    stepper: Stepper[Any],
    rng: np.random.Generator,
    *,
    stop: StopRule,
    callbacks: Sequence[Callback] = (),
) -> SearchResult:
    """Search at ranks 1, 2, ... up to that of the objective, each starting where the previous one ended.

    Parameters
    ----------
    objective : RecoveryObjective
        Without biases.
    stepper : Stepper
    rng : numpy.random.Generator
    stop : StopRule
        When the last rank's search ends; lower ranks end after a few steps.
    callbacks : sequence of callable
        For the search at the last rank.

    Returns
    -------
    SearchResult
        Of the last rank, with the iterations and seconds of all ranks.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.search import Iterations, ValueBelow, VariableProjection
    >>> from lowland import raise_rank
    >>> case = ll.datasets.planted_completion((30, 20), 3, 1.4, rng=1, least=4)
    >>> solver, stop = VariableProjection(), ValueBelow(1e-12) | Iterations(60)
    >>> at_once = ll.recover(case.measurement, case.y, rank=3, solver=solver, stop=stop, certify=False, rng=0)
    >>> by_rank = raise_rank(at_once.objective, solver, np.random.default_rng(0), stop=stop)
    >>> at_once.search.converged, by_rank.converged
    (False, True)
    """
    iterations, seconds, work = 0, 0.0, 0.0
    result: SearchResult | None = None
    for rank in range(1, objective.rank + 1):
        at_rank = objective.resized(rank)
        # the state's point: at lower ranks the smallest misfit is not the best point to continue from
        theta = widen(at_rank, result.state.theta if result else None, rng)
        last = rank == objective.rank
        result = run(
            at_rank,
            stepper,
            theta,
            stop=stop if last else ROUGH,
            rng=rng,
            callbacks=callbacks if last else (),
        )
        iterations, seconds = iterations + result.iterations, seconds + result.seconds
        work += result.work
        if result.stop_reason in UNFIT:
            break
    assert result is not None
    if result.theta.size < objective.size:  # ended early: missing components are zero
        result = replace(result, theta=padded(objective, at_rank.matrix(result.theta)))
    solver = f"{stepper.name}, rank by rank"
    return replace(result, iterations=iterations, seconds=seconds, work=work, solver=solver)


def padded(objective: RecoveryObjective, factors: Factors) -> Vector:
    """Return the point of factors of lower rank, with zeros for the missing components."""
    zeros = ((0, 0), (0, objective.rank - factors.width))
    return objective.from_factors(Factors(np.pad(factors.left, zeros), np.pad(factors.right, zeros)))


def widen(
    objective: RecoveryObjective,
    theta: Vector | None,
    rng: np.random.Generator,
    misfit: Vector | None = None,
) -> Vector:
    """Return a point with one more column: the leading direction of the residual, optimally scaled.

    The residual may be known more accurately: `misfit` is predictions less data.
    """
    narrow = objective.resized(objective.rank - 1) if theta is not None else None
    residual = objective.y if narrow is None or theta is None else objective.y - narrow.predict(theta)
    residual = residual if misfit is None else -misfit
    single = objective.resized(1)
    left, right = leading_factors(objective.adjoint(objective.weighted(residual)), single, rng)
    change = objective.measurement.measure(Factors(left, right))
    energy = float(change @ objective.weighted(change))
    length = max(float(change @ objective.weighted(residual)) / energy, 0.0) if energy > 0 else 1.0
    left, right = (side * np.sqrt(length).astype(objective.dtype) for side in (left, right))
    if narrow is not None and theta is not None:
        before = narrow.matrix(theta)
        left, right = np.hstack([before.left, left]), np.hstack([before.right, right])
    return objective.from_factors(Factors(left, right))
