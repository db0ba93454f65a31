"""Errors of averages over chains, in loops over the formulas of Vehtari et al. 2021 and Geyer 1992."""

from math import log10, sqrt
from statistics import NormalDist, fmean, median, variance


def halves(chains):
    """Both halves of each chain, without the middle draw."""
    half = len(chains[0]) // 2
    return [list(chain[:half]) for chain in chains] + [list(chain[len(chain) - half :]) for chain in chains]


def scored(chains):
    """Normal scores of ranks among all draws; ties have the mean of their ranks."""
    every = [x for chain in chains for x in chain]

    def rank(x):
        return sum(y < x for y in every) + (sum(y == x for y in every) + 1) / 2

    score = {x: NormalDist().inv_cdf((rank(x) - 0.375) / (len(every) + 0.25)) for x in set(every)}
    return [[score[x] for x in chain] for chain in chains]


def plain_r_hat(chains):
    n = len(chains[0])
    between, within = variance(map(fmean, chains)), fmean(variance(chain) for chain in chains)
    return sqrt(((n - 1) / n * within + between) / within)


def naive_r_hat(chains):
    parts = halves(chains)
    middle = median([x for chain in parts for x in chain])
    folded = [[abs(x - middle) for x in chain] for chain in parts]
    return max(plain_r_hat(scored(parts)), plain_r_hat(scored(folded)))


def naive_effective_draws(chains, scores=False):
    parts = scored(halves(chains)) if scores else halves(chains)
    m, n = len(parts), len(parts[0])
    means = [fmean(chain) for chain in parts]

    def covariance(lag):
        return fmean(
            sum((chain[t] - mean) * (chain[t + lag] - mean) for t in range(n - lag)) / n
            for chain, mean in zip(parts, means, strict=True)
        )

    within = covariance(0) * n / (n - 1)
    total = covariance(0) + variance(means)

    def rho(lag):
        return 1.0 if lag == 0 else 1 - (within - covariance(lag)) / total

    pairs, tail = [], 0.0
    for lag in range(0, max(n - 2, 1), 2):
        tail = max(rho(lag), 0.0)
        if rho(lag) + rho(lag + 1) <= 0:
            break
        pairs.append(rho(lag) + rho(lag + 1))
    else:
        pairs.pop()
    falling = [min(pairs[: k + 1]) for k in range(len(pairs))]
    return m * n / max(2 * sum(falling) + tail - 1, 1 / log10(m * n))


def naive_error(chains):
    every = [x for chain in chains for x in chain]
    return sqrt(variance(every) / naive_effective_draws(chains))
