"""A walk over activation regions beside Adam and L-BFGS, at equal time: losses reached from the same starts.

    python benchmarks/accuracy/pattern_walk.py [--seeds 5] [--seconds 0.5]

The first of two layers is trained, output weights 1 and -1; targets are random labels. Walk and L-BFGS start
again where they stop, until the time is used up; the first walk alone is shown too.
"""

import argparse
import time

import numpy as np
from scipy.optimize import minimize

import lowland as ll
from lowland.networks.regions.model import Relu
from lowland.networks.regions.objective import ReluObjective
from lowland.networks.search.pattern_walk import PatternWalk
from lowland.search import Iterations, ValueBelow, run

SHAPES = ((30, 1, 20), (30, 1, 60), (40, 3, 10), (40, 3, 20), (60, 5, 10))


def problem(n, d, k, seed):
    rng = np.random.default_rng([n, d, k, seed])
    outer = np.where(np.arange(k) % 2, -1.0, 1.0)
    network = ll.networks.ReluNetwork((rng.uniform(-1, 1, (k, d)), outer), (rng.uniform(-1, 1, k), None))
    model = Relu(network, "first")
    return ReluObjective(rng.uniform(-1, 1, (n, d)), rng.uniform(-1, 1, n), model), model.point(network)


def adam(objective, theta, seconds, rate=0.02):
    start, m, v, t, best = time.perf_counter(), 0.0, 0.0, 0, np.inf
    while time.perf_counter() - start < seconds:
        value, g = objective.value_and_gradient(theta)
        best, t = min(best, value), t + 1
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        theta = theta - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return best


def lbfgs(objective, theta, seconds, rng):
    """Start after start until the time is used up."""
    start, best = time.perf_counter(), np.inf
    while time.perf_counter() - start < seconds:
        found = minimize(
            objective.value_and_gradient, theta, jac=True, method="L-BFGS-B", options={"maxiter": 500}
        )
        best = min(best, found.fun)
        theta = rng.uniform(-1, 1, theta.size)
    return best


def walk(objective, theta, seconds, rng):
    """The loss and the regions of the first walk, and the best of all walks."""
    start, values, regions = time.perf_counter(), [], []
    while not values or time.perf_counter() - start < seconds:
        found = run(objective, PatternWalk(), theta, stop=Iterations(200) | ValueBelow(1e-20), rng=rng)
        values.append(found.value)
        regions.append(found.iterations)
        theta = rng.uniform(-1, 1, theta.size)
    return values[0], regions[0], min(values)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    seeds, seconds = options.seeds, options.seconds
    print("| points, inputs, neurons | regions | one walk | walks | Adam | L-BFGS, restarted |")
    print("|---|---|---|---|---|---|")
    for n, d, k in SHAPES:
        rows = []
        for seed in range(seeds):
            objective, theta = problem(n, d, k, seed)
            rng = np.random.default_rng(seed)
            first, regions, walked = walk(objective, theta, seconds, rng)
            others = adam(objective, theta, seconds), lbfgs(objective, theta, seconds, rng)
            rows.append((regions, first, walked, *others))
        regions, *losses = np.median(rows, axis=0)
        print(f"| {n}, {d}, {k} | {regions:.0f} | " + " | ".join(f"{loss:.3g}" for loss in losses) + " |")


if __name__ == "__main__":
    main()
