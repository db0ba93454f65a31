"""Planted components found again, beside CP of tensorly and pyttb; and how often uniqueness is proved.

    python benchmarks/accuracy/cp_components.py [--seeds 10] [--sizes small large]

Tensors are sums of planted components with 10 % noise, with all or half of the cells known. The congruence is
the least product of cosines of a component with the planted one. A peer's error is that of its first start, as
its users see it; all stop at their own tolerances, with as many iterations as they need up to 1,000.
"""

import argparse
import logging
import time
import warnings

import numpy as np

import lowland as ll
from lowland.core.results.status import Verdict

CASES = {
    "small": [((12, 10, 8), 3), ((15, 12, 10), 6), ((8, 7, 6, 5), 4)],
    "large": [((100, 80, 60), 8)],
}
POSITIVE = ("fluorescence", (12, 25, 40), 3)


def planted(shape, rank, rng, *, noise=0.1):
    factors = [rng.standard_normal((length, rank)) for length in shape]
    return factors, noisy(factors, rng, noise)


def noisy(factors, rng, noise):
    letters = "abcde"[: len(factors)]
    truth = np.einsum(",".join(f"{a}z" for a in letters) + "->" + letters, *factors)
    return truth + noise * truth.std() * rng.standard_normal(truth.shape)


def spectra(rng):
    """Three substances of overlapping spectra, measured in twelve mixtures, without the scattered light."""
    excitation, emission = np.linspace(250, 400, 25), np.linspace(280, 500, 40)
    sides = ((excitation, (275, 310, 350), 18), (emission, (330, 380, 440), 25))
    peaks = [
        np.stack([np.exp(-0.5 * ((nm - at) / width) ** 2) for at in places], axis=1)
        for nm, places, width in sides
    ]
    factors = [rng.random((12, 3)), *peaks]
    table = noisy(factors, rng, 0.05)
    table[:, np.abs(excitation[:, None] - emission) < 12] = np.nan
    return factors, table


def lowland_cp(table, rank, nonnegative):
    fit = ll.decompose_cp(table, rank, nonnegative=nonnegative, rng=0)
    return fit.factors, fit


def tensorly_cp(table, rank, nonnegative):
    from tensorly.decomposition import non_negative_parafac, parafac

    seen, plan = ~np.isnan(table), {"n_iter_max": 1000, "init": "random", "random_state": 0}
    solver = non_negative_parafac if nonnegative else parafac
    mask = None if seen.all() else seen
    return solver(np.where(seen, table, 0.0), rank=rank, mask=mask, **plan).factors, None


def pyttb_cp(table, rank, nonnegative):
    import pyttb
    from pyttb.gcp.handles import Objectives
    from pyttb.gcp.optimizers import LBFGSB

    np.random.seed(0)  # noqa: NPY002 - pyttb draws from the global state
    seen = ~np.isnan(table)
    if seen.all() and not nonnegative:
        found, *_ = pyttb.cp_als(pyttb.tensor(table), rank, maxiters=1000, printitn=0)
    else:
        kind = Objectives.GAUSSIAN
        found, *_ = pyttb.gcp_opt(
            pyttb.tensor(np.where(seen, table, 0.0)),
            rank,
            objective=kind,
            optimizer=LBFGSB(maxiter=1000, iprint=-1),
            mask=None if seen.all() else seen.astype(float),
            printitn=0,
        )
    return found.factor_matrices, None


WAYS = {"lowland": lowland_cp, "tensorly": tensorly_cp, "pyttb": pyttb_cp}


def congruence(found, factors):
    from scipy.optimize import linear_sum_assignment

    cosines = 1.0
    for own, other in zip(found, factors, strict=True):
        own, other = np.asarray(own), np.asarray(other)
        norms = np.outer(np.linalg.norm(own, axis=0), np.linalg.norm(other, axis=0))
        cosines = cosines * np.abs(own.T @ other) / np.where(norms > 0, norms, 1.0)
    return float(cosines[linear_sum_assignment(-cosines)].min())


def instances(sizes, seeds):
    for size in sizes:
        for shape, rank in CASES[size]:
            for share in (1.0, 0.5):
                tables = []
                for seed in range(seeds):
                    rng = np.random.default_rng(1000 + seed)
                    factors, table = planted(shape, rank, rng)
                    tables.append((factors, np.where(rng.random(shape) < share, table, np.nan)))
                name = f"{' x '.join(map(str, shape))}, {rank} components, {share:.0%} known"
                yield name, rank, False, tables
    rng = [np.random.default_rng(2000 + seed) for seed in range(seeds)]
    yield "fluorescence, scatter masked, nonnegative", 3, True, [spectra(own) for own in rng]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sizes", nargs="*", default=["small"], choices=list(CASES))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # pyttb warns at each step
    print(f"| tensor | {' | '.join(f'{way}: median, share above .99, s' for way in options.ways)} | unique |")
    print("|---" * (len(options.ways) + 2) + "|")
    shares = []
    for name, rank, nonnegative, tables in instances(options.sizes, options.seeds):
        cells, proved = [], 0
        for way in options.ways:
            found, seconds = [], []
            for factors, table in tables:
                start = time.perf_counter()
                parts, fit = WAYS[way](table, rank, nonnegative)
                seconds.append(time.perf_counter() - start)
                found.append(congruence(parts, factors))
                proved += (
                    fit is not None and fit.certificate["unique_decomposition"].verdict is Verdict.PROVED
                )
            share = float(np.mean(np.array(found) > 0.99))
            cells.append(f"{np.median(found):.4f}, {share:.0%}, {np.median(seconds):.2f}")
            if way == "lowland":
                shares.append(share)
        print(f"| {name} | {' | '.join(cells)} | {proved} of {len(tables)} |", flush=True)
    if shares:
        print(
            f"ratio | share of tensors whose components are all found | {max(np.mean(shares), 1e-6):.3f} | higher | own"
        )


if __name__ == "__main__":
    main()
