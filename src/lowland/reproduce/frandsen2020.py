"""The landscape of Tucker decomposition: exact tensors, saddles of high order, and noise.

A. Frandsen and R. Ge prove that for an exactly low-rank tensor every local minimum of the regularised
objective is global, and that a local search finds one, though the Hessian does not show how to escape
from its saddles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lowland.judges import certify
from lowland.report.page import FigureEntry, Page, TableEntry
from lowland.reproduce.experiment import Cell, Experiment, Row, Study
from lowland.reproduce.tucker_scaling import (
    run_scaling,
    scaling_cells,
    scaling_note,
    scaling_table,
    tucker_objective,
)
from lowland.reproduce.tucker_search import run_search, search_cells, search_note, search_table
from lowland.search import Gradient, GradientBelow, Iterations, TrustRegion, ValueBelow, run
from lowland.tensors.search.high_order_escape import HighOrderEscape
from lowland.tensors.search.starts import random_start
from lowland.tensors.tucker_tensor import TuckerTensor

if TYPE_CHECKING:
    from lowland.report.figures import Axes

SHAPES = (
    ((6, 6, 6), (2, 2, 2)),
    ((8, 8, 8), (3, 3, 3)),
    ((10, 8, 6), (2, 3, 2)),
    ((5, 5, 5, 5), (2, 2, 2, 2)),
)
NOISE = 0.3
# ends whose values differ by less than this, relatively, are the same
SAME = 1e-6


def exact_cells(quick: bool) -> Sequence[Cell]:
    """Return shapes and seeds of exact tensors."""
    return [{"case": case, "seed": seed} for case in range(len(SHAPES)) for seed in range(3 if quick else 30)]


def run_exact(cell: Cell) -> Row:
    """Descend from a random start on an exact tensor; return the final objective and the steps."""
    shape, ranks = SHAPES[cell["case"]]
    rng = np.random.default_rng([cell["case"], cell["seed"]])
    factors = tuple(rng.standard_normal((i, r)) for i, r in zip(shape, ranks, strict=True))
    objective = tucker_objective(TuckerTensor(rng.standard_normal(ranks), factors).tensor(), ranks)
    stop = ValueBelow(1e-26) | GradientBelow(1e-13) | Iterations(500)
    result = run(objective, TrustRegion(), random_start(objective, rng), stop=stop, rng=rng)
    return {"value": result.value, "steps": result.iterations}


def saddle_cells(quick: bool) -> Sequence[Cell]:
    """Return orders of tensors and numbers of modes in which the fit lacks a direction."""
    return [{"order": order, "missing": m} for order in (3, 4) for m in range(2, order + 1)]


def run_saddle(cell: Cell) -> Row:
    """Judge a fit that lacks a direction in some modes, escape from it, and compare with plain descent."""
    order, missing = cell["order"], cell["missing"]
    tensor, core, factor = np.zeros((4,) * order), np.zeros((2,) * order), np.zeros((4, 2))
    tensor[(0,) * order] = core[(0,) * order] = factor[0, 0] = 1.0
    tensor[(1,) * missing + (0,) * (order - missing)] = 0.5
    objective = tucker_objective(tensor, core.shape)
    theta = objective.model.pack(TuckerTensor(core, (factor,) * order))
    rng = np.random.default_rng(0)
    hessian = np.array([objective.hessian_product(theta, unit) for unit in np.eye(objective.size)])
    finding = certify(objective, theta)["local_minimum"]
    left = run(objective, HighOrderEscape(), theta, stop=Iterations(3), rng=rng)
    nearby = theta + 1e-2 * rng.standard_normal(theta.size)
    descent = run(
        objective, Gradient(rule="armijo"), nearby, stop=ValueBelow(0.01) | Iterations(1500), rng=rng
    )
    return {
        "gradient": float(np.linalg.norm(objective.gradient(theta))),
        "curvature": float(np.linalg.eigvalsh(hessian)[0]),
        "verdict": finding.verdict.name,
        "found_order": int(finding.witness.get("order", 0)),
        "measured_order": float(finding.witness.get("measured_order", float("nan"))),
        "value": objective.value(theta),
        "after_escape": left.value,
        "after_descent": descent.value,
        "descent_steps": descent.iterations,
    }


def noise_cells(quick: bool) -> Sequence[Cell]:
    """Return noisy tensors."""
    return [{"tensor": seed} for seed in range(1 if quick else 8)]


def run_noise(cell: Cell) -> Row:
    """Count how many of ten random starts on a noisy tensor end worse, and judge best and worst."""
    rng = np.random.default_rng([7, cell["tensor"]])
    factors = tuple(rng.standard_normal((6, 2)) for _ in range(3))
    truth = TuckerTensor(rng.standard_normal((2, 2, 2)), factors).tensor()
    truth = truth / truth.std() * 0.3
    objective = tucker_objective(truth + NOISE * rng.standard_normal(truth.shape), (2, 2, 2))
    ends = []
    for _ in range(10):
        stop = GradientBelow(1e-11) | Iterations(500)
        ends.append(run(objective, TrustRegion(), random_start(objective, rng), stop=stop, rng=rng))
    ends.sort(key=lambda end: end.value)
    best, worst = ends[0], ends[-1]
    judged = [certify(objective, end.theta) for end in (best, worst)]
    return {
        "best": best.value,
        "worst": worst.value,
        "worse": sum(end.value > best.value * (1 + SAME) for end in ends),
        "best_ratio": judged[0]["globally_optimal"].witness.get("ratio", float("nan")),
        "worst_ratio": judged[1]["globally_optimal"].witness.get("ratio", float("nan")),
        "worst_is_minimum": judged[1]["local_minimum"].verdict.name,
        "worst_is_global": judged[1]["globally_optimal"].verdict.name,
    }


def make_page(rows: Mapping[str, list[Row]], quick: bool) -> Page:
    """Return the page: exact tensors, saddles, noise."""
    exact = []
    for case, (shape, ranks) in enumerate(SHAPES):
        of_case = [r for r in rows["exact"] if r["case"] == case]
        reached = sum(r["value"] < 1e-14 for r in of_case)
        steps = int(np.median([r["steps"] for r in of_case]))
        exact.append((f"{' x '.join(map(str, shape))}, {ranks}", f"{reached} of {len(of_case)}", str(steps)))
    saddles = [
        (
            f"{r['missing']} of {r['order']}",
            f"{r['gradient']:.1g}, {r['curvature']:.1g}",
            f"{r['found_order']} ({r['measured_order']:.2f})",
            f"{r['value']:.3g}",
            f"{r['after_escape']:.1g}",
            f"{r['after_descent']:.3g} ({r['descent_steps']})",
        )
        for r in rows["saddles"]
    ]
    noise = [
        (
            str(r["tensor"]),
            f"{r['best']:.4f} ({r['best_ratio']:.3f})",
            f"{r['worst']:.4f} ({r['worst_ratio']:.3f})",
            f"{r['worse']} of 10",
            r["worst_is_minimum"],
            r["worst_is_global"],
        )
        for r in rows["noise"]
    ]
    return Page(
        "The landscape of Tucker decomposition",
        (("experiment", "frandsen2020"), ("size", "quick" if quick else "full")),
        None,
        notes=_notes(rows),
        tables=(
            TableEntry(
                "Exact tensors, random starts", ("shape and ranks", "below 1e-14", "median steps"), exact
            ),
            scaling_table(rows["scaling"]),
            search_table(rows["search"]),
            TableEntry(
                "Fits that lack a direction in some modes: verdict, escape in one step, and plain descent",
                (
                    "modes",
                    "gradient, smallest curvature",
                    "order (measured)",
                    "objective",
                    "after the escape",
                    "descent from nearby (steps)",
                ),
                saddles,
            ),
            TableEntry(
                "Noisy tensors, ten random starts each (in brackets: error over its lower bound)",
                ("tensor", "best", "worst", "ended worse", "worst: local minimum", "worst: global"),
                noise,
            ),
        ),
        figures=(
            FigureEntry(
                "Noise",
                "Objective of the best and of the worst of ten ends for each noisy tensor",
                lambda ax: _draw(ax, rows["noise"]),
            ),
        ),
        headline="What agrees with the theorem, and what changes with noise.",
        settings=(("command", f"lowland reproduce frandsen2020{' --quick' if quick else ''}"),),
    )


def _notes(rows: Mapping[str, list[Row]]) -> list[str]:
    failed = sum(r["value"] >= 1e-14 for r in rows["exact"])
    named = all(r["found_order"] == r["missing"] + 1 and r["after_escape"] < 1e-10 for r in rows["saddles"])
    wrong = any(r["worst_is_global"] == "PROVED" and r["worse"] for r in rows["noise"])
    traps = sum(bool(r["worse"]) for r in rows["noise"])
    return [
        f"Exact tensors: {len(rows['exact']) - failed} of {len(rows['exact'])} random starts end at "
        "zero, as the theorem says.",
        scaling_note(rows["scaling"]),
        search_note(rows["search"]),
        "Every saddle of high order is identified and escaped."
        if named
        else "NOT EVERY SADDLE IS IDENTIFIED AND ESCAPED.",
        f"With noise the theorem does not hold: on {traps} of {len(rows['noise'])} tensors starts end "
        "at different minima.",
        "A WORSE MINIMUM IS CALLED GLOBALLY OPTIMAL."
        if wrong
        else "No worse minimum is called globally optimal.",
    ]


def _draw(ax: Axes, rows: Sequence[Row]) -> None:
    at = np.arange(len(rows))
    ax.plot(at, [r["worst"] for r in rows], "v", label="worst of ten")
    ax.plot(at, [r["best"] for r in rows], "o", label="best of ten")
    ax.set(xlabel="tensor", ylabel="objective", xticks=at)
    ax.legend()


FRANDSEN_2020 = Experiment(
    "frandsen2020",
    "The landscape of Tucker decomposition",
    "A. Frandsen, R. Ge, Optimization landscape of Tucker decomposition, Mathematical Programming 2020",
    (
        Study("exact", exact_cells, run_exact),
        Study("saddles", saddle_cells, run_saddle),
        Study("noise", noise_cells, run_noise),
        Study("scaling", scaling_cells, run_scaling),
        Study("search", search_cells, run_search),
    ),
    make_page,
)
