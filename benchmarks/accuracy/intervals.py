"""How often intervals hold what they should: planted matrices, a published protocol, real tables.

python benchmarks/accuracy/intervals.py planted [--trials 200]
python benchmarks/accuracy/intervals.py published [--trials 200]
python benchmarks/accuracy/intervals.py tables [--splits 10] [--elnino FILE] [--serology FILE]
python benchmarks/accuracy/intervals.py gaps [--splits 10]
python benchmarks/accuracy/intervals.py rating_blocks [--splits 3]

"published" is the protocol of Chen, Fan, Ma, Yan, PNAS 2019: n = 1000, singular values one. The tables are
the fertility rates that ship with the package and, from the paths given, sea-surface temperatures
(years x months, CSV) and the serology tensor (NPY), unfolded to subjects x measurements.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

import lowland as ll
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.datasets import data_path
from lowland.files.tables import read_table

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))
from ratings import load as load_ratings

PUBLISHED = {(2, 0.2): 0.938, (2, 0.4): 0.946, (5, 0.2): 0.925, (5, 0.4): 0.941}


def rates(truth, fit, forms):
    m, n = truth.shape
    i, j = np.indices((m, n)).reshape(2, -1)
    out = []
    for form in forms:
        found = fit.interval(i, j, form=form)
        inside = (found.lower <= truth.ravel()) & (truth.ravel() <= found.upper)
        out.append(float(np.mean(inside)))
    return out


def trial(seed, n, rank, share, sigma, forms, *, orthonormal):
    rng = np.random.default_rng(seed)
    u, v = rng.standard_normal((2, n, rank))
    if orthonormal:
        u, v = np.linalg.qr(u)[0], np.linalg.qr(v)[0]
    truth = u @ v.T
    rows, columns = np.nonzero(rng.random((n, n)) < share)
    y = truth[rows, columns] + sigma * rng.standard_normal(rows.size)
    fit = ll.recover(ll.Entries(rows, columns, (n, n)), y, rank=rank, rng=seed, certify=False)
    return rates(truth, fit, forms)


def planted(trials):
    print(
        "| n | rank | observed | form | trials | coverage of 95 % intervals | over trials, s.d. |\n|"
        + "---|" * 7
    )
    for rank, share in ((2, 0.2), (2, 0.4), (3, 0.2)):
        found = np.array(
            [trial(s, 150, rank, share, 0.1, ("exact", "block"), orthonormal=False) for s in range(trials)]
        )
        for k, form in enumerate(("exact", "block")):
            mean, spread = found[:, k].mean(), found[:, k].std()
            print(f"| 150 | {rank} | {share} | {form} | {trials} | {mean:.4f} | {spread:.4f} |", flush=True)


def published(trials):
    print("| rank | observed | sigma | trials | block form | published |\n|---|---|---|---|---|---|")
    for (rank, share), paper in PUBLISHED.items():
        for sigma in (1e-3, 1e-6):
            found = [
                trial(s, 1000, rank, share, sigma, ("block",), orthonormal=True)[0] for s in range(trials)
            ]
            print(f"| {rank} | {share} | {sigma} | {trials} | {np.mean(found):.4f} | {paper} |", flush=True)


def elnino(path):
    with open(path, newline="") as stream:
        rows = [row for row in csv.reader(stream) if row]
    body = np.array([[float(x) if x.strip() else np.nan for x in row[1:]] for row in rows[1:]])
    return Observations.from_array(body)


def serology(path):
    cube = np.load(path)
    return Observations.from_array(cube.reshape(len(cube), -1))


def tables(splits, more):
    every = {"fertility": (read_table(data_path("fertility")), 5, 1.0)}
    if more.elnino:
        every["temperatures"] = (elnino(more.elnino), 2, 1.0)
    if more.serology:
        every["serology"] = (serology(more.serology), 6, 20.0)
    print("| table | cells | rank | way | 50 % | 90 % | 95 % | median width at 90 % |\n|" + "---|" * 8)
    for name, (table, rank, penalty) in every.items():
        for way in ("fisher", "conformal"):
            hits = {0.5: [], 0.9: [], 0.95: []}
            widths = []
            for seed in range(splits):
                rng = np.random.default_rng(seed)
                held = np.zeros(table.size, bool)
                held[rng.choice(table.size, table.size // 10, replace=False)] = True
                model = ll.MatrixCompletion(rank=rank, penalty=penalty, certify=False, random_state=seed)
                kept = table.select(~held)
                model.fit(Observations.from_triples(kept.rows, kept.columns, kept.values, shape=table.shape))
                apart = table.select(held)
                for level, found in hits.items():
                    try:
                        low, high = model.predict_interval(apart.rows, apart.columns, level, method=way)
                    except UnsupportedError as error:
                        print(f"{name}, {way}: {error}")
                        break
                    found.append(np.mean((low <= apart.values) & (apart.values <= high)))
                    if level == 0.9:
                        widths.append(np.median(high - low))
            shares = " | ".join(f"{np.mean(found):.3f}" for found in hits.values())
            print(
                f"| {name} | {table.size} | {rank} | {way} | {shares} | {np.mean(widths):.3g} |", flush=True
            )


def gaps(splits):
    """Runs of a quarter of the columns are hidden in a third of the rows, and predicted by the default."""
    every = {
        "fertility": read_table(data_path("fertility")).to_array(),
        "temperatures": read_table(data_path("temperatures"), row="year", layout="wide").to_array(),
        "antibodies": np.load(data_path("antibodies")).astype(float),
    }
    print("| table | way | 50 % | 90 % | 95 % | mean width at 90 % |\n|" + "---|" * 6)
    for name, table in every.items():
        hits = {way: [] for way in ("posterior", "conformal", "conformal_gaps")}
        widths = {way: [] for way in hits}
        for seed in range(splits):
            rng = np.random.default_rng(seed)
            m, n = table.shape
            hidden = np.zeros(table.shape, bool)
            length = max(2, n // 4)
            for row in rng.choice(m, m // 3, replace=False):
                first = rng.integers(0, n - length + 1)
                hidden[row, first : first + length] = True
            hidden &= ~np.isnan(table)
            model = ll.MatrixCompletion(certify=False, random_state=seed)
            model.fit(np.where(hidden, np.nan, table))
            rows, columns = np.nonzero(hidden)
            for way in hits:
                found = []
                for level in (0.5, 0.9, 0.95):
                    low, high = model.predict_interval(rows, columns, level, method=way)
                    found.append(np.mean((low <= table[hidden]) & (table[hidden] <= high)))
                    if level == 0.9:
                        widths[way].append(np.mean(high - low))
                hits[way].append(found)
        for way, found in hits.items():
            shares = " | ".join(f"{share:.3f}" for share in np.mean(found, axis=0))
            print(f"| {name} | {way} | {shares} | {np.mean(widths[way]):.3g} |", flush=True)


def rating_blocks(splits):
    """Of a third of the users all ratings of a third of the films are hidden at once."""
    rows, columns, values = load_ratings(None)
    print("| way | 50 % | 90 % | 95 % | RMSE |\n|" + "---|" * 5)
    hits, errors = {way: [] for way in ("posterior", "conformal")}, []
    for seed in range(splits):
        rng = np.random.default_rng(seed)
        m, n = rows.max() + 1, columns.max() + 1
        hidden = (rng.random(m) < 1 / 3)[rows] & (rng.random(n) < 1 / 3)[columns]
        kept = [part[~hidden] for part in (rows, columns, values)]
        model = ll.MatrixCompletion(certify=False, random_state=seed)
        model.fit(Observations.from_triples(*kept, shape=(m, n)))
        at, truth = (rows[hidden], columns[hidden]), values[hidden]
        errors.append(float(np.sqrt(np.mean((model.predict_cells(*at) - truth) ** 2))))
        for way in hits:
            bounds = (model.predict_interval(*at, level, method=way) for level in (0.5, 0.9, 0.95))
            hits[way].append([float(np.mean((low <= truth) & (truth <= high))) for low, high in bounds])
    for way, found in hits.items():
        shares = " | ".join(f"{share:.3f}" for share in np.mean(found, axis=0))
        print(f"| {way} | {shares} | {np.mean(errors):.4f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["planted", "published", "tables", "gaps", "rating_blocks"])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--elnino")
    parser.add_argument("--serology")
    options = parser.parse_args()
    if options.what in ("gaps", "rating_blocks"):
        {"gaps": gaps, "rating_blocks": rating_blocks}[options.what](options.splits)
    elif options.what == "tables":
        tables(options.splits, options)
    else:
        {"planted": planted, "published": published}[options.what](options.trials)


if __name__ == "__main__":
    main()
