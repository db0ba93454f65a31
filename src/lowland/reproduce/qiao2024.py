"""What large step sizes select in univariate regression: few knots, flat functions, near-optimal error.

D. Qiao, K. Zhang, E. Singh, D. Soudry and Y.-X. Wang prove that gradient descent with step eta can only
settle on functions whose weighted variation is below 1/eta - 1/2 (plus noise), and that such functions
estimate functions whose slope has bounded variation at the optimal rate, n^(-4/5), inside the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lowland.core.arrays import Vector
from lowland.networks.splines.displays import SplineDisplay
from lowland.networks.splines.stability import StabilityReport, stability_report
from lowland.networks.splines.stable_fit import StableFit, fit_stable
from lowland.report.figures import ACCENT, FAINT
from lowland.report.page import FigureEntry, Page, TableEntry
from lowland.reproduce.curved_target import curved_cells, curved_note, curved_table, run_curved
from lowland.reproduce.experiment import Cell, Experiment, Row, Study
from lowland.reproduce.interpolation import (
    interpolation_cells,
    interpolation_note,
    interpolation_table,
    run_interpolation,
)
from lowland.reproduce.powers import fitted_power, power_words

if TYPE_CHECKING:
    from lowland.report.figures import Axes

POINTS, WIDTH, NOISE = 30, 100, 0.5
STEP_SIZES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
# study of the rate: noise, step sizes (from the start, after a warm-up), share of the support that is inside
RATE_NOISE, RATE_STEPS, INSIDE = 0.5, (0.4, 0.8), 0.8
LINES = (0.01, 0.05, 0.4)
# a run is at rest if every slope is below this fraction of the largest that its residuals could give
RESTING = 1e-6
# of a computed largest curvature
ROUNDING = 1e-6


def hat(x: Any) -> Any:
    """Return the function to be learnt, 1 - 2 |x|."""
    return 1 - 2 * np.abs(x)


def fit_or_stop(x: Any, y: Any, step_size: float, settings: Mapping[str, Any]) -> StableFit:
    """Return a fit; an interrupt ends the experiment, because incomplete cells are not kept."""
    fit = fit_stable(x, y, step_size=step_size, **settings)
    if fit.message == "interrupted":
        raise KeyboardInterrupt
    return fit


def step_cells(quick: bool) -> Sequence[Cell]:
    """Return step sizes and seeds of the data."""
    return [{"step_size": step, "seed": seed} for step in STEP_SIZES for seed in range(1 if quick else 8)]


def run_step(cell: Cell) -> Row:
    """Descend from eight starts; return figures of the chosen run, and of the sharpest at rest and moving."""
    rng = np.random.default_rng(cell["seed"])
    x = rng.uniform(-1, 1, POINTS)
    y = hat(x) + NOISE * rng.standard_normal(POINTS)
    step = cell["step_size"]
    fit = fit_or_stop(x, y, step, {"width": WIDTH, "rng": cell["seed"], "restart": False})
    reports = [
        stability_report(fit.runs.network(k), x, y, step)
        for k, word in enumerate(fit.runs.status)
        if word != "diverged"
    ]
    grid = np.linspace(x.min(), x.max(), 400)
    edges = {True: [0.0], False: [0.0]}
    for report in reports:
        edges[report.sharpness.unrest <= RESTING].append(report.sharpness.largest * step / 2)
    terms = [noise_term(report) for report in reports]
    return {
        "sharpest_at_rest": max(edges[True]),
        "sharpest_moving": max(edges[False]),
        "resting": len(edges[True]) - 1,
        "moving": len(edges[False]) - 1,
        "sharpness": fit.stability.sharpness.largest,
        "limit": 2 / step,
        "variation": max(r.variation for r in reports),
        "variation_limit": 1 / step - 0.5,
        "beyond": max(report.variation - report.sharpness.largest / 2 + 0.5 for report in reports),
        "term": max(term for term, _ in terms),
        "term_bound": max(bound for _, bound in terms),
        "term_kept": sum(
            report.variation <= report.sharpness.largest / 2 - 0.5 + term + ROUNDING and term <= bound
            for report, (term, bound) in zip(reports, terms, strict=True)
        ),
        "judged": len(reports),
        "knots": float(np.median([r.effective[0].size for r in reports if r.effective[0].size] or [0])),
        "collapsed": fit.collapsed,
        "diverged": fit.diverged,
        "train_error": 2 * fit.stability.sharpness.loss,
        "true_error": float(np.mean((fit(grid) - hat(grid)) ** 2)),
    }


def noise_term(report: StabilityReport) -> tuple[float, float]:
    """Return what the theorem adds to the limit of the variation away from rest, and its bound.

    Half the largest slope by the weights and bias of a neuron over its output weight, which is zero at rest;
    at most sqrt(1 + R^2) (sigma + sqrt(MSE)) / 2 for inputs up to R, with sigma the root mean square of the
    noise.
    """
    x, true = report.x, hat(report.x)
    noise, error = (float(np.sqrt(np.mean(part**2))) for part in (report.y - true, report.network(x) - true))
    reach = float(np.hypot(1, np.abs(x).max()))
    return report.sharpness.remainder / 2, reach * (noise + error) / 2


def rate_cells(quick: bool) -> Sequence[Cell]:
    """Return numbers of points and seeds."""
    sizes = (32, 64, 128) if quick else (32, 64, 128, 256, 512, 1024, 2048)
    return [
        {"points": n, "seed": seed, "warmup": warmup}
        for warmup in (0, 1)
        for n in sizes
        for seed in range(2 if quick else 5)
    ]


def run_rate(cell: Cell) -> Row:
    """Return the squared error inside the data and near their ends, and the gap of generalisation.

    The gap: how far the training error lies from that of new points, noise included.
    """
    n, rng = cell["points"], np.random.default_rng([cell["seed"], cell["points"]])
    x = rng.uniform(-1, 1, n)
    y = hat(x) + RATE_NOISE * rng.standard_normal(n)
    warmup = bool(cell["warmup"])
    settings = {"width": min(4 * n, 1000), "n_steps": 30_000, "warm_up": warmup, "rng": cell["seed"]}
    fit = fit_or_stop(x, y, RATE_STEPS[warmup], settings)
    grid = np.linspace(-1, 1, 2001)
    error = (fit(grid) - hat(grid)) ** 2
    inside = np.abs(grid) <= INSIDE
    return {
        "inside": float(error[inside].mean()),
        "boundary": float(error[~inside].mean()),
        "gap": abs(float(np.mean((fit(x) - y) ** 2)) - float(error.mean()) - RATE_NOISE**2),
        "knots": int(fit.knots.size),
        "collapsed": fit.collapsed,
    }


def slope(rows: Sequence[Row], name: str) -> tuple[float, float, float]:
    """Return the slope of log error on log n, and its 95 % interval."""
    return fitted_power([r["points"] for r in rows], [max(r[name], 1e-300) for r in rows])


def make_page(rows: Mapping[str, list[Row]], quick: bool) -> Page:
    """Return the page of the experiment."""
    by_step = [_summary(rows["steps"], step) for step in STEP_SIZES]
    header = (
        "step size",
        "knots (median)",
        "runs at rest and moving",
        "largest sharpness over 2/step, at rest",
        "the same, moving",
        "largest variation",
        "1/step - 1/2",
        "noise term, largest",
        "its bound by sigma + sqrt(MSE)",
        "runs without knots",
        "training error",
        "true error",
    )
    figures = [_fit_figure(step) for step in LINES]
    figures += [_neurons_figure(step) for step in (LINES[0], LINES[-1])]
    figures += [
        FigureEntry(
            "Sharpness against the step size",
            "Largest eigenvalue of the Hessian over the step size, and the line 2 over the step size.",
            lambda ax: _draw_sharpness(ax, rows["steps"]),
        ),
        FigureEntry(
            "Error against the number of points",
            "Squared error after a warm-up, inside the data and near their ends; both axes are logarithmic.",
            lambda ax: _draw_rate(ax, rows["rate"]),
        ),
    ]
    return Page(
        "Stable minima of univariate ReLU networks",
        (("reference", QIAO_2024.reference), ("size", "quick" if quick else "full")),
        None,
        notes=_notes(rows),
        tables=(
            TableEntry(f"{POINTS} points, {WIDTH} neurons, noise {NOISE:g}", header, by_step),
            curved_table(rows["curved"]),
            interpolation_table(rows["interpolation"]),
        ),
        figures=figures,
        headline="Large steps leave few knots.",
        settings=(("command", f"lowland reproduce qiao2024{' --quick' if quick else ''}"),),
    )


def _summary(rows: Sequence[Row], step: float) -> tuple[str, ...]:
    part = [r for r in rows if r["step_size"] == step]
    knots = np.median([r["knots"] for r in part if r["knots"]] or [0])
    return (
        f"{step:g}",
        f"{knots:g}",
        f"{sum(r['resting'] for r in part)}, {sum(r['moving'] for r in part)}",
        _largest(part, "sharpest_at_rest"),
        _largest(part, "sharpest_moving"),
        f"{max(r['variation'] for r in part):.3g}",
        f"{part[0]['variation_limit']:.3g}",
        f"{max(r['term'] for r in part):.3g}",
        f"{max(r['term_bound'] for r in part):.3g}",
        f"{sum(r['collapsed'] for r in part)} of {8 * len(part)}",
        f"{np.mean([r['train_error'] for r in part]):.3g}",
        f"{np.mean([r['true_error'] for r in part]):.3g}",
    )


def _largest(rows: Sequence[Row], name: str) -> str:
    largest = max(r[name] for r in rows)
    return f"{largest:.3f}" if largest > 0 else "none"


def _notes(rows: Mapping[str, list[Row]]) -> list[str]:
    steps = rows["steps"]
    resting, moving = (sum(r[name] for r in steps) for name in ("resting", "moving"))
    settled, swinging = (max(r[name] for r in steps) for name in ("sharpest_at_rest", "sharpest_moving"))
    over = max(r["beyond"] for r in steps)
    beyond = sum(r["variation"] > r["variation_limit"] for r in steps)
    notes = [
        f"{resting} runs came to rest; none of them is sharper than {settled:.3f} times 2 over its step "
        "size, as the theorem requires of a point at rest.",
        f"{moving} runs are still moving when their steps are used up. With small steps they have not yet "
        "converged; with larger ones they oscillate at the edge of stability, where the sharpness may exceed "
        f"the limit for a while: up to {swinging:.3f} times 2 over the step size. They are not minima, and "
        "the theorem does not apply to them.",
        "No function varies more than 1/step - 1/2."
        if not beyond
        else f"{beyond} FUNCTIONS VARY MORE THAN 1/step - 1/2.",
        f"Away from rest the theorem adds a term of the order of sigma + sqrt(MSE). Computed, it is "
        f"{max(r['term'] for r in steps):.3g} or less where its bound by these is up to "
        f"{max(r['term_bound'] for r in steps):.3g}; the variation is within half the sharpness - 1/2 plus "
        f"the term, and the term within its bound, in {sum(r['term_kept'] for r in steps)} of "
        f"{sum(r['judged'] for r in steps)} runs; without the term it is "
        + (f"exceeded by up to {over:.2g}." if over > ROUNDING else "not exceeded either."),
    ]
    for warmup, how in enumerate(("from the start", "after a warm-up")):
        part = [r for r in rows["rate"] if r["warmup"] == warmup]
        inside, near = (slope(part, name) for name in ("inside", "boundary"))
        notes.append(
            f"Step {RATE_STEPS[warmup]:g} {how}: inside the data the error scales as n to the power "
            f"{power_words(inside)}, where theory has -0.8; near the ends "
            f"{power_words(near)}."
        )
    notes.append(curved_note(rows["curved"]))
    gap = slope([r for r in rows["rate"] if r["warmup"]], "gap")
    notes.append(
        f"The gap of generalisation (training error against that of new points) scales as n to the power "
        f"{power_words(gap)} after a warm-up: "
        f"{'it vanishes, as the theorem says' if gap[2] < 0 else 'that it vanishes is not shown'}; the "
        "theorem's constants are not known here, and the noise of n points alone gives -0.5."
    )
    interpolations = rows["interpolation"]
    exponents = [slope([r for r in interpolations if r["even"] == even], "lower") for even in (1, 0)]
    return [*notes, interpolation_note(interpolations, exponents)]


@cache
def _shown_fit(step: float) -> StableFit:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, POINTS)
    return fit_stable(x, hat(x) + NOISE * rng.standard_normal(POINTS), step_size=step, width=WIDTH, rng=0)


def _fit_figure(step: float) -> FigureEntry:
    def draw(ax: Axes) -> None:
        SplineDisplay.from_fit(_shown_fit(step)).plot(ax)

    return FigureEntry(f"Step size {step:g}", f"Data and the function learnt with step {step:g}.", draw)


def _neurons_figure(step: float) -> FigureEntry:
    """Return what every neuron adds to the learnt function: its own piece of a linear spline."""

    def draw(ax: Axes) -> None:
        fit = _shown_fit(step)
        w, b, v, _ = fit.network.univariate()
        grid = np.linspace(fit.x.min(), fit.x.max(), 400)
        parts = np.maximum(w * grid[:, None] + b, 0) * v
        knots = -b / np.where(w == 0, 1.0, w)
        inside = (w != 0) & (knots > grid[0]) & (knots < grid[-1])
        ax.plot(grid, parts[:, ~inside], color=FAINT, lw=0.6)
        ax.plot(grid, parts[:, inside], color=ACCENT, lw=0.8)
        ax.set(xlabel="x", ylabel="adds to the function")

    words = f"What each of {WIDTH} neurons adds, step {step:g}; in blue those that bend within the data."
    return FigureEntry(f"Learnt basis functions, step size {step:g}", words, draw)


def _draw_sharpness(ax: Axes, rows: Sequence[Row]) -> None:
    steps: Vector = np.array(STEP_SIZES)
    ax.plot(steps, 2 / steps, "--", label="2 / step size")
    ax.plot([r["step_size"] for r in rows], [r["sharpness"] for r in rows], ".", label="sharpness")
    ax.set(xscale="log", yscale="log", xlabel="step size", ylabel="largest eigenvalue")
    ax.legend()


def _draw_rate(ax: Axes, rows: Sequence[Row]) -> None:
    rows = [r for r in rows if r["warmup"]]
    for name, mark in (("inside", "o"), ("boundary", "^")):
        ax.plot([r["points"] for r in rows], [r[name] for r in rows], mark, ms=4, label=name)
    n: Vector = np.array(sorted({r["points"] for r in rows}), float)
    first = np.exp(np.mean([np.log(r["inside"]) for r in rows if r["points"] == n[0]]))
    ax.plot(n, first * (n / n[0]) ** -0.8, "--", label="n to the power -4/5")
    ax.set(xscale="log", yscale="log", xlabel="points", ylabel="squared error")
    ax.set_xticks(n, [f"{k:g}" for k in n])
    ax.set_xticks([], minor=True)
    ax.legend()


QIAO_2024 = Experiment(
    "qiao2024",
    "Stable minima of univariate regression",
    "D. Qiao, K. Zhang, E. Singh, D. Soudry, Y.-X. Wang, Stable minima cannot overfit in univariate ReLU "
    "networks: generalization by large step sizes, NeurIPS 2024",
    (
        Study("steps", step_cells, run_step),
        Study("rate", rate_cells, run_rate),
        Study("curved", curved_cells, run_curved),
        Study("interpolation", interpolation_cells, run_interpolation),
    ),
    make_page,
)
