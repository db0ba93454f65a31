"""Cells about which nothing is known: which are marked, beside those that rank two leaves open, and what intervals hold.

    python benchmarks/accuracy/undetermined.py [--tables 200] [--random 50] [--rows 40] [--columns 8] [--kinds ...]

Tables of two factors, means of columns and a little noise, fitted as they come. Rows know every second cell, one half
of the columns, these and three columns that all know, or all but two columns of one known cell each; or cells are
missing at random, where no cell should be marked and no answer change.
"""

import argparse
import warnings

import numpy as np

import lowland as ll
from lowland.completion import layered_fit
from lowland.completion.informed.answers import marks_of_model
from lowland.completion.informed.layer import ColumnAloneLayer
from lowland.completion.informed.marks import NEVER_TOGETHER

STRUCTURED = ("checkerboard", "halves", "three common", "one cell")
RANDOM = ("random .3", "random .5", "random .6")
NOISE, LEVEL = 0.1, 0.95


def pattern(kind, m, n, rng):
    top, left = np.arange(m) < m // 2, np.arange(n) < n // 2
    if kind == "checkerboard":
        return np.add.outer(np.arange(m), np.arange(n)) % 2 == 0
    if kind == "one cell":
        known = rng.random((m, n)) < 0.8
        known[:, -2:] = False
        known[rng.integers(m, size=2), [n - 2, n - 1]] = True
        return known
    if kind.startswith("random"):
        known = rng.random((m, n)) >= float(kind.split()[1])
        known[~known.any(axis=1), 0] = True
        return known
    if kind == "three common":
        left = np.arange(n) < 3 + (n - 3) // 2
    known = np.equal.outer(top, left)
    if kind == "three common":
        known[:, :3] = True
        return known
    return known & (rng.random((m, n)) < 0.9)


def open_cells(known, rng, rank=2):
    """Missing cells that generic tables of a rank with means of columns leave open: a null vector moves them."""
    m, n = known.shape
    U, V = rng.standard_normal((m, rank)), rng.standard_normal((n, rank))
    J = np.zeros((m, n, m * rank + n * (rank + 1)))
    for i in range(m):
        J[i, :, i * rank : (i + 1) * rank] = V
    for j in range(n):
        J[:, j, m * rank + j * (rank + 1) : m * rank + (j + 1) * (rank + 1)] = np.column_stack(
            [U, np.ones(m)]
        )
    _, sizes, turned = np.linalg.svd(J[known])
    null = turned[np.sum(sizes > 1e-9 * sizes[0]) :]
    return (np.abs(J @ null.T).max(axis=2) > 1e-6) & ~known


def fitted(table):
    """The model of a fit as it comes, and of the fit within, without the law of columns."""
    model = ll.MatrixCompletion(certify=False, random_state=0).fit(table)._completed.model
    return model, model.base if isinstance(model, ColumnAloneLayer) else model


def without_layer(table):
    """The model of a fit that marks nothing."""
    layer, layered_fit.layer_of_column_alone = layered_fit.layer_of_column_alone, lambda *_, **__: None
    try:
        return fitted(table)[0]
    finally:
        layered_fit.layer_of_column_alone = layer


def measured(kind, tables, m, n):
    rng = np.random.default_rng(54)
    held, before, worst, endless, counts, changed, shares = [], [], 1.0, 0, np.zeros(3), 0, []
    for _ in range(tables):
        known = pattern(kind, m, n, rng)
        full = rng.standard_normal((m, 2)) @ rng.standard_normal((2, n)) + rng.standard_normal(n)
        full += NOISE * rng.standard_normal((m, n))
        rows, columns = np.nonzero(~known)
        truth, table = full[rows, columns], np.where(known, full, np.nan)
        model, within = fitted(table)
        marks = marks_of_model(model)
        marked = np.zeros(rows.size, bool) if marks is None else marks[rows, columns] >= NEVER_TOGETHER
        for one, shares_held in ((model, held), (within, before)):
            low, high = one.intervals(rows, columns, LEVEL)
            shares_held.append(np.mean((low <= truth) & (truth <= high)))
        high = model.intervals(rows, columns, LEVEL)[1]
        worst, endless = min(worst, held[-1]), endless + np.isinf(high).sum()
        free = open_cells(known, rng)[rows, columns]
        counts += marked.sum(), free.sum(), (marked & free).sum()
        if kind in RANDOM:
            other = without_layer(table)
            for name in ("predict", "standard_errors"):
                new, old = (getattr(one, name)(rows, columns) for one in (model, other))
                changed += int((new != old)[~marked].sum())
        shares.append(marked.mean())
    precision, recall = (counts[2] / count if count else np.nan for count in counts[:2])
    cells = f"{np.mean(shares):.3f} | {precision:.3f} | {recall:.3f} | {changed if kind in RANDOM else ''}"
    print(
        f"| {kind} | {tables} | {np.mean(before):.3f} | {np.mean(held):.3f} | {worst:.2f} | {endless} | {cells} |",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--random", type=int, default=50)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--kinds", nargs="+", default=STRUCTURED + RANDOM)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        "| known | tables | 95 % held by the fit alone | 95 % held | worst table | endless | marked | precision | "
        "recall | changed, not marked |"
    )
    print(f"|{'---|' * 10}")
    for kind in options.kinds:
        tables = options.tables if kind in STRUCTURED else options.random
        measured(kind, tables, options.rows, options.columns)


if __name__ == "__main__":
    main()
