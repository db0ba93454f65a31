"""Ranks of tensors with missing cells, chosen by themselves: seconds, ranks, errors told and measured.

    python benchmarks/accuracy/tensor_ranks.py [--seeds 3]

Planted tensors with noise, and tensors whose components decay so that no rank is right: daily curves of sensors with
30 or 40 % of the cells missing, spectra with 90 % missing. Errors are those of unseen noisy cells, over the standard
deviation of the data; "said" is what `new_cell_error` expects.
"""

import argparse
import time

import numpy as np

import lowland as ll


def planted(rng, shape, ranks, noise):
    factors = tuple(rng.standard_normal(pair) for pair in zip(shape, ranks, strict=True))
    truth = ll.TuckerTensor(rng.standard_normal(ranks), factors).tensor()
    return truth + noise * truth.std() * rng.standard_normal(shape)


def sensors(rng, shape):
    places, days, times = shape
    total = np.zeros(shape)
    for k in range(17):
        curve = np.convolve(rng.standard_normal(times + 8), np.ones(9) / 9, "valid")
        rhythm = 1 + 0.5 * np.sin(np.arange(days) * 2 * np.pi / 7 + rng.uniform(0, 6)) if k < 5 else 0.0
        day = rhythm + 0.3 * rng.standard_normal(days)
        total += np.einsum("i,j,k->ijk", rng.gamma(2, 1, places) / (k + 1), day, curve)
    return total + 0.5 * total.std() * rng.standard_normal(shape)


def spectra(rng, shape):
    waves = [
        np.exp(-(((np.linspace(0, 1, n)[:, None] - rng.uniform(0.2, 0.8, 3)) / 0.15) ** 2)) for n in shape[1:]
    ]
    total = np.einsum("ik,jk,lk->ijl", np.abs(rng.standard_normal((shape[0], 3))), *waves)
    return total + 0.05 * total.std() * rng.standard_normal(shape)


TENSORS = {
    "8 x 7 x 6, ranks 2": (lambda rng: planted(rng, (8, 7, 6), (2, 2, 2), 0.2), 0.3),
    "10 x 9 x 8, ranks 3": (lambda rng: planted(rng, (10, 9, 8), (3, 3, 3), 0.1), 0.2),
    "spectra 5 x 201 x 61": (lambda rng: spectra(rng, (5, 201, 61)), 0.9),
    "sensors 30 x 73 x 18": (lambda rng: sensors(rng, (30, 73, 18)), 0.3),
    "sensors 80 x 25 x 108": (lambda rng: sensors(rng, (80, 25, 108)), 0.4),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    ll.decompose_tucker(np.random.default_rng(0).standard_normal((4, 4, 4)), "auto", rng=0)  # compiled code
    print("| tensor | missing | seconds | fits | ranks | error | said |\n|---|---|---|---|---|---|---|")
    for name, (make, missing) in TENSORS.items():
        for seed in range(options.seeds):
            rng = np.random.default_rng(seed)
            tensor = make(rng)
            hidden = rng.random(tensor.shape) < missing
            begin = time.perf_counter()
            fit = ll.decompose_tucker(np.where(hidden, np.nan, tensor), "auto", rng=seed, certify=False)
            seconds = time.perf_counter() - begin
            error = np.sqrt(np.mean((fit.tensor() - tensor)[hidden] ** 2)) / tensor.std()
            said = fit.new_cell_error().total / tensor.std()
            print(
                f"| {name} | {missing:.0%} | {seconds:.1f} | {len(fit.choice.steps)} | "
                f"{', '.join(map(str, fit.ranks))} | {error:.3f} | {said:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
