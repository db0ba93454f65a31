"""The attempts of a recovery: which searches are tried, in what order, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import Factors, SearchResult
from lowland.core.rounding import unit_roundoff
from lowland.measure import Entries
from lowland.objectives import RecoveryObjective
from lowland.search import (
    EmpiricalBayes,
    GaussNewton,
    Iterations,
    RelativeDecreaseBelow,
    TrustRegion,
    VariableProjection,
    make_start,
    run,
)
from lowland.search.sequence import joined, last_digits
from lowland.search.stepper import Stepper
from lowland.sensing.searching.attempt import AttemptInputs
from lowland.sensing.searching.rank_increment import UNFIT, raise_rank
from lowland.sensing.searching.rank_lifting import (
    SPARE_COMPONENT,
    bump_rank,
    component_sizes,
    drop_spare_rank,
    search_and_polish,
    sharpened,
    through_higher_rank,
)
from lowland.sensing.searching.solvers import (
    data_energy,
    default_stop,
    exact_value,
    make_solver,
    warmed_alternating,
)

# without a penalty, a first attempt that leaves a residual is followed by up to this many others
AUTO_RESTARTS = 6
# three attempts whose objectives agree to this fraction count as the same answer ...
AGREEMENT = 1e-6
# ... unless attempts are so cheap (measurements times unknowns) that all may as well be tried: searches
# also return to a false minimum again and again
CHEAP = 200_000
# Newton steps after another solver's end; from near a minimum a few suffice
POLISH_STEPS = 30
# relative residual from which Gauss-Newton steps may still lead to an exact fit: solvers that stop at a small
# gradient end just above what counts as one
NEARLY_EXACT = 1e-10
# relative residual up to which data do not tell a small component from rounding, theirs and that of sums
ROUNDED = 16 * unit_roundoff("float64")
# relative residual above which that of plain arithmetic has seven digits, enough to search by
INACCURATE = 1e-9
# a residual counts as no larger than another if its squares are at most this many times as large: the
# components between them also fit some of the rounding of data
SAME = 4.0


Start: TypeAlias = str | Factors | ArrayLike
Search: TypeAlias = Callable[[AttemptInputs], SearchResult]
# a name, and a function that searches, given what earlier attempts found
Plan: TypeAlias = tuple[str, Search]


def check_searches(solver: str | Stepper[Any], n_restarts: int | str) -> None:
    """Raise, before any work, if a solver is unknown or the number of restarts is none.

    Raises
    ------
    InvalidInputError
        If one of them cannot be used.
    """
    if n_restarts != "auto" and (not isinstance(n_restarts, int | np.integer) or n_restarts < 0):
        raise InvalidInputError('n_restarts must be "auto" or at least 0', repr(n_restarts))
    if solver != "auto":
        make_solver(solver)


def plan_starts(
    objective: RecoveryObjective,
    solver: str | Stepper[Any],
    start: Start,
    n_restarts: int | str,
    low: Vector | None = None,
) -> list[Plan]:
    """Return the attempts in order, each as a name and a function that runs it.

    Parameters
    ----------
    objective : RecoveryObjective
    solver, start, n_restarts
        See `recover`.
    low : ndarray, shape (size,), optional
        Where thresholds that fell have led to.
    """
    restarts = AUTO_RESTARTS if n_restarts == "auto" else int(n_restarts)
    if n_restarts == "auto" and (objective.penalty or solver != "auto"):
        restarts = 0
    usual = "random" if solver == "sgd" else "spectral"
    first = usual if isinstance(start, str) and start == "auto" else start
    if solver != "auto":
        steppers = [make_solver(solver)]
        return [_in_sequence(objective, steppers, first if k == 0 else "random") for k in range(1 + restarts)]
    if objective.penalty and objective.block_solver is not None:
        return [_blocks_then_newton(objective, first if k == 0 else "random") for k in range(1 + restarts)]
    if isinstance(start, str) and start == "auto":
        if objective.elimination is not None:
            plans = _completion_plans(objective)
        else:
            plans = _sensing_plans(objective, low)
    else:
        plans = [_in_sequence(objective, _steppers(objective), first)]
    # from elsewhere a search with a low threshold ends nowhere better
    if low is not None and n_restarts == "auto":
        return plans
    while len(plans) < 1 + restarts:
        plans.append(_further(objective, len(plans)))
    return plans


def _steppers(objective: RecoveryObjective) -> list[Stepper[Any]]:
    """Return the steppers in sequence: one that cannot diverge near the limit, then exact Newton steps."""
    if not objective.loss.is_quadratic or objective.penalties:
        return [TrustRegion()]
    return [EmpiricalBayes(), TrustRegion()]


def _completion_plans(objective: RecoveryObjective) -> list[Plan]:
    """Raise the rank, eliminating either factor; use a higher rank; weaker priors; a spectral start."""
    sides = ("columns", "rows")
    plans = [rank_by_rank(objective, VariableProjection(side)) for side in sides]
    if objective.rank < min(objective.shape):
        plans += [_bump(objective, [VariableProjection(side)]) for side in reversed(sides)]
    plans += [rank_by_rank(objective, VariableProjection(side, surplus=0.4)) for side in sides]
    return [*plans, _in_sequence(objective, [GaussNewton()], "spectral")]


def _sensing_plans(objective: RecoveryObjective, low: Vector | None) -> list[Plan]:
    """Start spectrally, or where thresholds led; leave a bad ending through a higher rank; start small."""
    steppers = _steppers(objective)
    name, search = _in_sequence(objective, steppers, "spectral" if low is None else low)
    plans = [(name if low is None else "thresholds that fall", search)]
    if not objective.penalties and objective.rank < min(objective.shape):
        plans += [_bump(objective, steppers), _over_parametrised(objective, steppers)]
    return plans


def _further(objective: RecoveryObjective, k: int) -> Plan:
    if objective.block_solver is not None and isinstance(objective.measurement, Entries):
        return shrinking_penalty(objective)
    return _in_sequence(objective, [TrustRegion()], ("random", "small_random")[k % 2])


def _in_sequence(objective: RecoveryObjective, steppers: Sequence[Stepper[Any]], start: Start) -> Plan:
    def search(at: AttemptInputs) -> SearchResult:
        theta = make_start(objective, start, at.rng)
        return search_and_polish(objective, steppers, theta, at, enough=_enough(objective))

    return start if isinstance(start, str) else "given", search


def _bump(objective: RecoveryObjective, steppers: Sequence[Stepper[Any]]) -> Plan:
    def search(at: AttemptInputs) -> SearchResult:
        best = min(at.before, key=lambda result: result.value)
        theta, rank = bump_rank(objective, best.theta, at.rng), objective.rank + 1
        return through_higher_rank(objective, steppers, theta, rank, at, enough=_enough(objective))

    stepper = steppers[0]
    eliminated = f", {stepper.side} eliminated" if isinstance(stepper, VariableProjection) else ""
    return f"best so far with one more column{eliminated}", search


def _over_parametrised(objective: RecoveryObjective, steppers: Sequence[Stepper[Any]]) -> Plan:
    rank = min(2 * objective.rank + 1, *objective.shape)

    def search(at: AttemptInputs) -> SearchResult:
        theta = make_start(objective.resized(rank), "small_random", at.rng)
        return through_higher_rank(objective, steppers, theta, rank, at, enough=_enough(objective))

    return f"small_random at rank {rank}", search


def _blocks_then_newton(objective: RecoveryObjective, start: Start) -> Plan:
    """Alternate until progress is slow, then finish with Gauss-Newton steps."""

    def search(at: AttemptInputs) -> SearchResult:
        theta = make_start(objective, start, at.rng)
        stepper = warmed_alternating(objective, at.rng)
        rough = RelativeDecreaseBelow(1e-4, after=stepper.warm_up(objective.penalty)) | Iterations(500)
        first = at.run(objective, stepper, theta, rough)
        if first.stop_reason in UNFIT:
            return first
        return joined(first, at.run(objective, TrustRegion(), first.theta))

    return start if isinstance(start, str) else "given", search


def rank_by_rank(objective: RecoveryObjective, stepper: VariableProjection) -> Plan:
    """Raise the rank by variable projection; if a residual remains, polish it by Newton steps."""

    def search(at: AttemptInputs) -> SearchResult:
        rule = at.stop or default_stop(objective, stepper)
        first = raise_rank(objective, stepper, at.rng, stop=rule, callbacks=at.callbacks)
        if first.stop_reason in UNFIT or first.value <= _enough(objective):
            return first
        # the search used a prior that is not part of the objective; a few steps make the ends comparable,
        # and only the best is polished to full precision (`polish`)
        rough = RelativeDecreaseBelow(1e-4, 3) | Iterations(30)
        return joined(first, at.run(objective, TrustRegion(), first.theta, rough))

    return f"rank by rank, {stepper.side} eliminated", search


def shrinking_penalty(objective: RecoveryObjective) -> Plan:
    """Alternate from a random start with a penalty that shrinks from sweep to sweep."""

    def search(at: AttemptInputs) -> SearchResult:
        theta = make_start(objective, "random", at.rng)
        return at.run(objective, warmed_alternating(objective, at.rng), theta)

    return "random, shrinking penalty", search


def polish(objective: RecoveryObjective, result: SearchResult, at: AttemptInputs) -> SearchResult:
    """Return the result after final Newton steps: only a few if its fit is already exact."""
    if result.stop_reason in UNFIT or objective.penalties:
        return result
    if result.value <= _enough(objective):
        return result if at.stop else _last_digits(objective, result, at.rng)
    if not result.solver.startswith(VariableProjection.name):
        return result
    return joined(result, at.run(objective, TrustRegion(), result.theta))


def polish_end(objective: RecoveryObjective, result: SearchResult, rng: np.random.Generator) -> SearchResult:
    """Return the end of any solver after Newton steps, which give it the digits that proofs need.

    First-order solvers stop some digits short of an exact fit, or of a stationary point: a judge would refute
    the point by its own rounding.
    """
    if result.stop_reason in UNFIT:
        return result
    if result.value > _enough(objective) and not result.solver.endswith(TrustRegion.name):
        rule = Iterations(POLISH_STEPS) | default_stop(objective, TrustRegion())
        second = run(objective, TrustRegion(), result.theta, stop=rule, rng=rng)
        if second.value <= result.value:
            result = joined(result, second)
    nearly = max(_enough(objective), NEARLY_EXACT**2 * data_energy(objective))
    exact = not objective.penalties and result.value <= nearly
    return _last_digits(objective, result, rng) if exact else result


def _last_digits(
    objective: RecoveryObjective, result: SearchResult, rng: np.random.Generator
) -> SearchResult:
    """Return an exact fit after Gauss-Newton steps, if any digits are missing."""
    return last_digits(
        result,
        1e-4 * exact_value(objective),
        lambda rule: run(objective, GaussNewton(), result.theta, stop=rule, rng=rng),
    )


def settle_small_components(
    objective: RecoveryObjective, result: SearchResult, rng: np.random.Generator, *, sharpen: bool
) -> tuple[SearchResult, bool]:
    """Return a result without spare components, or with small ones to the last digit.

    Also returned is whether any was dropped. A component that is small beside the largest is spare if what
    it explains of the data is rounding. With `sharpen` that is decided, and the component found, with
    residuals in twice the precision.
    """
    if objective.penalties or objective.model.biases:
        return result, False
    narrower = _without_spare_rank(objective, result.theta, rng)
    kept, dropped = (result, False) if narrower is None else (narrower, True)
    rounding = ROUNDED**2 * data_energy(objective)
    if not sharpen or not _may_lose_components(objective, result, narrower, rounding):
        return kept, dropped
    sharp = sharpened(objective, result, rng, enough=rounding)
    if sharp is None or narrower is None:
        return sharp or kept, dropped
    narrower = sharpened(objective, narrower, rng, enough=rounding) or narrower
    share = SAME if narrower.value <= _enough(objective) else 1 + 1e-9
    dropped = narrower.value <= max(share * sharp.value, rounding)
    return (narrower if dropped else sharp), dropped


def _without_spare_rank(
    objective: RecoveryObjective, theta: Vector, rng: np.random.Generator
) -> SearchResult | None:
    """Return a point of lower rank, zero-padded, if it is as good up to the accuracy of the search."""
    enough = _enough(objective)
    narrower = drop_spare_rank(objective, _steppers(objective), theta, rng, enough=enough)
    if narrower is None or narrower.value > enough:
        return narrower
    return _last_digits(objective, narrower, rng)


def _may_lose_components(
    objective: RecoveryObjective, result: SearchResult, narrower: SearchResult | None, rounding: float
) -> bool:
    """Whether a small component may be more than rounding, in data that all components nearly explain."""
    if not result.value <= INACCURATE**2 * data_energy(objective):
        return False
    if narrower is not None:
        return narrower.value > rounding
    sizes = component_sizes(objective, objective.canonical(result.theta))
    return bool(sizes[-1] <= SPARE_COMPONENT * sizes[0])


def _enough(objective: RecoveryObjective) -> float:
    return 0.0 if objective.penalties else 4 * exact_value(objective)


def is_settled(objective: RecoveryObjective, results: Sequence[SearchResult]) -> bool:
    """Whether another attempt would be a waste: the fit is exact, or three attempts agree on the best."""
    values = sorted(result.value for result in results)
    if objective.penalty or values[0] <= 4 * exact_value(objective):
        return True
    if objective.measurement.size * objective.size <= CHEAP:
        return False
    return len(values) > 2 and values[2] - values[0] <= AGREEMENT * values[0]
