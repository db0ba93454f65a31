"""How much restricted isometry is needed? A false minimum at delta = 1/2, and how often it traps.

R. Zhang, C. Josz, S. Sojoudi, J. Lavaei, NeurIPS 2018, give an instance of rank one whose measurements
have the restricted-isometry constant 1/2 and whose objective has a false second-order point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.datasets import false_minimum
from lowland.judges import certify
from lowland.models import Psd
from lowland.objectives import RecoveryObjective, make_objective
from lowland.report.page import FigureEntry, Page, TableEntry
from lowland.reproduce.experiment import Cell, Experiment, Row, Study
from lowland.search import (
    Gradient,
    GradientBelow,
    Iterations,
    RelativeDecreaseBelow,
    Stochastic,
    ValueBelow,
    run,
)
from lowland.search.stepper import Stepper
from lowland.search.stops import StopRule

if TYPE_CHECKING:
    from lowland.report.figures import Axes

DELTAS = (0.45, 0.5, 0.55, 0.6, 0.75, 0.9)
ALGORITHMS = ("gradient", "stochastic")
PUBLISHED = {0.5: 0.12}
STARTS_PER_BLOCK = 100


def problem(delta: float) -> tuple[RecoveryObjective, Matrix, Vector]:
    """Return the objective, the truth's matrix and the false point."""
    instance, false = false_minimum(delta)
    return make_objective(instance.measurement, instance.y, Psd((2, 2), 1)), instance.truth, false.ravel()


