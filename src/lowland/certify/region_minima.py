"""Does an activation region hold bad minima? By exact ranks first, by the best loss in it otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from lowland.core.arrays import Matrix
from lowland.core.findings import Finding
from lowland.core.status import Rigour, Verdict

CLAIM = "no_bad_minimum_in_region"
NULL_SET = "the point lies outside a set of volume zero of its region"
OUTER = "no output weight becomes zero"


@final
@dataclass(frozen=True, eq=False)
class RegionFacts:
    """What is known of a region.

    Parameters
    ----------
    n_points : int
    rank : int
        Exact rank of the Jacobian, never too high.
    on_boundary : bool
        Whether a neuron is at its kink on a data point.
    linear : bool
        Whether the first layer alone is trained, so that the Jacobian is the same all over the region.
    shallow : bool
        Whether there is one hidden layer.
    any_output_zero : bool
        Whether an output weight is zero.
    """

    n_points: int
    rank: int
    on_boundary: bool
    linear: bool
    shallow: bool
    any_output_zero: bool


def judge_region(facts: RegionFacts, optimum: Any = None, least_possible: float = 0.0) -> Finding:
    """Return what is proved about differentiable local minima of a region.

    Parameters
    ----------
    facts : RegionFacts
    optimum : RegionOptimum, optional
        The best of the region, where the first layer alone is trained: outputs are linear there.
    least_possible : float
        Loss below which no function comes: above zero where inputs repeat with other targets.

    Returns
    -------
    Finding
        PROVED by a Jacobian of full row rank: a gradient J^T r that vanishes leaves no residual r. REFUTED by
        a minimum inside the region whose loss is not zero.
    """
    n, rank = facts.n_points, facts.rank
    numbers: dict[str, Any] = {"value": float(rank), "bound": float(n)}
    if facts.on_boundary:
        method = "a neuron is at its kink on a data point, so the network lies on a boundary of regions"
        return Finding(CLAIM, Verdict.INCONCLUSIVE, method=method, rigour=Rigour.ESTIMATE, **numbers)
    if rank == n:
        return Finding(
            CLAIM,
            Verdict.PROVED,
            assumptions=_assumptions(facts),
            method=f"the Jacobian has rank {n}, the number of data points, by exact elimination",
            rigour=Rigour.RIGOROUS,
            **numbers,
        )
    short = f"the Jacobian has rank {rank} for {n} data points"
    if optimum is None:
        return Finding(CLAIM, Verdict.INCONCLUSIVE, method=short, rigour=Rigour.PROBABILISTIC, **numbers)
    return _by_optimum(short, optimum, numbers, least_possible)


def _assumptions(facts: RegionFacts) -> tuple[str, ...]:
    if facts.linear:
        return ()
    return (OUTER,) if facts.shallow and not facts.any_output_zero else (NULL_SET,)


def _by_optimum(short: str, optimum: Any, numbers: dict[str, Any], least: float) -> Finding:
    loss = f"{optimum.loss:.3g}"
    if optimum.is_zero:
        method = f"{short}, but the best loss in the region is zero, and within a region the loss is convex"
        verdict = Verdict.SUPPORTED
    elif optimum.loss <= least * (1 + 1e-6):
        method = f"{short}, but no function fits data that repeat with other targets better than {loss}"
        verdict = Verdict.SUPPORTED
    elif optimum.interior:
        method = f"{short}, and the best loss in the region, {loss}, is attained inside it"
        verdict = Verdict.REFUTED
    else:
        method = f"{short}, but its best loss, {loss}, is attained on the boundary, as far as numbers tell"
        verdict = Verdict.SUPPORTED
    witness: dict[str, Any] = {"best_loss": optimum.loss}
    if verdict is Verdict.REFUTED:
        weights: Matrix = optimum.weights
        witness |= {"weights": weights, "margin": optimum.margin}
    return Finding(CLAIM, verdict, method=method, rigour=Rigour.WORKING_PRECISION, witness=witness, **numbers)
