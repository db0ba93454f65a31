"""Whether the gradient is zero, to the precision that rounding allows."""

from __future__ import annotations

import numpy as np

from lowland.certificates.settings import Judgement
from lowland.core.arrays import Vector
from lowland.core.promises.fits import Fit
from lowland.core.results.findings import Finding
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
        SUPPORTED or REFUTED; INCONCLUSIVE if rounding hides the answer.
    """
    tolerance = given.settings.gradient_tolerance
    if not objective.penalties:
        theta = balanced(objective, theta)  # the same matrix, whatever the scale between its factors
    size = float(np.linalg.norm(objective.gradient(theta)))
    scale = gradient_scale(objective, theta)
    usual, worst = gradient_rounding(objective, theta, given.rng())
    if not np.isfinite([size, scale, usual, worst]).all():
        reason = because("overflow")
        return [Finding("stationary", Verdict.INCONCLUSIVE, tolerance=tolerance, reason=reason)]
    relative = size / scale if scale > 0 else (0.0 if size == 0 else float("inf"))
    verdict = Verdict.INCONCLUSIVE
    if size <= tolerance * scale + usual:
        verdict = Verdict.SUPPORTED
    elif size - worst > tolerance * scale:
        verdict = Verdict.REFUTED
    finding = Finding(
        "stationary",
        verdict,
        relative,
        tolerance,
        tolerance,
        reason=because("gradient"),
        rigour=Rigour.WORKING_PRECISION,
        witness={"gradient_norm": size, "scale": scale},
    )
    return [finding]


def balanced(objective: Fit, theta: Vector) -> Vector:
    """Return the balanced point of the same matrix, at which numbers have a moderate size."""
    size = float(np.abs(theta).max(initial=0.0))
    return objective.canonical(theta) if 1e-100 < size < 1e100 else theta


def gradient_scale(objective: Fit, theta: Vector) -> float:
    """Return the norm of the gradient for the residuals when only biases are fitted, a natural unit."""
    return float(np.linalg.norm(objective.transpose_product(theta, objective.unfitted[1])))


def gradient_rounding(objective: Fit, theta: Vector, rng: np.random.Generator) -> tuple[float, float]:
    """Return the typical and the worst-case gradient caused by rounding of data and predictions."""
    error = np.require(objective.predict(theta), requirements="W")
    np.abs(error, out=error)
    for low in range(0, error.size, CHUNK):  # large data leave no room for several arrays of their size
        here = slice(low, low + CHUNK)
        error[here] = np.finfo(float).eps * (np.abs(objective.y[here]) + error[here])
        error[here] *= rng.choice([-1.0, 1.0], error[here].size)
    usual = objective.transpose_product(theta, objective.weighted(error))
    np.abs(error, out=error)
    bounds = objective.prediction_error(theta)
    if bounds is not None:
        error = error + bounds
    worst = objective.transpose_product(np.abs(theta), objective.weighted(error))
    return 4 * float(np.linalg.norm(usual)), float(np.linalg.norm(worst))
