"""Errors and intervals of tables with a limit of detection: its bounds fitted, taken for values, or left out.

    python benchmarks/accuracy/censored.py [--trials 3] [--rows 200] [--tables narrow wide]

Planted tables of few factors and noise, narrow (one Gaussian of any covariance) and wide (factors), normal or their
exponentials. A fifth of the cells is missing; every other column has a limit at its quantile of 20 or 40 %. Errors are of
logarithms, or of the normal numbers themselves, over holes and over censored cells.
"""

import argparse
import warnings

import numpy as np

import lowland as ll

# columns and factors, and rows over those of the narrow tables
SHAPES = {"narrow": (10, 2, 1.0), "wide": (150, 3, 0.4)}
WAYS = ("bound", "missing", "within")


def planted(rows, shape, share, skewed, rng):
    """Return what is there, which cells are missing, which are below their limit, and what is seen of these."""
    n, rank, ratio = shape
    m = round(ratio * rows)
    numbers = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n)) / np.sqrt(rank)
    numbers += 0.3 * rng.standard_normal((m, n)) + rng.standard_normal(n)
    full = np.exp(numbers) if skewed else numbers
    missing = rng.random((m, n)) < 0.2
    limits = np.where(np.arange(n) % 2 == 0, np.quantile(full, share, axis=0), -np.inf)
    return full, missing, (full < limits) & ~missing, np.maximum(full, limits)


def judged(model, cells, full, skewed):
    """Return the error of predictions of some cells, and the share that intervals of 90 % hold."""
    at, true = np.nonzero(cells), full[cells]
    guess, (low, high) = model.predict_cells(*at), model.predict_interval(*at, 0.9)
    if skewed:
        guess, low, high, true = (np.log(np.maximum(x, 1e-3)) for x in (guess, low, high, true))
    return np.sqrt(np.mean((guess - true) ** 2)), np.mean((low <= true) & (true <= high))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--tables", nargs="+", choices=SHAPES, default=list(SHAPES))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| table | numbers | below | | " + " | ".join(WAYS) + " |")
    print(f"|{'---|' * 7}")
    for name, shape in ((name, SHAPES[name]) for name in options.tables):
        for skewed in (True, False):
            for share in (0.2, 0.4):
                found = {way: [] for way in WAYS}
                for seed in range(options.trials):
                    full, missing, below, seen = planted(
                        options.rows, shape, share, skewed, np.random.default_rng(seed)
                    )
                    table = np.where(missing, np.nan, seen)
                    cells = ll.Observations.from_array(table, censored=-1 * below)
                    for way in WAYS:
                        model = ll.MatrixCompletion(certify=False, censored=way, random_state=0).fit(cells)
                        found[way].append([judged(model, some, full, skewed) for some in (missing, below)])
                means = {way: np.mean(found[way], axis=0) for way in WAYS}
                kind = "lognormal" if skewed else "normal"
                for k, what in enumerate(("holes", "censored")):
                    cells_of = (f"{means[way][k, 0]:.3f} ({means[way][k, 1]:.0%})" for way in WAYS)
                    print(
                        f"| {name} | {kind} | {share:.0%} | {what} | " + " | ".join(cells_of) + " |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
