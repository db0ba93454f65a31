"""A table on a Dask cluster of this machine beside the same fit in one process: seconds, bytes, and the same bits.

    python benchmarks/scaling/cluster.py [--ratings 3000000] [--sweeps 3] [--workers 1 2] [--folder DIR]

Invented ratings in a folder of eight Parquet files, 150 per user and 1,500 per item in the mean; rank 16, variational
sweeps in single precision, one thread per worker and one for the local fit. Bytes are those that pass the loopback
device; predicted is what the numbers of rows, columns and workers say. At the end the same formulas for larger tables.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WIDTH, ITEM = 17, 4
# cells per second and thread that a half sweep solves, seconds per line for its system, bytes per second of a network
NETWORK = 1e9


def moved(shape, workers):
    """Return the bytes of a variational sweep without features: moments to every worker, and all of them back."""
    moments = WIDTH * (WIDTH + 3) / 2 * ITEM
    total = 0.0
    for side in (0, 1):
        own, other = shape[side], shape[1 - side]
        total += workers * other * moments  # the other side's, to every worker
        total += own * (moments + 3 * 8)  # solutions, and three numbers of each line
    return total


def loopback():
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "lo":
            return int(numbers.split()[0])
    return 0


def sweeps(objective, count, seed=0):
    """Return the seconds and bytes of each of some sweeps after a first one, and the last state."""
    from lowland.completion.bayesian.starting.start import first_point
    from lowland.search.variational import Variational

    stepper, rng = Variational(), np.random.default_rng(seed)
    state, _ = stepper.init(objective, first_point(objective, rng), rng)
    found = []
    for _ in range(count):
        start, before = time.perf_counter(), loopback()
        state, _ = stepper.step(objective, state, rng)
        found.append((time.perf_counter() - start, loopback() - before))
    return np.array(found), state


def model_of(cells):
    from lowland.completion.bayesian.features import FeatureMap
    from lowland.completion.bayesian.scaling import Scaling
    from lowland.completion.bayesian.settings import BayesianSettings
    from lowland.completion.bayesian.starting.start import make_objective
    from lowland.completion.cells.summary import TableSummary

    summary = TableSummary.of(cells)
    settings = BayesianSettings(rank=WIDTH - 1, pattern=False).resolve(summary)
    scaling = Scaling.of(summary, settings.scale)
    maps = (FeatureMap.of(None, 0), FeatureMap.of(None, 0))
    scaled = cells.scaled(scaling.centres, scaling.spreads)
    return make_objective(scaled, settings, maps, (None, None), graded=summary.graded)


def write(folder, count):
    users, items = max(count // 150, 400), max(count // 1500, 200)
    code = (
        f"from ratings_file import invent; import pyarrow.parquet as pq; invent('{folder}/all', {count}, {users}, {items})\n"
        f"t = pq.read_table('{folder}/all'); n = -(-len(t) // 8)\n"
        f"for k in range(8): pq.write_table(t[k * n : (k + 1) * n], f'{folder}/part-{{k}}.parquet')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=3_000_000)
    parser.add_argument("--sweeps", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    folder = options.folder / f"cluster-{options.ratings}"
    if not (folder / "part-7.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, options.ratings)

    from distributed import Client, LocalCluster
    from pyarrow import parquet

    import lowland as ll
    from lowland.cells.sides import TableCells
    from lowland.dask import DaskObservations
    from lowland.kernels.threads import limited_to

    names = {"row": "user", "column": "item", "value": "stars"}
    start = time.perf_counter()
    table = ll.Observations.from_frame(parquet.read_table(sorted(folder.glob("part-*"))), **names)
    cells = TableCells.of(
        table.__class__(table.rows, table.columns, table.values.astype(np.float32), table.shape)
    )
    reading = time.perf_counter() - start
    shape = cells.shape
    with limited_to(1):
        local, expected = sweeps(model_of(cells), options.sweeps)
    alone = np.median(local[:, 0])
    print(f"{options.ratings:,} ratings, {shape[0]:,} x {shape[1]:,}\n")
    print("| | blocks, s | sweep, s | of local | MB per sweep | predicted |\n|---|---|---|---|---|---|")
    print(f"| one process | {reading:.1f} | {alone:.2f} | 1 | 0 | 0 |", flush=True)
    ratios = []
    for workers in options.workers:
        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster,
            Client(cluster, direct_to_workers=True),
        ):
            start = time.perf_counter()
            seen = DaskObservations.from_parquet(folder, dtype="float32", **names)
            reading = time.perf_counter() - start
            found, state = sweeps(model_of(seen.cells), options.sweeps)
            seconds, sent = np.median(found, axis=0)
            predicted = moved(shape, workers)
            print(
                f"| {workers} workers | {reading:.1f} | {seconds:.2f} | {seconds / alone:.2f} | {sent / 1e6:.0f} | "
                f"{predicted / 1e6:.0f} |",
                flush=True,
            )
            ratios.append(
                f"ratio | sweep on {workers} workers / in one process | {seconds / alone:.3g} | lower | own"
            )
            ratios.append(
                f"ratio | bytes of {workers} workers / predicted | {sent / predicted:.3g} | lower | limit"
            )
            if not np.array_equal(state.theta, expected.theta):
                raise SystemExit("the bits are not those of the local fit")
    print(
        "\nThe same on paper, at one gigabyte per second, 16 threads per machine and this machine's rate of cells:\n"
    )
    print(
        "| ratings | machines | cells, s | numbers, s | state in the calling process, GB |\n|---|---|---|---|---|"
    )
    for count in (1e9, 1e10):
        lines = (count / 150, count / 1500)
        for machines in (1, 10, 100):
            work = alone * count / options.ratings / (16 * machines)
            # to the first machine and on from there, and back
            network = moved(lines, 1) / NETWORK
            state = sum(lines) * WIDTH * (WIDTH + 3) / 2 * ITEM / 1e9
            print(f"| {count:.0e} | {machines} | {work:.1f} | {network:.1f} | {state:.1f} |")
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
