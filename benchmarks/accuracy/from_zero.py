"""Errors and intervals of columns without negative numbers: filled from zero on, as fitted, and cut off otherwise.

    python benchmarks/accuracy/from_zero.py [--masks cells30 given blocks cells50] [--seeds 1] [--cells 9000]

Tables and hidden cells are those of `real_tables.py`, up to a number of cells. "as fitted" is what the fit says without the
layer, "truncated" its normal law cut off at zero, "clipped" its ends moved to zero. Near zero are cells whose law as fitted
has more than a thousandth below zero; errors and lengths are in units of a column's spread.
"""

import argparse
import warnings

import numpy as np
from real_tables import hidden, tables

import lowland as ll
from lowland.bayes.truncated import TruncatedNormal
from lowland.completion.bounded.from_zero import FromZeroLayer
from lowland.completion.bounded.layer import without_bounds

WAYS = ("as fitted", "from zero on", "truncated", "clipped")


def told(table, gaps, seed):
    """What four ways say of the hidden cells of the layer's columns, one line per cell."""
    holes = np.where(gaps, np.nan, table)
    layer = ll.MatrixCompletion(certify=False, random_state=seed).fit(holes)._completed.model
    if not isinstance(layer, FromZeroLayer):
        return None
    rows, columns = np.nonzero(gaps)
    mine = np.isin(columns, layer.columns)
    rows, columns = rows[mine], columns[mine]
    fit, true = without_bounds(layer), table[rows, columns]
    units = np.nanstd(holes, axis=0)[columns]
    means, spreads = (np.asarray(of(rows, columns), float) for of in (fit.predict, fit.standard_errors))
    ends, law = np.array(fit.intervals(rows, columns, 0.9)), TruncatedNormal(means, spreads, 0.0, np.inf)
    ways = (
        (means, ends),
        (layer.predict(rows, columns), np.array(layer.intervals(rows, columns, 0.9))),
        (law.moments()[0], law.within(ends)),
        (np.maximum(means, 0), np.maximum(ends, 0)),
    )
    parts = [
        [((mean - true) / units) ** 2, (low <= true) & (true <= high), (high - low) / units]
        for mean, (low, high) in ways
    ]
    zeros = layer.touches[np.searchsorted(layer.columns, columns)]
    near = means < 3.09 * spreads
    return np.column_stack([near, zeros, (ends[0] < 0), *np.concatenate(parts)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--masks", nargs="*", default=["cells30", "given", "blocks", "cells50"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cells", type=int, default=9000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = []
    for _, table in (*tables(False), *tables(True)):
        for mask in options.masks:
            for seed in range(options.seeds if table.size <= options.cells else 0):
                one = told(table, hidden(table, mask, seed), seed)
                found += [] if one is None else [one]
    cells = np.concatenate(found)
    print(
        f"{len(found)} fits, {len(cells)} hidden cells, {int(cells[:, 2].sum())} as fitted reach below zero\n"
    )
    print(f"| cells | number | way | error | held (90 %) | length |\n{'|---' * 6}|")
    near, zeros = cells[:, 0] == 1, cells[:, 1] == 1
    for name, which in (
        ("all", near | ~near),
        ("near zero", near & ~zeros),
        ("near zero, zeros known", near & zeros),
    ):
        for k, way in enumerate(WAYS):
            squares, held, length = cells[which, 3 + 3 * k : 6 + 3 * k].mean(axis=0)
            print(f"| {name} | {which.sum()} | {way} | {np.sqrt(squares):.4f} | {held:.3f} | {length:.3f} |")


if __name__ == "__main__":
    main()
