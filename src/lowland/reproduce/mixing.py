"""How many gradients each dynamics needs until its law in a well is right, over the condition number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lowland.core.arrays import Matrix
from lowland.dynamics.closed_forms import quadratic
from lowland.dynamics.mixing import advise_sampling, gaussian_distance, mixing_distance
from lowland.dynamics.sample import sample_langevin
from lowland.report.page import TableEntry
from lowland.reproduce.dichotomy import KINDS
from lowland.reproduce.experiment import Cell, Row
from lowland.reproduce.powers import fitted_power, power_words

if TYPE_CHECKING:
    from lowland.report.figures import Axes

CONDITIONS, DIMENSIONS, ACCURACY = (10.0, 100.0, 1000.0, 1e4), (2, 10), 0.05
NAMES = dict(zip(KINDS, ("overdamped", "underdamped", "non-reversible"), strict=True))


def mixing_cells(quick: bool) -> Sequence[Cell]:
    """Return dynamics, condition numbers and dimensions."""
    return [
        {"kind": kind, "condition": c, "dimension": d, "chains": 2000 if quick else 50_000}
        for d in DIMENSIONS
        for c in (CONDITIONS[:3] if quick else CONDITIONS)
        for kind in KINDS
    ]


def run_mixing(cell: Cell) -> Row:
    """Choose step, friction and J for a well; compare the closed form of the distance with sampled chains.

    Chains are compared after half of the steps, where the distance is far above what sampling leaves.
    """
    H = np.diag(np.geomspace(1 / cell["condition"], 1.0, cell["dimension"]))
    advised = {advice.dynamics.name: advice for advice in advise_sampling(H, beta=1.0, accuracy=ACCURACY)}
    best = advised[NAMES[cell["kind"]]]
    half = max(1, best.n_steps // 2)
    sample = sample_langevin(
        quadratic(H),
        np.zeros(len(H)),
        best.dynamics,
        n_chains=cell["chains"],
        n_draws=1,
        thin=half,
        warm_up=0,
        rng=5,
    )
    scale = float(np.sqrt(np.trace(np.linalg.inv(H))))
    return {
        "steps": best.n_steps,
        "bias": best.bias,
        "settings": best.dynamics.describe(),
        "halfway": float(mixing_distance(best.dynamics, H, [half])[0]) / scale,
        "sampled": _distance_of(sample.draws[:, 0], H) / scale,
    }


def _distance_of(draws: Matrix, H: Matrix) -> float:
    mean, covariance = draws.mean(axis=0), np.atleast_2d(np.cov(draws.T))
    return gaussian_distance((mean, covariance), (np.zeros(len(H)), np.linalg.inv(H)))


def mixing_table(rows: Sequence[Row]) -> TableEntry:
    """Return steps and biases, and the distances of closed form and chains."""
    lines = [
        (
            f"{r['dimension']}",
            f"{r['condition']:g}",
            r["kind"],
            f"{r['steps']:,}",
            f"{100 * r['bias']:.2g} %",
            f"{r['halfway']:.4f}",
            f"{r['sampled']:.4f}",
            r["settings"].removesuffix(", inverse temperature 1"),
        )
        for r in rows
    ]
    return TableEntry(
        f"Steps until the Wasserstein distance is {100 * ACCURACY:g} % of the spread, at the best settings",
        ("d", "condition", "dynamics", "steps", "bias", "distance at half", "of chains", "settings"),
        lines,
    )


def mixing_note(rows: Sequence[Row]) -> str:
    """Return the powers of the condition number in the steps."""
    words = []
    for kind in KINDS:
        of_kind = [r for r in rows if r["kind"] == kind and r["dimension"] == max(DIMENSIONS)]
        power = fitted_power([r["condition"] for r in of_kind], [r["steps"] for r in of_kind])
        words.append(f"{kind} {power_words(power)}")
    off = max(abs(r["sampled"] - r["halfway"]) for r in rows)
    return (
        f"Mixing in a well of {max(DIMENSIONS)} dimensions: steps to a Wasserstein distance of "
        f"{100 * ACCURACY:g} % grow as the condition number to the power {', '.join(words)}, bias of the "
        f"step included. Chains half way are within {off:.3f} of the closed form."
    )


def draw_mixing(ax: Axes, rows: Sequence[Row]) -> None:
    """Draw steps over the condition number."""
    for style, d in zip(("o--", "o-"), DIMENSIONS, strict=True):
        for k, kind in enumerate(KINDS):
            of_kind = [r for r in rows if r["kind"] == kind and r["dimension"] == d]
            ax.plot(
                [r["condition"] for r in of_kind],
                [r["steps"] for r in of_kind],
                style,
                color=f"C{k}",
                label=f"{kind}, d = {d}",
            )
    ax.set(xlabel="condition number", ylabel="steps", xscale="log", yscale="log")
    ax.legend(frameon=False)
