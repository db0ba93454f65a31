"""Can gradient descent with a given step stay at a network, or at any network of the same function?"""

from __future__ import annotations

from lowland.certify.sharpness import Sharpness
from lowland.core.findings import Finding
from lowland.core.status import Rigour, Verdict

CLAIM = "stable_at_step_size"
# of the gradient without a fit: below it a point counts as stationary
STATIONARY = 1e-6


def judge_stability(sharpness: Sharpness, step_size: float, unfitted_slope: float) -> Finding:
    """Return whether a point is linearly stable under gradient descent: eigenvalues of H within [0, 2/eta].

    Parameters
    ----------
    sharpness : Sharpness
    step_size : float
        eta.
    unfitted_slope : float
        A natural size of gradients, to tell what is small.

    Returns
    -------
    Finding
        REFUTED where the largest eigenvalue exceeds 2/eta: no trajectory stays near. PROVED at a stationary
        point with all eigenvalues inside, SUPPORTED below the edge while the gradient is not yet small.
    """
    limit = 2 / step_size
    low, high = sharpness.largest - sharpness.error, sharpness.largest + sharpness.error
    at_rest = sharpness.gradient_norm <= STATIONARY * max(unfitted_slope, 1e-300)
    if sharpness.kinks:
        verdict, method = (
            Verdict.INCONCLUSIVE,
            "a neuron is at its kink on a data point: there is no Hessian there",
        )
    elif low > limit:
        verdict, method = (
            Verdict.REFUTED,
            "the largest eigenvalue of the Hessian exceeds 2 over the step size",
        )
    elif high > limit:
        verdict, method = Verdict.INCONCLUSIVE, "the largest eigenvalue is too near the limit for its error"
    elif not at_rest:
        verdict = Verdict.SUPPORTED
        method = "below the edge of stability, but the gradient is not small: the point is not at rest"
    elif sharpness.smallest < -max(sharpness.error, 1e-9 * sharpness.largest):
        verdict, method = Verdict.REFUTED, "a stationary point with a direction that curves down is a saddle"
    else:
        verdict, method = (
            Verdict.PROVED,
            "a stationary point, all eigenvalues of the Hessian within 0 and the limit",
        )
    return Finding(
        CLAIM,
        verdict,
        value=sharpness.largest,
        bound=limit,
        tolerance=STATIONARY,
        method=method,
        rigour=Rigour.WORKING_PRECISION,
        witness={
            "gauss_newton": sharpness.gauss_newton,
            "remainder": sharpness.remainder,
            "gradient_norm": sharpness.gradient_norm,
            "error": sharpness.error,
        },
    )
