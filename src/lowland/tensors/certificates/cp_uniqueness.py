"""Whether the components of a CP decomposition are the only ones that add up to its tensor.

Kruskal's condition is sufficient: if the k-ranks of the N factors (the largest k such that any k columns are
independent) add up to 2 R + N - 1 or more, no other R components have the same sum. Where two components have
parallel columns in all modes but two, they are one vector times a matrix of rank two, which is the sum of
other pairs too.

References
----------
J. B. Kruskal, Three-way arrays: rank and uniqueness of trilinear decompositions, Linear Algebra and its
Applications 1977; N. D. Sidiropoulos, R. Bro, On the uniqueness of multilinear decomposition of N-way arrays,
Journal of Chemometrics 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np

from lowland.certificates.factorisations import singular_values
from lowland.certificates.settings import Judgement
from lowland.core.arrays import Matrix, Vector
from lowland.core.results.findings import Finding, undecided
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.tensors.capabilities import ComponentsFit

CLAIM = "unique_decomposition"
# columns of length one count as dependent below this singular value; and sets of columns that are looked at
DEPENDENT, MOST_SUBSETS = 1e-6, 20_000
# difference of entries from parallel that is looked at in exact arithmetic
NEARLY = 1e-9
# least difference of directions between a component and one that it can be mixed into
OTHER = 1e-4


def judge_uniqueness(objective: ComponentsFit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge whether other components have the same sum.

    Parameters
    ----------
    objective : ComponentsFit
        Only its way of reading a point is used.
    theta : ndarray, shape (size,)
    given : Judgement

    Returns
    -------
    list of Finding
        PROVED by Kruskal's condition, with k-ranks that hold to working precision; REFUTED by a zero
        component, or by two components that can be mixed, in exact arithmetic; else INCONCLUSIVE.
    """
    factors = objective.unpack(theta)
    if not all(np.isfinite(factor).all() for factor in factors):
        return [undecided(CLAIM, because("overflow"))]
    rank = factors[0].shape[1]
    zero = [k for k in range(rank) if any(not factor[:, k].any() for factor in factors)]
    if zero and rank > 1:
        if not objective.allows_mixing():
            return [undecided(CLAIM, because("held_components"))]
        return [_refuted("zero_component", {"component": zero[0]})]
    if rank == 1 and not zero:
        reason = because("one_component")
        return [Finding(CLAIM, Verdict.PROVED, reason=reason, rigour=Rigour.RIGOROUS)]
    for r, s in combinations(range(rank), 2):
        mixed = _mixed([factor[:, [r, s]] for factor in factors])
        if mixed is not None and all(
            bool((pair >= 0).all()) for n, pair in enumerate(mixed) if objective.needs_sign(n)
        ):
            if not objective.allows_mixing():
                return [undecided(CLAIM, because("held_components"))]
            witness = {f"mixed_{n}": pair for n, pair in enumerate(mixed)}
            return [_refuted("mixed", {"components": np.array([r, s]), **witness})]
    ranks, smallest = zip(*(k_rank(factor) for factor in factors), strict=True)
    total, needed = sum(ranks), 2 * rank + len(factors) - 1
    holds = total >= needed
    return [
        Finding(
            CLAIM,
            Verdict.PROVED if holds else Verdict.INCONCLUSIVE,
            float(total),
            float(needed),
            reason=because("kruskal", sum=total, needed=needed),
            rigour=Rigour.WORKING_PRECISION if holds else Rigour.ESTIMATE,
            witness={"k_ranks": np.array(ranks), "smallest": min(smallest)},
        )
    ]


def k_rank(factor: Matrix) -> tuple[int, float]:
    """Return a number k such that any k columns are independent, the largest that is found.

    Returns
    -------
    k : int
    smallest : float
        The least singular value of any k columns, of length one; 1 if k is zero.
    """
    length, rank = factor.shape
    norms = np.linalg.norm(factor, axis=0)
    if not norms.all():
        return 0, 1.0
    unit = factor / norms
    for k in range(min(length, rank), 1, -1):
        if comb(rank, k) > MOST_SUBSETS:
            continue
        # a proof by the squares of columns, as re-checks make, needs so much
        limit = max(DEPENDENT, 4 * float(np.sqrt(length * k * np.finfo(np.float64).eps)))
        smallest = np.inf
        for columns in combinations(range(rank), k):
            smallest = min(smallest, float(singular_values(unit[:, list(columns)])[-1]))
            if smallest <= limit:
                break
        else:
            return k, smallest
    return 1, 1.0


def _refuted(code: str, witness: dict[str, object]) -> Finding:
    return Finding(CLAIM, Verdict.REFUTED, reason=because(code), rigour=Rigour.RIGOROUS, witness=witness)


def _mixed(pair: Sequence[Matrix]) -> list[Matrix] | None:
    """Return two other components with the sum of two; None if they are not parallel in enough modes."""
    ratios = [_ratio(both[:, 0], both[:, 1]) for both in pair]
    free = [n for n, ratio in enumerate(ratios) if ratio is None]
    if len(free) > 2:
        return None
    free = (free + [n for n in range(len(pair)) if n not in free])[:2]
    scale = float(np.prod([ratio for n, ratio in enumerate(ratios) if n not in free and ratio is not None]))
    out = [np.repeat(both[:, :1], 2, axis=1) for both in pair]
    (b, c), (d, e) = (pair[n].T for n in free)  # b d^T + scale c e^T = b (d - e)^T + (b + scale c) e^T
    out[free[0]], out[free[1]] = np.stack([b, b + scale * c], axis=1), np.stack([d - e, e], axis=1)
    return out if _is_other(pair, out) else None


def _is_other(pair: Sequence[Matrix], mixed: Sequence[Matrix]) -> bool:
    """Whether one of the mixed components is parallel to none of the two."""
    cosines = np.ones((2, 2))
    for both, others in zip(pair, mixed, strict=True):
        norms = np.outer(np.linalg.norm(both, axis=0), np.linalg.norm(others, axis=0))
        if not norms.all():
            return False
        cosines *= np.abs(both.T @ others) / norms
    return bool((cosines.max(axis=0) < 1 - OTHER).any())


def _ratio(a: Vector, b: Vector) -> float | None:
    """Return t where b = t a in exact arithmetic, rounded; None if there is none."""
    pivot = int(np.abs(a).argmax())
    if not b[pivot] or np.abs(a * (b[pivot] / a[pivot]) - b).max() > NEARLY * np.abs(b).max():
        return None
    first, second = Fraction(float(a[pivot])), Fraction(float(b[pivot]))
    exact = all(Fraction(float(x)) * second == Fraction(float(y)) * first for x, y in zip(a, b, strict=True))
    return float(second / first) if exact else None
