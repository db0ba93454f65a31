"""Seconds until something happens in a fresh process, beside what no start can avoid; and two programs at once.

    python benchmarks/micro/starts.py [--repeats 5]

Minimum and median of the repeats, after one run that fills caches. The floor of `lowland predict` is importing NumPy
and Typer, that of `ll.MatrixCompletion` is `import sklearn.base`, that of a fit importing Numba and loading one
compiled function.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lowland.datasets import data_path

FIRST = "import numpy as np; from numba import njit\n@njit(cache=True)\ndef f(x): return x\nf(np.ones(2))"
TOGETHER = """
import json, sys, time, numpy as np, lowland as ll
kind, size, start, count = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
if kind == "tensor":
    rng = np.random.default_rng(0)
    factors = tuple(np.linalg.qr(rng.standard_normal((size, 10)))[0] for _ in range(3))
    tensor = ll.TuckerTensor(rng.standard_normal((10, 10, 10)), factors).tensor()
    tensor += 0.1 * tensor.std() * rng.standard_normal(tensor.shape)
    work = lambda: ll.decompose_tucker(tensor, 10, rng=0, certify=False)
else:
    A = ll.gaussian(12 * size, (size, size), 0)
    factor = np.random.default_rng(0).standard_normal((size, 3))
    y = A.measure_matrix(factor @ factor.T)
    work = lambda: ll.recover(A, y, rank=3, structure="psd", rng=0)
work()
time.sleep(max(0.0, start - time.time()))
begin = time.perf_counter()
for _ in range(count):
    work()
print(json.dumps((time.perf_counter() - begin) / count))
"""


# modules are compiled to bytecode once, as where the package was installed
SURROUNDINGS = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds(command, repeats, folder):
    found = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=folder, env=SURROUNDINGS)
        found.append(time.perf_counter() - begin)
    return min(found[1:]), statistics.median(found[1:])


def together(kind, size, count, programs):
    start = time.time() + (8.0 if programs > 1 else 0.0)
    command = [sys.executable, "-c", TOGETHER, kind, str(size), str(start), str(count)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(programs)]
    return max(json.loads(one.communicate()[0]) for one in running)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    command, python = str(Path(sys.executable).parent / "lowland"), sys.executable
    fertility, temperatures = str(data_path("fertility")), str(data_path("temperatures"))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pairs.csv").write_text("country,year\nFrance,1990\n")
        subprocess.run(
            [command, "complete", fertility, "--model", "model.npz"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        starts = {
            "import numpy, typer": [python, "-c", "import numpy, typer"],
            "lowland predict": [command, "predict", "model.npz", "pairs.csv"],
            "import sklearn.base": [python, "-c", "import sklearn.base"],
            "ll.MatrixCompletion": [python, "-c", "import lowland as ll; ll.MatrixCompletion"],
            "Numba, one function": [python, str(Path(folder, "first.py"))],
            "lowland complete, 61 x 12": [command, "complete", temperatures],
            "lowland complete, 219 x 52": [command, "complete", fertility],
            "lowland demo": [command, "demo"],
        }
        Path(folder, "first.py").write_text(FIRST)
        print("| start | minimum | median |\n|---|---|---|")
        for name, start in starts.items():
            least, middle = seconds(start, options.repeats, folder)
            print(f"| {name} | {least:.2f} | {middle:.2f} |", flush=True)
    print("\n| work | alone | two at once, per program | ratio to one after the other |\n|---|---|---|---|")
    ratios = []
    for kind, size, count in (
        ("tensor", 100, 10),
        ("tensor", 200, 5),
        ("sensing", 30, 5),
        ("sensing", 60, 4),
    ):
        alone, both = together(kind, size, count, 1), together(kind, size, count, 2)
        over = both / (2 * alone)
        ratios.append(
            f"ratio | two at once over one after the other, {kind} {size} | {over:.3g} | lower | own"
        )
        print(f"| {kind}, {size} | {alone:.3f} | {both:.3f} | {over:.2f} |", flush=True)
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
