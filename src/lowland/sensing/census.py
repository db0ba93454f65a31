"""`census`: how often plain local search reaches the best point, and where else it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.certificates import JUDGES, JudgeSettings, judge, usual_work
from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.random import RandomSource, make_generator, spawn
from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.core.running.interrupt import Interruptible
from lowland.landscape import Census
from lowland.landscape.census import is_close, take_census
from lowland.objectives import RecoveryObjective
from lowland.search import TrustRegion, make_start, run
from lowland.search.stepper import Stepper
from lowland.search.stops import StopRule
from lowland.sensing.searching.attempt import AttemptInputs
from lowland.sensing.searching.multistart import polish
from lowland.sensing.searching.solvers import default_stop, make_solver


@final
@dataclass(frozen=True, eq=False)
class _Search:
    """A search from a random start; plain data, so that process pools can take it."""

    objective: RecoveryObjective
    stepper: Stepper[Any]
    start: str | Callable[[np.random.Generator], Vector]
    stop: StopRule

    def __call__(self, rng: np.random.Generator) -> SearchResult:
        law = self.start(rng) if callable(self.start) else self.start
        theta = make_start(self.objective, law, rng)
        return run(self.objective, self.stepper, theta, stop=self.stop, rng=rng)


def _judge_polished(objective: RecoveryObjective, theta: Vector) -> tuple[Vector, Certificate]:
    """Judge a point after polishing it by Newton steps, unless they leave it: plain searches stop early."""
    rule = default_stop(objective, TrustRegion())
    rng = np.random.default_rng(0)
    # of an exact fit to the last digits, as proofs of exactness need
    newton = run(objective, TrustRegion(), theta, stop=rule, rng=rng)
    polished = polish(objective, newton, AttemptInputs(rng)).theta
    close = is_close(objective.matrix(polished), objective.matrix(theta))
    point = polished if close else theta
    settings = JudgeSettings()
    budget = settings.budget(usual_work(objective, point))
    return point, judge(objective, point, JUDGES, settings=settings, budget=budget)


@public("lowland")
@Interruptible()
def census(  # noqa: PLR0913
    objective: RecoveryObjective,
    *,
    n_starts: int = 50,
    solver: str | Stepper[Any] = "gradient",
    start: str | Callable[[np.random.Generator], Vector] = "random",
    stop: StopRule | None = None,
    tolerance: float = 1e-6,
    level: float = 0.95,
    most_endings: int = 10,
    certify: bool = True,
    rng: RandomSource = None,
    mapper: Callable[..., Any] = map,
) -> Census:
    """Search from many random starts and report where the searches end, and how often.

    Parameters
    ----------
    objective : RecoveryObjective
        Of a `RecoveryFit`, or from `make_objective`.
    n_starts : int
        Number of searches, independent of each other.
    solver : str or stepper
        One local search from each start, without restarts.
    start : {"random", "small_random"} or callable
        Distribution of the starts, which the bound refers to; or a function that takes a generator
        and returns a point.
    stop : StopRule, optional
        When a search ends; the default depends on the solver.
    tolerance : float
        Objectives that differ by at most this fraction of the objective without factors count as equal.
    level : float
        Confidence level of the bound on the probability of a bad ending.
    most_endings : int
        How many different endings to keep and judge.
    certify : bool
        Whether to judge these endings.
    rng : int, Generator or None
        Source of randomness; the same seed gives the same starts on any number of workers.
    mapper : callable
        Like the builtin `map`, for instance that of a process pool.

    Returns
    -------
    Census

    Raises
    ------
    InvalidInputError
        If a number is out of range.

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.datasets import false_minimum
    >>> instance, _ = false_minimum(0.6)
    >>> fit = ll.recover(instance.measurement, instance.y, rank=1, structure="psd", rng=0)
    >>> result = ll.census(fit.objective, n_starts=40, rng=0)
    >>> len(result.endings), 0.1 < result.miss_rate < result.bound < 0.6
    (2, True)
    >>> result.endings[1].describe()
    'strict local minimum'
    """
    if not isinstance(n_starts, int | np.integer) or n_starts < 1:
        raise InvalidInputError("n_starts must be a positive whole number", repr(n_starts))
    if not callable(start) and start not in ("random", "small_random"):
        raise InvalidInputError("start must be random", repr(start), fix='use "random" or "small_random"')
    for name, number in (("tolerance", tolerance), ("level", level)):
        if not 0 < number < 1:
            raise InvalidInputError(f"{name} must lie between 0 and 1", repr(number))
    stepper = make_solver(solver)
    search = _Search(objective, stepper, start, stop or default_stop(objective, stepper))
    return take_census(
        objective,
        search,
        spawn(make_generator(rng), int(n_starts)),
        judge=_judge_polished if certify else None,
        equal=tolerance * objective.unfitted[0],
        level=level,
        most_endings=most_endings,
        mapper=mapper,
    )
