"""Fits along a path of settings, compared on the same held-out cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np

from lowland.completion.penalised.fit import CompletionFit
from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.results.status import StopReason
from lowland.search.stops import Progress, StopRule
from lowland.trials.choices import PATH_ENDS, PENALTIES
from lowland.trials.gains import Gain

# a path ends after this many steps without a lower error
PATIENCE = 3
WORSE, FAR_WORSE, HEADING_FOR_WORSE = PATH_ENDS.rules


@public("lowland")
@final
@dataclass(frozen=True)
class RankStep:
    """One fit along a path of ranks or penalties, and its error on the held-out cells.

    Parameters
    ----------
    rank : int
    penalty : float
    error : float
        Root-mean-square error; of deviance residuals if losses are not squared.
    excess : float
        Difference of its mean square from the smallest one of its path.
    uncertainty : float
        Standard error of that excess, over the held-out cells.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> table = np.random.default_rng(0).random((20, 12)) + np.outer(np.arange(20), np.arange(12))
    >>> path = ll.MatrixCompletion(penalty=0.1, certify=False, random_state=0).fit(table).rank_path_
    >>> step = path.steps[0]
    >>> step.rank, step.penalty, step.error < 0.5
    (1, 0.1, True)
    """

    rank: int
    penalty: float
    error: float
    excess: float
    uncertainty: float


@final
class Candidate(NamedTuple):
    """A fit of a path, with its squared errors on the held-out cells.

    The penalty is the one that the path varies: of factors, or of biases.
    """

    rank: int
    penalty: float
    squares: Vector
    fit: CompletionFit


@final
@dataclass(frozen=True)
class EndsWorse(StopRule):
    """The sweeps are clearly worse than the best fit of the path, and so is where they are heading.

    A callback measures `surplus`, the mean square beyond that of the best fit, and `margin`, what is clearly
    more. The last two differences of the surplus are taken for those of a geometric series.
    """

    @property
    def reason(self) -> StopReason:
        """ITERATION_LIMIT: the search was left before its end."""
        return StopReason.ITERATION_LIMIT

    def fired(self, progress: Progress) -> str:
        """Look at the last three measurements."""
        looks, margins = (progress.measures.get(name, []) for name in ("surplus", "margin"))
        if len(looks) < 3 or looks[-1] <= margins[-1]:
            return ""
        before, last = looks[-2] - looks[-3], looks[-1] - looks[-2]
        if last < 0 and not last > before:
            return ""  # falling, and not more slowly
        limit = looks[-1] + (last * last / (before - last) if last < 0 else 0.0)
        return "clearly worse than another penalty or rank" if limit > margins[-1] else ""


def surplus_and_margin(squares: Vector, best: Vector) -> dict[str, float]:
    """Return the surplus of sweeps over the best fit, and the margin beyond which it is clear."""
    surplus = Gain.of(squares - best)
    margin = HEADING_FOR_WORSE.margin(surplus.standard_error, float(best.mean()))
    return {"surplus": surplus.difference, "margin": margin}


def best_squares(path: Sequence[Candidate]) -> Vector | None:
    """Return the squares of the best fit, if there is one."""
    return min((one.squares for one in path), key=lambda squares: float(squares.mean()), default=None)


def past(path: Sequence[Candidate], patience: int = PATIENCE) -> bool:
    """Return whether the last `patience` fits have not lowered the error, or fewer have clearly raised it.

    Fits far beyond the best are the slowest of a path. One that is far worse is enough, unless more patience
    than usual is asked for.
    """
    means = [float(one.squares.mean()) for one in path]
    if len(means) > patience and min(means[-patience:]) >= min(means[:-patience]):
        return True
    best = path[int(np.argmin(means))].squares
    if best.size < 2:  # one cell has no standard error
        return False
    surplus = [Gain.of(one.squares - best) for one in path]
    rising = 1 if patience <= PATIENCE and FAR_WORSE.allows(surplus[-1]) else (patience + 1) // 2
    clear = len(means) > rising and all(WORSE.allows(gain) for gain in surplus[-rising:])
    return clear and bool((np.diff(means[-rising - 1 :]) > 0).all())


def compare(path: Sequence[Candidate]) -> list[RankStep]:
    """Return the fits as steps, each beside the best one."""
    best, steps = best_squares(path), []
    assert best is not None
    for rank, penalty, squares, _ in path:
        error, surplus = float(np.sqrt(squares.mean())), Gain.of(squares - best)
        steps.append(RankStep(rank, penalty, error, surplus.difference, surplus.standard_error))
    return steps


def simplest(steps: Sequence[RankStep]) -> int:
    """Return the number of the simplest step, the first on its path, that does about as well as the best."""
    least, (rule,) = min(step.error for step in steps) ** 2, PENALTIES.rules
    return next(k for k, step in enumerate(steps) if step.excess <= rule.margin(step.uncertainty, least))
