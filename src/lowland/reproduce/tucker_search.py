"""A randomised search for exact Tucker decompositions, by size and accuracy, from saddles and random starts.

The search is that of `decompose_tucker(solver="gradient_at_random")`, and of "gradient", not polished.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.arrays import Vector
from lowland.report.page import TableEntry
from lowland.reproduce.experiment import Cell, Row
from lowland.reproduce.powers import fitted_power, power_words
from lowland.reproduce.tucker_scaling import tucker_objective
from lowland.tensors.search.starts import random_start
from lowland.tensors.tucker.gradient_search import gradient_search
from lowland.tensors.tucker.objective import TuckerObjective
from lowland.tensors.tucker_tensor import TuckerTensor

# sizes by the order of the tensor; fits lack a direction in all modes, the hardest saddles
SIZES: dict[int, tuple[int, ...]] = {3: (4, 6, 9, 13, 19, 28), 4: (4, 6, 8, 11, 16)}
ACCURACIES = (1e-2, 1e-4, 1e-6, 1e-8)
MOST = 30_000
# how many of the sizes a quick run has
QUICK = {3: 4, 4: 2}


def search_cells(quick: bool) -> Sequence[Cell]:
    """Return orders, sizes, starts and seeds."""
    return [
        {"order": order, "size": d, "start": start, "seed": seed}
        for order, sizes in SIZES.items()
        for d in (sizes[: QUICK[order]] if quick else sizes)
        for start in ("saddle", "random")
        for seed in range(2 if quick else 30)
    ]


def run_search(cell: Cell) -> Row:
    """Return gradient steps to each accuracy and jumps: at random, and along the best directions."""
    order, d = cell["order"], cell["size"]
    rng = np.random.default_rng([order, d, cell["seed"]])
    factors = tuple(np.linalg.qr(rng.standard_normal((d, 2)))[0] for _ in range(order))
    core = np.zeros((2,) * order)
    core[(0,) * order], core[(1,) * order] = 1.0, 0.5
    core /= np.linalg.norm(core)
    objective = tucker_objective(TuckerTensor(core, factors).tensor(), core.shape)
    if cell["start"] == "saddle":  # the second component is not there, in any mode
        known = tuple(np.column_stack([factor[:, 0], np.zeros(d)]) for factor in factors)
        first = np.where(np.arange(core.size) == 0, core.ravel(), 0.0).reshape(core.shape)
        theta = objective.balanced(TuckerTensor(first, known))
    else:
        theta = random_start(objective, rng)
    row: Row = {}
    for name, at_random in (("random", True), ("best", False)):
        steps, jumps = search(objective, theta, at_random, rng)
        row |= {f"{name}_{accuracy:g}": count for accuracy, count in zip(ACCURACIES, steps, strict=True)}
        row[f"{name}_jumps"] = jumps
    return row


def search(
    objective: TuckerObjective, theta: Vector, at_random: bool, rng: np.random.Generator
) -> tuple[list[int], int]:
    """Return the gradient steps after which each accuracy is reached, `MOST` if it is not, and the jumps."""
    steps, jumps, reached = 0, 0, list[int]()
    for accuracy in ACCURACIES:
        if steps < MOST:
            end, orders = gradient_search(
                objective, theta, rng, at_random=at_random, enough=accuracy, most=MOST - steps
            )
            theta, steps, jumps = end.theta, steps + end.iterations, jumps + len(orders)
        reached.append(steps if objective.value(theta) <= accuracy else MOST)
    return reached, jumps


def search_table(rows: Sequence[Row]) -> TableEntry:
    """Return medians by order, start and size."""
    lines = []
    last = f"{ACCURACIES[-1]:g}"
    for start in ("saddle", "random"):
        for order, sizes in SIZES.items():
            for d in sizes:
                chosen = [r for r in rows if (r["order"], r["size"], r["start"]) == (order, d, start)]
                if not chosen:
                    continue
                steps = [[r[f"{name}_{last}"] for r in chosen] for name in ("random", "best")]
                lines.append(
                    (
                        start,
                        " x ".join([str(d)] * order),
                        f"{np.median(steps[0]):.0f}",
                        f"{max(steps[0])}",
                        f"{np.median([r['random_jumps'] for r in chosen]):.0f}",
                        f"{np.median(steps[1]):.0f}",
                        f"{max(steps[1])}",
                    )
                )
    header = ("start", "size", "at random", "slowest", "jumps", "best directions", "slowest")
    return TableEntry(f"Randomised search, ranks of 2: gradient steps to {last}", header, lines)


def search_note(rows: Sequence[Row]) -> str:
    """Return how often the search ends, and the powers of size and accuracy in its steps."""
    last = f"random_{ACCURACIES[-1]:g}"
    ended = [r for r in rows if r[last] < MOST]
    powers = []
    for order in SIZES:
        of_order = [r for r in ended if r["order"] == order and r["start"] == "saddle"]
        power = power_words(fitted_power([r["size"] for r in of_order], [max(r[last], 1) for r in of_order]))
        powers.append(f"{power} for order {order}")
    asked = np.repeat(1 / np.array(ACCURACIES), len(ended))
    steps = [max(r[f"random_{accuracy:g}"], 1) for accuracy in ACCURACIES for r in ended]
    return (
        f"The randomised search reaches {ACCURACIES[-1]:g} in {len(ended)} of {len(rows)} runs within "
        f"{MOST:,} gradient steps, from random points and from saddles of the highest order. From these its "
        f"steps grow as the size to the power {' and '.join(powers)}, and as one over the accuracy to the "
        f"power {power_words(fitted_power(asked, steps))}; the theorem's bound is a polynomial. Along the "
        "best rank-one directions, which the library takes, the slowest run took "
        f"{max(r[f'best_{ACCURACIES[-1]:g}'] for r in rows):,}."
    )
