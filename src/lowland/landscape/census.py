"""A census of local search: where many starts end, and how often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.promises.powers import HasMatrix
from lowland.core.results.findings import Certificate
from lowland.core.results.records import Factors, SearchResult
from lowland.core.results.shown import Shown
from lowland.core.results.status import Verdict
from lowland.core.running.interrupt import in_full
from lowland.landscape.proportions import greatest_share

if TYPE_CHECKING:
    from lowland.landscape.displays import CensusDisplay
    from lowland.report.figures import Axes


@public("lowland.landscape")
@final
@dataclass(frozen=True, eq=False)
class Ending:
    """A matrix at which searches ended.

    Parameters
    ----------
    value : float
        The objective at its best representative, polished if it was judged.
    count : int
        Searches that ended there.
    theta : ndarray, shape (size,)
        That representative.
    reaches_best : bool
        Whether its objective is the best one, to the tolerance.
    certificate : Certificate or None
        What is proved about the representative.

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.datasets import false_minimum
    >>> instance, _ = false_minimum(0.6)
    >>> fit = ll.recover(instance.measurement, instance.y, rank=1, structure="psd", certify=False, rng=0)
    >>> other = ll.census(fit.objective, n_starts=20, rng=0).endings[1]
    >>> round(other.value, 2), other.reaches_best, other.describe()
    (0.32, False, 'strict local minimum')
    """

    value: float
    count: int
    theta: Vector
    reaches_best: bool
    certificate: Certificate | None

    def describe(self) -> str:
        """Return the kind of point in words."""
        if self.certificate is None:
            return "not judged"
        held = (Verdict.SUPPORTED, Verdict.PROVED)
        for claim, words in (
            ("globally_optimal", f"global minimum ({self.certificate['globally_optimal'].verdict.name})"),
            ("strict_local_minimum", "strict local minimum"),
            ("second_order_stationary", "second-order stationary"),
            ("stationary", "stationary"),
        ):
            if self.certificate[claim].verdict in held:
                return words
        return "not stationary"


@public("lowland.landscape")
@final
@dataclass(frozen=True, eq=False, repr=False)
class Census(Shown):
    """Where local searches from many starts ended.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Objective at the end of each search.
    labels : ndarray of int, shape (n,)
        Which ending each search reached.
    endings : tuple of Ending
        The different endings, best first; at most as many as requested, without the rarest.
    misses : int
        Number of searches that ended above the best objective found.
    level : float
        Confidence level of `bound`.
    solver : str

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.datasets import false_minimum
    >>> instance, _ = false_minimum(0.6)
    >>> fit = ll.recover(instance.measurement, instance.y, rank=1, structure="psd", certify=False, rng=0)
    >>> found = ll.census(fit.objective, n_starts=20, rng=0)
    >>> found.n_starts, len(found.endings), sum(ending.count for ending in found.endings)
    (20, 2, 20)
    >>> 0 < found.miss_rate < found.bound < 0.8
    True
    """

    values: Vector
    labels: NDArray[np.intp]
    endings: tuple[Ending, ...]
    misses: int
    level: float
    solver: str

    @property
    def n_starts(self) -> int:
        """Number of searches."""
        return int(self.values.size)

    @property
    def miss_rate(self) -> float:
        """Share of searches that ended above the best objective found."""
        return self.misses / self.n_starts

    @property
    def bound(self) -> float:
        """Upper confidence bound on the probability that a search ends above the best objective found.

        It holds for starts of the same distribution and is exact (Clopper-Pearson). It does not refer
        to the global minimum unless the best objective found is one: see `best_is_global`.
        """
        return greatest_share(self.misses, self.n_starts, self.level)

    @property
    def best_is_global(self) -> Verdict:
        """The verdict on whether the best ending is a global minimum."""
        certificate = self.endings[0].certificate
        return Verdict.INCONCLUSIVE if certificate is None else certificate["globally_optimal"].verdict

    def plot(self, ax: Axes | None = None) -> CensusDisplay:
        """Draw how many searches ended at which objective, on axes or on new ones."""
        from lowland.landscape.displays import CensusDisplay

        return CensusDisplay.from_census(self).plot(ax)

    def _lines(self) -> list[str]:
        lines = [
            f"{self.n_starts} searches by {self.solver}: {self.misses} ended above the best objective seen",
            f"probability of such an end: {self.miss_rate:.3g}, below {self.bound:.3g} with confidence "
            f"{self.level:g}; the best one a global minimum: {self.best_is_global.name}",
        ]
        lines += [f"  {e.count:5d} x objective {e.value:.6g}: {e.describe()}" for e in self.endings]
        left_out = self.n_starts - sum(e.count for e in self.endings)
        return [*lines, f"  {left_out:5d} x elsewhere"] if left_out else lines


def take_census(
    objective: HasMatrix,
    search: Callable[[np.random.Generator], SearchResult],
    rngs: Sequence[np.random.Generator],
    *,
    judge: Callable[[Any, Vector], tuple[Vector, Certificate]] | None,
    equal: float,
    level: float,
    most_endings: int,
    mapper: Callable[..., Any] = map,
) -> Census:
    """Search from many starts and group the endings.

    Parameters
    ----------
    objective : Objective
        One whose points represent matrices.
    search : callable
        Takes a generator and returns the result of the search from its random start.
    rngs : sequence of Generator
        One per start.
    judge : callable or None
        Takes the objective and a point, returns the point that it judged (the same, polished) and its
        certificate.
    equal : float
        Objectives that differ by less count as the same.
    level : float
        Confidence level of the bound.
    most_endings : int
        How many different endings to keep.
    mapper : callable
        Like the builtin `map`, for instance that of a process pool.

    Returns
    -------
    Census

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.datasets import false_minimum
    >>> instance, _ = false_minimum(0.6)
    >>> fit = ll.recover(instance.measurement, instance.y, rank=1, structure="psd", certify=False, rng=0)
    >>> from lowland.landscape.census import take_census
    >>> from lowland.search import Gradient, Iterations, make_start, run
    >>> def search(rng):
    ...     start = make_start(fit.objective, "random", rng)
    ...     return run(fit.objective, Gradient(), start, stop=Iterations(200), rng=rng)
    >>> rngs = np.random.default_rng(0).spawn(20)
    >>> how = dict(judge=None, equal=1e-6, level=0.95, most_endings=5)
    >>> found = take_census(fit.objective, search, rngs, **how)
    >>> [round(ending.value, 2) for ending in found.endings], 0 < found.misses < 20
    ([0.0, 0.32], True)
    """
    results = in_full(lambda: list(mapper(search, rngs)))
    values = np.array([result.value for result in results])
    order = np.argsort(values, kind="stable")
    labels = np.empty(values.size, np.intp)
    distinct: list[tuple[Factors, float]] = []
    for k in order:
        factors = objective.matrix(results[k].theta)
        for label, (factors_there, value) in enumerate(distinct):
            if values[k] - value <= 10 * equal and is_close(factors, factors_there):
                labels[k] = label
                break
        else:
            labels[k] = len(distinct)
            distinct.append((factors, float(values[k])))
    counts = np.bincount(labels)
    reached = values <= values.min() + equal
    firsts = [int(order[np.argmax(labels[order] == label)]) for label in range(counts.size)]
    # the best ones first, then the most frequent
    ranked = sorted(range(counts.size), key=lambda label: (not reached[firsts[label]], -counts[label]))
    endings = []
    for label in ranked[:most_endings]:
        first = firsts[label]
        theta, certificate = results[first].theta, None
        if judge is not None:
            theta, certificate = in_full(partial(judge, objective, theta))
        value = float(objective.value(theta))
        endings.append(Ending(value, int(counts[label]), theta, bool(reached[first]), certificate))
    misses = int((~reached).sum())
    return Census(values, labels, tuple(endings), misses, level, results[0].solver)


def is_close(a: Factors, b: Factors) -> bool:
    """Whether two matrices differ by little relative to the larger, without forming them."""
    return a.minus(b).norm() <= 1e-3 * max(a.norm(), b.norm())
