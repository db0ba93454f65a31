"""Successes on Gaussian sensing of X = Q Q^T, n = 50: every failure is listed with its certificate.

    python benchmarks/scaling/sensing.py [--seeds 100] [--ranks 1 2 3 5]

A success is a relative error of 1e-6. Solvers: `sgd` with the paper's perturbation (its size
following the residual) and `gradient`, from one random start each; `gauss_newton` from a spectral
start; the default of `recover`.
"""

import argparse
import time

import numpy as np

import lowland as ll
from lowland.core.results.status import Verdict
from lowland.datasets import planted_sensing
from lowland.judges import certify

SIDE = 50
CLAIMS = ["stationary", "second_order_stationary", "strict_local_minimum", "globally_optimal"]
RUNS = {
    "sgd": {"solver": "sgd"},
    "gradient, random": {"solver": "gradient", "start": "random"},
    "gauss_newton, spectral": {"solver": "gauss_newton", "start": "spectral"},
    "default": {},
}


def say_failure(name, rank, multiple, seed, error, fit):
    proof = certify(fit.objective, fit.search.theta, claims=CLAIMS)
    verdicts = {claim: proof[claim].verdict for claim in CLAIMS}
    assert verdicts["globally_optimal"] not in (Verdict.PROVED, Verdict.SUPPORTED), (
        "a failure was called optimal"
    )
    kind = "false minimum" if verdicts["strict_local_minimum"] is Verdict.SUPPORTED else "unfinished"
    words = ", ".join(f"{claim} {verdict.name}" for claim, verdict in verdicts.items())
    print(f"    {name}, rank {rank}, {multiple}nr, seed {seed}: error {error:.1e}, {kind} ({words})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 3, 5])
    arguments = parser.parse_args()
    print(f"successes of {arguments.seeds} (seconds a run)")
    for rank in arguments.ranks:
        for multiple in (2, 3):
            counts, seconds = dict.fromkeys(RUNS, 0), dict.fromkeys(RUNS, 0.0)
            for seed in range(arguments.seeds):
                instance = planted_sensing(multiple * SIDE * rank, SIDE, rank, seed)
                for name, options in RUNS.items():
                    started = time.perf_counter()
                    fit = ll.recover(
                        instance.measurement, instance.y, rank=rank, structure="psd", rng=1000 + seed, certify=False,
                        **options,
                    )  # fmt: skip
                    seconds[name] += time.perf_counter() - started
                    error = np.linalg.norm(fit.matrix() - instance.truth) / np.linalg.norm(instance.truth)
                    if error <= 1e-6:
                        counts[name] += 1
                    else:
                        say_failure(name, rank, multiple, seed, error, fit)
            cells = "; ".join(f"{n} {counts[n]} ({seconds[n] / arguments.seeds:.3f})" for n in RUNS)
            print(f"rank {rank}, m = {multiple}nr: {cells}", flush=True)
    unique = [
        ll.diagnose(planted_sensing(SIDE, SIDE, 1, seed).measurement, rank=1, structure="psd").unique.verdict
        for seed in range(10)
    ]
    proved = sum(verdict is Verdict.PROVED for verdict in unique)
    print(f"m = nr, rank 1: uniquely_determined PROVED in {proved} of {len(unique)}")


if __name__ == "__main__":
    main()
