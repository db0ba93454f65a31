"""Whether gradient descent with a given step is linearly stable at a network."""

from __future__ import annotations

import numpy as np

from lowland.core.results.findings import Finding
from lowland.core.results.status import Rigour, Verdict
from lowland.networks.certificates.sharpness import Sharpness

CLAIM = "stable_at_step_size"
# fraction of a parameter's possible slope, or of the values, below which slopes or residuals count as zero
STATIONARY = 1e-6
# slopes this many times smaller than an idle neuron's pull cannot explain it
FAR_SMALLER = 100.0


def judge_stability(sharpness: Sharpness, step_size: float, spread: float) -> Finding:
    """Return whether a point is linearly stable under gradient descent: eigenvalues of H within [0, 2/eta].

    Parameters
    ----------
    sharpness : Sharpness
    step_size : float
        The step size eta.
    spread : float
        Size of the values to be fitted, up to a constant if the network has one: residuals far below count
        as zero.

    Returns
    -------
    Finding
        REFUTED if the largest eigenvalue exceeds 2/eta, or a stationary point has negative curvature: no
        trajectory stays near. PROVED at a stationary point with all eigenvalues within the limits,
        INCONCLUSIVE below the edge of stability while the gradient is not yet small.
    """
    limit = 2 / step_size
    low, high = sharpness.largest - sharpness.error, sharpness.largest + sharpness.error
    if sharpness.kinks:
        verdict, method = (
            Verdict.INCONCLUSIVE,
            "a neuron is at its kink on a data point, where the loss has no Hessian",
        )
    elif low > limit:
        verdict, method = Verdict.REFUTED, "the largest eigenvalue of the Hessian exceeds 2 over the step"
    elif high > limit:
        verdict, method = (
            Verdict.INCONCLUSIVE,
            "the largest eigenvalue is too near the limit, given its error bound",
        )
    elif not _at_rest(sharpness, spread):
        verdict = Verdict.INCONCLUSIVE
        method = "below the edge of stability, but the gradient is not small: the point is not stationary"
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
    """Return whether every slope is small relative to the largest that such residuals could give."""
    residual = float(np.sqrt(2 * sharpness.loss))
    return sharpness.unrest <= STATIONARY or residual <= STATIONARY * spread


def _at_stationary_point(sharpness: Sharpness) -> tuple[Verdict, str]:
    if sharpness.unrest <= STATIONARY and sharpness.idle_pull > FAR_SMALLER * STATIONARY:
        words = "a saddle: stationary, but a neuron with zero output weight could lower the loss"
        return Verdict.REFUTED, words
    if sharpness.smallest >= -sharpness.error:
        return (
            Verdict.PROVED,
            "a stationary point with all eigenvalues of the Hessian between 0 and the limit",
        )
    if sharpness.smallest_is_bound:
        return (
            Verdict.INCONCLUSIVE,
            "stationary, but with so many parameters the smallest eigenvalue is only bounded",
        )
    return Verdict.INCONCLUSIVE, "not close enough to a stationary point to tell a minimum from a saddle"
