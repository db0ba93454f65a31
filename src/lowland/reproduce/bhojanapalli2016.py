"""Global optimality of local search for low rank matrix recovery: the phase transition, noise, saddles.

S. Bhojanapalli, B. Neyshabur, N. Srebro, NIPS 2016: n = 100, Gaussian measurements of a projection,
plain and perturbed stochastic descent from random and spectral starts. Step rule, number of trials and
grid are not in the paper; ours are stated on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.datasets import planted_sensing
from lowland.measure import Dense, gaussian
from lowland.models import Psd
from lowland.objectives import RecoveryObjective, make_objective
from lowland.report.page import FigureEntry, Page, TableEntry
from lowland.reproduce.experiment import Cell, Experiment, Row, Study
from lowland.reproduce.sensing_scaling import run_scaling, scaling_cells, scaling_note, scaling_table
from lowland.reproduce.sensing_tails import run_tail, tail_cells, tail_note, tail_table
from lowland.search import Iterations, RelativeDecreaseBelow, Stochastic, ValueBelow, make_start, run
from lowland.sensing.recover import recover

if TYPE_CHECKING:
    from lowland.report.figures import Axes

RATIOS = tuple(float(x) for x in np.arange(1.0, 3.01, 0.25))
STARTS = {"random": "random", "svd": "spectral"}
ALGORITHMS: Mapping[str, float | str] = {"plain": 0.0, "perturbed": "auto"}
EPOCHS = 200
SUCCESS = 1e-2
# the default, which tries every strategy, is not run below this many measurements per degree of freedom
LEAST_OVERSAMPLING = 1.02
SIGMAS = (1e-3, 1e-1, 1.0)
# mixtures of the identity and A along which a saddle is followed, and Newton steps at each
MIXTURES, NEWTON_STEPS = 10, 20


def sizes(quick: bool) -> tuple[int, Sequence[int], int]:
    """Return the side, the ranks and the number of trials."""
    return (40, (1, 3), 1) if quick else (100, tuple(range(1, 11)), 10)


def phase_cells(quick: bool) -> Sequence[Cell]:
    """Return the cells of the phase diagram, largest first so that workers finish together."""
    n, ranks, trials = sizes(quick)
    cells = [
        {"n": n, "rank": rank, "ratio": ratio, "trial": trial}
        for rank in ranks
        for ratio in RATIOS
        for trial in range(trials)
    ]
    return sorted(cells, key=lambda cell: -cell["rank"] * cell["ratio"])


def run_phase(cell: Cell) -> Row:
    """Run both algorithms from both starts on one instance, and the default of `recover` to compare."""
    n, rank = cell["n"], cell["rank"]
    size = round(cell["ratio"] * n * rank)
    instance = planted_sensing(size, n, rank, np.random.default_rng([1, rank, size, cell["trial"]]))
    assert isinstance(instance.measurement, Dense)
    # errors of 1e-3 are looked for: single precision changes their fourth digit
    single = instance.measurement.astype(np.float32)
    objective = make_objective(single, instance.y.astype(np.float32), Psd((n, n), rank))
    energy = objective.unfitted[0]
    row: Row = {"m": size}
    for k, (start, law) in enumerate(STARTS.items()):
        theta = make_start(objective, law, np.random.default_rng([2, rank, size, cell["trial"]]))
        for algorithm, perturbation in ALGORITHMS.items():
            # a relative objective of 1e-6 means an error of about 1e-3 if the answer is right
            stop = ValueBelow(1e-6 * energy) | RelativeDecreaseBelow(1e-4, 20) | Iterations(EPOCHS)
            rng = np.random.default_rng([3 + k, rank, size, cell["trial"]])
            stepper = Stochastic(perturbation=perturbation)
            result = run(objective, stepper, theta, stop=stop, rng=rng)
            row[f"{algorithm}_{start}"] = relative_error(objective, result.theta, instance.truth)
    row["default"] = float("nan")
    if size >= LEAST_OVERSAMPLING * objective.model.degrees_of_freedom:
        fit = recover(instance.measurement, instance.y, rank=rank, structure="psd", rng=0, certify=False)
        row["default"] = float(np.linalg.norm(fit.matrix() - instance.truth) / np.linalg.norm(instance.truth))
    return row


def relative_error(objective: RecoveryObjective, theta: Vector, truth: Matrix) -> float:
    """Return the Frobenius error relative to the truth."""
    return float(np.linalg.norm(objective.matrix(theta).matrix() - truth) / np.linalg.norm(truth))


def noise_cells(quick: bool) -> Sequence[Cell]:
    """Return noise levels and trials at five measurements per degree of freedom."""
    n, trials = (30, 2) if quick else (40, 10)
    return [{"n": n, "rank": 2, "sigma": sigma, "trial": t} for sigma in SIGMAS for t in range(trials)]


def run_noise(cell: Cell) -> Row:
    """Compare the error with an oracle's: least squares on the tangent space at the truth."""
    n, rank, sigma = cell["n"], cell["rank"], cell["sigma"]
    dof = n * rank - rank * (rank - 1) // 2
    rng = np.random.default_rng([7, SIGMAS.index(sigma), cell["trial"]])
    measurement = gaussian(5 * dof, (n, n), rng, symmetric=True)
    factor = rng.standard_normal((n, rank))
    noise = sigma * rng.standard_normal(5 * dof)
    truth = factor @ factor.T
    y = measurement.measure_matrix(truth) + noise
    fit = recover(measurement, y, rank=rank, structure="psd", rng=0, certify=False)
    error = float(np.linalg.norm(fit.matrix() - truth))
    jacobian = 2 * (measurement.arrays @ factor).reshape(5 * dof, -1)
    step = np.linalg.lstsq(jacobian, noise, rcond=None)[0].reshape(n, rank)
    oracle = float(np.linalg.norm(step @ factor.T + factor @ step.T))
    return {
        "m": 5 * dof,
        "error": error,
        "oracle": oracle,
        "law": sigma * float(np.sqrt(dof / (5 * dof - dof))),
        "published_bound": 20 * sigma * float(np.sqrt(np.log(n) / (5 * dof))),
    }


