"""How often bounds of the share of missing cells are false for tables whose cells are asked line by line.

The tables of `covered.py`, fitted and judged as those on the disk and on clusters are: held out with equal odds, missing
cells counted by row and column, no layers around the fit. What is stated is compared with what is true.

    python benchmarks/accuracy/covered_elsewhere.py --count 300 --kinds random column blocks value rates
"""

import argparse
import time
import warnings
from collections import Counter

import numpy as np
from covered import KINDS, LEVEL, SHAPES, SIZES, made

import lowland as ll
from lowland.cells.labels import TableLabels
from lowland.cells.sides import TableCells
from lowland.completion.elsewhere.audit import judge_elsewhere
from lowland.completion.elsewhere.fit import LabelledCells, fit_elsewhere
from lowland.completion.plan import CompletionPlan


def judged(truth, seed):
    """Return what is stated of a table, and whether it, or the width that is proved, is false."""
    table = ll.Observations.from_array(np.where(truth.known, truth.whole, np.nan))
    cells = LabelledCells(TableCells.of(table), TableLabels(table.shape))
    plan = CompletionPlan(method="variational", max_iter=100)
    fit = fit_elsewhere(cells, plan, "here", rng=np.random.default_rng(seed))
    fit, certificate = judge_elsewhere(fit, np.random.default_rng(seed), "auto")
    found = certificate["covered"]
    if found.value is None:
        return found.reason[0].code, False, False
    rows, columns = np.nonzero(~truth.known)
    values, factor, refuted = (
        truth.whole[rows, columns],
        found.witness["factor"],
        found.verdict.name == "REFUTED",
    )

    def share(factor):
        low, high = fit.audit.intervals(rows, columns, LEVEL, factor)
        return ((low <= values) & (values <= high))[~np.isnan(low)].mean()

    true = share(1.0 if refuted else factor)
    false = true > found.value + 1e-12 if refuted else true < found.value - 1e-12
    return found.verdict.name, bool(false), factor > 1 and bool(share(factor) < LEVEL)


def main():
    """Print, by kind of gaps, what is stated and how often it is false."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--sizes", nargs="+", type=int, default=list(range(len(SIZES))))
    asked = parser.parse_args()
    for kind in asked.kinds:
        began, found, shown = time.perf_counter(), [], Counter()
        for k in range(asked.count):
            size, shape = SIZES[asked.sizes[k % len(asked.sizes)]], SHAPES[k % len(SHAPES)]
            found.append(judged(made(kind, shape, size, np.random.default_rng([k, 76])), k))
            shown[found[-1][0]] += 1
        false, narrow = (sum(one[place] for one in found) for place in (1, 2))
        told = ", ".join(f"{word} {number}" for word, number in sorted(shown.items()))
        print(
            f"{kind:>7}: {told}; false bounds {false}, proved widths too narrow {narrow} of {asked.count} "
            f"({time.perf_counter() - began:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
