"""Powers by which one quantity grows with another."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def fitted_power(sizes: ArrayLike, values: ArrayLike) -> tuple[float, float, float]:
    """Return the slope of the logarithms of positive numbers, and the ends of its 95 % interval."""
    from scipy.stats import linregress, t

    line = linregress(np.log(sizes), np.log(values))
    half = float(t.ppf(0.975, np.size(sizes) - 2) * line.stderr)
    return float(line.slope), float(line.slope) - half, float(line.slope) + half


def power_words(power: tuple[float, float, float]) -> str:
    """Return a slope with the ends of its interval, in words, and that it says nothing if it holds 0."""
    slope, low, high = power
    # written so that an interval that is not known says nothing either
    said = "" if low > 0 or high < 0 else ", WHICH HOLDS 0 AND SO SHOWS NO POWER"
    return f"{slope:.2f} ({low:.2f} to {high:.2f}{said})"
