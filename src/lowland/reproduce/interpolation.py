"""How sharp the flattest network is that passes through all points: what step sizes cannot hold it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.networks.certificates.sharpness import largest_gauss_newton
from lowland.networks.splines.linear_spline import LinearSpline
from lowland.networks.splines.variation import variation_of_knots
from lowland.report.page import TableEntry
from lowland.reproduce.experiment import Cell, Row
from lowland.reproduce.powers import power_words

SIZES = (8, 16, 32, 64, 128, 256)
# 1 - 2 |x| with noise
NOISE = 0.5
# a step size to tell what follows
EXAMPLE = 0.1


def interpolation_cells(quick: bool) -> Sequence[Cell]:
    """Return numbers of points, seeds, and whether points are evenly spaced."""
    return [
        {"points": n, "seed": seed, "even": even}
        for even in (1, 0)
        for n in SIZES
        for seed in range(5 if quick else 40)
    ]


def run_interpolation(cell: Cell) -> Row:
    """Join noisy points by lines; bound the sharpness of all networks that do, and find that of a flat one.

    From below: 1 + 2 times the weighted variation of the function. From above: the network that
    `LinearSpline.network` makes of it. There are no residuals, so the Hessian is its Gauss-Newton part.
    """
    n, rng = cell["points"], np.random.default_rng([cell["seed"], cell["points"]])
    x = np.linspace(-1, 1, n) if cell["even"] else np.sort(rng.uniform(-1, 1, n))
    y = 1 - 2 * np.abs(x) + NOISE * rng.standard_normal(n)
    spline = LinearSpline(x, y)
    network = spline.network(x, np.full(n, 1 / n))
    return {
        "lower": 1 + 2 * variation_of_knots(x, spline.knots, spline.jumps),
        "upper": largest_gauss_newton(network, x[:, None], None),
    }


def interpolation_table(rows: Sequence[Row]) -> TableEntry:
    """Return medians by number of points."""
    lines = []
    for even, how in ((1, "evenly spaced"), (0, "at random")):
        for n in SIZES:
            part = [r for r in rows if r["points"] == n and r["even"] == even]
            low, high = (float(np.median([r[name] for r in part])) for name in ("lower", "upper"))
            lines.append((how, str(n), f"{low:.4g}", f"{high:.4g}", f"{2 / low:.3g}"))
    return TableEntry(
        f"Networks that pass through all points, noise {NOISE:g}: medians",
        ("points", "number", "sharpness at least", "of the flattest found", "no step size above"),
        lines,
    )


def interpolation_note(rows: Sequence[Row], exponents: Sequence[tuple[float, float, float]]) -> str:
    """Return what the growth of the sharpness with the number of points says of the theorem.

    Parameters
    ----------
    rows : sequence of Row
    exponents : sequence of tuple of float
        Of the lower bound, evenly spaced and at random, with ends of 95 % intervals.
    """
    words = [
        f"{power_words(exponent)} {how}"
        for exponent, how in zip(exponents, ("for evenly spaced points", "at random"), strict=True)
    ]
    most = max(r["upper"] / r["lower"] for r in rows)
    beyond = [n for n in SIZES if np.median([r["lower"] for r in rows if r["points"] == n]) > 2 / EXAMPLE]
    return (
        "Networks that interpolate: a lower bound on their sharpness grows as the number of points to the "
        f"power {words[0]} and {words[1]}; the flattest ones found are at most {most:.1f} times as sharp. "
        f"Descent with a step of {EXAMPLE:g} stays where the sharpness is at most {2 / EXAMPLE:g}: from "
        f"{min(beyond, default=0)} points on it cannot stay at any. As the theorem says, stable minima do "
        "not interpolate noise."
    )
