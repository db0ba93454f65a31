"""How far averages over draws of a Markov chain are still off by chance: many cells at a time.

Chains are split in halves, so that a drift within one chain shows as a difference between two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError

# draws of each chain at least: halves of two have a variance
FEWEST_DRAWS = 4
# ranks r of S draws become normal scores at (r - 3/8) / (S + 1/4) (Blom 1958)
BLOM = 3 / 8
# errors by chance are small below this share of a cell's standard error, and for so many cells in a hundred
SMALL, ENOUGH = 1 / 20, 99

Draws = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """What chains say of the averages of their draws, cell by cell.

    Parameters
    ----------
    r_hat : ndarray, shape (cells,)
        Rank-normalised split R-hat, the larger of that of location and that of spread; near 1 where chains,
        and halves of chains, tell the same.
    bulk : ndarray, shape (cells,)
        Effective number of draws, of normal scores.
    error : ndarray, shape (cells,)
        Standard error of the mean of all draws, in the unit of the draws.
    """

    r_hat: Vector
    bulk: Vector
    error: Vector

    @classmethod
    def of(cls, draws: Draws) -> MonteCarlo:
        """Return what draws say, shape (chains, draws, cells).

        Raises
        ------
        InvalidInputError
            If there are fewer than four draws of each chain, or one is not finite.

        Notes
        -----
        Costs a sort and two Fourier transforms of all draws of each cell.

        References
        ----------
        A. Vehtari, A. Gelman, D. Simpson, B. Carpenter, P.-C. Bürkner, Rank-normalization, folding, and
        localization: an improved R-hat, Bayesian Analysis 2021.
        """
        chains = np.asarray(draws, np.float64)
        if chains.ndim != 3:
            raise InvalidInputError(
                "draws must have three axes", f"shape {chains.shape}", fix="pass (chains, draws, cells)"
            )
        if chains.shape[0] < 1 or chains.shape[1] < FEWEST_DRAWS:
            found = f"{chains.shape[0]} chains of {chains.shape[1]}"
            raise InvalidInputError(
                "draws are too few", found, fix=f"keep at least {FEWEST_DRAWS} draws of one chain"
            )
        if not np.isfinite(chains).all():
            raise InvalidInputError("draws are not finite", "NaN or infinity", fix="leave such cells out")
        halves = split_chains(chains)
        scores = normal_scores(halves)
        folded = normal_scores(np.abs(halves - np.median(halves, axis=(0, 1))))
        still = np.ptp(chains, axis=(0, 1)) <= np.finfo(float).resolution * np.abs(chains).max(axis=(0, 1))
        r_hat = np.maximum(_r_hat(scores), _r_hat(folded))
        whole = chains.reshape(-1, chains.shape[2])
        error = whole.std(axis=0, ddof=1) / np.sqrt(effective_draws(halves))
        # a cell that never moves has nothing left to settle
        return cls(
            np.where(still, 1.0, r_hat),
            np.where(still, float(len(whole)), effective_draws(scores)),
            np.where(still, 0.0, error),
        )


def split_chains(chains: Draws) -> Draws:
    """Return both halves of each chain as chains, without the middle draw if their number is odd."""
    half = chains.shape[1] // 2
    return np.concatenate([chains[:, :half], chains[:, -half:]])


def normal_scores(chains: Draws) -> Draws:
    """Return the normal scores of the ranks of the draws among those of all chains; ties share theirs."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    count = chains.shape[0] * chains.shape[1]
    ranks = rankdata(chains.reshape(count, -1), axis=0)
    return np.asarray(ndtri((ranks - BLOM) / (count + 1 - 2 * BLOM)).reshape(chains.shape), np.float64)


def _r_hat(chains: Draws) -> Vector:
    """Return the root of the ratio of the variance of all draws to that within chains."""
    n = chains.shape[1]
    between, within = chains.mean(axis=1).var(axis=0, ddof=1), chains.var(axis=1, ddof=1).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Vector = np.sqrt((n - 1) / n + between / within)
    return ratio


def effective_draws(chains: Draws) -> Vector:
    """Return how many independent draws would tell the mean as well, by cell.

    Autocorrelations are summed in pairs, as long as these are positive and after they are made to fall (Geyer
    1992); the first of the pair that ends this counts where it is positive. Draws that alternate count for
    more than there are, at most log10 of their number times.
    """
    m, n, _ = chains.shape
    with np.errstate(divide="ignore", invalid="ignore"):
        lagged = _autocovariances(chains).mean(axis=0)
        within = lagged[0] * n / (n - 1)
        total = lagged[0] + (chains.mean(axis=1).var(axis=0, ddof=1) if m > 1 else 0.0)
        rho = 1 - (within - lagged) / total
    rho[0] = 1.0
    # pairs begin at even lags
    count = max(1, (n - 1) // 2)
    even, odd = rho[0 : 2 * count : 2], rho[1 : 2 * count : 2]
    pairs = even + odd
    ends = np.argmin(np.vstack([pairs > 0, np.zeros((1, pairs.shape[1]), bool)]), axis=0)
    ends = np.minimum(ends, count - 1)
    falling = np.minimum.accumulate(pairs, axis=0)
    summed = np.where(np.arange(count)[:, None] < ends, falling, 0.0).sum(axis=0)
    last = np.maximum(np.take_along_axis(even, ends[None], axis=0)[0], 0.0)
    times = np.maximum(2 * summed + last - 1, 1 / np.log10(m * n))
    return np.asarray(m * n / times)


def _autocovariances(chains: Draws) -> Draws:
    """Return the autocovariances of each chain at all lags, each a sum over the number of draws."""
    from scipy.fft import irfft, next_fast_len, rfft

    n = chains.shape[1]
    size = next_fast_len(2 * n)
    powers = rfft(chains - chains.mean(axis=1, keepdims=True), size, axis=1)
    return np.asarray(irfft(powers * np.conj(powers), size, axis=1)[:, :n].real / n, np.float64)


def error_quantile(errors: Vector) -> float:
    """Return the error that 99 % of the cells do not exceed."""
    if not errors.size:
        return float("inf")
    enough = -(-ENOUGH * errors.size // 100)  # the fewest cells that are a share of 99 %
    return float(np.sort(errors)[enough - 1])
