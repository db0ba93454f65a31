"""How many steps descent needs on exact tensors, by their size and the accuracy that is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lowland.report.page import TableEntry
from lowland.reproduce.experiment import Cell, Row
from lowland.reproduce.powers import fitted_power, power_words
from lowland.search import Gradient, Iterations, ValueBelow, run
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.search.starts import random_start
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective
from lowland.tensors.tucker_tensor import TuckerTensor

SIZES, RANK = (6, 9, 13, 19, 28, 41), 2
# objectives that are reached, relative to the squared norm of the tensor
ACCURACIES = (1e-2, 1e-4, 1e-6, 1e-8)
BALANCING, MOST = 0.1, 50_000


def tucker_objective(tensor: NDArray[np.floating], ranks: tuple[int, ...]) -> TuckerObjective:
    """Return the regularised objective of a whole tensor."""
    return TuckerObjective(TensorObservations.from_array(tensor), Tucker(tensor.shape, ranks), BALANCING)


def scaling_cells(quick: bool) -> Sequence[Cell]:
    """Return sizes and seeds."""
    return [{"size": d, "seed": seed} for d in SIZES for seed in range(3 if quick else 50)]


def run_scaling(cell: Cell) -> Row:
    """Descend on an exact tensor from a random start; return the steps to each accuracy."""
    d, rng = cell["size"], np.random.default_rng([cell["size"], cell["seed"]])
    factors = tuple(rng.standard_normal((d, RANK)) for _ in range(3))
    tensor = TuckerTensor(rng.standard_normal((RANK,) * 3), factors).tensor()
    tensor /= np.linalg.norm(tensor)
    objective = tucker_objective(tensor, (RANK,) * 3)
    theta, steps, row = random_start(objective, rng), 0, {}
    for accuracy in ACCURACIES:
        descent = run(
            objective, Gradient(rule="armijo"), theta, stop=ValueBelow(accuracy) | Iterations(MOST), rng=rng
        )
        theta, steps = descent.theta, steps + descent.iterations
        row[f"{accuracy:g}"] = steps if descent.value < accuracy else MOST
    return row


def scaling_table(rows: Sequence[Row]) -> TableEntry:
    """Return medians and the slowest, by size."""
    lines = []
    for d in SIZES:
        of_size = [r for r in rows if r["size"] == d]
        steps = [np.array([r[f"{accuracy:g}"] for r in of_size]) for accuracy in ACCURACIES]
        lines.append(
            (f"{d} x {d} x {d}", *(f"{np.median(part):.0f}" for part in steps), f"{steps[-1].max():.0f}")
        )
    header = ("size", *(f"to {accuracy:g}" for accuracy in ACCURACIES), "slowest of all")
    return TableEntry(f"Exact tensors of ranks {RANK}: steps of plain descent, medians", header, lines)


def scaling_note(rows: Sequence[Row]) -> str:
    """Return the powers of size and accuracy in the number of steps, with their intervals."""
    last, reached = f"{ACCURACIES[-1]:g}", [r for r in rows if r[f"{ACCURACIES[-1]:g}"] < MOST]
    by_size = fitted_power([r["size"] for r in reached], [max(r[last], 1) for r in reached])
    asked = 1 / np.array(ACCURACIES)
    slopes = [fitted_power(asked, [max(r[f"{a:g}"], 1) for a in ACCURACIES])[0] for r in reached]
    return (
        f"Plain descent from random starts reaches {last} of the tensor's square on {len(reached)} of "
        f"{len(rows)} exact tensors within {MOST:,} steps. Steps grow as the size to the power "
        f"{power_words(by_size)}, and as one over the accuracy to the power {power_words(_mean(slopes))}; "
        "the theorem's bound is a polynomial in both."
    )


def _mean(numbers: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of independent numbers, with ends of its 95 % interval."""
    from scipy.stats import t

    mean = float(np.mean(numbers))
    half = float(t.ppf(0.975, len(numbers) - 1) * np.std(numbers, ddof=1) / np.sqrt(len(numbers)))
    return mean, mean - half, mean + half
