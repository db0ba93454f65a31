"""How many mini-batches projected noisy descent needs in matrix sensing, by size, rank, sigma_r and accuracy.

U is moved by -eta (gradient of a mini-batch + psi), psi uniform on a sphere, and projected on a ball of
Frobenius norm R, from a random point of that ball. The theorem says that eta and the number of steps may be
polynomials of n, 1 / sigma_r, R and 1 / accuracy, without constants. Here a mini-batch is a quarter of the
measurements, eta one over 16 squared radii, and the noise is as large as the accuracy allows: alone it keeps
the objective at about a quarter of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.measure import gaussian
from lowland.models import Psd
from lowland.objectives import RecoveryObjective, make_objective
from lowland.report.page import TableEntry
from lowland.reproduce.experiment import Cell, Row
from lowland.reproduce.powers import fitted_power, power_words

SIZES, RANKS, SIGMAS = (10, 16, 25, 40, 63), (1, 2, 3, 4, 6), (1.0, 0.5, 0.25, 0.125, 0.0625)
# objectives per measurement that are reached, relative to those of the zero matrix
ACCURACIES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
VARIED: dict[str, Sequence[float]] = {"size": SIZES, "rank": RANKS, "sigma": SIGMAS, "accuracy": ACCURACIES}
RATIO, MOST = 6.0, 100_000
# mini-batches in a pass over the measurements, after which the objective is looked at
BATCHES = 4
# what is varied, and where the others stay
USUAL: Cell = {"size": 20, "rank": 2, "sigma": 0.5, "accuracy": 1e-4}


def scaling_cells(quick: bool) -> Sequence[Cell]:
    """Return sizes, ranks, smallest singular values, accuracies, and seeds; in a quick run four of each."""
    varied = [
        # what the smallest direction adds to the objective must be told apart
        {**USUAL, by: value, "by": by} | ({"accuracy": 0.01 * value**2} if by == "sigma" else {})
        for by, values in VARIED.items()
        for value in (values[:4] if quick else values)
    ]
    return [{**settings, "seed": seed} for settings in varied for seed in range(2 if quick else 50)]


def run_scaling(cell: Cell) -> Row:
    """Return the steps from a random point of the ball, and from the saddle at zero."""
    rng = np.random.default_rng([cell["size"], cell["seed"]])
    n, rank, values = cell["size"], cell["rank"], np.linspace(1.0, cell["sigma"], cell["rank"])
    factor = np.linalg.qr(rng.standard_normal((n, rank)))[0] * np.sqrt(values)
    measurement = gaussian(round(RATIO * n * rank), (n, n), rng, symmetric=True)
    objective = make_objective(measurement, measurement.measure_matrix(factor @ factor.T), Psd((n, n), rank))
    radius = float(np.sqrt(2 * values.sum()))
    start = rng.standard_normal(n * rank)
    start *= radius * rng.random() ** (1 / start.size) / np.linalg.norm(start)
    return {
        "random": noisy_descent(objective, start, cell["accuracy"], radius, rng),
        "saddle": noisy_descent(objective, np.zeros(n * rank), cell["accuracy"], radius, rng),
    }


def noisy_descent(
    objective: RecoveryObjective, theta: Vector, accuracy: float, radius: float, rng: np.random.Generator
) -> int:
    """Return the mini-batches until the objective is below a share of that of the zero matrix."""
    count, gradient = objective.y.size, objective.batch_gradient
    assert gradient is not None
    target = accuracy * objective.value(np.zeros_like(theta)) / count
    eta = 1 / (16 * radius**2)
    noise = float(np.sqrt(target / (4 * eta)))
    for step in range(0, MOST, BATCHES):
        if objective.value(theta) / count <= target:
            return step
        for batch in np.array_split(rng.permutation(count), BATCHES):
            psi = rng.standard_normal(theta.size)
            moved = gradient(theta, np.sort(batch)) / count + noise / np.linalg.norm(psi) * psi
            theta = theta - eta * moved
            theta = theta * min(1.0, radius / float(np.linalg.norm(theta)))
    return MOST


def scaling_table(rows: Sequence[Row]) -> TableEntry:
    """Return medians and the slowest, by what is varied."""
    lines = []
    for by, values in VARIED.items():
        for value in values:
            chosen = [row for row in rows if row["by"] == by and row[by] == value]
            if not chosen:
                continue
            steps: Matrix = np.array([[row["random"], row["saddle"]] for row in chosen])
            middle = np.median(steps, axis=0)
            lines.append((f"{_NAMES[by]} {value:g}", *(f"{k:.0f}" for k in middle), f"{steps.max():.0f}"))
    header = ("varied", "from a random point", "from the saddle at zero", "slowest of all")
    words = f"Projected noisy descent, m = {RATIO:g} n r: median numbers of mini-batches"
    return TableEntry(words, header, lines)


_NAMES = {"size": "n =", "rank": "rank", "sigma": "sigma_r =", "accuracy": "accuracy"}


def scaling_note(rows: Sequence[Row]) -> str:
    """Return the powers of what is varied in the number of steps, with their intervals."""
    reached = [row for row in rows if row["random"] < MOST and row["saddle"] < MOST]
    powers = {}
    for by in VARIED:
        varied = [row for row in reached if row["by"] == by]
        sides = np.array([row[by] for row in varied], float)
        asked = sides if by in ("size", "rank") else 1 / sides
        powers[by] = fitted_power(asked, [max(row["random"], 1) for row in varied])
    said = {by: power_words(power) for by, power in powers.items()}
    return (
        "Projected noisy descent, the method of the paper's theorem, reaches its accuracy in "
        f"{len(reached)} of {len(rows)} runs within {MOST:,} mini-batches of a quarter of the measurements, "
        "from random points and from the saddle at zero. Mini-batches from random points grow as n to the "
        f"power {said['size']}, as the rank to {said['rank']}, as 1 / sigma_r to {said['sigma']} (to a "
        "hundredth of what that direction adds), and as 1 / accuracy to "
        f"{said['accuracy']}; the theorem's bound is a polynomial of unstated degree in all of them."
    )
