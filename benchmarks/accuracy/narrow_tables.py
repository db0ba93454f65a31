"""Tables of few columns beside the usual imputers, nothing of ours tuned: planted ones and those of scikit-learn.

    python benchmarks/accuracy/narrow_tables.py [--seeds 50] [--masks 5] [--tables wine diabetes cancer iris ...]

Planted: rank-2 tables with noise, 24 x 6 and larger; median and 95th percentile of the error, and what who knows the law
of the rows would have. Others: 10, 30 and 50 %
of cells missing at random, and 30 % where another column is large. Errors on missing cells in units of a column's
spread, coverage of the default's intervals, seconds.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

import lowland as ll

PLANTED = ((24, 6, 2, 0.1, 0.12), (24, 6, 2, 0.3, 0.2), (50, 8, 2, 0.1, 0.2), (200, 6, 2, 0.3, 0.3))
TABLES = {
    "wine": load_wine,
    "diabetes": load_diabetes,
    "breast cancer": load_breast_cancer,
    "iris": load_iris,
}
MASKS = ("10 %", "30 %", "50 %", "30 % at random given another")
WAYS = {
    "lowland": lambda holes, seed: own(holes, seed).predict_table(),
    "unrefined": lambda holes, seed: own(holes, seed, refine=False).predict_table(),
    "factors": lambda holes, seed: own(holes, seed, method="variational").predict_table(),
    "IterativeImputer": lambda holes, seed: IterativeImputer(random_state=seed).fit_transform(holes),
    "missForest": lambda holes, seed: forests(seed).fit_transform(holes),
    "KNNImputer": lambda holes, seed: KNNImputer().fit_transform(holes),
    "mean": lambda holes, seed: np.broadcast_to(np.nanmean(holes, axis=0), holes.shape),
}
OURS = ("lowland", "unrefined", "factors")


def own(holes, seed, **settings):
    return ll.MatrixCompletion(certify=False, random_state=seed, **settings).fit(holes)


def forests(seed):
    """missForest: chained random forests."""
    trees = RandomForestRegressor(50, max_features=0.4, n_jobs=-1, random_state=seed)
    return IterativeImputer(trees, max_iter=5, random_state=seed)


def planted(shape, rank, noise, missing, seed):
    """A noisy low-rank table and what of it is hidden."""
    rng = np.random.default_rng(seed)
    low = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    table = low / low.std(axis=0) + noise * rng.standard_normal(shape)
    return table, kept_some(rng.random(shape) < missing, rng)


def oracle_error(shape, rank, noise, missing, seed):
    """The error of who knows the law of the rows: the mean given what is known of the row."""
    rng = np.random.default_rng(seed)
    loadings = [rng.standard_normal(size) for size in ((shape[0], rank), (rank, shape[1]))]
    columns = loadings[1] / (loadings[0] @ loadings[1]).std(axis=0)
    law = columns.T @ columns + noise**2 * np.eye(shape[1])
    table, gaps = planted(shape, rank, noise, missing, seed)
    found = table.copy()
    for row, gap in zip(found, gaps, strict=True):
        if gap.any():
            row[gap] = law[np.ix_(gap, ~gap)] @ np.linalg.solve(law[np.ix_(~gap, ~gap)], row[~gap])
    return error(found, table, gaps)


def hidden(table, mask, seed):
    """What of a table is hidden."""
    rng = np.random.default_rng(seed)
    share = float(mask.split()[0]) / 100
    if "given" in mask:  # the first column is always seen, and more is hidden where it is large
        large = table[:, :1] > np.median(table[:, 0])
        gaps = rng.random(table.shape) < np.where(large, 1.6 * share, 0.4 * share)
        gaps[:, 0] = False
        return kept_some(gaps, rng)
    return kept_some(rng.random(table.shape) < share, rng)


def kept_some(gaps, rng):
    """At least one cell of every row, and three of every column, are seen."""
    full = np.flatnonzero(gaps.all(axis=1))
    gaps[full, rng.integers(0, gaps.shape[1], full.size)] = False
    gaps[:3, (~gaps).sum(axis=0) < 3] = False
    return gaps


def error(found, table, gaps):
    return float(np.sqrt(np.mean((((found - table) / table.std(axis=0))[gaps]) ** 2)))


def coverage(holes, table, seed):
    model, at = own(holes, seed), np.nonzero(np.isnan(holes))
    bounds = [model.predict_interval(*at, level) for level in (0.5, 0.9)]
    return [np.mean((low <= table[at]) & (table[at] <= high)) for low, high in bounds]


def added(table, gaps, what, rng):
    """Return the table and its gaps with one more column: constant, another's double, or noise."""
    m = len(table)
    column, missing = {
        "constant": (np.full(m, 3.0), np.zeros(m, bool)),
        "double": (table[:, 0], gaps[:, 0]),  # missing where the other is, which it would tell
        "noise": (rng.standard_normal(m), rng.random(m) < 0.1),
    }[what]
    return np.column_stack([table, column]), np.column_stack([gaps, missing])


