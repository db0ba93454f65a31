"""What held-out cells inside their intervals prove of missing cells, in logarithms of probabilities."""

from __future__ import annotations

import numpy as np

# relative error of a tail that is allowed for: sums of thousands of logarithms round far less
ROUNDING = 1e-9


def least_inside(inside: int, held: int, missing: int, risk: float, gamma: float) -> int:
    """Return the least number of missing cells inside that is not too unlikely, by bisection.

    Parameters
    ----------
    inside, held : int
        Of the held-out cells, and how many there are.
    missing : int
        Number of the missing cells.
    risk : float
        What is too unlikely.
    gamma : float
        By what factor the odds of cells inside to be held out may exceed those of others.
    """
    rejected, kept = -1, missing
    while kept - rejected > 1:
        middle = (rejected + kept) // 2
        unlikely = tail(inside, held, missing, inside + middle, gamma) <= risk * (1 - ROUNDING)
        rejected, kept = (middle, kept) if unlikely else (rejected, middle)
    return kept if inside else 0


def tail(inside: int, held: int, missing: int, total: int, gamma: float) -> float:
    """Return the probability of at least so many inside among the held-out cells, of so many among all."""
    outside = held + missing - total
    first, last = max(0, held - outside), min(held, total)
    counts = np.arange(first, last + 1, dtype=np.float64)
    steps = np.log(gamma) + (
        np.log(total - counts[:-1])
        + np.log(held - counts[:-1])
        - np.log(counts[1:])
        - np.log(outside - held + counts[1:])
    )
    weights = np.concatenate([[0.0], np.cumsum(steps)])
    weights = np.exp(weights - weights.max())
    return float(weights[counts >= inside].sum() / weights.sum())
