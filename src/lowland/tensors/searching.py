"""What searches for decompositions share: when starts suffice, the last Newton steps, and the judgement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from lowland.certificates import JudgeSettings, judge
from lowland.core.results.findings import Certificate
from lowland.core.results.records import Attempt, SearchResult
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import unless_interrupted
from lowland.search import GradientBelow, Iterations, RelativeDecreaseBelow, TrustRegion, run
from lowland.search.sequence import Start, continued, refined, search_in_turn, unless_ended
from lowland.search.stops import StopRule
from lowland.tensors.capabilities import CellFit
from lowland.tensors.certificates.judges import TENSOR_JUDGES

# no more starts once the best value has been reached so often, to this relative tolerance
AGREEMENTS, ALIKE = 3, 1e-2
# steps of a search, by default
MOST_SWEEPS = 500
# where the last Newton steps end
FINISH = GradientBelow(1e-10) | RelativeDecreaseBelow(1e-14) | Iterations(50)


def best_of_starts(
    starts: Iterable[Start], enough: float, *, until_agreed: bool
) -> tuple[SearchResult, tuple[Attempt, ...]]:
    """Search from starts in turn, and return the best end and all attempts.

    Parameters
    ----------
    starts : iterable of Start
    enough : float
        Value at which a fit is exact, so that no more starts are needed.
    until_agreed : bool
        Whether the best value need not be reached more than a few times.
    """

    def is_settled(results: Sequence[SearchResult]) -> bool:
        least = min(result.value for result in results)
        agreeing = sum(result.value <= least * (1 + ALIKE) for result in results)
        return least <= enough or (until_agreed and agreeing >= AGREEMENTS)

    results, attempts = search_in_turn(starts, is_settled)
    return unless_ended(min(results, key=lambda result: result.value)), tuple(attempts)


def newton_refined(
    objective: CellFit, search: SearchResult, rng: np.random.Generator, stop: StopRule = FINISH
) -> SearchResult:
    """Return a search with Newton steps from the balanced point of its end."""
    better = run(objective, TrustRegion(), objective.canonical(search.theta), stop=stop, rng=rng)
    if better.stop_reason is StopReason.INTERRUPTED:
        return continued(search, better)
    return refined(search, better)


def judged(
    objective: CellFit,
    search: SearchResult,
    settings: JudgeSettings,
    work: float,
    seconds: float | None = None,
) -> Certificate | None:
    """Judge the end of a search that took some work; return None if either was interrupted."""
    if search.stop_reason is StopReason.INTERRUPTED:
        return None
    budget = settings.budget(work, seconds)
    judging = partial(judge, objective, search.theta, TENSOR_JUDGES, settings=settings, budget=budget)
    return unless_interrupted(judging, "judging")
