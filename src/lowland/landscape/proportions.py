"""Exact confidence limits of a probability, from a number of hits among independent trials."""

from __future__ import annotations


def least_share(hits: int, trials: int, level: float) -> float:
    """Return the one-sided lower confidence limit, 0 without hits.

    References
    ----------
    C. J. Clopper, E. S. Pearson, The use of confidence or fiducial limits illustrated in the case of the
    binomial, Biometrika 1934.

    Examples
    --------
    >>> round(least_share(5, 5, 0.95), 4)  # 0.05^(1/5)
    0.5493
    """
    from scipy.special import betaincinv

    return 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, 1 - level))


def greatest_share(hits: int, trials: int, level: float) -> float:
    """Return the one-sided upper confidence limit, 1 if every trial is a hit.

    Examples
    --------
    >>> round(greatest_share(0, 5, 0.95), 4)
    0.4507
    """
    return 1 - least_share(trials - hits, trials, level)


def share_interval(hits: int, trials: int, level: float, *, undecided: int = 0) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson; undecided trials may be hits or not.

    Examples
    --------
    >>> low, high = share_interval(0, 10, 0.9)
    >>> low, round(high, 4)
    (0.0, 0.2589)
    """
    side = (1 + level) / 2
    return least_share(hits, trials, side), greatest_share(hits + undecided, trials, side)
