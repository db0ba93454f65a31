"""Peak memory of a completion as a multiple of its data (positions and values as they are passed).

python benchmarks/micro/memory.py [--ratings 5000000]
"""

import argparse
import resource
import sys

import numpy as np


def peak():
    """Peak resident memory in bytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=5_000_000)
    count = parser.parse_args().ratings
    from lowland.core.observations import Observations
    from lowland.systems.completion import CompletionSettings, fit_completion

    tiny = Observations.from_array(np.random.default_rng(0).standard_normal((30, 20)).astype("float32"))
    settings = CompletionSettings(rank=16, max_iterations=3)
    fit_completion(tiny, settings, rng=np.random.default_rng(0), certify=False)
    rng = np.random.default_rng(0)
    m, n = 40_000, 20_000
    cells = np.unique(rng.integers(0, m * n, count))
    values = rng.standard_normal(cells.size).astype("float32")
    table = Observations.from_triples(cells // n, cells % n, values, shape=(m, n))
    del cells
    data = table.rows.nbytes + table.columns.nbytes + table.values.nbytes
    before = peak()
    fit_completion(table, settings, rng=rng, certify=False)
    after = peak()
    print(f"{table.size} ratings, rank 16, float32: data {data / 2**20:.0f} MiB, peak {after / 2**20:.0f} MiB; "
          f"the fit added {(after - before) / data:.2f} times the data, {(after - before + data) / data:.2f} with it")  # fmt: skip


if __name__ == "__main__":
    main()
