"""Peak memory of a completion as a multiple of its data (positions and values as they are passed).

    python benchmarks/micro/memory.py [--ratings 5000000]

The data are made in one process and fitted in another, whose memory before the data are loaded is
subtracted.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SHAPE = (40_000, 20_000)


def peak():
    """Peak resident memory in bytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def current():
    """Resident memory now, in bytes; the peak so far where the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * resource.getpagesize() if status.exists() else peak()


def fit(folder):
    from lowland.completion.penalised.fit import fit_completion
    from lowland.completion.penalised.settings import CompletionSettings
    from lowland.core.cells.observations import Observations

    settings = CompletionSettings(rank=16, max_iterations=30)
    tiny = np.random.default_rng(0).standard_normal((30, 20)).astype("float32")
    fit_completion(
        Observations.from_array(tiny),
        CompletionSettings(rank=16),
        rng=np.random.default_rng(0),
        certify=False,
    )
    before = current()
    rows, columns, values = (np.load(folder / f"{name}.npy") for name in ("rows", "columns", "values"))
    data = rows.nbytes + columns.nbytes + values.nbytes
    table = Observations.from_triples(rows, columns, values, shape=SHAPE)
    fit_completion(table, settings, rng=np.random.default_rng(0), certify=False)
    used = peak() - before
    print(f"{values.size} ratings, rank 16, float32: data {data / 2**20:.0f} MiB, "
          f"peak {used / 2**20:.0f} MiB with them, {used / data:.2f} times the data")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.folder:
        fit(arguments.folder)
        return
    rng = np.random.default_rng(0)
    cells = np.unique(rng.integers(0, SHAPE[0] * SHAPE[1], arguments.ratings))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "rows.npy", cells // SHAPE[1])
        np.save(folder / "columns.npy", cells % SHAPE[1])
        np.save(folder / "values.npy", rng.standard_normal(cells.size).astype("float32"))
        subprocess.run([sys.executable, __file__, "--folder", name], check=True)


if __name__ == "__main__":
    main()