def saddle_cells(quick: bool) -> Sequence[Cell]:
    """Return saddles: the truth with one direction removed, at several oversamplings."""
    n = 30 if quick else 60
    return [
        {"n": n, "rank": 3, "ratio": ratio, "missing": k} for ratio in (5.0, 10.0, 20.0) for k in range(3)
    ]


def run_saddle(cell: Cell) -> Row:
    """Return the smallest curvature at a saddle, of the paper's objective divided by m.

    The saddle is the stationary point of rank two near the truth without the missing direction. If A is
    the identity, the curvature is -4 sigma_r at the truth without the r-th direction; the paper proves
    at most -(2/5) sigma_r under restricted isometry.
    """
    n, rank = cell["n"], cell["rank"]
    size = round(cell["ratio"] * n * rank)
    rng = np.random.default_rng([11, size, cell["missing"]])
    values = np.array([3.0, 2.0, 1.0])
    basis = np.linalg.qr(rng.standard_normal((n, rank)))[0]
    measurement = planted_sensing(size, n, rank, rng).measurement
    assert isinstance(measurement, Dense)
    factor = basis * np.sqrt(values)
    objective = make_objective(measurement, measurement.measure_matrix(factor @ factor.T), Psd((n, n), rank))
    kept = np.delete(factor, cell["missing"], axis=1)
    end = followed_saddle(measurement.arrays, kept, factor @ factor.T)
    saddle = np.hstack([end, np.zeros((n, 1))])
    # how much of the missing direction, and of the others, the point contains
    held = np.linalg.norm(basis.T @ (end @ end.T) @ basis, axis=0) / values
    hessian = np.array([objective.hessian_product(saddle.ravel(), unit) for unit in np.eye(n * rank)])
    smallest = 2 * float(np.linalg.eigvalsh((hessian + hessian.T) / 2)[0]) / size
    missed = float(values[cell["missing"]])
    return {
        "m": size,
        "curvature": smallest,
        "identity": -4 * missed,
        "proved": -0.4 * float(values.min()),
        "gradient": float(np.linalg.norm(objective.gradient(saddle.ravel()))),
        "held": float(held[cell["missing"]]),
        "held_others": float(np.delete(held, cell["missing"]).min()),
    }


def followed_saddle(arrays: Matrix, factor: Matrix, truth: Matrix) -> Matrix:
    """Return the stationary point reached from a factor as the measurement changes from the identity to A.

    It takes Newton steps on the gradient itself, at each of a few mixtures of both objectives. A descent
    would leave the saddle: one that lacks the largest direction falls towards one that lacks the smallest.
    """
    m, (n, r), u = len(arrays), factor.shape, factor
    for share in np.linspace(0, 1, MIXTURES + 1)[1:]:
        for _ in range(NEWTON_STEPS):
            off = u @ u.T - truth
            # slopes in X of both objectives over m, and their Gauss-Newton matrices at U
            seen = np.tensordot(arrays, off, axes=([1, 2], [0, 1]))
            slope = share / m * np.tensordot(seen, arrays, axes=1) + (1 - share) * off
            jacobian = 2 * (arrays @ u).reshape(m, n * r)
            units = np.eye(n * r).reshape(-1, n, r)
            moves = units @ u.T
            exact = (moves + moves.transpose(0, 2, 1)).reshape(n * r, -1)
            hessian = share / m * (jacobian.T @ jacobian) + (1 - share) * (exact @ exact.T)
            hessian += 2 * np.kron(slope, np.eye(r))
            # rotations of the factor change nothing: the minimum-norm step excludes them
            step = np.linalg.lstsq(hessian, 2 * (slope @ u).ravel(), rcond=1e-9)[0].reshape(n, r)
            u = u - step
            if np.linalg.norm(step) <= 1e-13 * np.linalg.norm(u):
                break
    return u


