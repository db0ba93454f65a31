"""How far averages over chains are off by chance, cell by cell, by NumPy alone."""

from __future__ import annotations

from math import log10, sqrt
from statistics import NormalDist

import numpy as np

from lowland.core.arrays import Matrix, Vector

# ranks r of S draws become normal scores at (r - 3/8) / (S + 1/4)
BLOM = 3 / 8


def chance_of_mean(chains: Matrix) -> tuple[float, float, float]:
    """Return split R-hat, the effective number of draws, and the error of the mean of one cell.

    Parameters
    ----------
    chains : ndarray, shape (chains, draws)
        At least four draws of each.

    Notes
    -----
    After Vehtari and others (2021): each chain is split in halves; R-hat is that of normal scores, or of
    those of distances from the median if these are larger; autocorrelations are summed as Geyer (1992) does.
    """
    whole = chains.ravel()
    if np.ptp(whole) <= np.finfo(float).resolution * np.abs(whole).max():
        return 1.0, float(whole.size), 0.0
    half = chains.shape[1] // 2
    halves = np.concatenate([chains[:, :half], chains[:, chains.shape[1] - half :]])
    scores = _scores(halves)
    folded = _scores(np.abs(halves - np.median(halves)))
    error = float(whole.std(ddof=1)) / sqrt(_effective(halves))
    return max(_r_hat(scores), _r_hat(folded)), _effective(scores), error


def _scores(halves: Matrix) -> Matrix:
    """Return normal scores of ranks; of equal numbers the mean of theirs."""
    flat = halves.ravel()
    values, where, counts = np.unique(flat, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    normal = NormalDist()
    found = [normal.inv_cdf((rank - BLOM) / (flat.size + 1 - 2 * BLOM)) for rank in ranks.tolist()]
    assert len(found) == values.size
    return np.asarray(np.asarray(found)[where].reshape(halves.shape))


def _r_hat(halves: Matrix) -> float:
    n = halves.shape[1]
    within = float(halves.var(axis=1, ddof=1).mean())
    between = float(halves.mean(axis=1).var(ddof=1))
    if within == 0:
        return float("inf") if between > 0 else float("nan")
    return sqrt((n - 1) / n + between / within)


def _effective(halves: Matrix) -> float:
    """Return how many independent draws tell the mean as well."""
    m, n = halves.shape
    lagged = _autocovariances(halves)
    within = lagged[0] * n / (n - 1)
    total = lagged[0] + float(halves.mean(axis=1).var(ddof=1))
    if not total > 0:
        return float("nan")
    rho = 1 - (within - lagged) / total
    rho[0] = 1.0
    count = max(1, (n - 1) // 2)
    summed, least, last = 0.0, float("inf"), 0.0
    for k in range(count):
        even, pair = float(rho[2 * k]), float(rho[2 * k] + rho[2 * k + 1])
        if not pair > 0 or k == count - 1:
            last = max(even, 0.0)
            break
        least = min(least, pair)
        summed += least
    return float(m * n / max(2 * summed + last - 1, 1 / log10(m * n)))


def _autocovariances(halves: Matrix) -> Vector:
    """Return the mean autocovariances at all lags, each a sum over the number of draws."""
    n = halves.shape[1]
    centred = halves - halves.mean(axis=1, keepdims=True)
    each = [np.correlate(half, half, "full")[n - 1 :] / n for half in centred]
    return np.asarray(np.mean(each, axis=0))
