"""Frames of numbers, counts, yes or no, ordered and unordered levels with holes, beside an oracle, nothing of ours tuned.

    python benchmarks/accuracy/planted_levels.py [--rows 5000] [--seeds 3]

Forty columns from four factors, 30 % of the cells hidden at random. The oracle knows all columns and the law of the
rows, and weighs 40,000 rows drawn from that law by the known cells of each of 300 rows. Log scores are mean
logarithms of the probability of what is hidden, on those rows (of numbers and counts by the ends of many intervals for
ours, never below 1e-4); the frequencies of a column are the score to beat. Calibration: where probabilities of levels lie
in a fifth of the unit interval, their mean and the share of levels that are true.
"""

import argparse
import time

import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import nbinom

import lowland as ll

RANK, MISSING, JUDGED, DRAWS = 4, 0.3, 300, 40_000
# kind of each column, with its number of levels
KINDS = {
    "number": 0,
    "count": 0,
    "yes or no": 2,
    "ordered, 5": 5,
    "unordered, 3": 3,
    "unordered, 5": 5,
    "unordered, 12": 12,
}
COLUMNS = [*["number"] * 8, *["count"] * 6, *["yes or no"] * 6, *["ordered, 5"] * 6]
COLUMNS += [*["unordered, 3"] * 6, *["unordered, 5"] * 4, *["unordered, 12"] * 4]
SIZE, NOISE = 3.0, 0.5
# levels of intervals whose ends are the stated quantiles
LEVELS = np.concatenate([np.arange(0.05, 0.95, 0.05), [0.96, 0.98, 0.99, 0.998]])


def planted(rng):
    """Return a function for each column: rows of factors to the probabilities of its values."""

    def column(kind):
        v = rng.standard_normal(RANK) / 2
        if kind == "number":
            return v
        if kind == "count":
            return v, 1.0 + 0.3 * rng.standard_normal()
        if kind.startswith("unordered"):
            k = KINDS[kind]
            return 2 * rng.standard_normal((RANK, k)) / 2, 0.5 * rng.standard_normal(k)
        k = KINDS[kind]
        cuts = (
            np.linspace(-1.2, 1.2, k - 1) + 0.2 * rng.standard_normal(k - 1)
            if k > 2
            else rng.standard_normal(1)
        )
        return 2 * v, np.sort(cuts)

    return [column(kind) for kind in COLUMNS]


def shares(kind, part, u):
    """Probabilities of a column's levels, shape (k, levels)."""
    if kind.startswith("unordered"):
        logits = u @ part[0] + part[1]
        logits -= logits.max(axis=1, keepdims=True)
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    below = ndtr(part[1] - (u @ part[0])[:, None])
    return np.diff(np.column_stack([np.zeros(len(u)), below, np.ones(len(u))]), axis=1)


def likelihood(kind, part, u, value):
    """Logarithm of the probability, or of the density, of a value at each row of factors."""
    if kind == "number":
        return -0.5 * ((value - u @ part) / NOISE) ** 2 - np.log(NOISE * np.sqrt(2 * np.pi))
    if kind == "count":
        mean = np.exp(0.6 * (u @ part[0]) + part[1])
        return nbinom.logpmf(value, SIZE, SIZE / (SIZE + mean))
    return np.log(shares(kind, part, u)[:, int(value)] + 1e-300)


def drawn(parts, u, rng):
    table = np.empty((len(u), len(COLUMNS)))
    for j, (kind, part) in enumerate(zip(COLUMNS, parts, strict=True)):
        if kind == "number":
            table[:, j] = u @ part + NOISE * rng.standard_normal(len(u))
        elif kind == "count":
            mean = np.exp(0.6 * (u @ part[0]) + part[1])
            table[:, j] = rng.negative_binomial(SIZE, SIZE / (SIZE + mean))
        else:
            table[:, j] = (rng.random((len(u), 1)) > np.cumsum(shares(kind, part, u), axis=1)[:, :-1]).sum(
                axis=1
            )
    return table


def oracle(parts, table, gaps, rng):
    """Log scores of hidden cells of the judged rows, by kind."""
    u = rng.standard_normal((DRAWS, RANK))
    found = {kind: [] for kind in KINDS}
    for row, hidden in zip(table[:JUDGED], gaps[:JUDGED], strict=True):
        terms = [likelihood(kind, part, u, x) for kind, part, x in zip(COLUMNS, parts, row, strict=True)]
        logs = sum(term for term, gap in zip(terms, hidden, strict=True) if not gap)
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        for j in np.flatnonzero(hidden):
            found[COLUMNS[j]].append(np.log(weights @ np.exp(terms[j])))
    return {kind: np.mean(own) for kind, own in found.items()}


