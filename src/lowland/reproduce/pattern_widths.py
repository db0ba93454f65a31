"""Width by number: shares of full rank among all binary patterns of several inputs, beside a bound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.networks.kernels.exact_ranks import full_rank
from lowland.networks.regions.pattern_bounds import binary_pattern_width, pattern_share_bound
from lowland.networks.regions.share import Share
from lowland.report.page import TableEntry
from lowland.reproduce.experiment import Cell, Row

POINTS, DIMENSIONS = 60, (1, 2, 5, 20, 60)
# neurons beyond n / d
BEYOND = (0, 1, 2, 4, 8)
WANTED = 0.9


def width_cells(quick: bool) -> Sequence[Cell]:
    """Return dimensions and widths."""
    return [
        {"dimension": d, "width": -(-POINTS // d) + beyond, "trials": 200 if quick else 2000}
        for d in DIMENSIONS
        for beyond in BEYOND
    ]


def run_width(cell: Cell) -> Row:
    """Return shares of uniformly random patterns, and of layers with normal weights on normal data."""
    d, w, trials = cell["dimension"], cell["width"], cell["trials"]
    rng = np.random.default_rng([d, w])
    uniform = drawn = 0
    for _ in range(trials):
        points = rng.standard_normal((POINTS, d))
        uniform += int(full_rank(rng.random((1, POINTS, w)) < 0.5, points, rng)[0])
        drawn += int(full_rank((points @ rng.standard_normal((d, w)) > 0)[None], points, rng)[0])
    low, high = Share(uniform, trials).interval(0.99)
    return {
        "bound": pattern_share_bound(POINTS, d, w, bias=False),
        "uniform": uniform / trials,
        "low": low,
        "high": high,
        "drawn": drawn / trials,
    }


def width_table(rows: Sequence[Row]) -> TableEntry:
    """Return shares beside the bound."""
    lines = [
        (
            str(r["dimension"]),
            str(r["width"]),
            f"{r['bound']:.3f}",
            f"{r['uniform']:.3f} ({r['low']:.3f} to {r['high']:.3f})",
            f"{r['drawn']:.3f}",
        )
        for r in rows
    ]
    return TableEntry(
        f"Patterns of full rank by number, {POINTS} points of d numbers",
        ("d", "width", "bound from below", "of all patterns, 99 % interval", "of layers drawn, by volume"),
        lines,
    )


def width_note(rows: Sequence[Row]) -> str:
    """Return whether the bound holds, and how near the width that it asks for comes to n / d."""
    kept = sum(r["bound"] <= r["high"] for r in rows)
    widths = ", ".join(
        f"{binary_pattern_width(POINTS, d, WANTED, bias=False)} for d = {d} (n / d = {-(-POINTS // d)})"
        for d in DIMENSIONS
    )
    most = max(r["uniform"] - r["bound"] for r in rows)
    by_volume = [r["drawn"] - r["uniform"] for r in rows]
    return (
        "Of all binary patterns, for several inputs: the bound with its constants lies below the upper end "
        f"of the 99 % interval in {kept} of {len(rows)} cells, and at most {most:.2f} below the share of all "
        "patterns. "
        f"For {100 * WANTED:g} % of the patterns it asks for widths of {widths}: mild overparameterisation, "
        f"as the paper says of most patterns. Layers drawn at random differ from uniform patterns by "
        f"{min(by_volume):+.2f} to {max(by_volume):+.2f}: their neurons agree on points that are alike, and "
        "where inputs are few most binary patterns belong to no region: of those the bound says nothing."
    )
