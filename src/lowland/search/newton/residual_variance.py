"""The noise variance implied by a residual, by which priors are scaled."""

from __future__ import annotations

from lowland.core.promises.fits import Fit


def residual_variance(objective: Fit, squares: float, surplus: float) -> float:
    """Return squares divided by the surplus of measurements, or by a share of all if that is more.

    Parameters
    ----------
    objective : Fit
    squares : float
        Weighted sum of squared residuals.
    surplus : float
        That share: near the information limit the variance would blow up without it.
    """
    count = objective.y.size
    return float(squares / max(count - objective.degrees_of_freedom, surplus * count))
