"""The claims about a CP decomposition, and what checks each."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import combinations
from math import comb

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check, Verification
from lowland.recheck.bounds import is_spread_at_least
from lowland.recheck.dispatch import Checks, Progress, verify_each
from lowland.recheck.modular_rank import Residues
from lowland.recheck.statement import Statement
from lowland.recheck.tensors.checks import (
    AT_THE_POINT,
    check_generic_rank,
    check_tensor_optimal,
)
from lowland.recheck.tensors.cp_problem import CPProblem

# least singular value of columns of length one that is asked for here, and subsets that are looked at
LEAST, MOST_SUBSETS = 1e-7, 40_000
# relative rounding of the distance of two sums, whose squares cancel; least difference of directions
SAME, OTHER = 1e-6, 1e-6


def verify_cp(problem: CPProblem, certificate: Certificate, progress: Progress | None = None) -> Verification:
    """Check every finding of a certificate against data and point; see `verify_matrix`."""
    return verify_each(problem, certificate, CHECKS, progress)


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
        return _check_mixed(said, problem)
    if said.says("one_component"):
        good = said.verdict is Verdict.PROVED and problem.rank == 1 and not zero
        said.require(good, "there are more components, or it is zero")
        said.rigour(Rigour.RIGOROUS)
        return said.settle(said.own_words)
    return _check_kruskal(said, problem, zero)


def _check_kruskal(said: Statement, problem: CPProblem, zero: list[int]) -> Check:
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
    if said.verdict is not Verdict.PROVED:
        said.require(said.is_open, "the condition proves, or leaves open")
        said.rigour(Rigour.ESTIMATE)
        said.require(total < needed, "Kruskal's condition holds")
    else:
        said.rigour(Rigour.WORKING_PRECISION)
        said.require(total >= needed and not zero, "Kruskal's condition does not hold")
    for n, (factor, k) in enumerate(zip(problem.factors, ranks, strict=True)):
        if k > len(factor):
            said.fault(f"mode {n} has {len(factor)} slices only")
        elif comb(problem.rank, k) > MOST_SUBSETS:
            said.not_derived(f"mode {n} has too many sets of {k} columns")
        elif not _has_k_rank(factor, k):
            said.fault(f"in mode {n} some {k} columns are dependent to working precision")
    if all(comb(problem.rank, k) <= MOST_SUBSETS for k in ranks):
        smallest = min(_smallest(factor, k) for factor, k in zip(problem.factors, ranks, strict=True))
        said.close("smallest", smallest, rtol=1e-4, atol=1e-12)
    else:
        said.unread.discard("smallest")
    return said.settle(f"k-ranks {ranks}, {total} of {needed}")


def _smallest(factor: Matrix, k: int) -> float:
    """Return the least singular value of any k columns of length one; one without columns."""
    norms = np.linalg.norm(factor, axis=0)
    if k == 0 or not norms.all():
        return 1.0
    sets = _column_sets(factor / norms, k)
    return min(float(np.linalg.svd(columns, compute_uv=False)[-1]) for columns in sets)


def _has_k_rank(factor: Matrix, k: int) -> bool:
    """Whether any k columns are proved to be independent."""
    norms = np.linalg.norm(factor, axis=0)
    if k == 0 or not norms.all():
        return k == 0
    return all(is_spread_at_least(columns, LEAST) for columns in _column_sets(factor / norms, k))


def _column_sets(factor: Matrix, k: int) -> Iterator[Matrix]:
    """Yield all sets of k columns."""
    return (factor[:, list(places)] for places in combinations(range(factor.shape[1]), k))


def _check_mixed(said: Statement, problem: CPProblem) -> Check:
    """Compare two components with two others of the same sum."""
    said.require(said.verdict is Verdict.REFUTED, "two components that can be mixed are not unique")
    said.rigour(Rigour.RIGOROUS)
    pair, order = said.array("components", (2,)), len(problem.shape)
    mixed = [said.array(f"mixed_{n}", (length, 2)) for n, length in enumerate(problem.shape)]
    if pair is None or any(columns is None for columns in mixed):
        return said.settle("")
    r, s = (int(place) for place in pair)
    if not (0 <= r < problem.rank and 0 <= s < problem.rank and r != s and list(pair) == [r, s]):
        said.fault("they are no two components")
        return said.settle("")
    two = [factor[:, [r, s]] for factor in problem.factors]
    parallel = sum(_are_parallel(both[:, 0], both[:, 1]) for both in two)
    said.require(parallel >= order - 2, f"their columns are parallel in {parallel} of {order} modes")
    others = [np.asarray(both) for both in mixed]
    said.require(_distance(two, others) <= SAME, "the other two components have another sum")
    said.require(_differ(two, others), "the other two are the same components")
    signs = zip(others, problem.asked, strict=False)
    good = all(not asked.nonnegative or bool((both >= 0).all()) for both, asked in signs)
    said.require(good, "the other two are negative where they must not be")
    return said.settle(f"components {r} and {s} are parallel in {parallel} of {order} modes")


def _distance(factors: list[Matrix], others: list[Matrix]) -> float:
    """Return the distance of two sums of components, as a fraction of the sizes of all."""
    products = np.ones((4, 4))
    for factor, other in zip(factors, others, strict=True):
        both = np.hstack([factor, other])
        products *= both.T @ both
    signs = np.array([1.0, 1.0, -1.0, -1.0])
    size = float(np.trace(products))
    return float(np.sqrt(max(signs @ products @ signs, 0.0) / size)) if size > 0 else np.inf


def _differ(factors: list[Matrix], others: list[Matrix]) -> bool:
    """Whether a component of the others is parallel to none of the first."""
    cosines = np.ones((2, 2))
    for factor, other in zip(factors, others, strict=True):
        norms = np.outer(np.linalg.norm(factor, axis=0), np.linalg.norm(other, axis=0))
        if not norms.all():
            return False
        cosines *= np.abs(factor.T @ other) / norms
    return bool((cosines.max(axis=0) < 1 - OTHER).any())


def _are_parallel(a: Vector, b: Vector) -> bool:
    """Whether two vectors are proportional, in exact arithmetic."""
    if not (a.any() and b.any()):
        return False
    pivot = int(np.abs(a).argmax())
    first, second = Fraction(float(a[pivot])), Fraction(float(b[pivot]))
    return all(Fraction(float(x)) * second == Fraction(float(y)) * first for x, y in zip(a, b, strict=True))


def check_components(said: Statement, problem: CPProblem) -> Check:
    """Compare what is said of the known cells with the generic rank of the Jacobian of components."""
    freedom = (sum(problem.shape) - len(problem.shape) + 1) * problem.rank
    return check_generic_rank(said, problem, freedom, partial(cp_jacobian, problem))


def cp_jacobian(problem: CPProblem, prime: int, seed: int) -> Residues:
    """Return the Jacobian of the known cells at random integer components, modulo a prime."""
    rng, at, start = np.random.default_rng(seed), problem.at_cells, 0
    rows = [rng.integers(1, prime, factor.shape)[at[:, n]] for n, factor in enumerate(problem.factors)]
    out = np.zeros((len(at), problem.size), np.int64)
    for n, factor in enumerate(problem.factors):
        for k in range(problem.rank):
            slope = np.ones(len(at), np.int64)
            for m, row in enumerate(rows):
                if m != n:
                    slope = slope * row[:, k] % prime
            out[np.arange(len(at)), start + at[:, n] * problem.rank + k] = slope
        start += factor.size
    return out


def _feasible(said: Statement, problem: CPProblem) -> Statement:
    """Return what is stated, with a fault if anything is claimed of a point outside the problem."""
    said.require(said.is_open or problem.is_feasible, "a factor breaks its constraints")
    return said


CHECKS: Checks = {
    **AT_THE_POINT,
    "globally_optimal": lambda said, at, beside, progress: check_tensor_optimal(_feasible(said, at), at),
    "components_determined": lambda said, at, beside, progress: check_components(said, at),
    "unique_decomposition": lambda said, at, beside, progress: check_unique(_feasible(said, at), at),
}
