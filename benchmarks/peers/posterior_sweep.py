"""One sweep of each kind on ratings shaped like real ones: alternating, Gibbs, variational, and peers'.

    python benchmarks/peers/posterior_sweep.py [--ratings 1_000_000] [--ranks 16 32] [--threads 1]

Biases included everywhere, single precision. Times are the minimum over repeats in one process. Our sweeps are
steps as the loop runs them: an alternating one includes the objective, a Gibbs or variational one its priors,
noise, and energy or bound. "Two block solves" leave the objective out, as cmfrec does. SMURFF's sweep is the
mean over 20 sweeps of a run.
"""

import argparse
import os
import time

from als_sweep import RATINGS, SHAPE, best, skewed_ratings


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--ranks", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def ratings(count, seed=0):
    """Positions, stars and shape; rows and columns grow with the root of the count."""
    import numpy as np

    grown = (count / RATINGS) ** 0.5
    shape = (int(SHAPE[0] * grown), int(SHAPE[1] * grown))
    return *skewed_ratings(np.random.default_rng(seed), shape, count), shape


def milliseconds(function):
    return 1e3 * best(function, 5)


def own(table, rank, pattern):
    """Milliseconds of an alternating, a Gibbs and a variational sweep."""
    import numpy as np

    from lowland.cells.sides import TableCells
    from lowland.completion.bayesian.features import FeatureMap
    from lowland.completion.bayesian.scaling import Scaling
    from lowland.completion.bayesian.settings import BayesianSettings
    from lowland.completion.bayesian.starting.start import first_point, make_objective
    from lowland.completion.cells.summary import TableSummary
    from lowland.completion.penalised.fit import completion_objective
    from lowland.completion.penalised.settings import CompletionSettings
    from lowland.search import Alternating
    from lowland.search.gibbs import Gibbs
    from lowland.search.variational import Variational

    rng = np.random.default_rng(0)
    cells = TableCells.of(table)
    summary = TableSummary.of(cells)
    settings = BayesianSettings(rank=rank, pattern=pattern).resolve(summary)
    scaling = Scaling.of(summary, settings.scale)
    m, n = table.shape
    maps = (FeatureMap.of(None, n if pattern else 0), FeatureMap.of(None, m if pattern else 0))
    scaled = cells.scaled(scaling.centres, scaling.spreads)
    objective = make_objective(scaled, settings, maps, (None, None), graded=summary.graded)
    theta = first_point(objective, rng)
    posterior = Variational().init(objective, theta, rng)[0]
    draw = Gibbs(posterior).init(objective, theta, rng)[0]
    times = {}
    if not pattern:
        penalised = completion_objective(table, CompletionSettings(rank=rank))
        point = 0.1 * rng.standard_normal(penalised.size).astype(np.float32)

        def alternate():
            for name in penalised.block_solver.names[:2]:
                penalised.block_solver.solve(point, name)

        times["two block solves"] = milliseconds(alternate)
        state = Alternating().init(penalised, point, rng)[0]
        times["alternating"] = milliseconds(lambda: Alternating().step(penalised, state, rng))
    label = ", pattern" if pattern else ""
    times[f"gibbs{label}"] = milliseconds(lambda: Gibbs().step(objective, draw, rng))
    times[f"variational{label}"] = milliseconds(lambda: Variational().step(objective, posterior, rng))
    return times


def cmfrec_sweep(data, rank, threads, use_cg):
    import pandas as pd
    from cmfrec import CMF

    frame = pd.DataFrame({"UserId": data[0], "ItemId": data[1], "Rating": data[2].astype("float32")})
    seconds = []
    for count in (1, 6):
        model = CMF(
            k=rank, lambda_=10, niter=count, use_cg=use_cg, finalize_chol=False, nthreads=threads,
            precompute_for_predictions=False, random_state=1, verbose=False,
        )  # fmt: skip
        start = time.perf_counter()
        model.fit(frame)
        seconds.append(time.perf_counter() - start)
    return 1e3 * (seconds[1] - seconds[0]) / 5


def smurff_sweep(data, rank, threads):
    import numpy as np
    import scipy.sparse as sp
    import smurff

    matrix = sp.coo_matrix((data[2] - data[2].mean(), data[:2]), shape=data[3])
    asked = sp.coo_matrix((np.ones(1), ([0], [0])), shape=data[3])
    session = smurff.TrainSession(
        priors=["normal", "normal"],
        num_latent=rank,
        burnin=2,
        nsamples=22,
        num_threads=threads,
        verbose=0,
        seed=1,
    )
    session.addTrainAndTest(matrix, asked, smurff.AdaptiveNoise(1.0, 10.0), is_scarce=True)
    session.init()
    for _ in range(2):
        session.step()
    start = time.perf_counter()
    for _ in range(20):
        session.step()
    return 1e3 * (time.perf_counter() - start) / 20


def main():
    options = parse()
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    import numpy as np

    import lowland as ll

    data = ratings(options.ratings)
    table = ll.Observations.from_triples(*data[:2], data[2].astype(np.float32), shape=data[3])
    print(
        f"{options.ratings:,} ratings, {data[3][0]} x {data[3][1]}, {options.threads} thread(s), ms per sweep"
    )
    print("| rank | sweep | ms | over alternating |\n|---|---|---|---|")
    ratios = []
    for rank in options.ranks:
        times = {**own(table, rank, False), **own(table, rank, True)}
        for name, function in {
            "cmfrec CG": lambda rank=rank: cmfrec_sweep(data, rank, options.threads, True),
            "cmfrec Cholesky": lambda rank=rank: cmfrec_sweep(data, rank, options.threads, False),
            "SMURFF": lambda rank=rank: smurff_sweep(data, rank, options.threads),
        }.items():
            try:
                times[name] = function()
            except ImportError as error:
                print(f"{name}: {error}")
        base = times["alternating"]
        for name, taken in times.items():
            print(f"| {rank} | {name} | {taken:.0f} | {taken / base:.2f} |", flush=True)
        told = f"rank {rank}, {options.threads} thread(s)"
        for name in ("variational", "variational, pattern", "gibbs, pattern"):
            over = times[name] / (times["gibbs"] if name.startswith("gibbs") else base)
            beside = "a sweep without" if name.startswith("gibbs") else "an alternating one"
            ratios.append(f"ratio | {name} sweep over {beside}, {told} | {over:.3g} | lower | own")
        if "SMURFF" in times:
            gain = times["SMURFF"] / times["gibbs"]
            ratios.append(
                f"ratio | Gibbs sweep, {told}: times as fast as SMURFF's | {gain:.3g} | higher | peer"
            )
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
