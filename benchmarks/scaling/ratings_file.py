"""Ten million ratings from a Parquet file to a judged model: seconds of each stage, and the peak memory.

    python benchmarks/scaling/ratings_file.py [--ratings 10000000] [--method map|variational] [--folder DIR]

The ratings are invented once (200,000 users, 20,000 items, popularity and activity long-tailed, half stars) and
kept in the folder. Ten sweeps at rank 16 in single precision; the judgement is `quick`.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import lowland as ll
from lowland.completion.files.models import save_model
from lowland.completion.plan import CompletionPlan
from lowland.completion.planned_fit import fit_plan
from lowland.completion.tables.completed import Completed
from lowland.files.shapes.layouts import Reading
from lowland.files.tables import load_table
from lowland.measure import Entries


def invent(path, count, users=200_000, items=20_000, seed=0):
    rng = np.random.default_rng(seed)
    activity, popularity = rng.pareto(1.5, users) + 0.2, rng.pareto(1.2, items) + 0.1
    draws, code = int(1.4 * count), np.empty(0, np.int64)
    while code.size < count:  # cells drawn twice count once
        u = rng.choice(users, draws, p=activity / activity.sum())
        i = rng.choice(items, draws, p=popularity / popularity.sum())
        code, draws = np.unique(u * items + i), 2 * draws
    code = rng.permutation(code)[:count]
    u, i = code // items, code % items
    p, q = 0.4 * rng.standard_normal((users, 8)), rng.standard_normal((items, 8))
    z = 3.5 + 0.4 * rng.standard_normal(users)[u] + 0.5 * rng.standard_normal(items)[i]
    for k in range(8):
        z += p[u, k] * q[i, k]
    stars = np.clip(np.round(2 * (z + 0.8 * rng.standard_normal(count))) / 2, 0.5, 5)
    pq.write_table(pa.table({"user": u, "item": i, "stars": stars}), path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=10_000_000)
    parser.add_argument("--method", choices=("map", "variational"), default="map")
    parser.add_argument("--folder", type=Path, default=Path("/tmp"))
    options = parser.parse_args()
    path = options.folder / f"ratings-{options.ratings}.parquet"
    if not path.exists():
        invent(path, options.ratings)
    warm = ll.Observations.from_array(np.add.outer(np.arange(40.0), np.arange(30.0)) % 7)
    plan = CompletionPlan(
        method=options.method,
        rank=16,
        penalty=20.0 if options.method == "map" else None,
        bias_penalty=5.0 if options.method == "map" else None,
        max_iter=10,
        tol=0.0,
    )
    fit_plan(warm.select(np.arange(warm.size)), plan, rng=np.random.default_rng(0))  # compiles
    stages, start = {}, time.perf_counter()

    def done(name):
        nonlocal start
        stages[name] = time.perf_counter() - start
        start = time.perf_counter()

    table = load_table(path, Reading(dtype="float32")).observations
    done("reading")
    pattern = Entries(table.rows, table.columns, table.shape, dtype="float32").pattern
    assert pattern[0].starts[-1] == table.size
    done("indexing")
    planned = fit_plan(table, plan, rng=np.random.default_rng(0))
    done("fitting, indexing included")
    fitted, certificate = planned.table.certify(np.random.default_rng(0), "quick")
    done("certificate")
    cells = Completed(fitted).cells_fitted
    save_model(options.folder / "ratings-model.npz", fitted, certificate=certificate, cells=cells)
    done("writing")
    print(f"{table.size} ratings of {table.shape[1]} items by {table.shape[0]} users, {options.method}")
    for name, seconds in stages.items():
        print(f"  {name:28s} {seconds:7.2f} s")
    print(f"  sweeps alone {fitted.search.seconds:.2f} s for {fitted.search.iterations}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"  peak memory {peak:.2f} GB; the file {path.stat().st_size / 1e6:.0f} MB")
    print(certificate["globally_optimal"])


if __name__ == "__main__":
    main()
