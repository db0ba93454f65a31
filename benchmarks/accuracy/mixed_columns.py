"""Numbers, yes and no, counts and ordered levels in one table with holes, beside an oracle and the usual imputer.

    python benchmarks/accuracy/mixed_columns.py [--rows 5000] [--seeds 3]

40 columns, ten of each kind, from four factors; 30 % of the cells are hidden. The oracle knows all columns
(loadings, thresholds, noise, links) and the law of the rows, and predicts each row from its own cells. Errors
are root mean squares over hidden cells, column by column; levels are predicted by their expected value.
Nothing of ours is tuned: losses are named, rank and penalties are chosen by the fit.
"""

import argparse
import time
import warnings

import numpy as np
from scipy.special import expit
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

import lowland as ll

KINDS = ("squared", "logistic", "poisson", "ordinal")
CUTS = np.array([-2.0, -0.5, 1.0])
COLUMNS, RANK = 40, 4


def make(m, seed):
    rng = np.random.default_rng(seed)
    u, v = rng.standard_normal((m, RANK)), rng.standard_normal((COLUMNS, RANK))
    v *= 1.2 / np.linalg.norm(v, axis=1)[:, None]
    b = 0.3 * rng.standard_normal(COLUMNS)
    z, kind = u @ v.T + b, np.arange(COLUMNS) % 4
    table = np.empty_like(z)
    at = kind == 0
    table[:, at] = (10 * np.arange(COLUMNS) + 3 * (z + 0.5 * rng.standard_normal(z.shape)))[:, at]
    at = kind == 1
    table[:, at] = rng.random((m, at.sum())) < expit(1.5 * z[:, at])
    at = kind == 2
    table[:, at] = rng.poisson(np.exp(0.6 * z[:, at] + 0.5))
    at = kind == 3
    table[:, at] = np.searchsorted(CUTS, 1.5 * z[:, at] + rng.logistic(size=(m, at.sum())))
    return table, rng.random(z.shape) < 0.3, (v, b, kind)


def oracle(table, hidden, v, b, kind):
    """Newton steps for the most probable row given its cells, everything else known."""
    m, n = table.shape
    u, seen = np.zeros((m, RANK)), ~hidden
    slope, bend = np.empty((m, n)), np.empty((m, n))
    for step in range(40):
        z = u @ v.T + b
        at = kind == 0
        slope[:, at], bend[:, at] = (z - (table - 10 * np.arange(n)) / 3)[:, at] / 0.25, 4.0
        at = kind == 1
        p = expit(1.5 * z[:, at])
        slope[:, at], bend[:, at] = 1.5 * (p - table[:, at]), 2.25 * p * (1 - p)
        at = kind == 2
        mean = np.exp(0.6 * z[:, at] + 0.5)
        slope[:, at], bend[:, at] = 0.6 * (mean - table[:, at]), 0.36 * mean
        at = kind == 3
        edges, y = np.r_[-np.inf, CUTS, np.inf], table[:, at].astype(int)
        more, less = expit(1.5 * z[:, at] - edges[y + 1]), expit(edges[y] - 1.5 * z[:, at])
        slope[:, at] = 1.5 * (more - less)
        bend[:, at] = 2.25 * (more * (1 - more) + less * (1 - less))
        gradient = (seen * slope) @ v + u
        hessian = np.einsum("ij,ja,jb->iab", seen * bend, v, v) + np.eye(RANK)
        u -= (0.5 if step < 6 else 1.0) * np.linalg.solve(hessian, gradient[..., None])[..., 0]
    z = u @ v.T + b
    levels = 3 - expit(CUTS - 1.5 * z[..., None]).sum(axis=2)
    return np.choose(kind, [3 * z + 10 * np.arange(n), expit(1.5 * z), np.exp(0.6 * z + 0.5), levels])


def errors(predicted, table, hidden):
    squares = np.where(hidden, (predicted - table) ** 2, 0).sum(axis=0)
    return np.sqrt(squares / hidden.sum(axis=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for seed in range(options.seeds):
        table, hidden, parts = make(options.rows, seed)
        kind = parts[2]
        holes = np.where(hidden, np.nan, table)
        best = errors(oracle(table, hidden, *parts), table, hidden)
        losses = {j: KINDS[k] for j, k in enumerate(kind)}
        start = time.perf_counter()
        model = ll.MatrixCompletion(loss=losses, certify=False, random_state=seed).fit(holes)
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        imputed = IterativeImputer(random_state=seed, max_iter=10).fit_transform(holes)
        theirs = time.perf_counter() - start
        rows = {
            "lowland, losses by column": (model.transform(holes), seconds),
            "lowland, all squared (default)": (
                ll.MatrixCompletion(certify=False, random_state=seed).fit_transform(holes),
                np.nan,
            ),
            "IterativeImputer": (imputed, theirs),
            "column means": (np.broadcast_to(np.nanmean(holes, axis=0), table.shape), np.nan),
        }
        print(f"seed {seed}: rank chosen {model.rank_}, {RANK} planted; ratios to the oracle's error")
        for name, (predicted, took) in rows.items():
            ratio = errors(predicted, table, hidden) / best
            told = "  ".join(
                f"{KINDS[k]} {np.exp(np.log(ratio[kind == k]).mean()):.3f} (worst {ratio[kind == k].max():.3f})"
                for k in range(4)
            )
            print(f"  {name:32s} {told}" + ("" if np.isnan(took) else f"  {took:.1f} s"))


if __name__ == "__main__":
    main()
