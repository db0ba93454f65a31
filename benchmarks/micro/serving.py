"""Milliseconds of what a service asks of a model: predictions, rankings, new rows, updates, reading the file.

    python benchmarks/micro/serving.py
    python benchmarks/micro/serving.py --ratings 10000000 --rows 70000 --columns 10000

Each question is asked many times of a model read from its file, in one thread; then by eight threads at once for some
seconds, as a service has them. The ratios are those of single questions to a pass over the factors of all columns,
which a ranking cannot do without.
"""

import argparse
import os
import tempfile
import threading
import time

import numpy as np

import lowland as ll


def make(ratings, rows, columns, rng):
    cells = np.unique(rng.integers(0, rows * columns, int(1.02 * ratings)))[:ratings]
    i, j = np.divmod(cells, columns)
    u, v = rng.normal(size=(rows, 4)), rng.normal(size=(columns, 4))
    stars = np.clip(np.rint(3 + (u[i] * v[j]).sum(axis=1) / 2), 1, 5)
    return ll.Observations.from_triples(
        i,
        j,
        stars,
        shape=(rows, columns),
        row_labels=[f"user {k}" for k in range(rows)],
        column_labels=[f"film {k}" for k in range(columns)],
    )


def spent(ask, times):
    out = np.empty(times)
    for k in range(times):
        start = time.perf_counter()
        ask()
        out[k] = time.perf_counter() - start
    return 1e3 * out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=60_000)
    parser.add_argument("--rows", type=int, default=943)
    parser.add_argument("--columns", type=int, default=1_682)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    table = make(options.ratings, options.rows, options.columns, rng)
    model = ll.MatrixCompletion(random_state=0, certify=False, max_iter=10).fit(table)
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "m.npz")
    model.save(path)
    size = os.path.getsize(path)
    print(f"{options.rows} x {options.columns}, {table.size} ratings; the file has {size / 1e6:.1f} MB")
    served = ll.MatrixCompletion.load(path)
    users = [f"user {k}" for k in range(min(100, options.rows))]
    asks = {
        "predict one cell": lambda: served.predict_cells(["user 3"], ["film 5"]),
        "predict a hundred cells": lambda: served.predict_cells(users, ["film 5"] * len(users)),
        "top ten of one row": lambda: served.top("user 3", 10),
        "top ten of a hundred rows": lambda: served.top(users, 10),
        "fold in a new row": lambda: served.fold_in({"film 10": 5.0, "film 2": 1.0}),
        "top ten of a new row": lambda: served.top({"film 10": 5.0, "film 2": 1.0}, 10),
        "similar columns": lambda: served.similar("film 3"),
    }
    right = np.ascontiguousarray(served.column_factors_)
    left = right[0].copy()
    limit = float(np.median(spent(lambda: right @ left, 200)))
    print(f"\nA pass over the columns' factors takes {limit:.3f} ms.\n")
    print("| question | p50, ms | p99, ms |\n|---|---|---|")
    for name, ask in asks.items():
        ask()
        times = spent(ask, 200)
        print(f"| {name} | {np.median(times):.2f} | {np.quantile(times, 0.99):.2f} |", flush=True)
    changed = ll.MatrixCompletion.load(path)
    change = (["user 3", "user 4", "somebody"], ["film 1", "film 2", "film 3"], [5.0, 1.0, 4.0])
    changed.update(*change, refit=False)
    times = spent(lambda: changed.update(*change, refit=False), 30)
    print(f"| update of three ratings | {np.median(times):.2f} | {np.quantile(times, 0.99):.2f} |")
    print(
        f"ratio | update of three ratings over its goal of 50 ms | {np.median(times) / 50:.3f} | lower | own"
    )
    times = spent(lambda: ll.MatrixCompletion.load(path), 10)
    print(f"| read the file | {np.median(times):.2f} | {times.max():.2f} |")
    load(served, options)


def load(served, options):
    """Ask from eight threads at once."""
    done, failed, end = [0] * 8, [], time.perf_counter() + options.seconds

    def ask(k):
        rng = np.random.default_rng(k)
        while time.perf_counter() < end:
            row = f"user {rng.integers(options.rows)}"
            try:
                served.top(row, 10)
                served.predict_cells([row], ["film 1"])
                served.fold_in({"film 4": 3.0})
            except Exception as error:
                failed.append(error)
                return
            done[k] += 3

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = sum(done) / options.seconds
    print(f"\nEight threads for {options.seconds:g} s: {rate:.0f} questions per second, {len(failed)} errors")


if __name__ == "__main__":
    main()
