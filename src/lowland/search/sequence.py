"""Searches one after another: from several starts in turn, or each from the end of the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from lowland.core.results.records import Attempt, SearchResult, Trace
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import is_requested
from lowland.search.stops import Iterations, RelativeDecreaseBelow, StopRule, ValueBelow

# steps at an exact fit; each gains several digits
LAST_STEPS = 3
# a search, given what earlier ones found; a start has a name and a search from it
Searching: TypeAlias = Callable[[Sequence[SearchResult]], SearchResult]
Start: TypeAlias = tuple[str, Searching]


def search_in_turn(
    starts: Iterable[Start], is_settled: Callable[[Sequence[SearchResult]], bool]
) -> tuple[list[SearchResult], list[Attempt]]:
    """Search from one start after another, until another would be a waste or the user interrupts.

    Parameters
    ----------
    starts : iterable of Start
    is_settled : callable
        Takes the results so far and returns whether they suffice.

    Returns
    -------
    results : list of SearchResult
        At least one, in order.
    attempts : list of Attempt
        Their records.
    """
    results: list[SearchResult] = []
    attempts: list[Attempt] = []
    for name, search in starts:
        results.append(search(results))
        attempts.append(Attempt.of(name, results[-1]))
        if results[-1].stop_reason is StopReason.INTERRUPTED or is_settled(results):
            break
    return results, attempts


def unless_ended(result: SearchResult) -> SearchResult:
    """Return a result of several searches, which says so if the user has interrupted any of them."""
    if not is_requested():
        return result
    return replace(result, stop_reason=StopReason.INTERRUPTED, message="interrupted")


def continued(before: SearchResult, after: SearchResult) -> SearchResult:
    """Return a search that went on where another ended, with the steps, seconds and work of both."""
    return replace(
        after,
        iterations=before.iterations + after.iterations,
        seconds=before.seconds + after.seconds,
        work=before.work + after.work,
    )


def resumed(before: SearchResult, after: SearchResult) -> SearchResult:
    """Return a search that went on by the same steps where another ended, with the history of both."""
    first, second = before.trace, after.trace
    history = Trace(
        np.concatenate([first.iterations, before.iterations + second.iterations]),
        np.concatenate([first.seconds, before.seconds + second.seconds]),
        np.concatenate([first.values, second.values]),
        {
            name: np.concatenate([first.measures[name], series])
            for name, series in second.measures.items()
            if name in first.measures
        },
    )
    return replace(continued(before, after), trace=history)


def joined(first: SearchResult, second: SearchResult) -> SearchResult:
    """Return the better end of two searches in a row, with the second's reason and the steps of both."""
    both = continued(first, second)
    better = second if second.value <= first.value else first
    return replace(
        better,
        stop_reason=both.stop_reason,
        message=both.message,
        solver=_names(first, second),
        iterations=both.iterations,
        seconds=both.seconds,
        work=both.work,
    )


def refined(search: SearchResult, better: SearchResult) -> SearchResult:
    """Return a search with its refinement: it keeps reason and number of steps, as only digits are added."""
    return replace(
        search,
        theta=better.theta,
        value=better.value,
        seconds=search.seconds + better.seconds,
        work=search.work + better.work,
        solver=_names(search, better),
    )


def last_digits(
    result: SearchResult, target: float, continue_search: Callable[[StopRule], SearchResult]
) -> SearchResult:
    """Return an exact fit with a residual at rounding level, as proofs of exactness need.

    Parameters
    ----------
    result : SearchResult
        A search that converged.
    target : float
        Objective at which nothing is left to gain.
    continue_search : callable
        Takes a stop rule, and searches from the end of `result`.
    """
    if result.value <= target:
        return result
    last = continue_search(ValueBelow(target) | RelativeDecreaseBelow(0.5) | Iterations(LAST_STEPS))
    # the search has converged: do not report that these steps ended by their count
    return replace(joined(result, last), stop_reason=result.stop_reason, message=result.message)


def _names(first: SearchResult, second: SearchResult) -> str:
    """Return the names of the solvers of both, each once."""
    return ", then ".join(dict.fromkeys([*first.solver.split(", then "), *second.solver.split(", then ")]))
