"""Intervals made wider, as far as the law of an audit asks for."""

from __future__ import annotations

from collections.abc import Callable

# intervals are made wider by powers of this factor, up to four times as wide: the nominal levels of still
# wider ones are too near one to be told from it
STEP, STEPS = 1.01, 139
WIDEST = STEP**STEPS


def least_widening(count: Callable[[float], int], needed: int) -> float | None:
    """Return by what factor, of at least one, intervals are widened so that they hold enough held-out cells.

    Parameters
    ----------
    count : callable
        Takes a factor, and returns how many held-out cells lie in intervals made so much wider: at least as
        many for a larger one.
    needed : int

    Returns
    -------
    float or None
        None if intervals `WIDEST` times as wide hold too few.
    """
    # steps of a fixed grid: a wider one than needed still holds, since intervals grow with the level
    low, high = -1, STEPS + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if count(STEP**middle) >= needed else (middle, high)
    return None if high > STEPS else float(STEP**high)


def widened(level: float, factor: float) -> float:
    """Return the nominal level of normal intervals that are wider than those of a level by a factor."""
    from scipy.special import ndtr, ndtri

    return float(2 * ndtr(factor * ndtri((1 + level) / 2)) - 1)
