"""Default fits beside what they should take: CPU seconds over goals, and the work of choices in plain fits.

    python benchmarks/scaling/goals.py [--repeats 2] [--only WORD ...]

Each set is fitted once before it is timed, so that compiled code is there. Tables are those of scikit-learn and the one that
ships with lowland; a fifth of the cells of complete ones is hidden. Frames of words and tensors (daily curves of
sensors, spectra) are invented. The demo is a process of its own, its start included, as a person waits for it.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets

import lowland as ll
from lowland.datasets import data_path

sys.path.insert(0, str(Path(__file__).parents[1] / "accuracy"))

SMALL = {"iris": 0.5, "wine": 0.5, "linnerud": 0.5, "diabetes": 0.5}
# most work of all fits and choices, in fits such as the last one
MOST_WORK = 5


def cpu(who=resource.RUSAGE_SELF):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def with_holes(table, seed=0, share=0.2):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(table.shape) < share, np.nan, table)


def frame():
    """Six columns of numbers and four of words of one rank, 400 rows, a fifth of the cells missing."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((400, 3)) @ rng.standard_normal((3, 10)) + 0.5 * rng.standard_normal(
        (400, 10)
    )
    made = pd.DataFrame(values[:, :6], columns=[f"number {k}" for k in range(6)])
    for k in range(4):
        made[f"word {k}"] = np.array(["low", "middle", "high"])[np.digitize(values[:, 6 + k], (-1, 1))]
    return made.mask(rng.random(made.shape) < 0.2)


def fertility():
    return ll.read_table(data_path("fertility")).to_array()


def completed(table, **orders):
    return lambda: ll.MatrixCompletion(certify=False, random_state=0).fit(table, **orders).fit_work_


def filled(tensor, share):
    holes = with_holes(tensor, share=share)

    def fit():
        ll.complete_tensor(holes, certify=False, rng=0)

    return fit


def spectra():
    rng = np.random.default_rng(4)
    waves = [
        np.exp(-(((np.linspace(0, 1, n)[:, None] - rng.uniform(0.1, 0.9, 5)) / w) ** 2))
        for n, w in ((120, 0.12), (30, 0.2))
    ]
    cube = np.einsum("ir,jr,kr->ijk", rng.gamma(2, 1, (17, 5)), *waves)
    return cube + 0.01 * cube.std() * rng.standard_normal(cube.shape)


def tasks():
    """Names, goals in CPU seconds, and what is to be done."""
    from traffic import traffic

    for name, goal in SMALL.items():
        table = getattr(datasets, f"load_{name}")().data.astype(float)
        yield f"{name}, {table.shape[0]} x {table.shape[1]}", goal, completed(with_holes(table))
    yield "frame of 400 x 10 with words", 1.0, completed(frame())
    yield "fertility, 219 x 52", None, completed(fertility())
    yield "fertility with the order of years", None, completed(fertility(), column_order=np.arange(52.0))
    yield "traffic, 100 x 28 x 144", 10.0, filled(traffic(100, 28, 144, np.random.default_rng(0)), 0.4)
    yield "traffic, 30 x 73 x 18", 8.0, filled(traffic(30, 73, 18, np.random.default_rng(3)), 0.3)
    yield "spectra, 17 x 120 x 30", 8.0, filled(spectra(), 0.3)


def demo():
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "lowland", "demo", "--quiet", "--folder", folder]
        before = cpu(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        return cpu(resource.RUSAGE_CHILDREN) - before


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", nargs="+", help="tasks whose name holds one of these")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| what | CPU seconds | goal | work, in plain fits |\n|---|---|---|---|")
    ratios, seconds = [], {}
    for name, goal, task in tasks():
        if options.only and not any(word in name for word in options.only):
            continue
        work, times = task(), []
        for _ in range(options.repeats):
            begin = cpu()
            task()
            times.append(cpu() - begin)
        seconds[name] = min(times)
        print(
            f"| {name} | {min(times):.2f} | {goal or ''} | {'' if work is None else f'{work:.1f}'} |",
            flush=True,
        )
        if goal:
            ratios.append((f"{name}: CPU seconds over the goal", min(times) / goal))
        if work is not None:
            ratios.append((f"{name}: work over that of {MOST_WORK} plain fits", work / MOST_WORK))
    if not options.only:
        took = min(demo() for _ in range(options.repeats))
        print(f"| demo, in a process | {took:.2f} | 3 | |")
        ratios.append(("demo: CPU seconds over the goal", took / 3))
        plain, ordered = (took for name, took in seconds.items() if name.startswith("fertility"))
        ratios.append(("fertility with the order of years: CPU seconds over the goal", ordered / plain / 1.5))
    for what, ratio in ratios:
        print(f"ratio | {what} | {ratio:.3g} | lower | own")


if __name__ == "__main__":
    main()
