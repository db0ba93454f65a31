"""Whether gradient descent with a given step is linearly stable at a network."""

from __future__ import annotations

import numpy as np

from lowland.core.results.findings import Finding
from lowland.core.results.reasons import because
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
        verdict, code = Verdict.INCONCLUSIVE, "no_hessian"
    elif low > limit:
        verdict, code = Verdict.REFUTED, "above_limit"
    elif high > limit:
        verdict, code = Verdict.INCONCLUSIVE, "near_limit"
    elif not _at_rest(sharpness, spread):
        verdict, code = Verdict.INCONCLUSIVE, "moving"
    else:
        verdict, code = _at_stationary_point(sharpness)
    return Finding(
        CLAIM,
        verdict,
        value=sharpness.largest,
        bound=limit,
        tolerance=STATIONARY,
        reason=because(code),
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
        return Verdict.REFUTED, "idle_saddle"
    if sharpness.smallest >= -sharpness.error:
        return Verdict.PROVED, "stable"
    return Verdict.INCONCLUSIVE, "only_bounded" if sharpness.smallest_is_bound else "unclear"
