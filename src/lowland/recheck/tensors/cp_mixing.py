"""Checks two components that are the sum of two others: that there are others is shown in exact arithmetic.

Where the columns of two components are parallel in all modes but two, their sum is b d^T + k c e^T times
columns of the other modes, which is b (d - t e)^T + k (c + t/k b) e^T for every t: others, unless all columns
are parallel. Where signs are asked, a small t will do if the entries that it lowers are positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.recheck.bounds import UNIT
from lowland.recheck.statement import Statement
from lowland.recheck.tensors.cp_problem import CPProblem

# distance of two sums, in units of the smaller component; and least difference of the others from the pair
SAME, OTHER = 1e-6, 1e-5
# squares of columns below it might underflow
TINY = 1e-140


def check_mixed(said: Statement, problem: CPProblem) -> Check:
    """Compare two components with two others of the same sum."""
    said.require(said.verdict is Verdict.REFUTED, "two components that can be mixed are not unique")
    said.rigour(Rigour.RIGOROUS)
    pair, order = said.array("components", (2,)), len(problem.shape)
    mixed = [said.array(f"mixed_{n}", (length, 2)) for n, length in enumerate(problem.shape)]
    others = [np.asarray(both) for both in mixed if both is not None]
    if pair is None or len(others) < order:
        return said.settle("")
    r, s = (int(place) for place in pair)
    if not (0 <= r < problem.rank and 0 <= s < problem.rank and r != s and list(pair) == [r, s]):
        said.fault("they are no two components")
        return said.settle("")
    two = [factor[:, [r, s]] for factor in problem.factors]
    ratios = [_ratio(both[:, 0], both[:, 1]) for both in two]
    parallel = sum(ratio is not None for ratio in ratios)
    words = f"their columns are parallel in {parallel} of {order} modes"
    # modes whose columns the mixture changes, and others that make two of them
    free = [n for n in range(order) if ratios[n] is None or not _keeps(two[n], others[n])]
    free = (free + [n for n in range(order) if n not in free])[: max(2, len(free))]
    held = [n for n in range(order) if n not in free]
    if not said.require(order - 2 <= parallel < order and len(free) == 2, words):
        return said.settle("")
    asked = [constraint.nonnegative for constraint in problem.asked] or [False] * order
    scale = prod(_ratio(*two[n].T) or 0 for n in held)
    can = _can_mix([two[n] for n in free], scale, [asked[n] for n in free])
    said.require(can, "no other two have the signs that are asked")
    good = all(not sign or bool((both >= 0).all()) for both, sign in zip(others, asked, strict=True))
    said.require(good, "the other two are negative where they must not be")
    said.require(_distance(two, others, held) <= SAME, "the other two components have another sum")
    said.require(_differ(two, others), "the other two are the same components")
    return said.settle(f"components {r} and {s}: {words}")


def _keeps(both: Matrix, new: Matrix) -> bool:
    """Whether other columns are parallel to those of a pair, which are parallel."""
    return all(_ratio(both[:, 0], column) is not None for column in new.T)


def _can_mix(two: Sequence[Matrix], scale: Fraction | int, asked: Sequence[bool]) -> bool:
    """Whether some small mixture of two components has the signs asked of the two modes that it changes."""
    for (r, s), sign in product(((0, 1), (1, 0)), (1, -1)):
        (b, c), (d, e) = (both[:, [r, s]].T for both in two)
        lowers_c, lowers_d = (sign if scale > 0 else -sign) * b < 0, sign * e > 0
        first = not asked[0] or bool((c[lowers_c] > 0).all())
        if first and (not asked[1] or bool((d[lowers_d] > 0).all())):
            return True
    return False


def _distance(two: Sequence[Matrix], others: Sequence[Matrix], held: Sequence[int]) -> float:
    """Return the distance of two sums with its rounding, in units of the smaller component of the first."""
    both = [np.hstack(pair) for pair in zip(two, others, strict=True)]
    exact = [prod(_ratio(four[:, 0], four[:, k]) or 0 for four in (both[n] for n in held)) for k in range(4)]
    try:
        weights = np.array([float(number) for number in exact])
    except OverflowError:
        return np.inf
    left, right = (both[n] for n in range(len(both)) if n not in held)
    sizes = np.abs(weights) * np.linalg.norm(left, axis=0) * np.linalg.norm(right, axis=0)
    off = np.linalg.norm((left * weights * [1, 1, -1, -1]) @ right.T) + 8 * UNIT * sizes.sum()
    least = float(sizes[:2].min())
    return float(off) / least if least > TINY and np.isfinite(off) else np.inf


def _differ(two: Sequence[Matrix], others: Sequence[Matrix]) -> bool:
    """Whether a component of the others is parallel to none of the first."""
    cosines = np.ones((2, 2))
    for both, new in zip(two, others, strict=True):
        norms = np.outer(np.linalg.norm(both, axis=0), np.linalg.norm(new, axis=0))
        if not norms.all():
            return False
        cosines *= np.abs(both.T @ new) / norms
    return bool((cosines.max(axis=0) < 1 - OTHER).any())


def _ratio(a: Vector, b: Vector) -> Fraction | None:
    """Return t with b = t a in exact arithmetic; None if there is none, or either is zero."""
    if not (a.any() and b.any()):
        return None
    pivot = int(np.abs(a).argmax())
    first, second = Fraction(float(a[pivot])), Fraction(float(b[pivot]))
    exact = all(Fraction(float(x)) * second == Fraction(float(y)) * first for x, y in zip(a, b, strict=True))
    return second / first if exact else None
