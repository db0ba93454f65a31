"""Hidden cells and fibres of real tensors beside masked fits of other packages, nothing of ours tuned.

    python benchmarks/accuracy/tensors.py --tensors response=FILE.npy serology=FILE.npy [--splits 5]
                                          [--hidden 0.1 0.5 fibres ...] [--ways NAME ...]

Shares of the known cells are hidden, or a tenth of the fibres along the last mode, or of the slices of the first. Others: masked Tucker (ranks 3) and CP
(6 components) of tensorly, masked GCP of pyttb (6 components), HaLRTC (Liu et al. 2013, written here: no package has it),
and the table's default on the unfolding that is best, known only afterwards. Errors are relative to those of the mean of
the slices along the last mode; the share of hidden cells within our 50 and 90 % intervals; seconds.
"""

import argparse
import logging
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


def halrtc(tensor, seen):
    """High accuracy low rank tensor completion: equal nuclear norms of all unfoldings, by ADMM."""
    centre, spread = tensor[seen].mean(), tensor[seen].std()
    x = np.where(seen, (tensor - centre) / spread, 0.0)
    duals, weight, before = [np.zeros_like(x) for _ in x.shape], 1e-2, x
    for _ in range(300):
        parts = []
        for mode, dual in enumerate(duals):
            moved = np.moveaxis(x + dual / weight, mode, 0)
            u, s, v = np.linalg.svd(moved.reshape(len(moved), -1), full_matrices=False)
            low = (u * np.maximum(s - 1 / (x.ndim * weight), 0)) @ v
            parts.append(np.moveaxis(low.reshape(moved.shape), 0, mode))
        x = np.where(
            seen, x, np.mean([part - dual / weight for part, dual in zip(parts, duals, strict=True)], axis=0)
        )
        duals = [dual - weight * (part - x) for part, dual in zip(parts, duals, strict=True)]
        if np.linalg.norm(x - before) <= 1e-5 * np.linalg.norm(x):
            break
        weight, before = min(1.1 * weight, 1e3), x
    return centre + spread * x


def best_table(tensor, seen):
    """The default of tables on each unfolding, the one with the least error on what is hidden."""
    found = []
    for mode in range(tensor.ndim):
        moved = np.moveaxis(np.where(seen, tensor, np.nan), mode, 0)
        table = moved.reshape(len(moved), -1)
        some = ~np.isnan(table).all(axis=0)
        filled = np.full(table.shape, np.nanmean(table))
        part = table[:, some]
        turned = part.shape[1] > part.shape[0]  # the longer side is rows, as of people's tables
        model = ll.MatrixCompletion(certify=False, random_state=0)
        filled[:, some] = model.fit_transform(part.T).T if turned else model.fit_transform(part)
        found.append(np.moveaxis(filled.reshape(moved.shape), 0, mode))
    hidden = ~np.isnan(tensor) & ~seen
    return min(found, key=lambda one: np.mean((one - tensor)[hidden] ** 2))


class Averages:
    """Our completion, whose intervals are looked at, too."""

    def __init__(self, orders=None):
        self.orders, self.inside = orders, []

    def __call__(self, tensor, seen):
        """Return the filled tensor; keep which shares of hidden cells lie within its intervals."""
        fit = ll.complete_tensor(np.where(seen, tensor, np.nan), orders=self.orders, rng=0)
        hidden = ~np.isnan(tensor) & ~seen
        ends = [fit.interval(np.argwhere(hidden), level) for level in (0.5, 0.9)]
        self.inside.append(
            [np.mean((low <= tensor[hidden]) & (tensor[hidden] <= high)) for low, high in ends]
        )
        return fit.tensor()


OURS = Averages()
METHODS = {
    "lowland": OURS,
    "lowland Tucker": ours(None),
    "tensorly Tucker": tensorly_tucker,
    "tensorly CP": tensorly_cp,
    "pyttb GCP": pyttb_gcp,
    "HaLRTC": halrtc,
    "best table": best_table,
}
HIDDEN = ("0.1", "0.3", "0.5", "0.7", "0.9", "fibres", "slices")


def hide(tensor, kind, rng):
    """Return which known cells are hidden."""
    known = ~np.isnan(tensor)
    if kind == "fibres":
        return known & (rng.random(tensor.shape[:-1]) < 0.1)[..., None]
    if kind == "slices":
        return known & (rng.random(tensor.shape[0]) < 0.1).reshape(-1, *[1] * (tensor.ndim - 1))
    return known & (rng.random(tensor.shape) < float(kind))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tensors", nargs="+", required=True)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--hidden", nargs="+", default=list(HIDDEN), choices=HIDDEN)
    parser.add_argument("--ways", nargs="+", default=list(METHODS), choices=list(METHODS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # pyttb warns of every copy
    methods = {name: METHODS[name] for name in options.ways}
    print(
        "| tensor | hidden | " + " | ".join(methods) + " | inside 50/90 % |\n|" + "---|" * (3 + len(methods))
    )
    near = {name: [] for name in methods}
    for given in options.tensors:
        name, path = given.split("=")
        stored = np.load(path)
        tensor = np.asarray(stored if isinstance(stored, np.ndarray) else stored[stored.files[0]], float)
        for kind in options.hidden:
            cells, OURS.inside = {method: [] for method in methods}, []
            for seed in range(options.splits):
                hidden = hide(tensor, kind, np.random.default_rng(seed))
                seen = ~np.isnan(tensor) & ~hidden
                base = np.sqrt(np.mean((means(tensor, seen) - tensor)[hidden] ** 2))
                for method, fit in methods.items():
                    start = time.perf_counter()
                    try:
                        error = np.sqrt(np.mean((fit(tensor, seen) - tensor)[hidden] ** 2)) / base
                    except Exception as failure:
                        print(f"{method}: {str(failure)[:100]}")
                        error = np.nan
                    cells[method].append((error, time.perf_counter() - start))
            mean = {method: float(np.mean([e for e, _ in found])) for method, found in cells.items()}
            for method in methods:
                # an error that is none is worse than any, ours first of all
                failed = np.isnan(mean["lowland"])
                near[method].append(not (failed or mean["lowland"] > 1.02 * mean[method]))
            line = [
                f"{mean[method]:.3f} ({np.median([s for _, s in found]):.1f} s)"
                for method, found in cells.items()
            ]
            inside = "/".join(f"{part:.2f}" for part in np.mean(OURS.inside, axis=0)) if OURS.inside else ""
            print(f"| {name} | {kind} | " + " | ".join(line) + f" | {inside} |", flush=True)
    told = ", ".join(f"{name} {np.mean(own):.0%}" for name, own in near.items() if name != "lowland")
    print(f"\nrows in which lowland is not worse by more than 2 % than: {told}")


if __name__ == "__main__":
    main()
