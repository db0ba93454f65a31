"""Is a ReLU layer's Jacobian of full row rank: decisions a second, and enumeration of activation patterns.

    python benchmarks/micro/relu_ranks.py [--seconds 2]

Beside NumPy's batched singular values and, where it is installed, PyTorch's, in one process and on the same
cases. Then the exact enumeration of one neuron's patterns over the number of points.
"""

import argparse
import importlib.util
import time

import numpy as np

from lowland.networks import neuron_patterns
from lowland.networks.kernels.exact_ranks import clear_cases, full_rank, modular_rank

SHAPES = ((100, 10, 20), (50, 10, 10), (100, 3, 200), (50, 2, 100))


def rate(decide, cases, seconds):
    """Decisions a second, batches repeated for some seconds; and what was decided last."""
    decide(slice(0, min(4, cases)))
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        found = decide(slice(0, cases))
        done += cases
    return done / (time.perf_counter() - start), np.asarray(found)


def jacobians(active, points):
    return (active[:, :, :, None] * points[:, :, None, :]).reshape(*active.shape[:2], -1)


def ways_of(active, points, rng):
    """What decides, and how many of the cases at a time."""
    n = active.shape[1]

    def by_elimination(s):
        return [modular_rank(a, p, rng) == n for a, p in zip(active[s], points[s], strict=True)]

    def by_torch(s):
        import torch

        return (torch.linalg.matrix_rank(torch.from_numpy(jacobians(active[s], points[s]))) == n).numpy()

    ways = {
        "lowland, exact": (lambda s: full_rank(active[s], points[s], rng), len(active)),
        "lowland, clear cases by floats": (lambda s: clear_cases(active[s], points[s]), len(active)),
        "elimination modulo a prime alone": (by_elimination, 20),
        "NumPy, batched SVD": (lambda s: np.linalg.matrix_rank(jacobians(active[s], points[s])) == n, 40),
    }
    if importlib.util.find_spec("torch"):
        ways["PyTorch, batched SVD"] = (by_torch, 40)
    return ways


def ranks(seconds):
    print("| points, inputs, neurons | decided by | decisions/s | over NumPy | full | agree |")
    print("|---|---|---|---|---|---|")
    ratios = []
    for n, d, k in SHAPES:
        rng = np.random.default_rng(0)
        points = rng.standard_normal((400, n, d))
        active = points @ rng.standard_normal((400, d, k)) > 0
        found = {name: rate(*way, seconds) for name, way in ways_of(active, points, rng).items()}
        base, truth = found["NumPy, batched SVD"][0], found["lowland, exact"][1]
        gain = found["lowland, exact"][0] / base
        ratios.append(
            f"ratio | ReLU ranks, {n}, {d}, {k}: times as fast as batched SVD | {gain:.3g} | higher | peer"
        )
        for name, (speed, decided) in found.items():
            agree = np.mean(decided == truth[: decided.size])
            print(
                f"| {n}, {d}, {k} | {name} | {speed:,.0f} | {speed / base:.3g} | {decided.mean():.3f} | "
                f"{agree:.3f} |"
            )
    print("\n".join(ratios))


def enumeration():
    print("\n| points | inputs | bias | patterns | seconds |")
    print("|---|---|---|---|---|")
    for d, bias, sizes in (
        (3, False, (20, 40, 80, 160)),
        (3, True, (20, 40, 60)),
        (4, True, (20, 30)),
        (5, False, (20, 30)),
    ):
        for n in sizes:
            points = np.random.default_rng(0).standard_normal((n, d))
            start = time.perf_counter()
            found = neuron_patterns(points, bias=bias)
            print(
                f"| {n} | {d} | {'yes' if bias else 'no'} | {len(found)} | {time.perf_counter() - start:.3f} |"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0)
    ranks(parser.parse_args().seconds)
    enumeration()


if __name__ == "__main__":
    main()
