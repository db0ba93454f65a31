"""Which activation regions of mildly overparametrised ReLU networks can have bad minima.

K. Karhadkar, M. Murray, H. Tseran and G. Montufar prove that most regions, by number and by volume, have a
Jacobian of full row rank and so no bad differentiable minimum, and that most non-empty regions of one input
have global minima. Ranks here are exact, so shares have no numerical error; the effect of the law of the
data is shown separately.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.networks.kernels.exact_ranks import full_rank
from lowland.networks.kernels.modular_ranks import network_rank
from lowland.networks.network import ReluNetwork
from lowland.networks.regions.activation import activation
from lowland.networks.regions.displays import ShareDisplay
from lowland.networks.regions.pattern_shares import full_pattern_share
from lowland.networks.regions.program import ZERO, region_loss
from lowland.report.page import FigureEntry, Page, TableEntry
from lowland.reproduce.experiment import Cell, Experiment, Row, Study
from lowland.reproduce.pattern_widths import run_width, width_cells, width_note, width_table
from lowland.reproduce.ranks_in_training import run_training, training_cells, training_note, training_table
from lowland.reproduce.region_volumes import run_volume, volume_cells, volume_note, volume_table

if TYPE_CHECKING:
    from lowland.report.figures import Axes

TRIALS, PATTERNS = 100, 5
LAWS = ("normal", "unit", "symmetric")
RATIOS = (0.25, 0.5, 1.0, 2.0)


def draw_points(law: str, rng: np.random.Generator, shape: tuple[int, ...]) -> Matrix:
    """Return data of a law: normal, uniform on [0, 1], or uniform on [-1, 1]."""
    if law == "normal":
        return rng.standard_normal(shape)
    return rng.uniform(0.0 if law == "unit" else -1.0, 1.0, shape)


def draw_patterns(points: Matrix, width: int, rng: np.random.Generator) -> tuple[Matrix, NDArray[np.bool_]]:
    """Return data with a final column of ones, and patterns of weights and biases uniform on a cube."""
    rows = np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1)
    active = rows @ rng.uniform(-1, 1, (*points.shape[:-2], rows.shape[-1], width)) > 0
    return rows, active


def proportional_cells(quick: bool) -> Sequence[Cell]:
    """Return cells with inputs in proportion to points, and narrow layers."""
    points, widths = (range(10, 91, 20), range(2, 13, 2)) if quick else (range(10, 191, 20), range(1, 16))
    return [
        {"ratio": ratio, "points": n, "width": k, "trials": 20 if quick else TRIALS}
        for ratio in RATIOS
        for n in points
        for k in widths
    ]


def run_proportional(cell: Cell) -> Row:
    """Return the share of full-rank Jacobians for normal data."""
    inputs = int(np.ceil(cell["ratio"] * cell["points"]))
    share = _share("normal", cell["points"], inputs, cell["width"], cell["trials"])
    return {"inputs": inputs, "share": share}


def fixed_cells(quick: bool) -> Sequence[Cell]:
    """Return cells with few inputs and wide layers, for two laws of the data."""
    full = range(10, 101, 10), range(30, 301, 30)
    points, widths = (range(10, 51, 20), range(30, 211, 60)) if quick else full
    return [
        {"law": law, "inputs": d, "points": n, "width": k, "trials": 20 if quick else TRIALS}
        for law in ("unit", "symmetric")
        for d in (1, 2, 3, 5)
        for n in points
        for k in widths
    ]


def run_fixed(cell: Cell) -> Row:
    """Return the share of full-rank Jacobians."""
    return {"share": _share(cell["law"], cell["points"], cell["inputs"], cell["width"], cell["trials"])}


def _share(law: str, n: int, d: int, width: int, trials: int) -> float:
    rng = np.random.default_rng([LAWS.index(law), n, d, width])
    full = 0
    batch = max(1, min(trials, 4_000_000 // (n * (width + d))))
    for low in range(0, trials, batch):
        points = draw_points(law, rng, (min(batch, trials - low), n, d))
        rows, active = draw_patterns(points, width, rng)
        full += int(full_rank(active, rows, rng).sum())
    return full / trials


def law_cells(quick: bool) -> Sequence[Cell]:
    """Return cells at which the law of the data matters."""
    sizes = ((30, 1, 300), (30, 3, 30), (50, 25, 4), (50, 50, 6))
    return [
        {"points": n, "inputs": d, "width": k, "law": law, "trials": 30 if quick else 300}
        for n, d, k in sizes
        for law in LAWS
    ]


def run_law(cell: Cell) -> Row:
    """Return the share of exact full ranks, and how many of them singular values in double precision miss."""
    n, d, k, law = cell["points"], cell["inputs"], cell["width"], cell["law"]
    rng = np.random.default_rng([LAWS.index(law), n, d, k])
    rows, active = draw_patterns(draw_points(law, rng, (cell["trials"], n, d)), k, rng)
    exact = full_rank(active, rows, rng)
    jacobians = (active[:, :, :, None] * rows[:, :, None, :]).reshape(cell["trials"], n, -1)
    in_double = np.array([np.linalg.matrix_rank(jacobian) == n for jacobian in jacobians])
    return {"share": float(exact.mean()), "wrong_in_double": int((exact != in_double).sum())}


def minima_cells(quick: bool) -> Sequence[Cell]:
    """Return cells of one input and of four, for three kinds of targets."""
    one = ((10, 20, 30), (100, 200, 300)) if quick else (range(10, 101, 10), range(100, 1001, 100))
    four = ((5, 10, 15), (10, 30, 50, 70)) if quick else (range(5, 31, 5), range(10, 111, 20))
    kinds = ("labels",) if quick else ("labels", "polynomial", "teacher")
    return [
        {"kind": kind, "inputs": d, "points": n, "width": k}
        for kind in kinds
        for d, (points, widths) in ((1, one), (4, four))
        for n in points
        for k in widths
    ]


def run_minima(cell: Cell) -> Row:
    """Return the share of drawn regions whose closure has a network of zero loss."""
    n, d, k = cell["points"], cell["inputs"], cell["width"]
    rng = np.random.default_rng([len(cell["kind"]), n, d, k])
    outer = np.where(np.arange(k) % 2, -1.0, 1.0)
    hits = 0
    for _ in range(PATTERNS):
        points = draw_points("symmetric", rng, (n, d))
        rows, active = draw_patterns(points, k, rng)
        hits += region_loss(rows, _targets(cell["kind"], rows, k, rng), outer, active) <= ZERO
    return {"share": hits / PATTERNS}


def _targets(kind: str, rows: Matrix, width: int, rng: np.random.Generator) -> Vector:
    if kind == "labels":
        return rng.uniform(-1, 1, len(rows))
    if kind == "teacher":
        weights = rng.uniform(-1, 1, (rows.shape[1], width))
        return np.maximum(rows @ weights, 0) @ np.where(np.arange(width) % 2, -1.0, 1.0)
    quadratic = rng.standard_normal((rows.shape[1], rows.shape[1]))
    return np.asarray(np.einsum("ni,ij,nj->n", rows, quadratic, rows))


def count_cells(quick: bool) -> Sequence[Cell]:
    """Return numbers of points and widths for the exact formula in one dimension."""
    return [{"points": n, "width": k} for n in (10, 20, 50) for k in range(5, 501, 45 if quick else 5)]


def run_count(cell: Cell) -> Row:
    """Return the exact share of patterns of full rank, by count."""
    return {"share": full_pattern_share(cell["points"], cell["width"])}


def deep_cells(quick: bool) -> Sequence[Cell]:
    """Return networks with two hidden layers of equal width."""
    points, widths = ((10,), (3, 8)) if quick else ((10, 20, 40), (2, 3, 4, 6, 8, 12, 16, 24))
    return [{"points": n, "width": k, "trials": 10 if quick else 40} for n in points for k in widths]


def run_deep(cell: Cell) -> Row:
    """Return the share of full-rank Jacobians (all layers trained) and of networks with a dead point."""
    n, k, inputs = cell["points"], cell["width"], 4
    rng = np.random.default_rng([n, k])
    full, silent = 0, 0
    for _ in range(cell["trials"]):
        points = rng.standard_normal((n, inputs))
        sizes = (inputs, k, k, 1)
        network = ReluNetwork(
            tuple(rng.uniform(-1, 1, (b, a)) / np.sqrt(a) for a, b in pairwise(sizes)),
            tuple(rng.uniform(-1, 1, b) / np.sqrt(a) for a, b in pairwise(sizes)),
        )
        region = activation(network, points)
        rank = network_rank(
            network.weights, network.biases, region.patterns, points, rng, trained=3, trials=1
        )
        full += rank == n
        silent += region.dead_points.size > 0
    return {"share": full / cell["trials"], "dead_point": silent / cell["trials"]}


def make_page(rows: Mapping[str, list[Row]], quick: bool) -> Page:
    """Return the page of the experiment."""
    figures = []
    for ratio in RATIOS:
        part = [r for r in rows["proportional"] if r["ratio"] == ratio]
        figures.append(_map(f"Full-rank share, inputs {ratio:g} n, normal data", part))
    for law in ("unit", "symmetric"):
        for d in (1, 2, 3, 5):
            part = [r for r in rows["fixed"] if r["law"] == law and r["inputs"] == d]
            where = "[0, 1]" if law == "unit" else "[-1, 1]"
            figures.append(_map(f"Full-rank share, {d} input{'s' * (d > 1)}, uniform on {where}", part))
    for kind in sorted({r["kind"] for r in rows["minima"]}):
        for d in (1, 4):
            part = [r for r in rows["minima"] if r["kind"] == kind and r["inputs"] == d]
            figures.append(_map(f"Regions with a global minimum, {d} input{'s' * (d > 1)}, {kind}", part))
    figures.append(
        FigureEntry(
            "Patterns of full rank in one dimension, by count",
            "Exact share of patterns of full rank over the width over n ln n, for 10, 20 and 50 points.",
            lambda ax: _draw_counts(ax, rows["counts"]),
        )
    )
    by_law = [
        tuple(_text(r[name]) for name in ("points", "inputs", "width", "law", "share")) for r in rows["laws"]
    ]
    deep = [tuple(_text(r[n]) for n in ("points", "width", "share", "dead_point")) for r in rows["deep"]]
    return Page(
        "Which regions of ReLU networks have bad minima",
        (("reference", KARHADKAR_2023.reference), ("size", "quick" if quick else "full")),
        None,
        notes=_notes(rows),
        tables=(
            TableEntry(
                "Effect of the law of the data", ("points", "inputs", "width", "law", "full rank"), by_law
            ),
            TableEntry(
                "Two hidden layers, four inputs", ("points", "width", "full rank", "some point dead"), deep
            ),
            training_table(rows["training"]),
            volume_table(rows["volumes"]),
            width_table(rows["widths"]),
        ),
        figures=figures,
        headline="Most regions have no bad minimum once the layer is wide enough.",
        settings=(("command", f"lowland reproduce karhadkar2023{' --quick' if quick else ''}"),),
    )


def _notes(rows: Mapping[str, list[Row]]) -> list[str]:
    return [training_note(rows["training"]), volume_note(rows["volumes"]), width_note(rows["widths"])]


def _map(title: str, rows: list[Row]) -> FigureEntry:
    display = ShareDisplay.from_rows(rows, "width", "points", "share")
    return FigureEntry(title, f"{title}: a map over width and number of points.", display.plot)


def _draw_counts(ax: Axes, rows: Sequence[Row]) -> None:
    for n in (10, 20, 50):
        part = [r for r in rows if r["points"] == n]
        ax.plot([r["width"] / (n * np.log(n)) for r in part], [r["share"] for r in part], label=f"{n} points")
    ax.set(xlabel="width over n ln n", ylabel="share of full rank", xlim=(0, 4))
    ax.legend()


def _text(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


KARHADKAR_2023 = Experiment(
    "karhadkar2023",
    "Activation regions without bad minima",
    "K. Karhadkar, M. Murray, H. Tseran, G. Montufar, Mildly overparameterized ReLU networks have a "
    "favorable loss landscape, TMLR 2024",
    (
        Study("proportional", proportional_cells, run_proportional),
        Study("fixed", fixed_cells, run_fixed),
        Study("laws", law_cells, run_law),
        Study("minima", minima_cells, run_minima),
        Study("counts", count_cells, run_count),
        Study("deep", deep_cells, run_deep),
        Study("training", training_cells, run_training),
        Study("volumes", volume_cells, run_volume),
        Study("widths", width_cells, run_width),
    ),
    make_page,
)
