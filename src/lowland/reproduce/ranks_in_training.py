"""Ranks and patterns while a two-layer network is trained, by gradient descent and by Adam."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.arrays import Matrix
from lowland.networks.kernels.exact_ranks import full_rank
from lowland.report.page import TableEntry
from lowland.reproduce.experiment import Cell, Row

POINTS, INPUTS, WIDTHS = 30, 3, (5, 10, 20, 40, 80)
METHODS = ("descent", "Adam")
# steps after which ranks and patterns are looked at
LOOKS = (0, 10, 100, 1000, 10_000)
DESCENT, ADAM, DECAYS, TINY = 0.02, 0.01, (0.9, 0.999), 1e-8


def training_cells(quick: bool) -> Sequence[Cell]:
    """Return widths and methods."""
    return [
        {"width": k, "method": method, "runs": 20 if quick else 100} for method in METHODS for k in WIDTHS
    ]


def run_training(cell: Cell) -> Row:
    """Train the first layer on random labels from many starts; output weights are 1 and -1 in turn.

    At each look: the share of runs whose Jacobian has full row rank, exactly; the share of pairs of point and
    neuron that are on otherwise than at the start; the mean loss.
    """
    runs, k = cell["runs"], cell["width"]
    rng = np.random.default_rng([METHODS.index(cell["method"]), k])
    bound = 1 / np.sqrt(INPUTS)
    points = rng.uniform(-1, 1, (runs, POINTS, INPUTS))
    rows = np.concatenate([points, np.ones((runs, POINTS, 1))], axis=-1)
    labels = rng.uniform(-1, 1, (runs, POINTS))
    weights = rng.uniform(-bound, bound, (runs, INPUTS + 1, k))
    outer = np.where(np.arange(k) % 2, -1.0, 1.0) / np.sqrt(k)
    moments = [np.zeros_like(weights), np.zeros_like(weights)]
    row: Row = {}
    start = rows @ weights > 0
    for step in range(LOOKS[-1] + 1):
        reached = rows @ weights
        active = reached > 0
        residuals = (reached * active) @ outer - labels
        if step in LOOKS:
            row[f"full {step}"] = float(full_rank(active, rows, rng).mean())
            row[f"changed {step}"] = float(np.mean(active != start))
            row[f"loss {step}"] = float(np.mean(residuals**2) / 2)
        gradient = np.swapaxes(rows, 1, 2) @ (residuals[..., None] * active * outer) / POINTS
        weights = weights - _step(cell["method"], gradient, moments, step)
    return row


def _step(method: str, gradient: Matrix, moments: list[Matrix], step: int) -> Matrix:
    """Return what is taken off the weights; Adam's moments are kept in their list."""
    if method == "descent":
        return DESCENT * POINTS * gradient
    for k, (decay, new) in enumerate(zip(DECAYS, (gradient, gradient**2), strict=True)):
        moments[k] = decay * moments[k] + (1 - decay) * new
    mean, square = (moment / (1 - decay ** (step + 1)) for moment, decay in zip(moments, DECAYS, strict=True))
    change: Matrix = ADAM * mean / (np.sqrt(square) + TINY)
    return change


def training_table(rows: Sequence[Row]) -> TableEntry:
    """Return shares by method, width and step."""
    lines = [
        (
            r["method"],
            str(r["width"]),
            *(f"{100 * r[f'full {step}']:.0f} %" for step in LOOKS),
            *(f"{100 * r[f'changed {step}']:.0f} %" for step in LOOKS[1:]),
            f"{r[f'loss {LOOKS[-1]}']:.2g}",
        )
        for r in rows
    ]
    header = (
        "training",
        "width",
        *(f"full rank after {step}" for step in LOOKS),
        *(f"changed after {step}" for step in LOOKS[1:]),
        "loss",
    )
    title = (
        f"Training on random labels, {POINTS} points, {INPUTS} inputs: Jacobians of full rank, and pairs of "
        "point and neuron that are on otherwise than at the start"
    )
    return TableEntry(title, header, lines)


def training_note(rows: Sequence[Row]) -> str:
    """Return what becomes of ranks while networks are trained."""
    first, last = f"full {LOOKS[0]}", f"full {LOOKS[-1]}"
    wide = [r for r in rows if r[first] >= 0.95]
    least = min((r[last] for r in wide), default=np.nan)
    narrow = next(r for r in rows if r["width"] == WIDTHS[1])
    return (
        f"Along training, ranks stay much as they began: where at least 95 % of the starts have "
        f"a Jacobian of full rank, at least {100 * least:.0f} % of the ends have; of {WIDTHS[1]} neurons "
        f"{100 * narrow[first]:.0f} % and {100 * narrow[last]:.0f} %. The theorem counts regions; training "
        "visits others than the one it began in."
    )
