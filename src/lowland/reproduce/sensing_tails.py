"""Matrices that are only nearly of low rank: how far local search ends from the best part of low rank.

The theorem bounds the distance from the best part X_r by a constant, not known here, times |X - X_r|_F + |A(X
- X_r)| / sqrt(m), at every local minimum. Here the constant is measured, at minima that plain descent finds
from several starts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.measure import gaussian
from lowland.models import Psd
from lowland.objectives import make_objective
from lowland.report.page import TableEntry
from lowland.reproduce.experiment import Cell, Row
from lowland.reproduce.powers import fitted_power, power_words
from lowland.search import Gradient, GradientBelow, Iterations, run

SIZE, RANK, STARTS = 40, 2, 4
# singular values of X_r; Frobenius norms of the rest, which is flat or falls by half from one to the next
LEADING = (1.0, 0.7)
TAILS, SHAPES, RATIOS = (0.01, 0.03, 0.1, 0.3), ("flat", "halving"), (4.0, 8.0, 16.0)
MOST = 5000


def tail_cells(quick: bool) -> Sequence[Cell]:
    """Return shapes and sizes of the rest, numbers of measurements, and seeds."""
    return [
        {"shape": shape, "tail": tail, "ratio": ratio, "seed": seed}
        for shape in SHAPES
        for ratio in (RATIOS[:2] if quick else RATIOS)
        for tail in TAILS
        for seed in range(1 if quick else 10)
    ]


def run_tail(cell: Cell) -> Row:
    """Return distances from the best part of low rank, and what the theorem measures them by."""
    rng = np.random.default_rng([SHAPES.index(cell["shape"]), int(cell["ratio"]), cell["seed"]])
    count = SIZE - RANK
    rest = np.ones(count) if cell["shape"] == "flat" else 0.5 ** np.arange(count)
    values = np.r_[LEADING, cell["tail"] * rest / np.linalg.norm(rest)]
    basis = np.linalg.qr(rng.standard_normal((SIZE, SIZE)))[0]
    best = (basis[:, :RANK] * LEADING) @ basis[:, :RANK].T
    whole = (basis * values) @ basis.T
    m = round(cell["ratio"] * SIZE * RANK)
    measurement = gaussian(m, (SIZE, SIZE), rng, symmetric=True)
    y = measurement.measure_matrix(whole)
    objective = make_objective(measurement, y, Psd((SIZE, SIZE), RANK))
    seen = float(np.linalg.norm(y - measurement.measure_matrix(best))) / np.sqrt(m)
    ends, slopes = [], []
    for _ in range(STARTS):
        start = rng.standard_normal(SIZE * RANK) / np.sqrt(SIZE)
        descent = run(objective, Gradient(), start, stop=GradientBelow(1e-7) | Iterations(MOST), rng=rng)
        ends.append(objective.matrix(descent.theta).matrix())
        slopes.append(float(np.linalg.norm(objective.gradient(descent.theta))) / m)
    distances = [float(np.linalg.norm(end - best)) for end in ends]
    return {
        "unit": float(np.linalg.norm(whole - best)) + seen,
        "nearest": min(distances),
        "farthest": max(distances),
        "apart": max(float(np.linalg.norm(end - ends[0])) for end in ends),
        "slope": max(slopes),
    }


def tail_table(rows: Sequence[Row]) -> TableEntry:
    """Return the measured constants by shape, measurements and size of the rest."""
    lines = []
    for shape in SHAPES:
        for ratio in sorted({r["ratio"] for r in rows}):
            for tail in TAILS:
                chosen = [r for r in rows if (r["shape"], r["ratio"], r["tail"]) == (shape, ratio, tail)]
                constants = [r["farthest"] / r["unit"] for r in chosen]
                lines.append(
                    (
                        shape,
                        f"{ratio:g}",
                        f"{tail:g}",
                        f"{np.mean([r['farthest'] for r in chosen]):.4f}",
                        f"{np.mean([r['unit'] for r in chosen]):.4f}",
                        f"{np.mean(constants):.3f}",
                        f"{max(constants):.3f}",
                        f"{max(r['apart'] for r in chosen):.1e}",
                    )
                )
    header = (
        "rest",
        "m / (n r)",
        "its norm",
        "farthest minimum",
        "unit of the bound",
        "constant, mean",
        "largest",
        "minima apart",
    )
    return TableEntry(f"Nearly of rank {RANK}: distance from the best part of that rank", header, lines)


def tail_note(rows: Sequence[Row]) -> str:
    """Return the largest constant, and how distances grow with the rest."""
    constants = [r["farthest"] / r["unit"] for r in rows]
    power = fitted_power([r["tail"] for r in rows], [r["farthest"] for r in rows])
    together = sum(r["apart"] <= 1e-3 * r["unit"] for r in rows)
    return (
        "Nearly of low rank: every minimum found lies within "
        f"{max(constants):.2f} times |X - X_r| + |A(X - X_r)| / sqrt(m) of the best part X_r (the paper's "
        f"constant is not known here); distances grow as that rest to the power {power_words(power)}. From "
        f"{STARTS} starts each, all ends are one in {together} of {len(rows)} problems."
    )
