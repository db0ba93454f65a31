"""The rate of stable minima on a curved function, which no number of knots fits exactly.

On a function that bends once the error falls as one over the number of points: a rate of a few parameters.
A sine has a slope of bounded variation too, but more points resolve more knots, and the error falls as
n^(-4/5), the optimal rate for all such functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lowland.report.page import TableEntry
from lowland.reproduce.experiment import Cell, Row
from lowland.reproduce.powers import fitted_power, power_words

SIZES = (64, 256, 1024, 4096, 16384)
NOISE, STEP, MOST_KNOTS, FOLDS = 0.5, 0.4, 30, 5
# share of the support that is inside
INSIDE = 0.8


def wave(x: Any) -> Any:
    """Return the function to be learnt."""
    return np.sin(np.pi * x)


def curved_cells(quick: bool) -> Sequence[Cell]:
    """Return numbers of points and seeds."""
    return [
        {"points": n, "seed": seed}
        for n in (SIZES[:4] if quick else SIZES)
        for seed in range(2 if quick else 20)
    ]


def run_curved(cell: Cell) -> Row:
    """Choose among minima at which a step size stays, at rest, by held-out points; return error and knots."""
    from lowland.estimators.stable_spline import StableSplineRegressor  # scikit-learn takes long to load

    n, rng = cell["points"], np.random.default_rng([cell["seed"], cell["points"]])
    x = rng.uniform(-1, 1, n)
    y = wave(x) + NOISE * rng.standard_normal(n)
    model = StableSplineRegressor(
        step_size=STEP, max_knots=MOST_KNOTS, average=False, cv=FOLDS, random_state=cell["seed"]
    ).fit(x, y)
    grid = np.linspace(-INSIDE, INSIDE, 1601)
    return {
        "inside": float(np.mean((model.predict(grid) - wave(grid)) ** 2)),
        "knots": model.n_knots_,
        "variation": model.variation_,
        "limit": 1 / STEP - 0.5,
    }


def curved_table(rows: Sequence[Row]) -> TableEntry:
    """Return medians by number of points."""
    lines = []
    for n in sorted({r["points"] for r in rows}):
        part = [r for r in rows if r["points"] == n]
        error, knots = (float(np.median([r[name] for r in part])) for name in ("inside", "knots"))
        lines.append((str(n), f"{error:.3g}", f"{knots:g}", f"{max(r['variation'] for r in part):.3g}"))
    header = ("points", "squared error inside", "knots", "largest variation")
    return TableEntry(
        f"A sine with noise {NOISE:g}: minima at which step {STEP:g} stays, medians", header, lines
    )


def curved_note(rows: Sequence[Row]) -> str:
    """Return the rate on a curved function."""
    points = [r["points"] for r in rows]
    error = fitted_power(points, [r["inside"] for r in rows])
    knots = fitted_power(points, [max(r["knots"], 1) for r in rows])
    beyond = sum(r["variation"] > r["limit"] for r in rows)
    held = error[1] <= -0.8 <= error[2]
    agrees = "which the interval holds" if held else "WHICH THE INTERVAL DOES NOT HOLD"
    return (
        f"On a sine, which no number of knots fits exactly, minima at rest at step {STEP:g}, chosen by "
        f"held-out points, have an error inside the data that scales as n to the power {power_words(error)}; "
        f"theory has -0.8, {agrees}. Their knots grow as n to the power {power_words(knots)}, where -0.8 "
        f"needs 0.2. Of {len(rows)} such functions {beyond} vary more than 1/step - 1/2."
    )
