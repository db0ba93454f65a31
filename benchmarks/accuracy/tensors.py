"""Hidden cells of real tensors beside masked Tucker and CP of tensorly, masked GCP of pyttb, and means.

    python benchmarks/accuracy/tensors.py --tensors response=FILE.npy serology=FILE.npy [--splits 2] [--auto]

10, 30 and 50 % of the known cells are hidden. Ranks are 3 in every mode, 6 components for CP; with --auto a
further column has ours chosen by held-out cells of the rest. Errors are relative to
those of the mean of the slices along the last mode.
"""

import argparse
import time
import warnings

import numpy as np

import lowland as ll

RANK, COMPONENTS = 3, 6


def ours(ranks):
    def fit(tensor, seen):
        wanted = ranks or [min(RANK, length) for length in tensor.shape]
        return ll.decompose_tucker(np.where(seen, tensor, np.nan), wanted, rng=0, certify=False).tensor()

    return fit


def tensorly_tucker(tensor, seen):
    import tensorly
    from tensorly.decomposition import tucker

    filled = np.where(seen, tensor, 0.0)
    ranks = [min(RANK, length) for length in tensor.shape]
    return tensorly.tucker_to_tensor(tucker(filled, rank=ranks, mask=seen, n_iter_max=200, random_state=0))


def tensorly_cp(tensor, seen):
    import tensorly
    from tensorly.decomposition import parafac

    filled = np.where(seen, tensor, 0.0)
    found = parafac(filled, rank=COMPONENTS, mask=seen, n_iter_max=200, init="random", random_state=0)
    return tensorly.cp_to_tensor(found)


def pyttb_gcp(tensor, seen):
    import pyttb
    from pyttb.gcp.handles import Objectives
    from pyttb.gcp.optimizers import LBFGSB

    np.random.seed(0)  # noqa: NPY002 - pyttb draws from the global state
    found, *_ = pyttb.gcp_opt(
        pyttb.tensor(np.where(seen, tensor, 0.0)),
        COMPONENTS,
        objective=Objectives.GAUSSIAN,
        optimizer=LBFGSB(maxiter=500, iprint=-1),
        mask=seen.astype(float),
        printitn=0,
    )
    return found.full().data


def means(tensor, seen):
    axes = tuple(range(tensor.ndim - 1))
    return np.broadcast_to(np.nanmean(np.where(seen, tensor, np.nan), axis=axes), tensor.shape)


METHODS = {
    "lowland": ours(None),
    "lowland, averages": lambda tensor, seen: ll.complete_tensor(
        np.where(seen, tensor, np.nan), rng=0
    ).tensor(),
    "tensorly Tucker": tensorly_tucker,
    "tensorly CP": tensorly_cp,
    "pyttb GCP": pyttb_gcp,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tensors", nargs="+", required=True)
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--auto", action="store_true")
    options = parser.parse_args()
    if options.auto:
        METHODS["lowland, auto"] = ours("auto")
    warnings.simplefilter("ignore")
    print("| tensor | hidden | " + " | ".join(METHODS) + " |\n|" + "---|" * (2 + len(METHODS)))
    for given in options.tensors:
        name, path = given.split("=")
        stored = np.load(path)
        tensor = np.asarray(stored if isinstance(stored, np.ndarray) else stored[stored.files[0]], float)
        for share in (0.1, 0.3, 0.5):
            cells = {method: [] for method in METHODS}
            for seed in range(options.splits):
                rng = np.random.default_rng(seed)
                known = ~np.isnan(tensor)
                seen = known & (rng.random(tensor.shape) >= share)
                hidden = known & ~seen
                base = np.sqrt(np.mean((means(tensor, seen) - tensor)[hidden] ** 2))
                for method, fit in METHODS.items():
                    start = time.perf_counter()
                    try:
                        error = np.sqrt(np.mean((fit(tensor, seen) - tensor)[hidden] ** 2)) / base
                    except Exception as failure:
                        print(f"{method}: {str(failure)[:100]}")
                        error = np.nan
                    cells[method].append((error, time.perf_counter() - start))
            line = [
                f"{np.mean([e for e, _ in found]):.3f} ({np.median([s for _, s in found]):.1f} s)"
                for found in cells.values()
            ]
            print(f"| {name} | {share:.0%} | " + " | ".join(line) + " |", flush=True)


if __name__ == "__main__":
    main()
