"""The noise variance that a residual implies, by which priors are scaled."""

from __future__ import annotations

from lowland.core.fits import Fit


def residual_variance(objective: Fit, squares: float, surplus: float) -> float:
    """Return squares over the measurements beyond the degrees of freedom, or a share of all if that is more.

    Parameters
    ----------
    objective : Fit
    squares : float
        Weighted sum of squared residuals.
    surplus : float
        The share: close to the information limit the variance would explode without it.
    """
    count = objective.y.size
    return float(squares / max(count - objective.degrees_of_freedom, surplus * count))
