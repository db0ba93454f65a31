"""Checks what is said of whether components are the only ones, with k-ranks and margins of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, prod
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.recheck.bounds import UNIT, is_spread_at_least
from lowland.recheck.statement import Statement
from lowland.recheck.tensors.cp_mixing import check_mixed
from lowland.recheck.tensors.cp_problem import CPProblem

# least singular value of columns of length one that is asked for here, and subsets that are looked at
LEAST, MOST_SUBSETS = 1e-7, 40_000
# what the product of all margins must be, in units of the rounding of the sum and per component; and the
# difference of two computations of it
CLEAR, AGREE = 5e3, 0.05


def check_unique(said: Statement, problem: CPProblem) -> Check:
    """Compare a claim that there is one decomposition only with k-ranks, or with another decomposition."""
    if said.is_open and said.says("overflow"):
        return said.nothing_claimed()
    said.number("tolerance")
    said.assume()
    if said.is_open and said.says("held_components"):
        said.require(not problem.allows_mixing, "nothing but signs is asked of factors")
        return said.nothing_claimed()
    said.require(
        said.verdict is not Verdict.REFUTED or problem.allows_mixing,
        "other components would have to satisfy what is asked of factors, too",
    )
    zero = [k for k in range(problem.rank) if any(not factor[:, k].any() for factor in problem.factors)]
    if said.says("zero_component"):
        said.require(said.verdict is Verdict.REFUTED, "a decomposition with a zero component is not unique")
        said.require(said.whole("component") in zero, "that component is not zero")
        said.require(problem.rank > 1, "there is no other component to be split")
        said.rigour(Rigour.RIGOROUS)
        return said.settle(f"component {zero} is zero" if zero else "")
    if said.says("mixed"):
        return check_mixed(said, problem)
    sums = _Sum.of(problem.factors)
    if said.is_open and problem.rank == 1 and said.says("hidden_component", component=("of", sums.hidden)):
        return said.nothing_claimed()
    if said.says("one_component"):
        good = said.verdict is Verdict.PROVED and problem.rank == 1 and not zero
        said.require(good and not sums.hidden, "there are more components, or it is zero to rounding")
        said.rigour(Rigour.RIGOROUS)
        return said.settle(said.own_words)
    return _check_kruskal(said, problem, sums)


def _check_kruskal(said: Statement, problem: CPProblem, sums: _Sum) -> Check:
    stated = said.array("k_ranks", (len(problem.shape),))
    if stated is None:
        return said.settle("")
    ranks = [int(rank) for rank in stated]
    total, needed = sum(ranks), 2 * problem.rank + len(ranks) - 1
    said.must_say("kruskal", sum=total, needed=needed)
    said.close("value", float(total))
    said.close("bound", float(needed))
    if any(k != number or not 0 <= k <= problem.rank for k, number in zip(ranks, stated, strict=True)):
        said.fault("k-ranks are whole numbers, at most the components")
        return said.settle("")
    margins = _compare_k_ranks(said, sums.units, ranks)
    if said.is_open:
        said.rigour(Rigour.ESTIMATE)
        if total >= needed:
            sums.compare_hidden(said)
    else:
        said.require(said.verdict is not Verdict.REFUTED, "the condition proves, or leaves open")
        said.require(total >= needed, "Kruskal's condition does not hold")
        sums.compare_clear(said, margins)
    return said.settle(f"k-ranks {ranks}, {total} of {needed}")


def _compare_k_ranks(said: Statement, units: Sequence[Matrix], ranks: Sequence[int]) -> float | None:
    """Prove that any columns of such numbers are independent; return the product of their margins."""
    for n, (unit, k) in enumerate(zip(units, ranks, strict=True)):
        if k > len(unit):
            said.fault(f"mode {n} has {len(unit)} slices only")
        elif comb(unit.shape[1], k) > MOST_SUBSETS:
            said.not_derived(f"mode {n} has too many sets of {k} columns")
            said.unread.discard("smallest")
        elif not _has_k_rank(unit, k):
            said.fault(f"in mode {n} some {k} columns are dependent to working precision")
    if said.missing:
        return None
    margins = [_smallest(unit, k) for unit, k in zip(units, ranks, strict=True)]
    said.close("smallest", min(margins), rtol=1e-4, atol=1e-12)
    return prod(margins)


def _smallest(unit: Matrix, k: int) -> float:
    """Return the least singular value of any k columns; one without columns."""
    if k == 0 or not unit.any(axis=0).all():
        return 1.0
    return min(float(np.linalg.svd(columns, compute_uv=False)[-1]) for columns in _column_sets(unit, k))


def _has_k_rank(unit: Matrix, k: int) -> bool:
    """Whether any k columns are proved to be independent, each being rounded."""
    if k == 0 or not unit.any(axis=0).all():
        return k == 0
    return all(is_spread_at_least(columns, LEAST, 4 * UNIT * k) for columns in _column_sets(unit, k))


def _column_sets(unit: Matrix, k: int) -> Iterator[Matrix]:
    """Yield all sets of k columns."""
    return (unit[:, list(places)] for places in combinations(range(unit.shape[1]), k))


@final
@dataclass(frozen=True, eq=False)
class _Sum:
    """A sum of components, and what rounding of it could do.

    Parameters
    ----------
    units : list of ndarray
        Columns of length one, zero ones as they are.
    sizes : ndarray, shape (R,)
        Norms of the components.
    rounding : float
        Twice a bound on the rounding of the sum: two sums are compared.
    """

    units: list[Matrix]
    sizes: Vector
    rounding: float

    @classmethod
    def of(cls, factors: Sequence[Matrix]) -> _Sum:
        """Return the sum of the products of factors' columns."""
        units, sizes = [], np.ones(factors[0].shape[1])
        for factor in factors:
            largest = np.abs(factor).max(axis=0)
            scaled = factor / np.where(largest > 0, largest, 1.0)  # whose squares do not underflow
            norms = np.sqrt(np.sum(scaled**2, axis=0))
            units.append(scaled / np.where(norms > 0, norms, 1.0))
            sizes = sizes * (largest * norms)
        cells = prod(len(factor) for factor in factors)
        least = sizes.size * float(np.finfo(float).tiny) * cells**0.5
        return cls(units, sizes, 2 * ((len(factors) + sizes.size) * UNIT * float(sizes.sum()) + least))

    @property
    def hidden(self) -> list[int]:
        """Components no larger than the rounding of the sum."""
        return [k for k, size in enumerate(self.sizes) if size <= self.rounding * (1 + AGREE)]

    def is_hidden(self, pair: tuple[int, ...]) -> bool:
        """Whether others with the same first moments, on the curve through two, have the same sum."""
        r, s = pair
        sines = [float(np.linalg.norm(u[:, s] - (u[:, r] @ u[:, s]) * u[:, r])) for u in self.units]
        size = min(self.sizes[r], self.sizes[s])
        return bool(size * prod(sorted(sines)[-3:]) <= self.rounding * (1 + AGREE))

    def compare_hidden(self, said: Statement) -> None:
        """Compare what is said of rounding where nothing is proved for it."""
        if said.says("hidden_component", component=("of", self.hidden)):
            return
        if said.code == "hidden_pair":
            pairs = combinations(range(self.sizes.size), 2)
            said.says("hidden_pair", pair=("of", [list(pair) for pair in pairs if self.is_hidden(pair)]))
        else:
            said.must_say("near_rounding")

    def compare_clear(self, said: Statement, margins: float | None) -> None:
        """Compare how far the product of margins is from the rounding of the sum; None if it is not known."""
        clear = np.inf if margins is None else float(self.sizes.min()) * margins / self.rounding
        good = clear >= CLEAR * self.sizes.size
        if said.verdict is Verdict.PROVED:
            said.rigour(Rigour.RIGOROUS)
            said.must_say("clear_of_rounding", times=("near", clear, AGREE * clear))
            said.require(good, f"the margins are {clear:.2g} times the rounding of the sum only")
        else:  # as earlier versions said it, by k-ranks alone
            said.rigour(Rigour.WORKING_PRECISION)
            if not good:
                said.not_derived("it is not shown that rounding of the sum leaves the components as they are")
