"""Errors and intervals of a column with a bound, without the bound, cut off at it, and with `bounds`.

    python benchmarks/accuracy/bounds.py [--trials 25] [--rows 200]

Tables of two factors and noise, of which only rows stay whose second column lies above a bound: one that cuts off
next to nothing, a tenth, or nearly four tenths of its normal law. A fourth of the cells is missing.
"""

import argparse
import warnings

import numpy as np
from scipy.stats import norm

import lowland as ll

LOADINGS = np.random.default_rng(99).standard_normal((2, 5))
SPREAD = np.sqrt(np.sum(LOADINGS[:, 1] ** 2) + 0.36)


def table(rows, bound, rng):
    full = np.zeros((0, 5))
    while len(full) < rows:
        drawn = rng.standard_normal((2 * rows, 2)) @ LOADINGS + 0.6 * rng.standard_normal((2 * rows, 5))
        full = np.vstack([full, drawn[drawn[:, 1] > bound]])
    return full[:rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=25)
    parser.add_argument("--rows", type=int, default=200)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        "| cut off | error without | cut off | `bounds` | held (90 %) without | `bounds` | length without | `bounds` |"
    )
    print(f"|{'---|' * 8}")
    ratios = []
    for share in (0.005, 0.1, 0.37):
        bound, found = SPREAD * norm.ppf(share), []
        for seed in range(options.trials):
            rng = np.random.default_rng(seed)
            full = table(options.rows, bound, rng)
            holes = np.where(rng.random(full.shape) < 0.25, np.nan, full)
            at = np.flatnonzero(np.isnan(holes[:, 1]))
            cells, true = (at, np.ones_like(at)), full[at, 1]
            settings = {"certify": False, "refine": False, "powers": False, "random_state": 0}
            free, bounded = (
                ll.MatrixCompletion(**settings, bounds=bounds).fit(holes)
                for bounds in (None, {1: (bound, None)})
            )
            means = (
                free.predict_cells(*cells),
                np.maximum(free.predict_cells(*cells), bound),
                bounded.predict_cells(*cells),
            )
            ends = [one.predict_interval(*cells, 0.9) for one in (free, bounded)]
            found.append(
                [
                    *(np.sqrt(np.mean((mean - true) ** 2)) for mean in means),
                    *(np.mean((low <= true) & (true <= high)) for low, high in ends),
                    *(np.mean(high - low) for low, high in ends),
                ]
            )
        shown = np.mean(found, axis=0)
        print(f"| {share} | {' | '.join(f'{number:.3f}' for number in shown)} |", flush=True)
        ratios.append(
            f"ratio | {share} cut off: error with bounds over that without | {shown[2] / shown[0]:.3g} | lower | own"
        )
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