def success(rows: Sequence[Row], column: str) -> dict[tuple[int, float], float]:
    """Return the share of successes by rank and ratio."""
    cells: dict[tuple[int, float], list[bool]] = {}
    for row in rows:
        cells.setdefault((row["rank"], row["ratio"]), []).append(row[column] <= SUCCESS)
    return {key: float(np.mean(successes)) for key, successes in cells.items()}


def half_curve(rows: Sequence[Row], column: str) -> dict[int, float]:
    """Return by rank the smallest m / (n r) from which at least half succeed; infinite if none."""
    shares = success(rows, column)
    curve = {}
    for rank in sorted({rank for rank, _ in shares}):
        failing = [ratio for ratio in RATIOS if shares[rank, ratio] < 0.5]
        above = [ratio for ratio in RATIOS if not failing or ratio > max(failing)]
        curve[rank] = min(above, default=float("inf"))
    return curve


COLUMNS = tuple(f"{algorithm}_{start}" for algorithm in ALGORITHMS for start in STARTS)


def make_page(rows: Mapping[str, list[Row]], quick: bool) -> Page:
    """Return the page: the maps, the curves, and what agrees with the paper and what does not."""
    phase = rows["phase"]
    n, _, trials = sizes(quick)
    curves = {column: half_curve(phase, column) for column in (*COLUMNS, "default")}
    ranks = sorted({row["rank"] for row in phase})
    table = [
        (str(rank), *(f"{curves[column][rank]:g}" for column in curves), f"{1 - (rank - 1) / (2 * n):.2f}")
        for rank in ranks
    ]
    return Page(
        "The phase transition of local search in matrix sensing",
        (
            ("experiment", "bhojanapalli2016"),
            ("size", f"n = {n}, {trials} trials per cell, {'quick' if quick else 'full'}"),
            ("success", f"relative error at most {SUCCESS:g}"),
            ("descent", f"batches of a tenth, measured steps, at most {EPOCHS} passes, single precision"),
            (
                "perturbed",
                "random vectors a hundredth as long as usual gradients, shrinking with the residual",
            ),
        ),
        None,
        notes=_notes(rows, curves),
        tables=(
            TableEntry(
                "Smallest m / (n r) with at least half of the trials successful, by rank",
                ("rank", *(c.replace("_", ", ") for c in curves), "degrees of freedom / (n r)"),
                table,
            ),
            _noise_table(rows["noise"]),
            _saddle_table(rows["saddles"]),
            scaling_table(rows["scaling"]),
            tail_table(rows["tails"]),
        ),
        figures=(
            *(
                FigureEntry(
                    f"Success probability: {column.replace('_', ' descent, ')} start",
                    "Success by rank and measurements; failures at few measurements, successes at many",
                    partial(_draw_map, rows=phase, column=column),
                )
                for column in COLUMNS
            ),
            FigureEntry(
                "Measurements needed for half of the trials",
                "Smallest m with success at least one half against rank, and the line m = 2 n r",
                lambda ax: _draw_curves(ax, curves, n),
            ),
        ),
        headline="What agrees with the paper, and what does not.",
        settings=(("command", f"lowland reproduce bhojanapalli2016{' --quick' if quick else ''}"),),
    )


def widest_difference(phase: Sequence[Row], one: str, other: str) -> tuple[float, float, float]:
    """Return the ratio at which two columns' success rates over all ranks differ most, and both rates."""
    rates = []
    for ratio in sorted({row["ratio"] for row in phase}):
        some = [row for row in phase if row["ratio"] == ratio]
        a, b = (float(np.mean([row[column] <= SUCCESS for row in some])) for column in (one, other))
        rates.append((float(ratio), a, b))
    return max(rates, key=lambda rate: abs(rate[1] - rate[2]))


