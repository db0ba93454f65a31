"""Whether the components of a CP decomposition are the only ones that add up to its tensor.

Kruskal's condition is sufficient: if the k-ranks of the N factors (the largest k such that any k columns are
independent) add up to 2 R + N - 1 or more, no other R components have the same sum. The sum is known to its
rounding only, so that a proof also needs margins: see `cp_margins`. Where two components have parallel
columns in all modes but two, they are one vector times a matrix of rank two, which is the sum of other pairs
too.

References
----------
J. B. Kruskal, Three-way arrays: rank and uniqueness of trilinear decompositions, Linear Algebra and its
Applications 1977; N. D. Sidiropoulos, R. Bro, On the uniqueness of multilinear decomposition of N-way arrays,
Journal of Chemometrics 2000; N. Vannieuwenhoven, Condition numbers for the tensor rank decomposition, Linear
Algebra and its Applications 2017.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from lowland.certificates.settings import Judgement
from lowland.core.arrays import Matrix, Vector
from lowland.core.results.findings import Finding, undecided
from lowland.core.results.reasons import Reason, because
from lowland.core.results.status import Rigour, Verdict
from lowland.tensors.capabilities import ComponentsFit
from lowland.tensors.certificates.cp_margins import (
    CLEAR,
    eased,
    hidden_component,
    hidden_pair,
    k_rank,
    of_length_one,
    rounding_of_sum,
)
from lowland.tensors.certificates.cp_mixing import mixed

CLAIM = "unique_decomposition"


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
        PROVED by Kruskal's condition, with k-ranks that are proved with all rounding bounded, if rounding of
        the sum is far from removing or exchanging components; REFUTED by a zero component, or by two
        components that can be mixed, in exact arithmetic; else INCONCLUSIVE.
    """
    factors = objective.unpack(theta)
    if not all(np.isfinite(factor).all() for factor in factors):
        return [undecided(CLAIM, because("overflow"))]
    rank = factors[0].shape[1]
    refuted = _refuted(objective, factors)
    if refuted is not None:
        return [refuted if objective.allows_mixing() else undecided(CLAIM, because("held_components"))]
    units, lengths = zip(*(of_length_one(factor) for factor in factors), strict=True)
    sizes = np.prod(lengths, axis=0)
    if not np.isfinite(sizes.sum()):
        return [undecided(CLAIM, because("overflow"))]
    rounding = rounding_of_sum(sizes, objective.shape)
    if rank == 1:
        if hidden_component(sizes, rounding) is not None:
            return [undecided(CLAIM, because("hidden_component", component=0))]
        return [Finding(CLAIM, Verdict.PROVED, reason=because("one_component"), rigour=Rigour.RIGOROUS)]
    found = [k_rank(unit) for unit in units]
    needed = 2 * rank + len(factors) - 1
    spare = sum(k for k, _ in found) - needed
    found = eased(units, found, spare)
    total = sum(k for k, _ in found)
    reason, margins = because("kruskal", sum=total, needed=needed), [margin for _, margin in found]
    clear = float(sizes.min() * np.prod(margins)) / rounding
    holds = spare >= 0 and clear >= CLEAR * rank
    if holds:
        reason += because("clear_of_rounding", times=clear)
    elif spare >= 0:
        reason += _near_rounding(units, sizes, rounding)
    return [
        Finding(
            CLAIM,
            Verdict.PROVED if holds else Verdict.INCONCLUSIVE,
            float(total),
            float(needed),
            reason=reason,
            rigour=Rigour.RIGOROUS if holds else Rigour.ESTIMATE,
            witness={"k_ranks": np.array([k for k, _ in found]), "smallest": min(margins)},
        )
    ]


def _refuted(objective: ComponentsFit, factors: tuple[Matrix, ...]) -> Finding | None:
    """Return a refutation that holds where nothing but signs is asked of factors, or None."""
    rank = factors[0].shape[1]
    zero = [k for k in range(rank) if any(not factor[:, k].any() for factor in factors)]
    if zero:
        return _refutation("zero_component", {"component": zero[0]}) if rank > 1 else None
    signed = [objective.needs_sign(n) for n in range(len(factors))]
    for r, s in combinations(range(rank), 2):
        others = mixed([factor[:, [r, s]] for factor in factors], signed)
        if others is not None:
            witness = {f"mixed_{n}": pair for n, pair in enumerate(others)}
            return _refutation("mixed", {"components": np.array([r, s]), **witness})
    return None


def _refutation(code: str, witness: dict[str, Any]) -> Finding:
    return Finding(CLAIM, Verdict.REFUTED, reason=because(code), rigour=Rigour.RIGOROUS, witness=witness)


def _near_rounding(units: tuple[Matrix, ...], sizes: Vector, rounding: float) -> Reason:
    """Return what rounding of the sum could do, as far as that is known."""
    component = hidden_component(sizes, rounding)
    if component is not None:
        return because("hidden_component", component=component)
    pair = hidden_pair(units, sizes, rounding)
    if pair is not None:
        return because("hidden_pair", pair=list(pair))
    return because("near_rounding")
