"""Convergence diagnostics of chains: split R-hat and effective sample size."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError


def split_r_hat(draws: Matrix) -> float:
    """Return the potential scale reduction of chains, each split in two; near 1 if they agree.

    Parameters
    ----------
    draws : ndarray, shape (chains, draws)

    References
    ----------
    A. Gelman et al., Bayesian Data Analysis, third edition, 11.4.
    """
    halves = _halves(draws)
    n = halves.shape[1]
    within = float(halves.var(axis=1, ddof=1).mean())
    between = n * float(halves.mean(axis=1).var(ddof=1))
    if within == 0:
        return 1.0 if between == 0 else float("inf")
    return float(np.sqrt(((n - 1) / n * within + between / n) / within))


def effective_sample_size(draws: Matrix) -> float:
    """Return how many independent draws would give the mean with the same accuracy.

    Autocorrelations of the halves of all chains, summed in pairs while the pairs are positive and decreasing.

    Parameters
    ----------
    draws : ndarray, shape (chains, draws)

    References
    ----------
    C. Geyer, Practical Markov chain Monte Carlo, Statist. Sci. 1992; A. Vehtari et al., Rank-normalization,
    folding, and localization, Bayesian Anal. 2021.
    """
    halves = _halves(draws)
    m, n = halves.shape
    centred = halves - halves.mean(axis=1, keepdims=True)
    waves = np.fft.rfft(centred, 2 * n, axis=1)
    covariances: Vector = np.fft.irfft(np.abs(waves) ** 2, axis=1)[:, :n].mean(axis=0) / n
    within = covariances[0] * n / (n - 1)
    total = (n - 1) / n * within + float(halves.mean(axis=1).var(ddof=1))
    if total == 0:
        return float("nan")
    rho = 1 - (within - covariances * n / (n - 1)) / total
    rho[0] = 1.0
    pairs = rho[: 2 * (n // 2)].reshape(-1, 2).sum(axis=1)
    stop = int(np.argmax(pairs < 0)) if np.any(pairs < 0) else pairs.size
    pairs = np.minimum.accumulate(pairs[:stop])
    time = max(2 * float(pairs.sum()) - 1, 1 / np.log10(max(m * n, 10)))
    return float(m * n / time)


def _halves(draws: Matrix) -> Matrix:
    draws = np.asarray(draws, dtype=float)
    if draws.ndim != 2 or draws.shape[1] < 4:
        raise InvalidInputError(
            "draws must be an array (chains, draws) with at least four draws per chain",
            f"shape {draws.shape}",
        )
    half = draws.shape[1] // 2
    return np.vstack([draws[:, :half], draws[:, half : 2 * half]])