def _notes(rows: Mapping[str, list[Row]], curves: Mapping[str, Mapping[int, float]]) -> list[str]:
    middle = {column: float(np.median(list(curve.values()))) for column, curve in curves.items()}
    random, svd = middle["plain_random"], middle["plain_svd"]
    shifts = [abs(middle[f"perturbed_{start}"] - middle[f"plain_{start}"]) for start in STARTS]
    noise, saddles = rows["noise"], rows["saddles"]
    worst = max(abs(r["error"] / r["oracle"] - 1) for r in noise)
    factor = min(r["curvature"] / r["proved"] for r in saddles)
    ratio, from_random, from_svd = widest_difference(rows["phase"], "plain_random", "plain_svd")
    differ = "differ" if abs(from_svd - from_random) > 0.2 else "do not differ much"
    return [
        f"Transition of plain descent (median over ranks): m = {random:g} nr from random starts and "
        f"{svd:g} nr from spectral ones; the paper reports about 2 nr for both.",
        f"The starts {differ} here: at {ratio:g} nr, where they differ most, {from_random:.0%} of trials "
        f"succeed from random starts and {from_svd:.0%} from spectral ones. The paper reports no difference.",
        f"Perturbed descent: {middle['perturbed_random']:g} nr and {middle['perturbed_svd']:g} nr; "
        f"{'as in the paper, no' if max(shifts) <= 0.25 else 'unlike the paper, a'} difference.",
        f"The default of recover on the same instances: {middle['default']:g} nr. (Below "
        f"{LEAST_OVERSAMPLING:g} measurements per degree of freedom it is not run, and counts as failed.)",
        f"With noise the error lies within {worst:.1%} of an oracle's that knows the tangent space. The "
        "published bound does not depend on the degrees of freedom; its column compares it with the error.",
        f"At {len(saddles)} saddles the smallest curvature is {factor:.1f} times the proved bound or more.",
        scaling_note(rows["scaling"]),
        tail_note(rows["tails"]),
    ]


def _noise_table(rows: Sequence[Row]) -> TableEntry:
    body = []
    for sigma in SIGMAS:
        some = [r for r in rows if r["sigma"] == sigma]
        ratios = [r["error"] / r["oracle"] for r in some]
        body.append(
            (
                f"{sigma:g}",
                f"{min(ratios):.4f} to {max(ratios):.4f}",
                f"{np.mean([r['error'] / r['law'] for r in some]):.3f}",
                f"{np.mean([r['error'] / r['published_bound'] for r in some]):.3f}",
            )
        )
    header = ("sigma", "error / oracle", "error / (sigma sqrt(dof / (m - dof)))", "error / published bound")
    return TableEntry("Noise, five measurements per degree of freedom", header, body)


def _saddle_table(rows: Sequence[Row]) -> TableEntry:
    body = [
        (
            f"{r['ratio']:g}",
            str(r["missing"] + 1),
            f"{r['held']:.2f} and {r['held_others']:.2f}",
            f"{r['curvature']:.3f}",
            f"{r['identity']:.3f}",
            f"{r['proved']:.3f}",
        )
        for r in rows
    ]
    header = (
        "m / (n r)",
        "direction missing",
        "share of it at the point, smallest share of the others",
        "smallest curvature",
        "if A is the identity",
        "proved bound",
    )
    return TableEntry("Curvature at saddles, objective divided by m", header, body)


def _draw_map(ax: Axes, rows: Sequence[Row], column: str) -> None:
    shares = success(rows, column)
    ranks = sorted({rank for rank, _ in shares})
    grid = np.array([[shares[rank, ratio] for rank in ranks] for ratio in RATIOS])
    image = ax.pcolormesh(ranks, RATIOS, grid, vmin=0, vmax=1, cmap="gray", shading="nearest")
    ax.figure.colorbar(image, ax=ax, label="success")
    ax.axhline(2.0, linestyle=":", color="tab:orange")
    ax.set(xlabel="rank r", ylabel="m / (n r)")


def _draw_curves(ax: Axes, curves: Mapping[str, Mapping[int, float]], n: int) -> None:
    for column, marker in zip(curves, "osD^x", strict=True):
        ranks = list(curves[column])
        needed = [curves[column][rank] * n * rank for rank in ranks]
        ax.plot(ranks, needed, marker=marker, label=column.replace("_", ", "))
    ranks = list(curves["default"])
    ax.plot(ranks, [2 * n * rank for rank in ranks], linestyle=":", color="gray", label="2 n r")
    ax.set(xlabel="rank r", ylabel="measurements m")
    ax.legend(fontsize=8)


BHOJANAPALLI_2016 = Experiment(
    "bhojanapalli2016",
    "The phase transition of local search in matrix sensing",
    "S. Bhojanapalli, B. Neyshabur, N. Srebro, Global optimality of local search for low rank matrix "
    "recovery, NIPS 2016",
    (
        Study("phase", phase_cells, run_phase),
        Study("noise", noise_cells, run_noise),
        Study("saddles", saddle_cells, run_saddle),
        Study("scaling", scaling_cells, run_scaling),
        Study("tails", tail_cells, run_tail),
    ),
    make_page,
)
