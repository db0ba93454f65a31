"""Planted votes with holes: raw, standardised, and as the logistic loss sees them.

    python benchmarks/accuracy/votes.py [--rows 102] [--columns 645] [--seeds 5]

Rows vote +1 or -1 by a logistic law of two factors; a third of the votes is hidden. Root-mean-square errors on them, beside the mean
of the column and who knows the law's factors, and the share of signs that are right.
"""

import argparse
import time

import numpy as np
from scipy.special import expit

import lowland as ll

# the numbers that stand for votes, and how they are fitted
WAYS = {"raw": {}, "standardised": {}, "logistic": {"loss": "logistic"}}


def planted(rows, columns, rng):
    """Return votes and the probabilities of +1."""
    factors = 2 * rng.standard_normal((rows, 2)) @ rng.standard_normal((2, columns))
    chances = expit(factors + rng.standard_normal(columns))
    return np.where(rng.random(chances.shape) < chances, 1.0, -1.0), chances


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=102)
    parser.add_argument("--columns", type=int, default=645)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    found = {name: [] for name in (*WAYS, "mean of the column", "known law")}
    for seed in range(options.seeds):
        rng = np.random.default_rng(seed)
        votes, chances = planted(options.rows, options.columns, rng)
        gaps = rng.random(votes.shape) < 1 / 3
        holes = np.where(gaps, np.nan, votes)
        centres, spreads = np.nanmean(holes, axis=0), np.nanstd(holes, axis=0)
        units = {
            "raw": (0.0, 1.0),
            "standardised": (centres, np.where(spreads > 0, spreads, 1.0)),
            "logistic": (-1.0, 2.0),  # zeros and ones
        }
        for name, settings in WAYS.items():
            start = time.perf_counter()
            centre, unit = units[name]
            model = ll.MatrixCompletion(certify=False, random_state=seed, **settings)
            guess = model.fit((holes - centre) / unit).predict_table() * unit + centre
            found[name].append((*judged(guess, votes, gaps), time.perf_counter() - start))
        found["mean of the column"].append((*judged(np.broadcast_to(centres, votes.shape), votes, gaps), 0.0))
        found["known law"].append((*judged(2 * chances - 1, votes, gaps), 0.0))
    print("| way | error | right | seconds |\n|---|---|---|---|")
    for name, own in found.items():
        error, right, seconds = np.mean(own, axis=0)
        print(f"| {name} | {error:.3f} | {right:.3f} | {seconds:.1f} |", flush=True)
    errors = {name: np.mean([one[0] for one in own]) for name, own in found.items()}
    for name in WAYS:
        ratio = errors[name] / errors["known law"]
        print(f"\nratio | votes, {name}: error over that of the known law | {ratio:.3g} | lower | limit")


def judged(guess, votes, gaps):
    """Return the error on hidden votes and the share of signs that are right."""
    return np.sqrt(np.mean((guess - votes)[gaps] ** 2)), np.mean(np.sign(guess[gaps]) == votes[gaps])


if __name__ == "__main__":
    main()
