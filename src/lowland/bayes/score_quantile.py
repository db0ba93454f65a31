"""Widths of intervals from the errors on cells held out."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Vector

# with fewer scores than this, quantiles are uncertain
MANY = 100


def score_quantile(scores: Vector, level: float) -> float:
    """Return the quantile of ascending scores that holds a new one with the probability of a level.

    Of few scores, or beyond the largest, at least what it would be for errors of a normal law.
    """
    from scipy.special import ndtri

    rank = int(np.ceil(level * (scores.size + 1)))
    quantile = float(scores[min(rank, scores.size) - 1])
    if rank > scores.size or scores.size < MANY:
        return max(quantile, float(ndtri((1 + level) / 2)))
    return quantile


def interval_reach(scores: Vector, level: float) -> float:
    """Return the half-width of intervals of a level in standard errors, normal if there are no scores."""
    from scipy.special import ndtri

    return score_quantile(scores, level) if scores.size else float(ndtri((1 + level) / 2))
