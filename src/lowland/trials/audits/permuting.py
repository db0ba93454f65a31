"""Whether two kinds of cells are alike in their features, by an exact permutation test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.arrays import Vector
from lowland.trials.audits.patterns import Mask
from lowland.trials.audits.surroundings import standard

# permutations of one test; numbers that one batch of them may take
PERMUTATIONS, BATCH = 199, 1_000_000


def permutation_p(labels: Mask, groups: Sequence[Vector], rng: np.random.Generator) -> float:
    """Return the p-value of the hypothesis that labels are a random choice among the cells.

    Parameters
    ----------
    labels : ndarray of bool, shape (cells,)
    groups : sequence of ndarray, shape (cells, features)
        Features that do not depend on the labels, in groups.
    rng : numpy.random.Generator

    Returns
    -------
    float
        At most p with probability at most p under the hypothesis, whatever the features.

    Notes
    -----
    The statistic of a group is the share of the labels' variance that its features explain, as a number that
    is nearly standard normal (Wilson and Hilferty 1931); the largest of all groups is compared with the
    largest ones under permutations (Westfall and Young, Resampling-based multiple testing, 1993). Costs
    ``PERMUTATIONS * labels * features`` operations.
    """
    parts = [part for part in map(standard, groups) if part.shape[1]]
    chosen = int(labels.sum())
    if not parts or not 0 < chosen < labels.size:
        return 1.0
    features, ends = np.hstack(parts), np.cumsum([part.shape[1] for part in parts])
    starts = np.concatenate([[0], ends[:-1]])
    sums = np.vstack([features[labels].sum(axis=0), _permuted_sums(features, chosen, rng)])
    variance = chosen * (labels.size - chosen) / (labels.size - 1)
    shares = np.add.reduceat(sums**2, starts, axis=1) / (variance * (ends - starts))
    unit = 2 / (9 * (ends - starts))  # the cube root of a chi-squared number is nearly normal
    largest = np.max((np.cbrt(shares) - (1 - unit)) / np.sqrt(unit), axis=1)
    # rounding must not tell the labels that were seen from permutations with the same statistic
    return float(np.mean(largest >= largest[0] - 1e-9))


def _permuted_sums(features: Vector, chosen: int, rng: np.random.Generator) -> Vector:
    """Return the sums of the features of as many cells, chosen at random again and again."""
    size = len(features)
    at_once = max(BATCH // size, 1)
    sums = []
    for start in range(0, PERMUTATIONS, at_once):
        labels = np.zeros((min(at_once, PERMUTATIONS - start), size), dtype=features.dtype)
        labels[:, :chosen] = 1.0
        sums.append(rng.permuted(labels, axis=1) @ features)
    return np.vstack(sums)