def frame_of(table, gaps):
    columns = {}
    for j, kind in enumerate(COLUMNS):
        own = np.where(gaps[:, j], np.nan, table[:, j])
        if KINDS[kind]:
            words = [f"level {k:02}" for k in range(KINDS[kind])]
            codes = np.where(gaps[:, j], -1, table[:, j]).astype(int)
            own = pd.Categorical.from_codes(codes, words, ordered=kind.startswith("ordered"))
        columns[f"{kind} {j}"] = own
    return pd.DataFrame(columns)


def distribution(model, rows, name):
    """Stated distribution functions of cells, from the ends of intervals of many levels."""
    ends = [model.predict_interval(rows, [name] * rows.size, level) for level in LEVELS]
    lower, upper = np.transpose(ends, (1, 2, 0))
    quantiles = np.maximum.accumulate(np.column_stack([lower[:, ::-1], upper]), axis=1)
    shares = np.concatenate([(1 - LEVELS[::-1]) / 2, (1 + LEVELS) / 2])
    quantiles += 1e-9 * np.arange(shares.size)

    def below(values):
        return np.array([np.interp(x, own, shares) for x, own in zip(values, quantiles, strict=True)])

    return below


def ours(model, frame, table, gaps):
    """Log scores by kind, and pairs of stated probabilities and whether they came true."""
    found, pairs = {kind: [] for kind in KINDS}, []
    for j, (kind, name) in enumerate(zip(COLUMNS, frame.columns, strict=True)):
        rows = np.flatnonzero(gaps[:JUDGED, j])
        true = table[rows, j]
        if KINDS[kind]:
            chances = np.asarray(model.level_probabilities(rows, name))
            found[kind] += np.log(chances[np.arange(rows.size), true.astype(int)] + 1e-300).tolist()
            pairs.append((chances.ravel(), (np.arange(KINDS[kind]) == true[:, None]).ravel()))
            continue
        below = distribution(model, rows, name)
        if kind == "number":
            step = 0.05
            density = (below(true + step) - below(true - step)) / (2 * step)
            found[kind] += np.log(np.maximum(density, 1e-4)).tolist()
        else:
            least = np.where(true > 0, below(true - 0.5), 0)
            found[kind] += np.log(np.maximum(below(true + 0.5) - least, 1e-4)).tolist()
    return {kind: np.mean(own) for kind, own in found.items()}, pairs


def usual(table, gaps):
    """Log scores by the frequencies of each column, of numbers by a normal law."""
    found = {kind: [] for kind in KINDS}
    for j, kind in enumerate(COLUMNS):
        seen, true = table[~gaps[:, j], j], table[:JUDGED, j][gaps[:JUDGED, j]]
        if kind == "number":
            s = seen.std()
            found[kind] += (-0.5 * ((true - seen.mean()) / s) ** 2 - np.log(s * np.sqrt(2 * np.pi))).tolist()
        else:
            counts = np.bincount(seen.astype(int), minlength=int(table[:, j].max()) + 1) + 0.5
            found[kind] += np.log(counts / counts.sum())[true.astype(int)].tolist()
    return {kind: np.mean(own) for kind, own in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    scores, pairs, seconds = [], [], []
    for seed in range(options.seeds):
        rng = np.random.default_rng(seed)
        parts = planted(rng)
        table = drawn(parts, rng.standard_normal((options.rows, RANK)), rng)
        gaps = rng.random(table.shape) < MISSING
        frame = frame_of(table, gaps)
        start = time.perf_counter()
        model = ll.MatrixCompletion(certify=False, random_state=1000 + seed).fit(frame)
        seconds.append(time.perf_counter() - start)
        mine, told = ours(model, frame, table, gaps)
        pairs += told
        scores.append((oracle(parts, table, gaps, rng), mine, usual(table, gaps)))
    print("| column | oracle | lowland | frequencies | share of the gain |\n|---|---|---|---|---|")
    ratios = []
    for kind in KINDS:
        best, mine, least = (np.mean([score[k][kind] for score in scores]) for k in range(3))
        share = (mine - least) / (best - least)
        print(f"| {kind} | {best:.3f} | {mine:.3f} | {least:.3f} | {share:.2f} |")
        odds = np.exp(mine - best)
        ratios.append(
            f"ratio | {kind}: mean probability of what was hidden over the oracle's | {odds:.3g} | higher | limit"
        )
    chances, true = (np.concatenate(own) for own in zip(*pairs, strict=True))
    for low in np.arange(0, 1, 0.2):
        at = (chances >= low) & (chances < low + 0.2)
        print(f"stated {chances[at].mean():.3f}, true {true[at].mean():.3f} of {at.sum():,}")
    print(f"{options.rows} x {len(COLUMNS)}: {np.median(seconds):.1f} s\n\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
