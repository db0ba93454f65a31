"""Share of full rank by volume for one input: exact, bounded, and drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.networks.kernels.exact_ranks import full_rank
from lowland.networks.regions.pattern_volumes import full_pattern_bound, full_pattern_volume
from lowland.networks.regions.share import Share
from lowland.report.page import TableEntry
from lowland.reproduce.experiment import Cell, Row

SPACINGS = ("even", "uniform")
# widths over n ln n
WIDTHS = (1, 2, 4, 8, 32)


def volume_cells(quick: bool) -> Sequence[Cell]:
    """Return numbers of points, how they are spaced, and widths."""
    return [
        {
            "spacing": spacing,
            "points": n,
            "width": int(ratio * n * np.log(n)),
            "trials": 200 if quick else 1000,
        }
        for spacing in SPACINGS
        for n in ((10,) if quick else (10, 20, 40))
        for ratio in WIDTHS
    ]


def run_volume(cell: Cell) -> Row:
    """Return shares for points on [-1, 1] and normal weights and biases: of patterns, and of Jacobians."""
    n, width, trials = cell["points"], cell["width"], cell["trials"]
    rng = np.random.default_rng([SPACINGS.index(cell["spacing"]), n, width])
    points = np.linspace(-1, 1, n) if cell["spacing"] == "even" else rng.uniform(-1, 1, n)
    rows, patterns, jacobians = np.column_stack([points, np.ones(n)]), 0, 0
    for _ in range(trials):
        active = (rows @ rng.standard_normal((2, width)) > 0)[None]
        # a pattern is the Jacobian of a layer whose only input is one
        patterns += int(full_rank(active, np.ones((n, 1)), rng)[0])
        jacobians += int(full_rank(active, rows, rng)[0])
    low, high = Share(patterns, trials).interval(0.99)
    return {
        "exact": full_pattern_volume(points, width),
        "bound": full_pattern_bound(points, width),
        "low": low,
        "high": high,
        "jacobian": jacobians / trials,
    }


def volume_table(rows: Sequence[Row]) -> TableEntry:
    """Return the exact shares beside the bound and drawn layers."""
    header = (
        "spacing",
        "points",
        "width",
        "exact",
        "bound from below",
        "drawn, 99 % interval",
        "full rank of the Jacobian",
    )
    lines = [
        (
            row["spacing"],
            str(row["points"]),
            str(row["width"]),
            f"{row['exact']:.3f}",
            f"{row['bound']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            f"{row['jacobian']:.3f}",
        )
        for row in rows
    ]
    return TableEntry("Patterns of full rank by volume, one input", header, lines)


def volume_note(rows: Sequence[Row]) -> str:
    """Return whether exact shares lie within the intervals of drawn ones, and the bound below them."""
    inside = sum(row["low"] <= row["exact"] <= row["high"] for row in rows)
    below = sum(row["bound"] <= row["exact"] + 1e-12 for row in rows)
    return (
        f"By volume, for one input: the exact share lies within the 99 % interval of drawn layers in "
        f"{inside} of {len(rows)} cells, and the bound below it in {below}. Evenly spaced points need a "
        "width of some multiple of n ln n; points at random need more, since two of them are nearly alike."
    )
