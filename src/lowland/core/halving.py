"""Search of many sorted stretches at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices


def find_by_halving(low: Indices, high: Indices, before: Callable[[Indices], NDArray[np.bool_]]) -> Indices:
    """Return the places of what is asked for, each in its own ascending stretch, which holds it.

    Parameters
    ----------
    low, high : ndarray of int, shape (k,)
        The stretches low .. high - 1, none of them empty.
    before : callable
        Takes one place per stretch, and returns where what is asked for comes before what lies there.
    """
    while (high - low > 1).any():
        middle = (low + high) // 2
        earlier = before(middle)
        low, high = np.where(earlier, low, middle), np.where(earlier, middle, high)
    return np.asarray(low)
