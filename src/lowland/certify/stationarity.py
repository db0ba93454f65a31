"""Is the gradient zero, to the precision that rounding allows?"""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.findings import Finding
from lowland.core.status import Rigour, Verdict


def judge_stationarity(objective: Any, theta: Vector, tolerance: float, rng: np.random.Generator) -> Finding:
    """Judge whether the gradient vanishes, relative to the gradient with the fit taken away.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (size,)
    tolerance : float
        Largest relative gradient that counts as zero.
    rng : numpy.random.Generator
        For the direction of the consistency check.

    Returns
    -------
    Finding
        SUPPORTED or REFUTED; INCONCLUSIVE where rounding hides the answer.
    """
    if not objective.penalties:
        theta = balanced(objective, theta)  # the same matrix, whatever the scale between its factors
    size = float(np.linalg.norm(objective.gradient(theta)))
    scale = gradient_scale(objective, theta)
    usual, worst = gradient_rounding(objective, theta, rng)
    if not np.isfinite([size, scale, usual, worst]).all():
        return Finding(
            "stationary", Verdict.INCONCLUSIVE, tolerance=tolerance, method="numbers beyond float64's range"
        )
    relative = size / scale if scale > 0 else (0.0 if size == 0 else float("inf"))
    verdict = Verdict.INCONCLUSIVE
    if size <= tolerance * scale + usual:
        verdict = Verdict.SUPPORTED
    elif size - worst > tolerance * scale:
        verdict = Verdict.REFUTED
    return Finding(
        "stationary",
        verdict,
        relative,
        tolerance,
        tolerance,
        method="norm of the gradient, relative to that with the fit taken away",
        rigour=Rigour.WORKING_PRECISION,
        witness={"gradient_norm": size, "scale": scale},
    )


def balanced(objective: Any, theta: Vector) -> Vector:
    """Return the balanced point of the same matrix, where numbers are of a usual size."""
    size = float(np.abs(theta).max(initial=0.0))
    canonical: Vector = objective.model.canonical(theta) if 1e-100 < size < 1e100 else theta
    return canonical


def gradient_scale(objective: Any, theta: Vector) -> float:
    """Return the norm of the data gradient at zero factors and fitted biases, a natural unit."""
    return float(np.linalg.norm(objective.pull(theta, objective.adjoint(objective.unfitted[1]))))


def gradient_rounding(objective: Any, theta: Vector, rng: np.random.Generator) -> tuple[float, float]:
    """Return how much gradient the rounding of data and predictions usually makes, and at worst."""
    z = objective.predict(theta)
    error = np.finfo(float).eps * (np.abs(objective.y) + np.abs(z))
    signs = rng.choice([-1.0, 1.0], error.size)
    usual = objective.pull(theta, objective.adjoint(objective.weighted(error * signs)))
    if objective.rounding is not None:
        error = error + objective.rounding.measure_error(objective.matrix(theta))
    worst = objective.pull(np.abs(theta), objective.adjoint(objective.weighted(error)))
    return 4 * float(np.linalg.norm(usual)), float(np.linalg.norm(worst))
