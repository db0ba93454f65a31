"""How the cost of `lowland complete` grows with the number of ratings: seconds and peak memory of fresh processes.

    python benchmarks/scaling/growth.py [--ratings 100000 1000000 10000000] [--repeats 3] [--folder DIR]

Invented ratings in Parquet, fifty per user and five hundred per item in the mean; rank 16, ten sweeps, single
precision, the model written, without and with a certificate (`--effort quick`). The exponent p is that of
start + c·ratings^p, fitted to the least cost of each size (and of a thousand ratings, nearly all start) in logarithms.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

FIT = ("--method", "map", "--rank", "16", "--penalty", "20", "--bias-penalty", "5", "--max-iter", "10",
       "--tol", "0", "--dtype", "float32", "--quiet")  # fmt: skip
WAYS = {"without a certificate": ("--no-certify",), "with a certificate": ("--effort", "quick")}
FIRST = 1_000


def measure(path, way, folder):
    """Return the seconds and the peak memory in megabytes of one process."""
    command = [str(Path(sys.executable).parent / "lowland"), "complete", str(path), *FIT, *WAYS[way]]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--model", "model.npz"], cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"lowland complete failed on {path}")
    return seconds, usage.ru_maxrss / 1024


def exponent(counts, costs):
    """Return p of start + c·counts^p, fitted to the logarithms of the costs."""
    # a unit of cost per count that leaves all three unknowns near one
    scaled = counts / counts[-1]

    def residuals(unknowns):
        start, slope, power = unknowns
        return np.log(np.exp(start) + np.exp(slope) * scaled**power) - np.log(costs)

    return least_squares(residuals, [np.log(costs[0]), np.log(costs[-1]), 1.0]).x[2]


def write(path, count):
    """Write invented ratings in a process of its own: a child's peak memory is no less than its parent's."""
    users, items = max(count // 50, 400), max(count // 500, 200)
    code = f"from ratings_file import invent; invent({str(path)!r}, {count}, users={users}, items={items})"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    print("| ratings | | seconds, least | median | peak memory, MB |\n|---|---|---|---|---|")
    ratios = []
    for way in WAYS:
        found = []
        for count in (FIRST, *options.ratings):
            path = options.folder / f"growth-{count}.parquet"
            if not path.exists():
                write(path, count)
            with tempfile.TemporaryDirectory() as folder:
                measure(path, way, folder)  # the file is in memory
                runs = np.array([measure(path, way, folder) for _ in range(options.repeats)])
            least, most = runs.min(axis=0), runs.max(axis=0)
            found.append((least[0], most[1]))
            print(
                f"| {count:,} | {way} | {least[0]:.2f} | {np.median(runs[:, 0]):.2f} | {most[1]:.0f} |",
                flush=True,
            )
        # three numbers are fitted
        if len(found) > 2:
            for name, costs in zip(("seconds", "memory"), np.array(found).T, strict=True):
                power = exponent(np.array([FIRST, *options.ratings]), costs)
                ratios.append(f"ratio | growth of {name}, {way}: exponent | {power:.3g} | lower | own")
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
