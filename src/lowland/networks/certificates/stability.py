"""Whether gradient descent with a given step is linearly stable at a network."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from lowland.core.results.findings import Finding
from lowland.core.results.reasons import assumption, because
from lowland.core.results.status import Rigour, Verdict
from lowland.networks.certificates.sharpness import Sharpness
from lowland.networks.certificates.slopes import Slopes

CLAIM = "stable_at_step_size"
# fraction of a parameter's possible slope, or of the values, below which slopes or residuals count as zero
STATIONARY = 1e-6
# slopes this many times smaller than an idle neuron's pull cannot explain it
FAR_SMALLER = 100.0
# fraction of the largest curvature below which a negative one counts as zero
FLAT = 1e-9
# what is proved keeps this far from its limits, so that who computes it in another order proves it, too
SPARE, SPARE_SLOPES = 1e-12, 1e-3

Judged: TypeAlias = tuple[Verdict, str, tuple[str, ...]]


def judge_stability(sharpness: Sharpness, step_size: float) -> Finding:
    """Return whether a point is linearly stable under gradient descent: eigenvalues of H within [0, 2/eta].

    Parameters
    ----------
    sharpness : Sharpness
    step_size : float
        The step size eta.

    Returns
    -------
    Finding
        REFUTED if the largest eigenvalue is proved to exceed 2/eta, or a point to have negative curvature
        whose slopes count as zero: no trajectory stays near. PROVED where the largest eigenvalue is proved to
        be within the limit, and slopes (or residuals) and negative curvatures so small that they count as
        zero; SUPPORTED where that holds to working precision. INCONCLUSIVE below the edge of stability while
        the gradient is not yet small.
    """
    limit = 2 / step_size
    verdict, code, assumptions = _judged(sharpness, limit)
    proves = verdict in (Verdict.PROVED, Verdict.REFUTED)
    slopes, ends = sharpness.slopes, {"lower": sharpness.lower, "upper": sharpness.upper}
    return Finding(
        CLAIM,
        verdict,
        value=sharpness.largest,
        bound=limit,
        tolerance=STATIONARY,
        assumptions=assumptions,
        reason=because(code),
        rigour=Rigour.RIGOROUS if proves else Rigour.WORKING_PRECISION,
        witness={
            "gauss_newton": sharpness.gauss_newton,
            "remainder": sharpness.remainder,
            "gradient_norm": sharpness.gradient_norm,
            "unrest": slopes.unrest,
            "error": sharpness.error,
            **{name: end for name, end in ends.items() if np.isfinite(end)},
        },
    )


def _judged(sharpness: Sharpness, limit: float) -> Judged:
    """Return verdict, code of the reason, and assumptions."""
    slopes = sharpness.slopes
    if sharpness.kinks:
        return Verdict.INCONCLUSIVE, "no_hessian", ()
    if sharpness.lower > limit * (1 + SPARE):
        return Verdict.REFUTED, "above_limit", ()
    # where nothing is proved of an end, the computed one decides between the other verdicts
    upper = sharpness.upper if np.isfinite(sharpness.upper) else sharpness.largest + sharpness.error
    if not upper * (1 + SPARE) <= limit:
        unproved = np.isinf(sharpness.lower) and sharpness.largest - sharpness.error > limit
        return Verdict.INCONCLUSIVE, "above_limit" if unproved else "near_limit", ()
    if not (slopes.unrest <= STATIONARY or slopes.misfit <= STATIONARY):
        return Verdict.INCONCLUSIVE, "moving", ()
    if slopes.unrest <= STATIONARY and slopes.idle_pull > FAR_SMALLER * STATIONARY:
        return _at_saddle(slopes)
    if not sharpness.smallest >= -FLAT * sharpness.largest:
        return Verdict.INCONCLUSIVE, "only_bounded" if sharpness.smallest_is_bound else "unclear", ()
    return _at_minimum(sharpness)


def _at_saddle(slopes: Slopes) -> Judged:
    """Return the verdict where the output weight of an idle neuron is zero, so that its pull curves down."""
    least, small = slopes.idle_ends[0] * (1 - SPARE_SLOPES), STATIONARY * (1 - SPARE_SLOPES)
    if least > FAR_SMALLER * STATIONARY and slopes.most_unrest <= small:
        return Verdict.REFUTED, "idle_saddle", (assumption("small_slopes", share=STATIONARY),)
    return Verdict.INCONCLUSIVE, "unclear", ()


def _at_minimum(sharpness: Sharpness) -> Judged:
    """Return the verdict where all curvatures are computed to be within the limits."""
    slopes, small = sharpness.slopes, STATIONARY * (1 - SPARE_SLOPES)
    if slopes.idle_pull > STATIONARY and not slopes.misfit <= STATIONARY:
        return Verdict.INCONCLUSIVE, "unclear", ()
    still = max(slopes.most_unrest, slopes.idle_ends[1]) <= small
    flat = sharpness.lowest >= -FLAT * (1 - SPARE_SLOPES) * sharpness.largest
    if not (np.isfinite(sharpness.upper) and flat and (still or slopes.most_misfit <= small)):
        return Verdict.SUPPORTED, "stable", ()
    zero = assumption("small_slopes" if still else "small_residuals", share=STATIONARY)
    return Verdict.PROVED, "stable", (zero, assumption("small_curvatures", share=FLAT))
