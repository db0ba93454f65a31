"""Search for a second matrix of the rank that reproduces the data, which refutes uniqueness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np

from lowland.certificates.gaps.exact_fit import closest
from lowland.certificates.settings import gradient_work
from lowland.certificates.uniqueness.isolation_radius import prove_exclusion
from lowland.core.arrays import Vector
from lowland.core.results.findings import Finding, where_bounded
from lowland.core.results.reasons import assumption, because
from lowland.core.results.status import Rigour, StopReason, Verdict
from lowland.core.work import Budget, counted
from lowland.objectives import RecoveryObjective
from lowland.search import (
    GaussNewton,
    Iterations,
    RelativeDecreaseBelow,
    ValueBelow,
    VariableProjection,
    make_start,
    run,
)
from lowland.search.stops import Progress, StopRule
from lowland.sensing.searching.many_searches import affordable_searches, is_small, search_from_many_starts
from lowland.sensing.searching.solvers import exact_value

# searches for answers, or rounds of many at once; the first few must find an answer
TRIES, ROUNDS, FIRST_TRIES = 40, 16, 8
# gradients that a search is assumed to cost before the first one, and most inner iterations per step
USUAL_SEARCH, INNER = 500, 50
# residual beyond rounding, as a fraction of each datum, up to which it counts as reproduced
REPRODUCED = 1e-12
# matrices closer than this fraction of their norm may be the same: a double root amplifies rounding
DIFFERENT = 1e-3
# smallest ratio of the measurements on the tangent space to their norm at which an answer is isolated
ALONE = 1e-5


def refute_uniqueness(
    objective: RecoveryObjective,
    unique: Finding,
    known: Vector | None,
    rng: np.random.Generator,
    budget: Budget,
) -> Finding:
    """Return the finding on uniqueness, refuted if two answers are found.

    Answers are sought from random starts, only if uniqueness is undecided and there is no penalty, as
    long as the budget allows another search. An answer is judged only if it differs from the first.

    Parameters
    ----------
    objective : RecoveryObjective
    unique : Finding
        What is known so far.
    known : ndarray or None
        A point that may reproduce the data.
    rng : numpy.random.Generator
    budget : Budget

    Returns
    -------
    Finding
        REFUTED with both matrices, or `unique` itself, with a note if the budget ended the search.
    """
    objective = objective.in_double()
    if unique.verdict is not Verdict.INCONCLUSIVE or objective.penalties:
        return unique
    if known is not None and not closest(objective, known)[1] <= REPRODUCED:
        return unique  # that other data have several answers does not refute uniqueness for these
    with budget:
        return _search(objective, unique, known, rng, budget)


def _search(
    objective: RecoveryObjective,
    unique: Finding,
    known: Vector | None,
    rng: np.random.Generator,
    budget: Budget,
) -> Finding:
    answers = [] if known is None else [_Answer(objective, known)]
    for k, theta in enumerate(_ends(objective, rng, budget)):
        if theta is None:
            return replace(unique, limited_by=unique.limited_by or budget.name)
        if k == FIRST_TRIES and not answers:
            break
        if not closest(objective, theta)[1] <= REPRODUCED:
            continue
        answer = _Answer(objective, theta)
        if not answers:
            answers.append(answer)
        if _distance(objective, answers[0].theta, answer.theta) <= DIFFERENT:
            continue  # the same answer: nothing to judge
        if not answers[0].stands_alone:
            return unique
        if answer.stands_alone:
            return _refuted(objective, unique.claim, answers[0].theta, answer.theta)
    return unique


def _ends(objective: RecoveryObjective, rng: np.random.Generator, budget: Budget) -> Iterator[Vector | None]:
    """Yield where searches from random starts end; None once the budget allows no more."""
    if is_small(objective):
        for _ in range(ROUNDS):
            count = affordable_searches(objective, budget)
            if not count:
                yield None
                return
            yield from search_from_many_starts(objective, count, rng)
        return
    each = USUAL_SEARCH * gradient_work(objective, np.ones(objective.size))
    for k in range(TRIES):
        if not budget.allows(each):
            yield None
            return
        with counted() as work:
            theta = _searched(objective, k, rng, budget)
        each = max(work.spent, each) if k else work.spent
        yield theta


def _searched(objective: RecoveryObjective, k: int, rng: np.random.Generator, budget: Budget) -> Vector:
    """Return where the k-th search from a random start ends."""
    theta = make_start(objective, "random", rng)
    rough = RelativeDecreaseBelow(1e-3, 5) | Iterations(100)
    if k % 2 and objective.elimination is not None:  # different methods reach different answers
        stepper = VariableProjection(("rows", "columns")[k // 2 % 2])
        lead = RelativeDecreaseBelow(0.5, 3) | Iterations(30)
        theta = run(objective, stepper, theta, stop=lead, rng=rng).theta
        rough = RelativeDecreaseBelow(1e-2, 3) | Iterations(15)
    stop = ValueBelow(1e-4 * exact_value(objective)) | rough | _Spent(budget)
    return run(objective, GaussNewton(max_inner=INNER), theta, stop=stop, rng=rng).theta


@final
@dataclass(frozen=True)
class _Spent(StopRule):
    """Fires once a budget is spent."""

    budget: Budget

    @property
    def reason(self) -> StopReason:
        return StopReason.ITERATION_LIMIT

    def fired(self, progress: Progress) -> str:
        return "" if self.budget.left > 0 else "the budget is used up"


@final
class _Answer:
    """A point that reproduces the data to rounding."""

    def __init__(self, objective: RecoveryObjective, theta: Vector) -> None:
        self.objective, self.theta = objective, theta

    @cached_property
    def stands_alone(self) -> bool:
        """Whether it is near exactly one exact answer."""
        exclusion = prove_exclusion(self.objective, self.theta)
        return exclusion is not None and exclusion.smallest >= ALONE * exclusion.norm


def _distance(objective: RecoveryObjective, one: Vector, other: Vector) -> float:
    """Return the Frobenius norm of the difference, as a fraction of the norm of the first matrix."""
    a, b = objective.matrix(one), objective.matrix(other)
    size = a.norm()
    return a.minus(b).norm() / size if size > 0 else 0.0


def _refuted(objective: RecoveryObjective, claim: str, one: Vector, other: Vector) -> Finding:
    first, second = objective.matrix(one), objective.matrix(other)
    share = _distance(objective, one, other)
    misfits = [closest(objective, theta)[1:] for theta in (one, other)]
    refuted = Finding(
        claim,
        Verdict.REFUTED,
        share,
        DIFFERENT,
        REPRODUCED,
        assumptions=(assumption("share_counts_as_zero", share=REPRODUCED),),
        reason=because("two_answers", share=share),
        rigour=Rigour.RIGOROUS,
        witness={
            "left": first.left,
            "right": first.right,
            "other_left": second.left,
            "other_right": second.right,
            "misfit": max(worst for worst, _ in misfits),
        },
    )
    return where_bounded(refuted, all(is_bounded for _, is_bounded in misfits))