def failure_cells(quick: bool) -> Sequence[Cell]:
    """Return blocks of random starts for each delta and algorithm."""
    blocks, starts = (2, STARTS_PER_BLOCK // 4) if quick else (20, STARTS_PER_BLOCK)
    return [
        {"delta": delta, "algorithm": algorithm, "block": block, "starts": starts}
        for delta in DELTAS
        for algorithm in ALGORITHMS
        for block in range(blocks)
    ]


def run_failures(cell: Cell) -> Row:
    """Count the standard normal starts of a block that do not reach the truth to 1e-2."""
    objective, truth, _ = problem(cell["delta"])
    sequence = np.random.SeedSequence([int(cell["block"]), DELTAS.index(cell["delta"])])
    seeds = sequence.spawn(cell["starts"])
    failures = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        stop: StopRule = ValueBelow(1e-12) | GradientBelow(1e-9) | RelativeDecreaseBelow(1e-10, 30)
        stepper: Stepper[Any] = Gradient(rule="armijo")
        if cell["algorithm"] == "stochastic":
            # one measurement at a time with a small constant step, as the paper does
            stepper, stop = Stochastic(batch_size=1, step_size=0.02), ValueBelow(1e-8) | Iterations(300)
        result = run(objective, stepper, rng.standard_normal(2), stop=stop | Iterations(3000), rng=rng)
        error = np.linalg.norm(objective.matrix(result.theta).matrix() - truth)
        failures += bool(error > 1e-2)
    return {"failures": failures}


def point_cells(quick: bool) -> Sequence[Cell]:
    """Return the false points to judge, the same for quick and full runs."""
    return [{"delta": delta} for delta in DELTAS]


def run_point(cell: Cell) -> Row:
    """Judge the false point; values are those of the paper's objective, twice ours."""
    delta = cell["delta"]
    objective, _, false = problem(delta)
    hessian = np.array([objective.hessian_product(false, unit) for unit in np.eye(2)])
    certificate = certify(objective, false)
    return {
        "value": 2 * objective.value(false),
        "expected_value": 1 - delta**2,
        "gradient": 2 * float(np.linalg.norm(objective.gradient(false))),
        "curvature": 2 * float(np.linalg.eigvalsh(hessian)[0]),
        "expected_curvature": min(4 * (2 * delta**2 + delta - 1), 8 * delta),
        "second_order": certificate["second_order_stationary"].verdict.name,
        "strict_minimum": certificate["strict_local_minimum"].verdict.name,
        "global": certificate["globally_optimal"].verdict.name,
    }


def make_page(rows: Mapping[str, list[Row]], quick: bool) -> Page:
    """Return the page: the false points, the failure rates, and how they compare."""
    rates = failure_rates(rows["failures"])
    table = [
        (
            f"{delta:g}",
            *(f"{rates[delta, a]:.3f}" for a in ALGORITHMS),
            f"{PUBLISHED[delta]:g}" if delta in PUBLISHED else "",
        )
        for delta in DELTAS
    ]
    points = [
        (
            f"{r['delta']:g}",
            f"{r['value']:.4g} ({r['expected_value']:.4g})",
            f"{r['curvature']:.4g} ({r['expected_curvature']:.4g})",
            r["second_order"],
            r["strict_minimum"],
            r["global"],
        )
        for r in rows["points"]
    ]
    starts = sum(r["starts"] for r in rows["failures"]) // (len(DELTAS) * len(ALGORITHMS))
    return Page(
        "A false minimum at restricted isometry one half",
        (
            ("experiment", "zhang2018"),
            ("size", "quick" if quick else "full"),
            ("starts per cell", str(starts)),
        ),
        None,
        notes=_notes(rows, rates),
        tables=(
            TableEntry(
                "The false point: objective and smallest curvature (closed form in brackets), and verdicts",
                ("delta", "objective", "curvature", "second order", "strict minimum", "global"),
                points,
            ),
            TableEntry(
                "Share of standard normal starts that do not reach the truth",
                ("delta", *ALGORITHMS, "published"),
                table,
            ),
        ),
        figures=(
            FigureEntry(
                "Failure rate against delta",
                "Failure rates of two algorithms rise from zero below one half towards one half",
                lambda ax: _draw(ax, rates),
            ),
        ),
        headline="What agrees with the paper, and what does not.",
        settings=(("command", f"lowland reproduce zhang2018{' --quick' if quick else ''}"),),
    )


def failure_rates(rows: Sequence[Row]) -> dict[tuple[float, str], float]:
    """Return the share of failures by delta and algorithm."""
    rates = {}
    for delta in DELTAS:
        for algorithm in ALGORITHMS:
            some = [r for r in rows if r["delta"] == delta and r["algorithm"] == algorithm]
            rates[delta, algorithm] = sum(r["failures"] for r in some) / sum(r["starts"] for r in some)
    return rates


def _notes(rows: Mapping[str, list[Row]], rates: Mapping[tuple[float, str], float]) -> list[str]:
    exact = all(
        abs(r["value"] - r["expected_value"]) < 1e-9 and abs(r["curvature"] - r["expected_curvature"]) < 1e-9
        for r in rows["points"]
    )
    wrong = {"PROVED", "SUPPORTED"} & {r["global"] for r in rows["points"]}
    agrees = "agree" if exact else "DO NOT agree"
    return [
        f"Objective and curvature of the false points {agrees} with the closed form.",
        "At one half the paper finds 12 % failures of stochastic descent; here "
        f"{rates[0.5, 'stochastic']:.1%}. There the point is degenerate, not a minimum, and descent passes "
        "it very slowly: the number depends on how long one waits.",
        "A FALSE POINT IS CALLED GLOBALLY OPTIMAL."
        if wrong
        else "No false point is called globally optimal.",
    ]


def _draw(ax: Axes, rates: Mapping[tuple[float, str], float]) -> None:
    for algorithm, marker in zip(ALGORITHMS, "os", strict=True):
        ax.plot(DELTAS, [rates[delta, algorithm] for delta in DELTAS], marker=marker, label=algorithm)
    ax.plot(list(PUBLISHED), list(PUBLISHED.values()), "x", label="published (stochastic)")
    ax.axvline(0.5, linestyle=":", color="gray")
    ax.set(xlabel="restricted-isometry constant delta", ylabel="failure rate")
    ax.legend()


ZHANG_2018 = Experiment(
    "zhang2018",
    "A false minimum at restricted isometry one half",
    "R. Zhang, C. Josz, S. Sojoudi, J. Lavaei, How much restricted isometry is needed in nonconvex matrix "
    "recovery?, NeurIPS 2018",
    (Study("failures", failure_cells, run_failures), Study("points", point_cells, run_point)),
    make_page,
)
