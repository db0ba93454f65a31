"""Planted problems from random starts by six solvers: how many ends are optimal by themselves, polished, proved.

Sides of 20 to 200, ranks of 1 to 3, 2 to 6 numbers per unknown, matrices that are positive semidefinite, general
or complex. An end is optimal by itself at a relative error of 1e-6, polished at 1e-12. Then saddles of each
kind: how many `sgd` and `trust_region` leave, and in how many passes or steps.

Run as `python benchmarks/scaling/random_starts.py [--count 500] [--first 0] [--told 50] [--saddles 200]`.
"""

import argparse
import time
import warnings

import numpy as np

import lowland as ll
from lowland.core.results.status import Verdict

SOLVERS = ("auto", "sgd", "stochastic", "gradient", "scaled", "trust_region")
CLAIMS = ("stationary", "second_order_stationary", "globally_optimal")
# numbers in Gaussian measuring matrices, at most; larger problems have rank-one measurements
LARGEST = 2e6
OPTIMAL, POLISHED = 1e-6, 1e-12


def planted(seed):
    """Return a measurement, its values, the matrix, its rank and structure."""
    rng = np.random.default_rng(seed)
    kind = ("psd", "general", "complex")[seed % 3]
    n, rank = int(np.exp(rng.uniform(np.log(20), np.log(200)))), int(rng.integers(1, 4))
    unknowns = rank * n - rank * (rank - 1) // 2 if kind == "psd" else rank * (2 * n - rank)
    count = round(rng.uniform(2, 6) * unknowns)

    def numbers(*shape):
        return rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if kind == "complex" else 0)

    left, right = numbers(n, rank), numbers(n, rank)
    truth = left @ (left if kind == "psd" else right).conj().T
    if count * n * n <= LARGEST:
        measurement = ll.Dense(numbers(count, n, n))
    else:
        measurement = ll.RankOne(numbers(count, n), None if kind == "psd" else numbers(count, n))
    return measurement, measurement.measure_matrix(truth), truth, rank, "psd" if kind == "psd" else "general"


def ends_of(seed):
    """Yield, of a problem, each solver with: optimal by itself, polished, proved, refuted, CPU seconds."""
    measurement, y, truth, rank, structure = planted(seed)
    for solver in SOLVERS:
        start = "auto" if solver == "auto" else "random"
        began = time.process_time()
        fit = ll.recover(measurement, y, rank=rank, structure=structure, solver=solver, start=start, rng=seed)
        seconds = time.process_time() - began
        own = fit.objective.matrix(fit.own_end.theta).matrix()
        far, after = (np.linalg.norm(x - truth) / np.linalg.norm(truth) for x in (own, fit.matrix()))
        verdicts = [fit.certificate[claim].verdict for claim in CLAIMS]
        refuted = Verdict.REFUTED in verdicts and after <= OPTIMAL
        proved = verdicts[2] is Verdict.PROVED
        yield solver, (far <= OPTIMAL, after <= POLISHED, proved, refuted, seconds)


def count_ends(seeds, told):
    """Print, by solver, the shares of problems, and after so many of them what is known by then."""
    ends = {solver: [] for solver in SOLVERS}
    for k, seed in enumerate(seeds, 1):
        for solver, row in ends_of(seed):
            ends[solver].append(row)
        if k % told == 0 or k == len(seeds):
            print(f"problems {seeds[0]} to {seed}")
            print_ends(ends)


def print_ends(ends):
    """Print the shares of the problems so far."""
    print("solver        by itself  polished  proved of these  refuted of these  CPU seconds")
    for solver, rows in ends.items():
        own, after, proved, refuted, seconds = np.array(rows, float).T
        told = f"{own.mean():9.1%}  {after.mean():8.1%}  {proved[after > 0].mean():15.1%}"
        print(f"{solver:12}  {told}  {refuted.sum():16.0f}  {seconds.mean():11.2f}", flush=True)
        print(f"ratio | {solver}: proved of the optimal ends | {proved[after > 0].mean():.4g} | higher | own")


def saddles(seed):
    """Yield kinds of saddles of a planted problem, with the problem."""
    one = ll.datasets.planted_sensing(160, 8, 3, seed)
    how = {"structure": "psd", "rng": seed, "certify": False}
    yield "zero", one, np.zeros((8, 3))
    yield "beside zero", one, 1e-8 * np.random.default_rng(seed).standard_normal((8, 3))
    for rank in (1, 2):
        left = ll.recover(one.measurement, one.y, rank=rank, **how).factors.left
        yield f"best of rank {rank}", one, np.hstack([left, np.zeros((8, 3 - left.shape[1]))])


def count_escapes(count):
    """Print how many saddles of each kind are left, and the median and largest steps."""
    left = {}
    for seed in range(count):
        for kind, one, start in saddles(seed):
            for solver in ("sgd", "trust_region"):
                how = {"rank": 3, "structure": "psd", "start": start, "rng": seed, "certify": False}
                fit = ll.recover(one.measurement, one.y, solver=solver, **how)
                own = fit.objective.matrix(fit.own_end.theta).matrix()
                far = np.linalg.norm(own - one.truth) / np.linalg.norm(one.truth)
                left.setdefault((kind, solver), []).append((far <= OPTIMAL, fit.own_end.iterations))
    for (kind, solver), rows in left.items():
        gone, steps = np.array(rows).T
        told = f"{gone.sum()} of {gone.size} left, {np.median(steps):.0f} steps, at most {steps.max()}"
        print(f"{kind}, {solver}: {told}")
        print(f"ratio | {solver}: saddles left, {kind} | {gone.mean():.4g} | higher | own")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="the first seed: long runs can be split")
    parser.add_argument("--told", type=int, default=50, help="after how many problems shares are printed")
    parser.add_argument("--saddles", type=int, default=200)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    count_ends(range(arguments.first, arguments.first + arguments.count), arguments.told)
    count_escapes(arguments.saddles)


if __name__ == "__main__":
    main()
