"""Can gradient descent with a given step stay at a network, or at any network of the same function?"""

from __future__ import annotations

import numpy as np

from lowland.core.findings import Finding
from lowland.core.status import Rigour, Verdict
from lowland.networks.certificates.sharpness import Sharpness

CLAIM = "stable_at_step_size"
# share of a parameter's possible slope, or of the values, below which a slope or the residuals count as zero
STATIONARY = 1e-6
# slopes this many times smaller than an idle neuron's pull cannot be what makes it
FAR_SMALLER = 100.0


def judge_stability(sharpness: Sharpness, step_size: float, spread: float) -> Finding:
    """Return whether a point is linearly stable under gradient descent: eigenvalues of H within [0, 2/eta].

    Parameters
    ----------
    sharpness : Sharpness
    step_size : float
        eta.
    spread : float
        Size of the values to be fitted, a constant apart where the network has one: residuals far below are
        none.

    Returns
    -------
    Finding
        REFUTED where the largest eigenvalue exceeds 2/eta, or a stationary point curves down: no trajectory
        stays near. PROVED at a stationary point with all eigenvalues inside, INCONCLUSIVE below the edge
        while the gradient is not yet small.
    """
    limit = 2 / step_size
    low, high = sharpness.largest - sharpness.error, sharpness.largest + sharpness.error
    if sharpness.kinks:
        verdict, method = Verdict.INCONCLUSIVE, "a neuron is at its kink on a data point: no Hessian there"
    elif low > limit:
        verdict, method = Verdict.REFUTED, "the largest eigenvalue of the Hessian exceeds 2 over the step"
    elif high > limit:
        verdict, method = Verdict.INCONCLUSIVE, "the largest eigenvalue is too near the limit for its error"
    elif not _at_rest(sharpness, spread):
        verdict = Verdict.INCONCLUSIVE
        method = "below the edge of stability, but the gradient is not small: the point is not at rest"
    else:
        verdict, method = _at_stationary_point(sharpness)
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
            "unrest": sharpness.unrest,
            "error": sharpness.error,
        },
    )


def _at_rest(sharpness: Sharpness, spread: float) -> bool:
    """Whether every slope is small, in its own unit, beside what such residuals could make it."""
    residual = float(np.sqrt(2 * sharpness.loss))
    return sharpness.unrest <= STATIONARY or residual <= STATIONARY * spread


def _at_stationary_point(sharpness: Sharpness) -> tuple[Verdict, str]:
    if sharpness.unrest <= STATIONARY and sharpness.idle_pull > FAR_SMALLER * STATIONARY:
        words = (
            "a saddle: at rest, but a neuron without a say could lower the loss, so a direction curves down"
        )
        return Verdict.REFUTED, words
    if sharpness.smallest >= -sharpness.error:
        return Verdict.PROVED, "a stationary point, all eigenvalues of the Hessian within 0 and the limit"
    if sharpness.smallest_is_bound:
        return (
            Verdict.INCONCLUSIVE,
            "at rest, but with so many parameters the least eigenvalue is only bounded",
        )
    return Verdict.INCONCLUSIVE, "not near enough to rest to tell a minimum from a saddle"