def ratios_added(title, problems, alone):
    """Return lines that say by how much one more column of no use changes the default's errors in the others."""
    lines = []
    for what in ("constant", "double", "noise"):
        errors = []
        for seed, (table, gaps) in enumerate(problems):
            more, wider = added(table, gaps, what, np.random.default_rng(seed))
            found = own(np.where(wider, np.nan, more), seed).predict_table()[:, : table.shape[1]]
            errors.append(error(found, table, gaps))
        ratio = np.median(errors) / np.median(alone)
        lines.append(
            f"ratio | planted {title}: error with a column more ({what}) over that without | {ratio:.3g} | lower | limit"
        )
    return lines


def measure(title, problems):
    """Print a line of errors and return them by name."""
    errors, inside, seconds = {name: [] for name in WAYS}, [], []
    for seed, (table, gaps) in enumerate(problems):
        holes = np.where(gaps, np.nan, table)
        for name, way in WAYS.items():
            start = time.perf_counter()
            errors[name].append(error(way(holes, seed), table, gaps))
            if name == "lowland":
                seconds.append(time.perf_counter() - start)
        inside.append(coverage(holes, table, seed))
    shown = " | ".join(f"{np.median(own):.3f} {np.percentile(own, 95):.2f}" for own in errors.values())
    cover = "/".join(f"{part:.2f}" for part in np.mean(inside, axis=0))
    print(f"| {title} | {shown} | {cover} | {np.median(seconds):.2f} |", flush=True)
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--masks", type=int, default=5)
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=list(TABLES))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"| table (median, 95 %) | {' | '.join(WAYS)} | inside 50/90 % | seconds |")
    print("|---" * (len(WAYS) + 3) + "|")
    ratios = []
    for m, n, rank, noise, missing in PLANTED:
        problems = [planted((m, n), rank, noise, missing, seed) for seed in range(options.seeds)]
        found = measure(f"{m} x {n}, noise {noise:g}", problems)
        ratio = np.median(found["lowland"]) / np.median(found["IterativeImputer"])
        known = np.median([oracle_error((m, n), rank, noise, missing, seed) for seed in range(options.seeds)])
        best = known / np.median(found["IterativeImputer"])
        ratios.append(
            f"ratio | planted {m} x {n}, noise {noise:g}: median error over IterativeImputer's | {ratio:.3g} | lower | peer"
        )
        ratios.append(
            f"ratio | planted {m} x {n}, noise {noise:g}: the same of who knows the law of the rows | {best:.3g} | lower | limit"
        )
        if m == PLANTED[0][0]:
            ratios += ratios_added(f"{m} x {n}, noise {noise:g}", problems, found["lowland"])
    for name in options.tables:
        table = TABLES[name]().data
        for mask in MASKS:
            problems = [(table, hidden(table, mask, seed)) for seed in range(options.masks)]
            found = measure(f"{name} {table.shape[0]} x {table.shape[1]}, {mask}", problems)
            means = {way: np.mean(own) for way, own in found.items()}
            best = min((way for way in WAYS if way not in OURS), key=means.__getitem__)
            ratios.append(
                f"ratio | {name}, {mask}: error over {best}'s, the best of others | {means['lowland'] / means[best]:.3g} | lower | peer"
            )
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
