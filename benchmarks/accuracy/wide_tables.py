"""Held-out cells and whole blocks of numeric tables beside the usual imputers, nothing of ours tuned.

    python benchmarks/accuracy/wide_tables.py [--elnino CSV] [--serology NPY] [--response NPY] [--splits 5]

The fertility table ships with lowland; the others are read from paths. A tenth of the cells is held out,
or a run of a fifth of the columns in a fifth of the rows. Tables whose columns are years or months are also interpolated
and smoothed row by row. The soft-thresholded comparison is the penalised
method with its penalty chosen by held-out cells, free biases, and rank 16 at most.
"""

import argparse
import csv
import time
import warnings

import numpy as np
from ordered_tables import interpolated
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.impute import IterativeImputer, KNNImputer

import lowland as ll
from lowland.datasets import data_path


def read(options):
    yield "fertility", ll.read_table(data_path("fertility")).to_array(), True
    if options.elnino:
        with open(options.elnino, newline="") as stream:
            rows = [row for row in csv.reader(stream) if row][1:]
        numbers = [[float(x) if x.strip() else np.nan for x in row[1:]] for row in rows]
        yield "temperatures", np.array(numbers), True
    for name, path in (("serology", options.serology), ("immune response", options.response)):
        if path:
            cube = np.load(path).astype(float)
            yield (
                name,
                cube.reshape(len(cube), -1) if name == "serology" else cube.reshape(-1, cube.shape[-1]),
                False,
            )


def hide(table, kind, rng):
    """A mask of what to hold out."""
    if kind == "cells":
        return ~np.isnan(table) & (rng.random(table.shape) < 0.1)
    m, n = table.shape
    length = max(2, n // 5)
    mask = np.zeros(table.shape, bool)
    for row in rng.choice(m, max(1, m // 5), replace=False):
        first = rng.integers(0, n - length + 1)
        mask[row, first : first + length] = True
    return mask & ~np.isnan(table)


def own(holes, seed, order=None, **settings):
    return ll.MatrixCompletion(certify=False, random_state=seed, **settings).fit(holes, column_order=order)


def rows_interpolated(holes):
    """Each row by straight lines between its known cells; the mean of the column where it has none."""
    found = interpolated(holes.T).T
    return np.where(np.isnan(found), np.nanmean(holes, axis=0), found)


def smoothed(holes):
    """Each row by a Gaussian process of its own along the columns, Matern 3/2 with noise; few cells as above."""
    out, places = rows_interpolated(holes), np.arange(holes.shape[1], dtype=float)[:, None]
    kernel = ConstantKernel(1.0) * Matern(10.0, (2, 100), nu=1.5) + WhiteKernel(1e-4, (1e-8, 1e-1))
    for row, found in zip(holes, out, strict=True):
        known = ~np.isnan(row)
        if 5 <= known.sum() < row.size:
            centre, spread = row[known].mean(), row[known].std() or 1.0
            process = GaussianProcessRegressor(kernel).fit(places[known], (row[known] - centre) / spread)
            found[~known] = process.predict(places[~known]) * spread + centre
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--elnino", "--serology", "--response"):
        parser.add_argument(name)
    parser.add_argument("--splits", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    peers = ("IterativeImputer", "KNNImputer", "mean", "interpolation", "Gaussian process")
    names = ("lowland", "gibbs", "map, auto", *peers)
    print(f"| table | held out | {' | '.join(names)} | inside 50/90/95 %, default | seconds, default |")
    print("|---" * (len(names) + 4) + "|")
    for title, table, ordered in read(options):
        order = np.arange(table.shape[1]) if ordered else None  # years and months
        for kind in ("cells", "blocks"):
            errors, inside, seconds = {name: [] for name in names}, [], []
            for seed in range(options.splits):
                held = hide(table, kind, np.random.default_rng(seed))
                holes, at, truth = np.where(held, np.nan, table), np.nonzero(held), table[held]
                start = time.perf_counter()
                model = own(holes, seed, order)
                seconds.append(time.perf_counter() - start)
                bounds = [model.predict_interval(*at, level) for level in (0.5, 0.9, 0.95)]
                inside.append([np.mean((low <= truth) & (truth <= high)) for low, high in bounds])
                width = min(20, table.shape[1])
                found = {
                    "lowland": model.predict_cells(*at),
                    "gibbs": own(holes, seed, order, method="gibbs").predict_cells(*at),
                    "map, auto": own(
                        holes, seed, method="map", rank=min(16, min(table.shape) // 2)
                    ).predict_cells(*at),
                    "IterativeImputer": IterativeImputer(
                        random_state=seed, n_nearest_features=width, keep_empty_features=True
                    ).fit_transform(holes)[held],
                    "KNNImputer": KNNImputer(keep_empty_features=True).fit_transform(holes)[held],
                    "mean": np.broadcast_to(np.nanmean(holes, axis=0), table.shape)[held],
                }
                if ordered:  # what knows nothing but the order
                    found["interpolation"] = rows_interpolated(holes)[held]
                    found["Gaussian process"] = smoothed(holes)[held]
                for name, values in found.items():
                    errors[name].append(np.sqrt(np.mean((values - truth) ** 2)))
            shown = " | ".join(f"{np.mean(errors[name]):.4g}" if errors[name] else "–" for name in names)
            cover = "/".join(f"{part:.3f}" for part in np.mean(inside, axis=0))
            print(f"| {title} | {kind} | {shown} | {cover} | {np.median(seconds):.2f} |", flush=True)
            means = {name: np.mean(errors[name]) for name in peers if errors[name]}
            best = min(means, key=means.__getitem__)
            away = np.subtract(errors["lowland"], errors[best])
            print(
                f"ratio | {title}, {kind}: error over {best}'s, the best of others (paired {away.mean():+.3g} ±"
                f" {away.std(ddof=1) / np.sqrt(away.size):.2g}) | {np.mean(errors['lowland']) / means[best]:.3g}"
                " | lower | peer"
            )


if __name__ == "__main__":
    main()
