"""Whether the gradient is zero, to the precision that rounding allows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.certificates.enclosures import slope_along
from lowland.certificates.settings import Judgement
from lowland.core.arrays import Vector
from lowland.core.promises.fits import Fit
from lowland.core.results.findings import Finding, where_bounded
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict

# numbers that are handled at once
CHUNK = 250_000


def judge_stationarity(objective: Fit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge whether the gradient vanishes, relative to the gradient for the unfitted residuals.

    Parameters
    ----------
    objective : Fit
        In float64.
    theta : ndarray, shape (size,)
    given : Judgement
        Has the largest relative gradient that counts as zero.

    Returns
    -------
    list of Finding
        SUPPORTED; REFUTED where the slope along the gradient is bounded away from zero, rounding included;
        INCONCLUSIVE if rounding hides the answer, or is not bounded.
    """
    tolerance, value = given.settings.gradient_tolerance, float(objective.value(theta))
    if not objective.penalties:
        theta = balanced(objective, theta)  # the same matrix, whatever the scale between its factors
    gradient = objective.gradient(theta)
    size = float(np.linalg.norm(gradient))
    scale = gradient_scale(objective, theta)
    usual = gradient_rounding(objective, theta, given.rng())
    if not np.isfinite([size, scale, usual, value]).all():
        reason = because("overflow")
        return [Finding("stationary", Verdict.INCONCLUSIVE, tolerance=tolerance, reason=reason)]
    relative = size / scale if scale > 0 else (0.0 if size == 0 else float("inf"))
    finding = Finding(
        "stationary",
        Verdict.SUPPORTED if size <= tolerance * scale + usual else Verdict.INCONCLUSIVE,
        relative,
        tolerance,
        tolerance,
        reason=because("gradient"),
        rigour=Rigour.WORKING_PRECISION,
        witness={"gradient_norm": size, "scale": scale},
    )
    if finding.verdict is Verdict.SUPPORTED:
        return [finding]
    steepness = slope_along(objective, theta, gradient / size)
    if steepness is not None and not steepness[0] > tolerance * scale:
        return [finding]
    refuted = replace(finding, verdict=Verdict.REFUTED, rigour=Rigour.RIGOROUS)
    return [where_bounded(refuted, steepness is not None)]


def balanced(objective: Fit, theta: Vector) -> Vector:
    """Return the balanced point of the same matrix, at which numbers have a moderate size."""
    size = float(np.abs(theta).max(initial=0.0))
    return objective.canonical(theta) if 1e-100 < size < 1e100 else theta


def gradient_scale(objective: Fit, theta: Vector) -> float:
    """Return the norm of the gradient for the residuals when only biases are fitted, a natural unit."""
    return float(np.linalg.norm(objective.transpose_product(theta, objective.unfitted[1])))


def gradient_rounding(objective: Fit, theta: Vector, rng: np.random.Generator) -> float:
    """Return the typical gradient caused by rounding of data and predictions."""
    error = np.require(objective.predict(theta), requirements="W")
    np.abs(error, out=error)
    for low in range(0, error.size, CHUNK):  # large data leave no room for several arrays of their size
        here = slice(low, low + CHUNK)
        error[here] = np.finfo(float).eps * (np.abs(objective.y[here]) + error[here])
        error[here] *= rng.choice([-1.0, 1.0], error[here].size)
    usual = objective.transpose_product(theta, objective.weighted(error))
    return 4 * float(np.linalg.norm(usual))
