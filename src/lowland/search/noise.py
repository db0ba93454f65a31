"""The noise variance that a residual implies, by which priors are scaled."""

from __future__ import annotations

from typing import Any


def residual_variance(objective: Any, squares: float, surplus: float) -> float:
    """Return squares over the measurements beyond the degrees of freedom, or a share of all if that is more.

    Parameters
    ----------
    objective : Objective
    squares : float
        Weighted sum of squared residuals.
    surplus : float
        The share: close to the information limit the variance would explode without it.
    """
    count = objective.measurement.size
    return float(squares / max(count - objective.model.degrees_of_freedom, surplus * count))
