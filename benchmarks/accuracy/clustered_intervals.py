"""How often intervals of 99 % for a mean, clustered by rows, lie wholly above it or wholly below.

    python benchmarks/accuracy/clustered_intervals.py [--draws 10000]

Rows have a Poisson number of cells (of the uneven, a lognormal one), and a part of their own that all of their cells share: normal,
skewed as χ² with one degree of freedom or as lognormal; or cells are differences of squared errors of two predictors, whose errors go
together. Beside the jackknife by rows with effective degrees of freedom, which is what is used, the usual t interval of clusters.
"""

import argparse

import numpy as np
from scipy.stats import t

from lowland.completion.comparing.clustered import clustered_interval

LEVEL = 0.99


def usual(numbers, rows):
    """Return the interval by squared sums of rows (CR1) and t with one degree of freedom less than rows."""
    at = np.unique(rows, return_inverse=True)[1]
    count, mean = at.max() + 1, numbers.mean()
    error = np.sqrt(count / (count - 1) * np.sum(np.bincount(at, numbers - mean) ** 2)) / numbers.size
    reach = t.ppf((1 + LEVEL) / 2, count - 1) * error
    return mean - reach, mean + reach


def draw(kind, rows, cells, rng):
    """Return numbers of mean zero, and their rows."""
    counts = rng.poisson(cells, rows)
    if kind == "uneven":
        counts = np.maximum(1, cells * np.exp(rng.standard_normal(rows) - 0.5)).astype(int)
    at = np.repeat(np.arange(rows), counts)
    if kind == "squares":
        spreads, common = np.exp(0.5 * rng.standard_normal(rows))[at], 0.5 * rng.standard_normal(at.size)
        errors = [
            spreads * (0.7 * rng.standard_normal(rows)[at] + common + 0.5 * rng.standard_normal(at.size))
            for _ in range(2)
        ]
        return errors[1] ** 2 - errors[0] ** 2, at
    parts = {
        "normal": lambda: np.sqrt(0.5) * rng.standard_normal(rows),
        "chi-squared": lambda: 0.7 * (rng.chisquare(1, rows) - 1),
        "lognormal": lambda: 0.5 * (np.exp(rng.standard_normal(rows)) - np.exp(0.5)),
        "uneven": lambda: 0.7 * (rng.chisquare(3, rows) - 3) / np.sqrt(6),
    }
    return parts[kind]()[at] + rng.standard_normal(at.size), at


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10_000)
    options = parser.parse_args()
    print(
        "| kind | rows | cells per row | above | below | usual: above | below |\n|---|---|---|---|---|---|---|"
    )
    worst = 0.0
    for kind in ("normal", "squares", "chi-squared", "lognormal", "uneven"):
        for rows, cells in ((8, 3), (20, 2), (40, 3), (150, 2)):
            rng, sides = np.random.default_rng(0), []
            for _ in range(options.draws):
                numbers, at = draw(kind, rows, cells, rng)
                if np.unique(at).size < 2:
                    continue
                ends = *clustered_interval(numbers, at, LEVEL), *usual(numbers, at)
                sides.append([ends[0] > 0, ends[1] < 0, ends[2] > 0, ends[3] < 0])
            shares = np.mean(sides, axis=0)
            worst = max(worst, shares[0], shares[1])
            print(
                f"| {kind} | {rows} | {cells} | {' | '.join(f'{share:.2%}' for share in shares)} |",
                flush=True,
            )
    print(f"\nratio | worst share of intervals of 99 % on one side | {max(worst, 1e-9):.3g} | lower | own")


if __name__ == "__main__":
    main()
