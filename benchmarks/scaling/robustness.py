"""Where plain descent fails or stalls, and what the default makes of it: false minima, wrong rank, noise.

python benchmarks/scaling/robustness.py [--quick]
"""

import sys
import time

import numpy as np

from lowland import census, recover
from lowland.datasets import false_minimum, planted_sensing
from lowland.measure import Entries, gaussian

# probability that gradient descent from a standard normal start ends wrongly at delta = 0.6 (measured below)
FAILS = 0.31


def error(fit, truth):
    return float(np.linalg.norm(fit.matrix() - truth) / np.linalg.norm(truth))


def false_minima(seeds):
    """The family with restricted-isometry constant 0.6; descent takes Armijo steps from a random start."""
    instance, _ = false_minimum(0.6)
    options = {"rank": 1, "structure": "psd", "certify": False}
    counts = np.zeros(2, int)
    for seed in range(seeds):
        runs = ({}, {"solver": "gradient", "start": "random"})
        for k, extra in enumerate(runs):
            fit = recover(instance.measurement, instance.y, rng=seed, **options, **extra)
            counts[k] += error(fit, instance.truth) <= 1e-6
    print(
        f"delta = 0.6, {seeds} seeds: default right in {counts[0]}, descent wrong in {1 - counts[1] / seeds:.1%}"
    )


def weighted_chain(n, small):
    """Weights of one on and beside the diagonal, `small` elsewhere; every other coordinate is one."""
    z = (np.arange(n) % 2 == 0).astype(float)
    rows, columns = (k.ravel() for k in np.indices((n, n)))
    weights = np.where(np.abs(rows - columns) <= 1, 1.0, small) ** 2
    return Entries(rows, columns, (n, n)), np.outer(z, z), weights


def chain(seeds):
    measurement, truth, weights = weighted_chain(21, 0.1)
    counts = np.zeros(2, int)
    for seed in range(seeds):
        for k, extra in enumerate(({}, {"solver": "gradient", "start": "random"})):
            fit = recover(
                measurement,
                truth.ravel(),
                rank=1,
                structure="psd",
                weights=weights,
                rng=seed,
                certify=False,
                **extra,
            )
            counts[k] += error(fit, truth) <= 1e-6
    print(f"weighted chain n = 21: default {counts[0]} of {seeds}, one random start {counts[1]} of {seeds}")


def noise(seeds, n=40, rank=2):
    """Five measurements per degree of freedom, beside least squares on the tangent space at the truth."""
    dof = n * rank - rank * (rank - 1) // 2
    m = 5 * dof
    for sigma in (1e-3, 0.1, 1.0):
        gaps, ratios = [], []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            measurement = gaussian(m, (n, n), rng, symmetric=True)
            factor = rng.standard_normal((n, rank))
            truth, errors = factor @ factor.T, sigma * rng.standard_normal(m)
            y = measurement.measure_matrix(truth) + errors
            fit = recover(measurement, y, rank=rank, structure="psd", rng=seed, certify=False)
            jacobian = 2 * (measurement.arrays @ factor).reshape(m, -1)
            step = np.linalg.lstsq(jacobian, errors, rcond=None)[0].reshape(n, rank)
            oracle = np.linalg.norm(step @ factor.T + factor @ step.T)
            found = np.linalg.norm(fit.matrix() - truth)
            gaps.append(abs(found / oracle - 1))
            ratios.append(found / (sigma * np.sqrt(dof / (m - dof))))
        print(
            f"noise {sigma:g}, {seeds} seeds: at most {max(gaps):.2%} from the oracle, "
            f"{np.mean(ratios):.3f} of sigma sqrt(dof / (m - dof))"
        )


def spare_rank(seeds):
    """Rank 4 asked of data of rank 2."""
    for structure in ("psd", "general"):
        default, plain, ranks = [], [], []
        for seed in range(seeds):
            instance = planted_sensing(480, 40, 2, seed)
            options = {"rank": 4, "structure": structure, "rng": seed, "certify": False}
            fit = recover(instance.measurement, instance.y, **options)
            descent = recover(instance.measurement, instance.y, solver="gradient", start="random", **options)
            default.append(error(fit, instance.truth))
            plain.append(error(descent, instance.truth))
            ranks.append(fit.rank)
        print(
            f"rank 4 asked of rank 2, {structure}: rank {min(ranks)} to {max(ranks)}, worst error {max(default):.0e}; "
            f"descent {min(plain):.0e} to {max(plain):.0e}"
        )


def decaying_spectrum(seeds, n=60):
    """Truths of full rank with singular values k^-p, a sixth of their entries missing."""
    for power in (1, 2, 4):
        for rank in (2, 5, 10):
            ratios = []
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                u, v = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
                truth = (u * np.arange(1.0, n + 1) ** -power) @ v.T
                rows, columns = np.nonzero(rng.random((n, n)) < 5 / 6)
                fit = recover(
                    Entries(rows, columns, (n, n)), truth[rows, columns], rank=rank, rng=seed, certify=False
                )
                best = np.sqrt(np.sum(np.arange(rank + 1.0, n + 1) ** (-2 * power)))
                ratios.append(np.linalg.norm(fit.matrix() - truth) / best)
            print(
                f"spectrum k^-{power}, rank {rank}: {np.median(ratios):.2f} times the best rank-{rank} error "
                f"(worst {max(ratios):.2f})"
            )


def coverage(repeats):
    """The census's bound against the known probability, 50 starts each."""
    instance, _ = false_minimum(0.6)
    objective = recover(
        instance.measurement, instance.y, rank=1, structure="psd", rng=0, certify=False
    ).objective
    law = {"start": standard_normal, "certify": False}
    bounds = np.array([census(objective, rng=seed, **law).bound for seed in range(repeats)])
    print(
        f"census of 50 starts, {repeats} repeats: bound above {FAILS} in {np.mean(bounds >= FAILS):.1%}, "
        f"mean bound {bounds.mean():.3f}"
    )
    many = census(objective, n_starts=20 * repeats, rng=10**6, **law)
    print(f"of {many.n_starts} starts {many.miss_rate:.4f} ended above the best")
    sensing = planted_sensing(120, 15, 2, 0)
    easy = recover(sensing.measurement, sensing.y, rank=2, structure="psd", rng=0, certify=False).objective
    for name, problem in (("delta = 0.6", objective), ("benign Gaussian sensing", easy)):
        survey = census(problem, rng=0)
        print(f"census of {name}: {survey.misses} of 50 ended above the best, bound {survey.bound:.3f}")


def standard_normal(rng):
    return rng.standard_normal(2)


def main():
    quick = "--quick" in sys.argv
    start = time.perf_counter()
    false_minima(50 if quick else 300)
    chain(5 if quick else 20)
    noise(3 if quick else 10)
    spare_rank(2 if quick else 10)
    decaying_spectrum(1 if quick else 5)
    coverage(20 if quick else 200)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
