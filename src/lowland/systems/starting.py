"""The starts of a recovery: which searches are tried, in what order, and when they suffice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.core.records import SearchResult
from lowland.core.status import StopReason
from lowland.measure import Entries
from lowland.objectives import RecoveryObjective
from lowland.search import (
    GaussNewton,
    Iterations,
    RelativeDecreaseBelow,
    VariableProjection,
    make_start,
    run,
)
from lowland.search.loop import Callback
from lowland.search.stops import StopRule
from lowland.systems.rank_increment import raise_rank
from lowland.systems.solvers import default_stop, exact_value, make_solver, warmed_alternating

# without a penalty, a first start that leaves a residual is followed by up to this many others
AUTO_RESTARTS = 6
# three starts whose objectives agree to this are taken for the same answer ...
AGREEMENT = 1e-6
# ... unless starts are so cheap (measurements times unknowns) that all of them may as well be tried:
# false minima are found again and again too
CHEAP = 200_000
# ends from which nothing goes on
UNFIT = (StopReason.INTERRUPTED, StopReason.NON_FINITE)


def plan_starts(
    objective: RecoveryObjective, solver: Any, start: Any, n_restarts: int | str, rng: np.random.Generator
) -> list[tuple[str, Any]]:
    """Return the starts in order, each as a name and a function that runs it."""
    if n_restarts != "auto" and (not isinstance(n_restarts, int | np.integer) or n_restarts < 0):
        raise InvalidInputError('n_restarts must be "auto" or at least 0', repr(n_restarts))
    restarts = AUTO_RESTARTS if n_restarts == "auto" else int(n_restarts)
    if n_restarts == "auto" and (objective.ridge or solver != "auto"):
        restarts = 0
    first = "spectral" if isinstance(start, str) and start == "auto" else start
    if solver != "auto":
        stepper = make_solver(solver)
        return [_plain(objective, stepper, first if k == 0 else "random") for k in range(1 + restarts)]
    if objective.ridge and objective.block_solver is not None:
        return [_blocks_then_newton(objective, first if k == 0 else "random") for k in range(1 + restarts)]
    newton = GaussNewton()
    if objective.elimination is not None and start == "auto":
        return _completion_plans(objective, restarts)
    plans = [_plain(objective, newton, first)]
    for k in range(restarts):
        if objective.block_solver is not None and isinstance(objective.measurement, Entries):
            plans.append(shrinking_penalty(objective))
        else:
            plans.append(_plain(objective, newton, ("small_random", "random")[k % 2]))
    return plans


def _completion_plans(objective: RecoveryObjective, restarts: int) -> list[tuple[str, Any]]:
    """Raise the rank with either factor eliminated, then the spectral start, then weaker priors."""
    plans = [rank_by_rank(objective, VariableProjection(side)) for side in ("columns", "rows")]
    plans.append(_plain(objective, GaussNewton(), "spectral"))
    plans += [rank_by_rank(objective, VariableProjection(side, surplus=0.4)) for side in ("columns", "rows")]
    blocks = objective.block_solver is not None
    while len(plans) < 1 + restarts:
        plans.append(shrinking_penalty(objective) if blocks else _plain(objective, GaussNewton(), "random"))
    return plans


def _plain(objective: RecoveryObjective, stepper: Any, start: Any) -> tuple[str, Any]:
    def search(
        rng: np.random.Generator, stop: StopRule | None, callbacks: Sequence[Callback]
    ) -> SearchResult:
        theta = make_start(objective, start, rng)
        rule = stop or default_stop(objective, stepper.name)
        return run(objective, stepper, theta, stop=rule, rng=rng, callbacks=callbacks)

    return start if isinstance(start, str) else "given", search


def _blocks_then_newton(objective: RecoveryObjective, start: Any) -> tuple[str, Any]:
    """Alternate until progress is slow, then finish with Gauss-Newton steps."""

    def search(
        rng: np.random.Generator, stop: StopRule | None, callbacks: Sequence[Callback]
    ) -> SearchResult:
        theta = make_start(objective, start, rng)
        stepper = warmed_alternating(objective, rng)
        rough = stop or (
            RelativeDecreaseBelow(1e-4, after=stepper.warm_up(objective.ridge)) | Iterations(500)
        )
        first = run(objective, stepper, theta, stop=rough, rng=rng, callbacks=callbacks)
        if first.stop_reason in UNFIT:
            return first
        rule = stop or default_stop(objective, "gauss_newton")
        second = run(objective, GaussNewton(), first.theta, stop=rule, rng=rng, callbacks=callbacks)
        return joined(first, second)

    return start if isinstance(start, str) else "given", search


def rank_by_rank(objective: RecoveryObjective, stepper: VariableProjection) -> tuple[str, Any]:
    """Raise the rank by variable projection; a residual that stays is polished by Gauss-Newton steps."""

    def search(
        rng: np.random.Generator, stop: StopRule | None, callbacks: Sequence[Callback]
    ) -> SearchResult:
        rule = stop or default_stop(objective, stepper.name)
        first = raise_rank(objective, stepper, rng, stop=rule, callbacks=callbacks)
        if first.stop_reason in UNFIT or first.value <= 4 * exact_value(objective):
            return first
        # the prior that led the way is no part of the objective
        rule = stop or default_stop(objective, "gauss_newton")
        second = run(objective, GaussNewton(), first.theta, stop=rule, rng=rng, callbacks=callbacks)
        return joined(first, second)

    return f"rank by rank, {stepper.side} eliminated", search


def joined(first: SearchResult, second: SearchResult) -> SearchResult:
    """Return the second of two searches in a row, with the names, steps and seconds of both."""
    return replace(
        second,
        solver=f"{first.solver}, then {second.solver}",
        iterations=first.iterations + second.iterations,
        seconds=first.seconds + second.seconds,
    )


def shrinking_penalty(objective: RecoveryObjective) -> tuple[str, Any]:
    """Alternate from a random start with a penalty that shrinks from sweep to sweep."""

    def search(
        rng: np.random.Generator, stop: StopRule | None, callbacks: Sequence[Callback]
    ) -> SearchResult:
        theta = make_start(objective, "random", rng)
        stepper = warmed_alternating(objective, rng)
        rule = stop or default_stop(objective, "alternating", after=stepper.warm_up(objective.ridge))
        return run(objective, stepper, theta, stop=rule, rng=rng, callbacks=callbacks)

    return "random, shrinking penalty", search


def is_settled(objective: RecoveryObjective, results: list[SearchResult]) -> bool:
    """Whether a further start would be a waste: the fit is exact, or three starts agree on the best."""
    values = sorted(result.value for result in results)
    if objective.ridge or values[0] <= 4 * exact_value(objective):
        return True
    if objective.measurement.size * objective.size <= CHEAP:
        return False
    return len(values) > 2 and values[2] - values[0] <= AGREEMENT * values[0]
