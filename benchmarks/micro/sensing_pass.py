"""A gradient of Gaussian sensing beside two matrix-vector products, and beside reading the matrices once.

    python benchmarks/micro/sensing_pass.py [--side 100] [--measurements 4000] [--rank 5]

Positive semidefinite, float64, one thread of linear algebra. Two products with the whole matrices are what a gradient
takes without symmetry; one product with the packed triangles is as fast as they can be read. Besides, an epoch of
batches of a tenth, and a product with the Hessian, before and after the Jacobian at the point is formed.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from lowland.datasets import planted_sensing
from lowland.models import Psd
from lowland.objectives import linearisation, make_objective


def milliseconds(function, repeats=15):
    """Return the least and the median of some calls."""
    function()
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        found.append(1e3 * (time.perf_counter() - begin))
    return min(found), statistics.median(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=100)
    parser.add_argument("--measurements", type=int, default=4000)
    parser.add_argument("--rank", type=int, default=5)
    options = parser.parse_args()
    n, p, rank = options.side, options.measurements, options.rank
    case = planted_sensing(p, n, rank, 0)
    objective = make_objective(case.measurement, case.y, Psd((n, n), rank))
    rng = np.random.default_rng(0)
    theta, direction = rng.standard_normal((2, objective.size))
    batches = [np.sort(part) for part in np.array_split(rng.permutation(p), 10)]
    few, many = objective.linearise(theta), objective.linearise(theta)
    for _ in range(linearisation.FEW + 1):
        many.hessian_product(direction)

    def product():
        few._products = 0  # the Jacobian is not formed
        few.hessian_product(direction)

    packed = case.measurement.symmetric_coordinates()
    numbers, weights = rng.standard_normal(packed.shape[1]), rng.standard_normal(p)
    times = {
        "gradient": milliseconds(lambda: objective.value_and_gradient(theta)),
        "epoch of ten batches": milliseconds(
            lambda: [objective.batch_gradient(theta, batch) for batch in batches]
        ),
        "product with the Hessian": milliseconds(product),
        "the same by the Jacobian": milliseconds(lambda: many.hessian_product(direction)),
        "packed triangles read once": milliseconds(lambda: packed @ numbers),
    }
    whole, x = case.measurement.arrays.reshape(p, n * n), rng.standard_normal(n * n)
    times["two products, whole matrices"] = milliseconds(lambda: (whole @ x, weights @ whole), 5)
    print(f"{n} x {n}, rank {rank}, {p} measurements\n\n| | ms, least | median |\n|---|---|---|")
    for name, (least, median) in times.items():
        print(f"| {name} | {least:.2f} | {median:.2f} |")
    print()
    gradient = times["gradient"][1]
    for what, number, of in (
        ("times as fast as two products", times["two products, whole matrices"][1] / gradient, "limit"),
        ("share of the rate of reading", times["packed triangles read once"][1] / gradient, "limit"),
        ("epoch of batches in gradients", times["epoch of ten batches"][1] / gradient, "own"),
        (
            "product by the Jacobian in gradients",
            times["the same by the Jacobian"][1] / gradient,
            "own",
        ),
    ):
        better = "lower" if "gradients" in what else "higher"
        print(f"ratio | sensing gradient, n = {n}: {what} | {number:.3g} | {better} | {of}")


if __name__ == "__main__":
    main()
